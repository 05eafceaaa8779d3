"""The function behind Virtuous' webhook: what is genuine is queued before it is answered, nothing else is, no 500."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from giftbridge.contact_hints import ContactHint, read_contact_hint
from ops.simulators.virtuous_sender import signature
from tests.deployment.template import resources
from tests.integration.webhook_bench import BEFORE, HEADER, SECRET, UPDATED, Webhook, posted, watched

FIVE_MEGABYTES = 5 * 1024 * 1024


@pytest.fixture
def webhook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhook]:
    """The function, freshly loaded."""
    with posted(monkeypatch) as fresh:
        yield fresh


def test_a_genuine_webhook_is_queued_and_then_accepted(webhook: Webhook) -> None:
    answer = webhook.call()

    assert (answer["statusCode"], json.loads(answer["body"])) == (200, {"accepted": 1, "ignored": 0, "reasons": {}})
    [message] = webhook.messages()
    assert message["Attributes"]["MessageGroupId"] == "contact-4107"
    hint = read_contact_hint({"body": message["Body"]})
    assert hint == ContactHint((4107,), (), webhook.clock())
    assert isinstance(hint.received, datetime) and "Imani" not in str(message)


def test_a_gift_names_the_contact_that_gave_it(webhook: Webhook) -> None:
    assert webhook.status({"event": "GiftCreate", "models": [{"gift": {"id": 5, "contactId": 9}}]}) == 200
    assert [hint.gifts_of for hint in webhook.queued()] == [(9,)]


def test_a_forged_webhook_is_refused_whatever_is_in_it(webhook: Webhook) -> None:
    for body in (UPDATED, b"no json", {"event": 7}):
        assert webhook.status(body, "another secret") == 401
    assert webhook.queued() == []


def test_an_unsigned_webhook_is_refused(webhook: Webhook) -> None:
    assert webhook.status(UPDATED, None) == 401
    assert webhook.function.lambda_handler({}, None)["statusCode"] == 401
    assert webhook.queued() == []


def test_a_signature_that_cannot_be_decoded_is_refused(webhook: Webhook) -> None:
    for odd in ("%%%", "ключ", "\udc80", "", "a,b"):
        assert webhook.status(headers={HEADER: odd}) == 401
    assert webhook.status(UPDATED, SECRET, "hex") == 401
    assert webhook.queued() == []


def test_a_webhook_that_comes_again_is_accepted_again(webhook: Webhook) -> None:
    assert [webhook.status(), webhook.status()] == [200, 200]
    assert [hint.contacts for hint in webhook.queued()] == [(4107,), (4107,)]


def test_a_truncated_body_is_refused(webhook: Webhook) -> None:
    whole = json.dumps(UPDATED).encode()

    assert webhook.status(whole[:-2]) == 400
    # What was cut on the way no longer bears its signature.
    assert webhook.status(whole[:-2], headers={HEADER: signature(SECRET, whole)}) == 401
    assert webhook.queued() == []


def test_a_body_that_is_too_large_is_refused_before_anything_else(webhook: Webhook) -> None:
    room = FIVE_MEGABYTES - len(json.dumps({**UPDATED, "x": ""}))

    assert webhook.status({**UPDATED, "x": "x" * room}) == 200
    assert webhook.status({**UPDATED, "x": "x" * (room + 1)}) == 413
    assert webhook.status(b"x" * 10_000_000, None) == 413
    assert webhook.status(b"\xff" * (FIVE_MEGABYTES + 1)) == 413
    assert len(webhook.queued()) == 1


def test_a_body_that_is_not_json_is_refused(webhook: Webhook) -> None:
    for body in (b"", b"x", b"\xff\xfe", b"[" * 1_000_000, b'{"event": NaN}', b"<xml/>"):
        assert webhook.status(body) == 400
    odd = {"headers": {HEADER: signature(SECRET, b"*")}, "body": "*", "isBase64Encoded": True}
    assert webhook.function.lambda_handler(odd, None)["statusCode"] == 401
    assert webhook.queued() == []


@pytest.mark.parametrize("body", [[], None, 7, "text"])
def test_a_body_that_is_no_object_is_refused_naming_field_problem_and_remedy(webhook: Webhook, body: Any) -> None:
    answer = webhook.call(body)

    assert answer["statusCode"] == 400
    [error] = json.loads(answer["body"])["errors"]
    assert error["field"] == "body" and error["problem"] and error["remedy"]
    assert webhook.queued() == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, "without event"),
        ({"models": []}, "without event"),
        ({"event": 7, "models": []}, "without event"),
        ({"event": "ContactUpdate"}, "without models"),
        ({"event": "ContactUpdate", "models": None}, "without models"),
        ({"event": "ContactUpdate", "models": "4107"}, "models unreadable"),
        ({"event": "ContactUpdate", "models": [{"contact": {}}]}, "without id"),
        ({"event": "ContactUpdate", "models": [{"contact": {"id": "4107"}}]}, "id unreadable"),
        ({"event": "ContactUpdate", "contact": {"id": 4.5}}, "id unreadable"),
        ({"event": "GiftCreate", "models": [[]]}, "record unreadable"),
    ],
)
def test_what_is_genuine_and_names_no_contact_is_accepted_and_its_log_line_says_what_was_left_out(
    webhook: Webhook, caplog: pytest.LogCaptureFixture, body: Any, reason: str
) -> None:
    with caplog.at_level(logging.INFO, "giftbridge"):
        answer = webhook.call(body)

    told = {"accepted": 0, "ignored": 1, "reasons": {reason: 1}}
    assert (answer["statusCode"], json.loads(answer["body"])) == (200, told)
    assert [(record.getMessage(), record.__dict__["ignored"]) for record in caplog.records] == [
        ("webhook", {reason: 1})
    ]
    assert webhook.queued() == []


@pytest.mark.parametrize(
    "odd",
    [
        {"headers": None}, {"headers": {HEADER: None}}, {"headers": []}, {"body": None}, {"body": "\ud800"},
        {"body": "*", "isBase64Encoded": True}, {"body": "MQ", "isBase64Encoded": True}, {"body": {"event": "x"}},
    ],
)  # fmt: skip
def test_no_event_of_a_stranger_is_trouble_of_our_own(
    webhook: Webhook, caplog: pytest.LogCaptureFixture, odd: dict[str, Any]
) -> None:
    raw = json.dumps(UPDATED)
    event = {"headers": {HEADER: signature(SECRET, raw.encode())}, "body": raw, "isBase64Encoded": False}

    assert webhook.function.lambda_handler(event | odd, None)["statusCode"] == 401
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
    assert webhook.queued() == []


def test_an_unknown_event_and_models_without_contact_are_accepted_and_nothing_is_queued(
    webhook: Webhook, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "giftbridge"):
        answers = [
            webhook.call(body)
            for body in (
                {"event": "ProjectUpdate", "models": [{"project": {"id": 1}}] * 3},
                {"event": "Imani Vance", "models": [1]},
                {"event": "ContactUpdate", "models": [{}, {"contact": None}]},
            )
        ]

    told = [(answer["statusCode"], json.loads(answer["body"])) for answer in answers]
    assert [(status, answer["accepted"], answer["ignored"]) for status, answer in told] == [
        (200, 0, count) for count in (3, 1, 2)
    ]
    assert webhook.queued() == []
    logged = [(record.__dict__["event"], record.__dict__["ignored"]) for record in caplog.records]
    assert logged == [
        ("ProjectUpdate", {"event of no interest": 3}),
        ("odd", {"event of no interest": 1}),
        ("ContactUpdate", {"without contact": 2}),
    ]


def test_a_bundle_is_one_message_and_what_cannot_be_read_in_it_is_counted(webhook: Webhook) -> None:
    models: list[Any] = [{"contact": {"id": number}} for number in range(1, 3001)]
    answer = webhook.call({"event": "contact.update", "models": [*models, models[0], {"contact": {"id": "x"}}]})

    assert json.loads(answer["body"]) == {"accepted": 3000, "ignored": 1, "reasons": {"id unreadable": 1}}
    assert [hint.contacts for hint in webhook.queued()] == [tuple(range(1, 3001))]


def test_nobody_is_let_in_while_no_secret_is_stored(webhook: Webhook) -> None:
    for stored in ({}, {"url": "https://virtuous.test", "api_key": "k"}, {"webhook_secret": ""}, {"webhook_secret": 7}):
        webhook.store(**stored)
        assert [webhook.status(UPDATED, secret) for secret in (None, "", SECRET)] == [401, 401, 401]
    webhook.clients["secretsmanager"].put_secret_value(SecretId=webhook.secret_id, SecretString="no json")
    webhook.clock.advance(61)
    assert webhook.status() == 401


def test_both_secrets_are_accepted_while_one_replaces_the_other(webhook: Webhook) -> None:
    webhook.store(webhook_secret="the new one", webhook_secret_before=SECRET)
    assert [webhook.status(UPDATED, secret) for secret in ("the new one", SECRET, BEFORE)] == [200, 200, 401]

    webhook.store(webhook_secret="the new one")
    assert [webhook.status(UPDATED, secret) for secret in ("the new one", SECRET)] == [200, 401]


def test_a_new_secret_is_live_within_a_minute_and_is_not_read_for_every_webhook(webhook: Webhook) -> None:
    asked = watched(webhook.function.assembly.secrets_client)
    webhook.status()
    webhook.clients["secretsmanager"].put_secret_value(
        SecretId=webhook.secret_id, SecretString=json.dumps({"webhook_secret": "the new one"})
    )
    webhook.clock.advance(59)
    assert webhook.status(UPDATED, "the new one") == 401
    assert asked == ["GetSecretValue"]
    webhook.clock.advance(1)
    assert webhook.status(UPDATED, "the new one") == 200
    assert asked == ["GetSecretValue"] * 2


def test_header_and_encoding_of_the_signature_are_settings(webhook: Webhook) -> None:
    webhook.settings(signature_header="X-Signed", signature_encoding="hex")
    raw = json.dumps(UPDATED).encode()

    assert webhook.status(UPDATED) == 401
    assert webhook.status(UPDATED, headers={"x-signed": signature(SECRET, raw, "hex")}) == 200
    assert "X-Signed" in webhook.call(UPDATED)["body"]


@pytest.mark.parametrize("document", ["no json", "[]", "{}", '{"virtuous": 7}', '{"virtuous": {"enabled": true}}'])
def test_settings_that_say_nothing_of_the_signature_leave_the_default(webhook: Webhook, document: str) -> None:
    webhook.clients["dynamodb"].put_item(
        TableName="StateTable", Item={"name": {"S": "settings"}, "document": {"S": document}}
    )

    assert webhook.status() == 200


@pytest.mark.parametrize(("client", "operation"), [("sqs", "SendMessage"), ("secrets_client", "GetSecretValue"),
                                                   ("dynamodb", "GetItem")])  # fmt: skip
def test_trouble_of_our_own_is_a_503_that_tells_nothing(webhook: Webhook, client: str, operation: str) -> None:
    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "ServiceUnavailable", "Message": "Imani Vance"}}, operation)

    events = getattr(webhook.function.assembly, client).meta.events
    events.register(f"before-call.*.{operation}", refuse)
    answer = webhook.call()
    assert (answer["statusCode"], answer["headers"]["retry-after"]) == (503, "30")
    assert "Imani" not in answer["body"]

    events.unregister(f"before-call.*.{operation}", refuse)
    assert webhook.status() == 200
    assert len(webhook.queued()) == 1


def test_the_function_does_nothing_that_its_role_does_not_allow(webhook: Webhook) -> None:
    assembly = webhook.function.assembly
    made = {
        f"{service}:{name}"
        for service, names in {
            "secretsmanager": watched(assembly.secrets_client, webhook.call),
            "dynamodb": watched(assembly.dynamodb, webhook.call, webhook.clock),
            "sqs": watched(assembly.sqs, webhook.call),
        }.items()
        for name in names
    }
    [policy] = resources("AWS::IAM::Role")["ContactWebhookRole"]["Properties"]["Policies"]
    allowed = {action for statement in policy["PolicyDocument"]["Statement"] for action in statement["Action"]}

    assert made | {"logs:CreateLogStream", "logs:PutLogEvents"} == allowed


def test_a_refusal_is_logged_in_the_words_that_the_alarm_counts(
    webhook: Webhook, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", "giftbridge"):
        answers = [webhook.status(UPDATED, "another secret"), webhook.status(b"[]"), webhook.status(UPDATED)]

    counted = [record for record in caplog.records if record.getMessage() == "webhook refused"]
    assert [vars(record)["status"] for record in counted] == [answer for answer in answers if answer != 200]
    assert [record.getMessage() for record in caplog.records].count("webhook") == 1
