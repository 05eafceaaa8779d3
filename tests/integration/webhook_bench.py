"""The function behind Virtuous' webhook over the template's own state table and queue, on a clock that tests move."""

from __future__ import annotations

import base64
import importlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from moto import mock_aws

from giftbridge.contact_hints import ContactHint, read_contact_hint
from giftbridge.contact_webhook_assembly import ContactWebhookAssembly
from giftbridge.store.settings_versions import SettingsVersions
from ops.simulators.virtuous_sender import signature
from tests.deployment.template import resources
from tests.portal import documented
from tests.workbench import Clock

SECRET, BEFORE = "the secret of the subscription", "the secret before"
HEADER = "x-virtuous-signature"
UPDATED = {"event": "ContactUpdate", "models": [{"contact": {"id": 4107, "name": "Imani Vance"}}]}


class Webhook:
    """The function as Lambda loads it, with what it is told and what it queues."""

    def __init__(self, function: Any, clock: Clock, clients: dict[str, Any], queue_url: str, secret_id: str) -> None:
        self.function = function
        self.clock = clock
        self.clients = clients
        self.queue_url = queue_url
        self.secret_id = secret_id

    def call(self, body: Any = UPDATED, secret: str | None = SECRET, encoding: str = "base64", **more: Any) -> Any:
        """Post a signed body; the answer."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        signed = {} if secret is None else {HEADER: signature(secret, raw, encoding)}
        try:
            sent: dict[str, Any] = {"body": raw.decode(), "isBase64Encoded": False}
        except UnicodeDecodeError:
            sent = {"body": base64.b64encode(raw).decode(), "isBase64Encoded": True}
        event = {"headers": {"content-type": "application/json"} | signed} | sent | more
        answer = self.function.lambda_handler(event, None)
        told = json.loads(answer["body"])
        schema = "DeliveryTaken" if answer["statusCode"] == 200 else "Problem"
        assert list(documented(schema).iter_errors(told)) == []
        if schema == "Problem":
            assert answer["headers"]["content-type"] == "application/problem+json"
            assert told["status"] == answer["statusCode"]
        return answer

    def status(self, *arguments: Any, **more: Any) -> int:
        """Post a body; the status of the answer."""
        return int(self.call(*arguments, **more)["statusCode"])

    def store(self, **values: Any) -> None:
        """Other values in the secret, and a minute that passes."""
        self.clients["secretsmanager"].put_secret_value(SecretId=self.secret_id, SecretString=json.dumps(values))
        self.clock.advance(61)

    def settings(self, **virtuous: Any) -> None:
        """Other settings, and a minute that passes."""
        versions = SettingsVersions(self.clients["dynamodb"], "StateTable", self.clock)
        versions.save({"virtuous": virtuous}, by="test", note="test")
        self.clock.advance(61)

    def queued(self) -> list[ContactHint]:
        """Takes what is in the queue."""
        hints: list[ContactHint] = []
        while messages := self.messages():
            for message in messages:
                hint = read_contact_hint({"body": message["Body"], "messageId": message["MessageId"]})
                assert hint is not None
                hints.append(hint)
        return hints

    def messages(self) -> list[dict[str, Any]]:
        """Takes some messages of the queue."""
        answer = self.clients["sqs"].receive_message(
            QueueUrl=self.queue_url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]
        )
        for message in answer.get("Messages", []):
            self.clients["sqs"].delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])
        return list(answer.get("Messages", []))


@contextmanager
def posted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhook]:
    """The function, freshly loaded."""
    clock = Clock()
    for name, value in {"DEFAULT_REGION": "us-east-1", "ACCESS_KEY_ID": "test", "SECRET_ACCESS_KEY": "test"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    with mock_aws():
        clients: dict[str, Any] = {name: boto3.client(name) for name in ("dynamodb", "secretsmanager", "sqs")}  # type: ignore[call-overload]
        table = resources("AWS::DynamoDB::Table")["StateTable"]["Properties"]
        clients["dynamodb"].create_table(
            TableName="StateTable",
            **{name: table[name] for name in ("BillingMode", "AttributeDefinitions", "KeySchema")},
        )
        queue_url = clients["sqs"].create_queue(QueueName="hints.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
        stored = json.dumps(
            {"url": "https://virtuous.test", "username": "u", "password": "p", "webhook_secret": SECRET}
        )
        secret_id = clients["secretsmanager"].create_secret(Name="virtuous", SecretString=stored)["ARN"]
        variables = {
            **dict.fromkeys(("CRM_KEYS_TABLE", "DELIVERIES_TABLE", "ACTIVITY_TABLE"), "none"),
            "STATE_TABLE": "StateTable",
            "RAISEDONORS_QUEUE_URL": queue_url,
            "VIRTUOUS_SECRET": secret_id,
        }
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        loaded: Any = importlib.reload(importlib.import_module("functions.contact_webhook.handler"))
        loaded.assembly = ContactWebhookAssembly.of_function(clock)
        yield Webhook(loaded, clock, clients, queue_url, secret_id)


def watched(client: Any, call: Callable[[], Any] | None = None, clock: Clock | None = None) -> list[str]:
    """The operations that a client is used for, during a call or from now on."""
    names: list[str] = []

    def note(model: Any, **_: Any) -> None:
        names.append(model.name)

    client.meta.events.register("before-call.*.*", note)
    if clock is not None:
        clock.advance(61)
    if call is not None:
        call()
    return names
