"""Virtuous' webhook over HTTP on the deployed template: what API Gateway refuses, what the function does, the queue."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from giftbridge.contact_hints import read_contact_hint
from ops.local_stack.runner import LocalStack
from ops.simulators.virtuous_sender import signature
from tests.local_stack.conftest import queue_arn, wait_for

SECRET = "the secret of the subscription"
UPDATED = {"event": "ContactUpdate", "models": [{"contact": {"id": 4107}}, {"contact": None}]}


@pytest.fixture(scope="module")
def queue_url(stack: LocalStack) -> Iterator[str]:
    """RaiseDonors' queue of a stack that has a webhook secret, with nobody working it off."""
    secrets, functions = stack.client("secretsmanager"), stack.client("lambda")
    secret_id, url = stack.outputs["VirtuousSecret"], stack.outputs["RaiseDonorsQueueUrl"]
    secrets.put_secret_value(SecretId=secret_id, SecretString=json.dumps({"webhook_secret": SECRET}))
    [mapping] = functions.list_event_source_mappings(EventSourceArn=queue_arn(stack.client("sqs"), url))[
        "EventSourceMappings"
    ]
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    yield url
    stack.client("sqs").purge_queue(QueueUrl=url)
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)
    secrets.put_secret_value(SecretId=secret_id, SecretString="{}")


def post(stack: LocalStack, body: Any, secret: str = SECRET, kind: str = "application/json") -> requests.Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Content-Type": kind, "X-Virtuous-Signature": signature(secret, raw)}
    return requests.post(f"{stack.front_url}/webhooks/virtuous", data=raw, headers=headers, timeout=30)


def received(stack: LocalStack, queue_url: str) -> list[Any]:
    sqs = stack.client("sqs")
    messages = sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get("Messages", [])
    for message in messages:
        sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    return [read_contact_hint({"body": message["Body"]}) for message in messages]


def test_a_genuine_webhook_is_in_the_queue_when_it_is_answered(stack: LocalStack, queue_url: str) -> None:
    answer = post(stack, UPDATED)

    left_out = {"ignored": 1, "reasons": {"without contact": 1}}
    assert (answer.status_code, answer.json()) == (200, {"accepted": 1, **left_out})
    assert [hint.contacts for hint in received(stack, queue_url)] == [(4107,)]


def test_the_signature_holds_for_any_bytes_and_any_type_of_content(stack: LocalStack, queue_url: str) -> None:
    pretty = json.dumps({**UPDATED, "x": "Åse Østergård"}, indent=2, ensure_ascii=False).replace("\n", "\r\n").encode()
    for kind in ("application/json; charset=utf-8", "text/plain", "application/octet-stream", ""):
        assert post(stack, pretty, kind=kind).status_code == 200
    assert len(wait_for(lambda: received(stack, queue_url))) == 4


def test_a_stranger_is_refused_and_never_answered_with_a_500(stack: LocalStack, queue_url: str) -> None:
    url = f"{stack.front_url}/webhooks/virtuous"

    assert requests.post(url, json=UPDATED, timeout=30).status_code == 401
    assert post(stack, UPDATED, "another").status_code == 401
    assert post(stack, b"\xff\xfe").status_code == 400
    assert post(stack, []).json()["errors"][0]["field"] == "body"
    assert post(stack, b"x" * (5 * 1024 * 1024 + 1)).status_code == 413
    assert post(stack, b"x" * (10 * 1024 * 1024 + 1)).json() == {"message": "Request Entity Too Large"}
    assert requests.get(url, timeout=30).status_code == 404
    assert received(stack, queue_url) == []


def test_a_bundle_of_five_megabytes_is_one_message(stack: LocalStack, queue_url: str) -> None:
    models = [{"contact": {"id": number, "name": "x" * 980}} for number in range(1, 5001)]

    told = post(stack, {"event": "contact.update", "models": models}).json()
    assert told == {"accepted": 5000, "ignored": 0, "reasons": {}}
    assert [len(hint.contacts) for hint in received(stack, queue_url)] == [5000]
