"""Looking into the dead-letter queues: each message with its delivery, and deleting one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from giftbridge.contact_hints import read_contact_hint
from giftbridge.delivery_queue import read_nudge
from giftbridge.domain.deliveries import Delivery, State
from giftbridge.store.rows import commit
from ops.operating.dead_letters import depth
from ops.operating.stack import Stack

# As long as a message is looked at, nobody else gets it; it is given back sooner.
_HIDDEN_SECONDS = 30
_PAGE = 10


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message of a dead-letter queue. `delivery_id` is the delivery it nudges; a webhook's hint names contacts.

    `delivery` is the row as it is now, None where there is none. `body` holds ids alone.
    """

    destination: str
    message_id: str
    receives: int
    sent_at: datetime | None
    body: str
    delivery_id: str | None
    nudge: str | None
    contacts: int | None
    delivery: Delivery | None = None
    receipt: str = field(default="", repr=False)

    @property
    def is_settled(self) -> bool:
        """Whether its delivery has gone on since: the sweep removes such a message within a minute."""
        if self.delivery_id is None:
            return False
        row = self.delivery
        return row is None or row.state is not State.FAILED or row.failed_nudge != self.nudge

    @property
    def reason(self) -> str:
        """Why it is there."""
        if self.contacts is not None:
            return f"a hint at {self.contacts} contacts could not be written down; the hourly query finds them too"
        if self.delivery_id is None:
            return "no message of GiftBridge"
        if self.delivery is None:
            return "its delivery does not exist"
        if self.is_settled:
            return f"its delivery is {self.delivery.state.value} by now; the sweep removes the message"
        return self.delivery.trouble.explain() if self.delivery.trouble else "failed"


@dataclass(frozen=True, slots=True)
class Box:
    """The messages that could be looked at; `out_of_sight` counts those in other hands, or beyond the limit."""

    letters: tuple[DeadLetter, ...]
    out_of_sight: int


@contextlib.contextmanager
def opened(stack: Stack, destinations: tuple[str, ...], limit: int) -> Iterator[Box]:
    """The dead letters of these destinations, `limit` of each at most; all are given back at the end."""
    letters: list[DeadLetter] = []
    counted = 0
    try:
        for destination in destinations:
            url = stack.queue_of(destination).dead_letter_url
            found = depth(stack, url)
            counted += found.waiting + found.in_hand
            letters += _received(stack, destination, url, limit if found.waiting else 0)
        names = [letter.delivery_id for letter in letters if letter.delivery_id is not None]
        rows = stack.tools.deliveries.get_many(names)
        known = tuple(_with_row(letter, rows) for letter in letters)
        yield Box(known, max(0, counted - len(known)))
    finally:
        for letter in letters:
            _give_back(stack, letter)


def delete(stack: Stack, letter: DeadLetter, reason: str, who: str) -> None:
    """Delete one message, and tell why. Its delivery stays as it is: a failed one can still be retried."""
    queue = stack.queue_of(letter.destination)
    stack.client("sqs").delete_message(QueueUrl=queue.dead_letter_url, ReceiptHandle=letter.receipt)
    entity = letter.delivery.donor_entity if letter.delivery is not None else f"system#{letter.destination}"
    line = stack.tools.activity.line(
        entity,
        now=stack.tools.now(),
        what="dead letter deleted",
        why=reason,
        delivery_id=letter.delivery_id,
        who=who,
        details={"message": letter.message_id, "queue": letter.destination},
    )
    commit(stack.tools.activity.client, [line])


def _received(stack: Stack, destination: str, url: str, limit: int) -> list[DeadLetter]:
    found: list[DeadLetter] = []
    while len(found) < limit:
        answer = stack.client("sqs").receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=min(_PAGE, limit - len(found)),
            VisibilityTimeout=_HIDDEN_SECONDS,
            MessageSystemAttributeNames=["All"],
        )
        messages = answer.get("Messages", [])
        if not messages:
            break
        found += [_letter(destination, message) for message in messages]
    return found


def _letter(destination: str, message: dict[str, Any]) -> DeadLetter:
    record = {
        "body": message["Body"],
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "attributes": message.get("Attributes", {}),
    }
    nudge, hint = read_nudge(record), read_contact_hint(record)
    sent = record["attributes"].get("SentTimestamp")
    return DeadLetter(
        destination=destination,
        message_id=message["MessageId"],
        receives=int(record["attributes"].get("ApproximateReceiveCount", 1)),
        sent_at=datetime.fromtimestamp(int(sent) / 1000, UTC) if sent else None,
        body=message["Body"],
        delivery_id=nudge.delivery_id if nudge is not None else None,
        nudge=nudge.name if nudge is not None else None,
        contacts=len(hint.contact_ids) if hint is not None else None,
        receipt=message["ReceiptHandle"],
    )


def _with_row(letter: DeadLetter, rows: dict[str, Delivery]) -> DeadLetter:
    return replace(letter, delivery=rows.get(letter.delivery_id)) if letter.delivery_id is not None else letter


def _give_back(stack: Stack, letter: DeadLetter) -> None:
    """Visible again at once. What was deleted meanwhile, or is visible already, is left."""
    with contextlib.suppress(ClientError):
        stack.client("sqs").change_message_visibility(
            QueueUrl=stack.queue_of(letter.destination).dead_letter_url,
            ReceiptHandle=letter.receipt,
            VisibilityTimeout=0,
        )
