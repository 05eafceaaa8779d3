"""The deployed stack: what is deployed, what its front says, what a restart keeps."""

from __future__ import annotations

import json
import os
import signal
import urllib.error
import urllib.request
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError

from giftbridge.store.settings_versions import SettingsVersions
from ops.local_stack.deploy import ALLOWED_DIFFERENCES
from ops.local_stack.options import LocalOptions
from ops.local_stack.paths import STACK_NAME, LocalStackError
from ops.local_stack.runner import LocalStack
from tests.deployment.template import comparable, own_template
from tests.local_stack.conftest import wait_for

# A queue that no function of the product looks into.
QUEUE = "kept.fifo"
AEGIS = ("http://127.0.0.1:9", "context", "user", "password")
VIRTUOUS = {
    "virtuous_url": "http://127.0.0.1:9",
    "virtuous_api_key": "key",
    "virtuous_webhook_secret": "secret",
}


def with_aegis(
    options: LocalOptions, url: str | None, context: str | None, user: str | None, password: str | None
) -> LocalOptions:
    return replace(options, aegis_url=url, aegis_context=context, aegis_username=user, aegis_password=password)


def test_what_is_deployed_is_the_template_save_for_where_the_code_lies(stack: LocalStack) -> None:
    deployed = stack.client("cloudformation").get_template(StackName=STACK_NAME, TemplateStage="Original")
    body = deployed["TemplateBody"]

    assert ALLOWED_DIFFERENCES == ()
    assert comparable(body if isinstance(body, dict) else json.loads(body)) == comparable(own_template())


def test_the_front_says_where_the_stack_is(stack: LocalStack) -> None:
    told = json.loads(_get(f"{stack.front_url}/_local/stack"))

    assert told["endpoint_url"] == stack.endpoint_url
    assert told["stack_name"] == STACK_NAME
    assert told["outputs"] == stack.outputs
    assert told["pid"] == os.getpid()
    assert json.loads(_get(f"{stack.front_url}/health")) == {"status": "ok"}


def test_an_unknown_path_is_answered_with_404_as_json(stack: LocalStack) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        _get(f"{stack.front_url}/nothing/here")

    assert refused.value.code == 404
    assert json.loads(refused.value.read()) == {"message": "Not Found"}


@pytest.mark.parametrize(
    "function", ["DonationPickupFunction", "DeliverySweepFunction", "NoticeMailFunction", "DailyBatchFunction"]
)
def test_without_credentials_a_scheduled_function_finds_nothing_to_do(stack: LocalStack, function: str) -> None:
    answer = stack.client("lambda").invoke(FunctionName=stack.outputs[function], Payload=b"{}")

    assert "FunctionError" not in answer, answer["Payload"].read()


def test_a_second_stack_on_the_same_folder_is_refused(stack: LocalStack) -> None:
    with pytest.raises(LocalStackError, match="Another local stack uses") as refused:
        LocalStack(stack.options).start()

    assert refused.value.exit_code == 2


def test_a_restart_goes_on_where_the_last_run_was(tmp_path: Path) -> None:
    settings = tmp_path / "settings.json"
    settings.write_text('{"aegis": {"currency": "USD"}}')
    options = LocalOptions(state_dir=tmp_path / "state", pickup_every=3600, visibility=30, settings_file=settings)
    with LocalStack(with_aegis(options, *AEGIS)) as first:
        first_url, outputs, before = first.endpoint_url, first.outputs, _leave_something(first)

    with LocalStack(with_aegis(options, *AEGIS)) as second:
        assert second.endpoint_url == first_url
        assert _settings(second).current().document["virtuous"]["enabled"] is False
        assert second.outputs == outputs
        assert _find_again(second) == before
        row = second.client("dynamodb").get_item(TableName=outputs["StateTable"], Key={"name": {"S": "row"}})
        assert row["Item"]["value"] == {"S": "kept"}
        # The one that was in flight still is; the other can be received.
        sqs = second.client("sqs")
        received = sqs.receive_message(QueueUrl=sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"])
        assert [message["Body"] for message in received["Messages"]] == ["waiting"]

    with LocalStack(replace(options, **VIRTUOUS)) as third:  # type: ignore[arg-type]
        document = _settings(third).current().document
        assert (document["aegis"]["enabled"], document["aegis"]["currency"]) == (False, "USD")
        assert document["virtuous"]["enabled"] is True
        assert _secret(third)["SecretString"] == "{}"
        assert json.loads(_secret(third, "VirtuousSecret")["SecretString"])["webhook_secret"] == "secret"


def test_the_tables_outlive_a_kill_of_the_emulator_which_is_started_again(tmp_path: Path) -> None:
    with LocalStack(LocalOptions(state_dir=tmp_path / "state", pickup_every=3600, visibility=30)) as stack:
        dynamodb, table = stack.client("dynamodb"), stack.outputs["StateTable"]
        for count in (1, 2):
            raised = dynamodb.update_item(
                TableName=table,
                Key={"name": {"S": "counter"}},
                UpdateExpression="ADD #n :one",
                ExpressionAttributeNames={"#n": "n"},
                ExpressionAttributeValues={":one": {"N": "1"}},
                ReturnValues="ALL_NEW",
            )
            assert raised["Attributes"]["n"] == {"N": str(count)}
            killed = stack.emulator_pid
            os.kill(killed, signal.SIGKILL)
            wait_for(partial(_is_back, stack, killed))

            assert dynamodb.get_item(TableName=table, Key={"name": {"S": "counter"}})["Item"]["n"] == {"N": str(count)}
        answer = stack.client("lambda").invoke(FunctionName=stack.outputs["DeliverySweepFunction"], Payload=b"{}")
        assert "FunctionError" not in answer, answer["Payload"].read()


def _is_back(stack: LocalStack, killed: int) -> bool:
    try:
        return stack.emulator_pid != killed and bool(stack.client("dynamodb").list_tables())
    except BotoCoreError:
        return False


def _leave_something(stack: LocalStack) -> tuple[int, str, str]:
    row = {"name": {"S": "row"}, "value": {"S": "kept"}}
    stack.client("dynamodb").put_item(TableName=stack.outputs["StateTable"], Item=row)
    sqs = stack.client("sqs")
    queue = sqs.create_queue(QueueName=QUEUE, Attributes={"FifoQueue": "true"})["QueueUrl"]
    for body in ("in flight", "waiting"):
        sqs.send_message(QueueUrl=queue, MessageBody=body, MessageGroupId=body, MessageDeduplicationId=body)
    assert sqs.receive_message(QueueUrl=queue, VisibilityTimeout=600)["Messages"][0]["Body"] == "in flight"
    return _find_again(stack)


def _find_again(stack: LocalStack) -> tuple[int, str, str]:
    secret = _secret(stack)
    assert json.loads(secret["SecretString"])["context"] == "context"
    current = _settings(stack).current()
    assert (current.document["aegis"]["enabled"], current.document["aegis"]["currency"]) == (True, "USD")
    return current.number, secret["SecretString"], secret["VersionId"]


def _settings(stack: LocalStack) -> SettingsVersions:
    return SettingsVersions(stack.client("dynamodb"), stack.outputs["StateTable"])


def _secret(stack: LocalStack, output: str = "AegisSecret") -> Any:
    return stack.client("secretsmanager").get_secret_value(SecretId=stack.outputs[output])


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return bytes(answer.read())
