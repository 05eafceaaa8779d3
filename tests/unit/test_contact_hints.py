"""What travels through RaiseDonors' queue when Virtuous tells of contacts."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from giftbridge.contact_hints import ContactHint, read_contact_hint, send

RECEIVED = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
HINT = ContactHint((4107, 4108), (9,), RECEIVED)


class Queue:
    """SQS as far as a hint needs it; refuses the message with the number given."""

    def __init__(self, refuses: int = -1) -> None:
        self.sent: list[dict[str, Any]] = []
        self.refuses = refuses

    def send_message(self, **message: Any) -> None:
        if len(self.sent) == self.refuses:
            raise ClientError({"Error": {"Code": "ServiceUnavailable", "Message": ""}}, "SendMessage")
        self.sent.append(message)


def sent(hint: ContactHint) -> list[dict[str, Any]]:
    queue = Queue()
    assert send(queue, "url", hint) == len(queue.sent)  # type: ignore[arg-type]
    return queue.sent


def record(body: Any) -> dict[str, Any]:
    return {"body": body if isinstance(body, str) else json.dumps(body), "messageId": "m"}


def test_a_hint_is_one_message_that_is_read_back_as_it_was() -> None:
    [message] = sent(HINT)

    assert json.loads(message["MessageBody"]) == {
        "v": 1, "contacts": [4107, 4108], "gifts_of": [9], "received": "2026-11-22T10:00:00.000000Z",
    }  # fmt: skip
    assert read_contact_hint(record(message["MessageBody"])) == HINT


def test_a_contact_has_a_group_of_its_own_and_a_bundle_another() -> None:
    groups = [
        sent(ContactHint(*ids, RECEIVED))[0]["MessageGroupId"]
        for ids in (((4107,), ()), ((), (4107,)), ((4107,), (4107,)), ((1, 2), ()), ((1, 2), ()), ((1, 3), ()))
    ]

    assert groups[:3] == ["contact-4107"] * 3
    assert groups[3] == groups[4] != groups[5]
    assert all(group.startswith("bundle-") for group in groups[3:])


def test_no_two_sends_are_taken_for_one() -> None:
    assert sent(HINT)[0]["MessageDeduplicationId"] != sent(HINT)[0]["MessageDeduplicationId"]


def test_thousands_of_contacts_are_one_message_and_more_than_fit_are_several() -> None:
    largest = 10**18 - 1
    some = ContactHint(tuple(range(largest - 9_000, largest)), (), RECEIVED)
    many = ContactHint(tuple(range(largest - 25_000, largest)), tuple(range(1, 15_001)), RECEIVED)

    assert len(sent(some)) == 1
    messages = sent(many)
    assert all(len(message["MessageBody"]) <= 200_000 for message in messages)
    hints = [read_contact_hint(record(message["MessageBody"])) for message in messages]
    assert [one for hint in hints if hint for one in hint.contacts] == list(many.contacts)
    assert [one for hint in hints if hint for one in hint.gifts_of] == list(many.gifts_of)


def test_a_message_that_sqs_refuses_is_told_to_whoever_sends() -> None:
    many = ContactHint(tuple(range(1, 25_001)), (), RECEIVED)

    with pytest.raises(ClientError):
        send(Queue(refuses=1), "url", many)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change",
    [{"v": 2}, {"contacts": None}, {"contacts": ["4107"]}, {"contacts": [True]}, {"contacts": [0]}, {"gifts_of": {}},
     {"gifts_of": [4.0]}, {"received": "soon"}, {"received": None}, {"received": "2026-11-22T10:00:00"}],
)  # fmt: skip
def test_what_is_no_hint_is_told_from_one(change: dict[str, Any]) -> None:
    body = json.loads(sent(HINT)[0]["MessageBody"])

    assert read_contact_hint(record(body)) == HINT
    assert read_contact_hint(record(body | change)) is None


@pytest.mark.parametrize(
    "body", ["", "x", "[]", "null", '{"v": 1, "delivery": "raisedonors/contact/7/updated"}', "[" * 99_999]
)
def test_a_nudge_or_a_strangers_message_is_no_hint(body: str) -> None:
    assert read_contact_hint(record(body)) is None
    assert read_contact_hint({}) is None


def test_the_contacts_of_a_hint_are_each_named_once() -> None:
    assert replace(HINT, contacts=(9, 4107), gifts_of=(4107, 9, 5)).contact_ids == (9, 4107, 5)
