"""Virtuous' webhooks as they arrive (contract virtuous, section webhooks): a trigger; only the ids in it count.

Imports nothing heavy: a stranger waits for the start of the function that reads it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from giftbridge.domain.contact_ids import MOST_DIGITS, is_contact_id
from giftbridge.errors import Rejected

MOST_BYTES = 5 * 1024 * 1024
# Without case and dots (EventName). A gift is told of so that its contact's held gifts are looked for.
_CONTACT_EVENTS = frozenset({"contactcreate", "contactupdate"})
_GIFT_EVENTS = frozenset({"giftcreate", "giftupdate"})
_SPEAKABLE = re.compile(r"[A-Za-z][A-Za-z.]{0,39}")
_REMEDY = "send a delivery as the subscription's events have it"


@dataclass(frozen=True, slots=True)
class Signing:
    """Where the signature is and how it is written; the name of the header is compared without case."""

    header: str = "X-Virtuous-Signature"
    encoding: str = "base64"


@dataclass(frozen=True, slots=True)
class Told:
    """The contacts of contact events, the contacts of gift events, and how many records were left out, by reason."""

    event: str
    contacts: tuple[int, ...] = ()
    gifts_of: tuple[int, ...] = ()
    ignored: Mapping[str, int] = field(default_factory=dict)

    @property
    def accepted(self) -> int:
        """How many contacts will be read."""
        return len(self.contacts) + len(self.gifts_of)


def is_genuine(body: bytes, headers: Mapping[str, str], secrets: Sequence[str], signing: Signing) -> bool:
    """Whether the raw body is signed with one of the secrets; nothing is while there is none. In constant time."""
    name = signing.header.lower()
    given = _decoded(next((value for key, value in headers.items() if key.lower() == name), ""), signing.encoding)
    genuine = False
    for secret in secrets:
        expected = hmac.new(secret.encode("utf-8", "surrogatepass"), body, hashlib.sha256).digest()
        genuine |= hmac.compare_digest(expected, given)
    return genuine


def read_delivery(body: bytes) -> Told:
    """What a delivery tells of. What names no contact is ignored, with the reason: a repeat would tell no more.

    Raises Rejected for a body that is no JSON object.
    """
    told = _loaded(body)
    event = told.get("event")
    if not isinstance(event, str):
        return Told("missing", ignored={"without event": _count(told)})
    kind = event.replace(".", "").casefold()
    if kind in _CONTACT_EVENTS:
        ids, ignored = _read(told, "contact", "id")
        return Told(speakable(event), contacts=ids, ignored=ignored)
    if kind in _GIFT_EVENTS:
        ids, ignored = _read(told, "gift", "contactId")
        return Told(speakable(event), gifts_of=ids, ignored=ignored)
    return Told(speakable(event), ignored={"event of no interest": _count(told)})


def speakable(event: str) -> str:
    """The name of an event as a log may hold it: a stranger's text is left out."""
    return event if _SPEAKABLE.fullmatch(event) else "odd"


def _count(told: Mapping[str, Any]) -> int:
    models = told.get("models")
    return max(1, len(models)) if isinstance(models, list) else 1


def _read(told: Mapping[str, Any], noun: str, member: str) -> tuple[tuple[int, ...], Mapping[str, int]]:
    """The contacts' ids in the records, each once, and how many records have none, by reason."""
    ids: dict[int, None] = {}
    ignored: Counter[str] = Counter()
    for found in _ids(told, noun, member):
        if isinstance(found, int):
            ids[found] = None
        else:
            ignored[found] += 1
    return tuple(ids), dict(ignored)


def _ids(told: Mapping[str, Any], noun: str, member: str) -> Iterator[int | str]:
    """Of each record, those of `models` and the single one at the top level, the id or why it has none."""
    models = told.get("models")
    if isinstance(models, list):
        for model in models:
            yield _id_of(model.get(noun), noun, member) if isinstance(model, dict) else "record unreadable"
    elif models is not None:
        yield "models unreadable"
    elif noun not in told:
        yield "without models"
    if noun in told:
        yield _id_of(told[noun], noun, member)


def _id_of(record: object, noun: str, member: str) -> int | str:
    if record is None:
        return "without contact"
    if not isinstance(record, dict):
        return "record unreadable"
    value = record.get(member)
    if value is None:
        # A gift may be nobody's yet; a contact has its id.
        return "without contact" if noun == "gift" else "without id"
    return value if is_contact_id(value) else "id unreadable"


def _loaded(body: bytes) -> dict[str, Any]:
    try:
        told = json.loads(body.decode("utf-8-sig"), parse_constant=_no_number, parse_int=_whole_number)
    except (ValueError, RecursionError):
        raise _refused("is not JSON") from None
    if not isinstance(told, dict):
        raise _refused("is not a JSON object")
    return told


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _whole_number(text: str) -> int | str:
    """A number with more digits than an id has stays text: Python refuses to read one of thousands."""
    return int(text) if len(text) <= MOST_DIGITS + 1 else text


def _decoded(text: str, encoding: str) -> bytes:
    """A signature's bytes; none where it is not written as it should be."""
    try:
        raw = text.encode("ascii")
        return binascii.unhexlify(raw) if encoding == "hex" else base64.b64decode(raw, validate=True)
    except ValueError:
        return b""


def _refused(text: str) -> Rejected:
    return Rejected(text, cause="bad-webhook", field="body", remedy=_REMEDY)
