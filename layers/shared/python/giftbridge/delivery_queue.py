"""The queue of one destination. A message is only a nudge to work on one delivery; it holds ids alone."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from giftbridge.domain.deliveries import Delivery

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

FORMAT_VERSION = 1
# Edits beyond these wait outside the queue, so that a gift is never far from its head.
MOST_EDITS_IN_LINE = 200
_BATCH = 10


@dataclass(frozen=True, slots=True)
class Nudge:
    """A message as it was received. `receives` counts how often; `name` tells one nudge of a delivery from another."""

    delivery_id: str
    name: str
    receives: int
    message_id: str
    receipt: str
    group: str


def new_nudge_name(token: Callable[[int], str] = secrets.token_hex) -> str:
    """A name that no other nudge has."""
    return token(8)


def read_nudge(record: Mapping[str, Any]) -> Nudge | None:
    """A record of an SQS event as a nudge, or None when it is none of ours."""
    try:
        body = json.loads(record["body"])
        delivery_id, name = str(body["delivery"]), str(body["nudge"])
    except (ValueError, KeyError, TypeError):
        return None
    attributes = record.get("attributes", {})
    receives = int(attributes.get("ApproximateReceiveCount", 1))
    group = str(attributes.get("MessageGroupId", delivery_id))
    return Nudge(delivery_id, name, receives, str(record["messageId"]), str(record["receiptHandle"]), group)


class DeliveryQueue:
    """Sends nudges, and looks after the dead-letter queue."""

    def __init__(self, client: SQSClient, url: str, dead_letter_url: str) -> None:
        self.client = client
        self.url = url
        self.dead_letter_url = dead_letter_url

    def send(self, deliveries: Iterable[Delivery], name: str) -> list[Delivery]:
        """Send one nudge for each delivery, those of a donor in one group; the deliveries that SQS took."""
        taken: list[Delivery] = []
        for batch in _batches(list(deliveries)):
            entries = [_entry(position, delivery, name) for position, delivery in enumerate(batch)]
            answer = self.client.send_message_batch(QueueUrl=self.url, Entries=entries)  # type: ignore[arg-type]
            taken += [batch[int(entry["Id"])] for entry in answer.get("Successful", [])]
        return taken

    def give_back(self, nudge: Nudge) -> None:
        """Make a message visible at once, so that the redrive policy moves it on without a pause."""
        self.client.change_message_visibility(QueueUrl=self.url, ReceiptHandle=nudge.receipt, VisibilityTimeout=0)

    def in_line(self) -> int:
        """How many messages wait or are being worked on, as far as SQS can say."""
        return self._count(self.url, "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")

    def dead_letters(self, most: int, take_in: Callable[[Mapping[str, Any]], bool] = lambda _: False) -> list[Nudge]:
        """Messages of the dead-letter queue, hidden from others for half a minute.

        What is no nudge is given to `take_in`, and deleted when that has taken it in.
        """
        if self._count(self.dead_letter_url, "ApproximateNumberOfMessages") == 0:
            return []
        found: list[Nudge] = []
        while len(found) < most:
            answer = self.client.receive_message(
                QueueUrl=self.dead_letter_url,
                MaxNumberOfMessages=_BATCH,
                VisibilityTimeout=30,
                MessageSystemAttributeNames=["All"],
            )
            messages = answer.get("Messages", [])
            if not messages:
                break
            records = [_as_record(message) for message in messages]
            for record in records:
                nudge = read_nudge(record)
                if nudge is not None:
                    found.append(nudge)
                elif take_in(record):
                    self._delete_dead(str(record["receiptHandle"]))
        return found

    def send_dead_letter(self, delivery: Delivery, name: str) -> None:
        """Put a letter of this name among the dead letters, as if the delivery had just failed."""
        entry = _entry(0, delivery, name)
        del entry["Id"]
        self.client.send_message(QueueUrl=self.dead_letter_url, **entry)  # type: ignore[arg-type]

    def keep_dead_letter(self, nudge: Nudge) -> None:
        """Make a looked-at dead letter visible again."""
        self.client.change_message_visibility(
            QueueUrl=self.dead_letter_url, ReceiptHandle=nudge.receipt, VisibilityTimeout=0
        )

    def delete_dead_letter(self, nudge: Nudge) -> None:
        """Delete a dead letter whose trouble has ended."""
        self._delete_dead(nudge.receipt)

    def _delete_dead(self, receipt: str) -> None:
        self.client.delete_message(QueueUrl=self.dead_letter_url, ReceiptHandle=receipt)

    def _count(self, url: str, *names: str) -> int:
        answer = self.client.get_queue_attributes(QueueUrl=url, AttributeNames=list(names))  # type: ignore[arg-type]
        return sum(int(value) for value in answer.get("Attributes", {}).values())


def _batches(deliveries: Sequence[Delivery]) -> list[Sequence[Delivery]]:
    return [deliveries[start : start + _BATCH] for start in range(0, len(deliveries), _BATCH)]


def _entry(position: int, delivery: Delivery, name: str) -> dict[str, str]:
    body = {
        "v": FORMAT_VERSION,
        "delivery": delivery.id,
        "kind": delivery.kind.value,
        "destination": delivery.destination,
        "donor": delivery.donor_id,
        "nudge": name,
    }
    return {
        "Id": str(position),
        "MessageBody": json.dumps(body),
        "MessageGroupId": delivery.donor_entity.replace("#", "-")[:128],
        # Unique for every send: deduplicating is the table's work.
        "MessageDeduplicationId": hashlib.sha256(f"{name}/{delivery.id}".encode()).hexdigest(),
    }


def _as_record(message: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "body": message["Body"],
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "attributes": message.get("Attributes", {}),
    }
