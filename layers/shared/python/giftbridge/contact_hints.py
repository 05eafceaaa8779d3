"""What Virtuous' webhook told of, on its way through RaiseDonors' queue: ids of contacts, nothing else.

One webhook makes one message, however many records it names, so that an address-correction run over thousands of
contacts is taken in as fast as it is sent; more only where SQS would not take one so large. Imports nothing heavy: a
stranger waits for the start of the function that sends it.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from giftbridge.domain.contact_ids import MOST_DIGITS, is_contact_id

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

FORMAT_VERSION = 1
# SQS takes 256 KB, counted with the attributes.
MOST_BYTES = 200_000
# Room for an id in a message, with what separates it from the next.
_MOST_IDS = MOST_BYTES // (MOST_DIGITS + 2) - 10


@dataclass(frozen=True, slots=True)
class ContactHint:
    """Contacts that were made or changed, and contacts whose gifts were; `received` is when we heard of it (UTC)."""

    contacts: tuple[int, ...]
    gifts_of: tuple[int, ...]
    received: datetime

    @property
    def contact_ids(self) -> tuple[int, ...]:
        """Every contact it names, once."""
        return tuple(dict.fromkeys((*self.contacts, *self.gifts_of)))


def send(client: SQSClient, url: str, hint: ContactHint, token: Callable[[int], str] = secrets.token_hex) -> int:
    """Queue a hint; how many messages that took. What AWS refuses is raised: the sender is then to repeat it all."""
    messages = list(_messages(hint))
    for part in messages:
        client.send_message(
            QueueUrl=url,
            MessageBody=_body(part),
            MessageGroupId=_group(part),
            # Unique for every send: deduplicating is the table's work.
            MessageDeduplicationId=token(16),
        )
    return len(messages)


def read_contact_hint(record: Mapping[str, Any]) -> ContactHint | None:
    """A record of an SQS event as a hint, or None when it is something else."""
    try:
        body = json.loads(record["body"])
        contacts, gifts_of = _ids(body["contacts"]), _ids(body["gifts_of"])
        received = datetime.fromisoformat(body["received"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if received.tzinfo is None or body.get("v") != FORMAT_VERSION:
        return None
    return ContactHint(contacts, gifts_of, received.astimezone(UTC))


def _ids(values: object) -> tuple[int, ...]:
    if not isinstance(values, list) or not all(map(is_contact_id, values)):
        raise ValueError("not a list of ids")
    return tuple(values)


def _messages(hint: ContactHint) -> Iterator[ContactHint]:
    """The hint in parts that SQS takes; most often the hint itself."""
    if len(hint.contacts) + len(hint.gifts_of) <= _MOST_IDS:
        yield hint
        return
    for part in _parts(hint.contacts):
        yield ContactHint(part, (), hint.received)
    for part in _parts(hint.gifts_of):
        yield ContactHint((), part, hint.received)


def _parts(ids: Sequence[int]) -> Iterator[tuple[int, ...]]:
    for start in range(0, len(ids), _MOST_IDS):
        yield tuple(ids[start : start + _MOST_IDS])


def _body(hint: ContactHint) -> str:
    received = hint.received.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    body = {"v": FORMAT_VERSION, "contacts": hint.contacts, "gifts_of": hint.gifts_of, "received": received}
    return json.dumps(body, separators=(",", ":"))


def _group(hint: ContactHint) -> str:
    ids = hint.contact_ids
    if len(ids) == 1:
        return f"contact-{ids[0]}"
    return f"bundle-{hashlib.sha256(','.join(map(str, ids)).encode()).hexdigest()[:16]}"
