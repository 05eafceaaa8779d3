"""One FIFO queue: groups in order, one batch of a group in flight, a dead-letter queue behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

DEDUPLICATED_SECONDS = 300.0


@dataclass(slots=True)
class Message:
    """A message. `visible_at` is when it can be received (again); `receipt` is that of the last receive."""

    message_id: str
    group: str
    deduplication_id: str
    body: str
    sent_at: float
    visible_at: float
    sequence: int
    receives: int = 0
    first_received_at: float | None = None
    receipt: str = ""
    dead_letter_source: str = ""


@dataclass(slots=True)
class Queue:
    """`redrive_to` takes what was received `most_receives` times; `now` is in seconds."""

    name: str
    url: str
    arn: str
    attributes: dict[str, str]
    now: Callable[[], float]
    redrive_to: Queue | None = None
    most_receives: int = 0
    messages: dict[int, Message] = field(default_factory=dict)
    """By sequence number, in order."""
    by_receipt: dict[str, Message] = field(default_factory=dict)
    on_change: Callable[[], None] = lambda: None
    """Told when there may be something to receive."""
    loses: Callable[[], bool] = lambda: False
    """Whether a message that is being sent is lost."""
    _deduplicated: dict[tuple[str, str], tuple[float, Message]] = field(default_factory=dict)
    _sequence: int = 0
    _receipts: int = 0

    @property
    def visibility_seconds(self) -> float:
        """How long a received message stays hidden by default."""
        return float(self.attributes.get("VisibilityTimeout", "30"))

    def send(self, message_id: str, group: str, deduplication_id: str, body: str) -> Message:
        """Put a message at the end; the one that was sent with this id within five minutes counts instead."""
        now = self.now()
        scope = group if self.attributes.get("DeduplicationScope") == "messageGroup" else ""
        known = self._deduplicated.get((scope, deduplication_id))
        if known is not None and known[0] > now:
            return known[1]
        if len(self._deduplicated) > 5000:
            self._deduplicated = {key: one for key, one in self._deduplicated.items() if one[0] > now}
        delay = float(self.attributes.get("DelaySeconds", "0"))
        message = self._put(message_id, group, deduplication_id, body, now, now + delay)
        if self.loses():
            self.delete(message)
        self._deduplicated[scope, deduplication_id] = (now + DEDUPLICATED_SECONDS, message)
        return message

    def _put(
        self, message_id: str, group: str, deduplication_id: str, body: str, sent_at: float, visible_at: float
    ) -> Message:
        self._sequence += 1
        message = Message(message_id, group, deduplication_id, body, sent_at, visible_at, self._sequence)
        self.messages[self._sequence] = message
        self.on_change()
        return message

    def receive(self, most: int, visibility: float | None = None) -> list[Message]:
        """The next messages of groups of which nothing is in flight, each group in order."""
        self.expire()
        now = self.now()
        hidden = now + (self.visibility_seconds if visibility is None else visibility)
        busy = {message.group for message in self.messages.values() if message.visible_at > now}
        found: list[Message] = []
        for message in list(self.messages.values()):
            if len(found) >= most:
                break
            if message.group in busy:
                continue
            if self.redrive_to is not None and message.receives >= self.most_receives:
                self._bury(message)
                continue
            self._receipts += 1
            message.receives += 1
            message.visible_at = hidden
            message.first_received_at = message.first_received_at or now
            self.by_receipt.pop(message.receipt, None)
            message.receipt = f"{self.name}/{message.sequence}/{self._receipts}"
            self.by_receipt[message.receipt] = message
            found.append(message)
        return found

    def _bury(self, message: Message) -> None:
        """On to the dead letters, under the same id; the age counts anew in a FIFO queue."""
        self.delete(message)
        assert self.redrive_to is not None
        now = self.now()
        buried = self.redrive_to._put(
            message.message_id, message.group, message.deduplication_id, message.body, now, now
        )
        buried.receives = message.receives
        buried.dead_letter_source = self.arn

    def move_to(self, other: Queue) -> int:
        """Move everything that is visible to another queue: what a redrive by AWS' own tools does."""
        self.expire()
        now, moved = self.now(), 0
        for message in [one for one in self.messages.values() if one.visible_at <= now]:
            self.delete(message)
            other._put(message.message_id, message.group, message.deduplication_id, message.body, now, now)
            moved += 1
        return moved

    def delete(self, message: Message) -> None:
        """Take a message out."""
        self.messages.pop(message.sequence, None)
        self.by_receipt.pop(message.receipt, None)

    def expire(self) -> None:
        """Forget what is older than the queue keeps."""
        if not self.messages:
            return
        oldest = self.now() - float(self.attributes.get("MessageRetentionPeriod", "345600"))
        for message in [one for one in self.messages.values() if one.sent_at < oldest]:
            self.delete(message)

    def counts(self) -> dict[str, int]:
        """How many messages are visible, in flight and delayed."""
        self.expire()
        now = self.now()
        waiting = [message for message in self.messages.values() if message.visible_at > now]
        in_flight = sum(1 for message in waiting if message.receives and message.receipt)
        return {
            "ApproximateNumberOfMessages": len(self.messages) - len(waiting),
            "ApproximateNumberOfMessagesNotVisible": in_flight,
            "ApproximateNumberOfMessagesDelayed": len(waiting) - in_flight,
        }

    def as_record(self, message: Message) -> dict[str, Any]:
        """A message's system attributes."""
        found = {
            "ApproximateReceiveCount": str(message.receives),
            "SentTimestamp": str(int(message.sent_at * 1000)),
            "ApproximateFirstReceiveTimestamp": str(int((message.first_received_at or 0) * 1000)),
            "SequenceNumber": f"{message.sequence:020d}",
            "MessageGroupId": message.group,
            "MessageDeduplicationId": message.deduplication_id,
            "SenderId": "AIDASIMULATED",
        }
        if message.dead_letter_source:
            found["DeadLetterQueueSourceArn"] = message.dead_letter_source
        return found
