"""Virtuous' JSON as our contact and gift; members that the contract lets be null or missing may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator

from giftbridge.clients.whole_answers import NotWhole, positive_number
from giftbridge.clients.wire_models import Text, WireModel, read_record
from giftbridge.domain.contacts import Contact, Individual, PostedGift
from giftbridge.domain.donations import Address
from giftbridge.domain.times import readable_moment

_TITLE = "Virtuous"


def _no_boolean(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("a number is expected")
    return value


Number = Annotated[int, BeforeValidator(_no_boolean)]
# A stamp that says nothing must not stop a contact or a gift.
SomeMoment = Annotated[datetime | None, BeforeValidator(readable_moment)]


@dataclass(frozen=True, slots=True)
class Carrier:
    """The contact that carries a reference, or the loser of a merge and who took its place."""

    id: int
    merged_into: int | None


class _Method(WireModel):
    type: Text = None
    value: Text = None
    is_primary: bool | None = None


class _Individual(WireModel):
    id: Number
    first_name: Text = None
    last_name: Text = None
    is_primary: bool | None = None
    is_deceased: bool | None = None
    contact_methods: list[_Method] | None = None


class _Address(WireModel):
    address1: Text = None
    address2: Text = None
    city: Text = None
    state: Text = None
    postal: Text = None
    country: Text = None


class _Reference(WireModel):
    source: str
    id: Annotated[str, BeforeValidator(lambda value: str(value) if type(value) is int else value)]


class _Contact(WireModel):
    id: Number
    contact_type: str
    name: Text = None
    address: _Address | None = None
    contact_individuals: list[_Individual]
    contact_references: list[_Reference]
    modified_date_time_utc: str
    create_date_time_utc: SomeMoment = None
    merged_into_contact_id: Number | None = None


class _Gift(WireModel):
    id: Number
    contact_id: Number | None = None
    amount: Annotated[Decimal, BeforeValidator(_no_boolean)]
    gift_date: Any = None
    notes: Text = None
    transaction_source: Text = None
    transaction_id: Text = None
    create_date_time_utc: SomeMoment = None


def read_contact(raw: object) -> Contact:
    """A Contact. Raises Rejected (cause "unreadable-record") naming the member that cannot be read."""
    contact = read_record(_Contact, raw, "contact", _TITLE)
    return Contact(
        id=contact.id,
        type=contact.contact_type,
        name=contact.name,
        individuals=tuple(map(_individual, contact.contact_individuals)),
        address=_address(contact.address),
        references=tuple((reference.source, reference.id) for reference in contact.contact_references),
        modified_at=readable_moment(contact.modified_date_time_utc),
        stamp=contact.modified_date_time_utc,
        merged_into=contact.merged_into_contact_id,
        created_at=contact.create_date_time_utc,
    )


def read_carrier(raw: Mapping[str, Any], source: str, reference_id: str) -> Carrier:
    """Whom a reference leads to. Raises NotWhole for a contact that neither carries it nor was merged."""
    carrier = Carrier(positive_number(raw.get("id")) or 0, positive_number(raw.get("mergedIntoContactId")))
    listed = raw.get("contactReferences")
    wanted = (source.strip().casefold(), reference_id.strip())
    carries = any(
        (str(one.get("source")).strip().casefold(), str(one.get("id")).strip()) == wanted
        for one in (listed if isinstance(listed, list) else [])
        if isinstance(one, dict)
    )
    if not carrier.id or (not carries and carrier.merged_into is None):
        raise NotWhole("a contact without the reference")
    return carrier


def read_posted_gift(raw: object) -> PostedGift:
    """A Gift. Raises Rejected likewise; a day that cannot be read is None."""
    gift = read_record(_Gift, raw, "gift", _TITLE)
    return PostedGift(
        id=gift.id,
        contact_id=gift.contact_id,
        amount=gift.amount,
        day=_day(gift.gift_date),
        notes=gift.notes or "",
        transaction_id=gift.transaction_id,
        created_at=gift.create_date_time_utc,
        transaction_source=gift.transaction_source,
    )


def _individual(individual: _Individual) -> Individual:
    methods = individual.contact_methods or []
    return Individual(
        id=individual.id,
        first_name=individual.first_name,
        last_name=individual.last_name,
        phones=_values(methods, "phone"),
        emails=_values(methods, "email"),
        is_primary=individual.is_primary is True,
        is_deceased=individual.is_deceased is True,
    )


def _values(methods: list[_Method], kind: str) -> tuple[str, ...]:
    """Values of the methods whose type ends in the kind; organisations name types as they like (ContactMethod)."""
    fitting = [method for method in methods if (method.type or "").strip().casefold().endswith(kind)]
    ordered = sorted(fitting, key=lambda method: not method.is_primary)
    values = ((method.value or "").strip() for method in ordered)
    return tuple(dict.fromkeys(value for value in values if value))


def _address(address: _Address | None) -> Address:
    if address is None:
        return Address()
    return Address(address.address1, address.address2, address.city, address.state, address.postal, address.country)


def _day(value: object) -> date | None:
    """The calendar day as it is written: a gift's day has no zone."""
    try:
        return date.fromisoformat(value.strip()[:10]) if isinstance(value, str) else None
    except ValueError:
        return None
