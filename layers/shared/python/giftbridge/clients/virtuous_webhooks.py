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
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")
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
    """What a delivery tells of. A record that cannot be read does not cost the others: they are told, it is counted.

    Raises Rejected naming the member that is wrong, where nothing in the body can be used for it.
    """
    told = _loaded(body)
    event = told.get("event")
    if not isinstance(event, str) or _HALF_CHARACTER.search(event):
        raise _refused("event", "is missing or no text")
    kind = event.replace(".", "").casefold()
    if kind in _CONTACT_EVENTS:
        return _read(told, speakable(event), "contact", "id")
    if kind in _GIFT_EVENTS:
        return _read(told, speakable(event), "gift", "contactId")
    models = told.get("models")
    count = max(1, len(models)) if isinstance(models, list) else 1
    return Told(speakable(event), ignored={"event of no interest": count})


def speakable(event: str) -> str:
    """The name of an event as a log may hold it: a stranger's text is left out."""
    return event if _SPEAKABLE.fullmatch(event) else "odd"


def _read(told: Mapping[str, Any], event: str, noun: str, member: str) -> Told:
    ids: dict[int, None] = {}
    ignored: Counter[str] = Counter()
    first: Rejected | None = None
    for where, record in _records(told, noun):
        try:
            found = _id_of(where, record, noun, member)
        except Rejected as refused:
            first = first or refused
            ignored["unreadable"] += 1
            continue
        if found is None:
            ignored["without contact"] += 1
        else:
            ids[found] = None
    if first is not None and not ids:
        raise first
    known = tuple(ids)
    return Told(event, known if noun == "contact" else (), known if noun == "gift" else (), dict(ignored))


def _records(told: Mapping[str, Any], noun: str) -> Iterator[tuple[str, object]]:
    """Each record with its place: those of `models`, and the single one at the top level."""
    models = told.get("models")
    if isinstance(models, list):
        for position, model in enumerate(models):
            place = f"models[{position}]"
            yield (f"{place}.{noun}", model.get(noun)) if isinstance(model, dict) else (place, model)
    elif models is not None or noun not in told:
        raise _refused("models", "is missing or no array")
    if noun in told:
        yield noun, told[noun]


def _id_of(where: str, record: object, noun: str, member: str) -> int | None:
    """The contact's id in a record; None where there is no record, or a gift of no contact."""
    if record is None and where.endswith(noun):
        return None
    if not isinstance(record, dict):
        raise _refused(where, "is no object")
    value = record.get(member)
    if value is None and noun == "gift":
        return None
    if not is_contact_id(value):
        raise _refused(f"{where}.{member}", f"is no whole number of at most {MOST_DIGITS} digits")
    return value


def _loaded(body: bytes) -> dict[str, Any]:
    try:
        told = json.loads(body.decode("utf-8-sig"), parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise _refused("body", "is not JSON") from None
    if not isinstance(told, dict):
        raise _refused("body", "is not a JSON object")
    return told


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _decoded(text: str, encoding: str) -> bytes:
    """A signature's bytes; none where it is not written as it should be."""
    try:
        raw = text.encode("ascii")
        return binascii.unhexlify(raw) if encoding == "hex" else base64.b64decode(raw, validate=True)
    except ValueError:
        return b""


def _refused(where: str, text: str) -> Rejected:
    return Rejected(text, cause="bad-webhook", field=where, remedy=_REMEDY)
