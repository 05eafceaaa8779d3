"""What a donor or a schedule looks like to a destination, as plain fields: the base that later edits are told from.

The fields last agreed on are kept beside the CRM key. A value that is absent, null or blank is left out: on RaiseDonors
the three mean the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from giftbridge.domain.donations import Address, Donor, Schedule
from giftbridge.domain.notices import FieldChange
from giftbridge.domain.times import format_moment
from giftbridge.errors import Rejected

Fields = Mapping[str, str]
ACTIVE_STATUS = "active"
ENDED_STATUSES = frozenset({"cancelled", "expired"})
INACTIVE_STATUSES = ENDED_STATUSES | {"suspended"}

# What the gifts of a schedule rely on: compared with a pledge that others made.
RELIED_ON = frozenset({"status", "amount", "charges a year"})

NAME_FIELDS = ("title", "first name", "middle name", "last name", "suffix", "organization")
ADDRESS_FIELDS = ("street", "street 2", "city", "state", "postal code", "country")
PHONES, EMAIL, COUNTRY = "phones", "e-mail", "country"
_LINE = "\n"
_LONGEST = 500
_MOST_PHONES = 50


def donor_fields(donor: Donor) -> dict[str, str]:
    """Name, primary address, phones and primary e-mail of a donor (requirement B3). Phones are lines, primary first."""
    is_person = not donor.is_organization
    return _filled(
        {
            "title": donor.title if is_person else None,
            "first name": donor.first_name if is_person else None,
            "middle name": donor.middle_name if is_person else None,
            "last name": donor.last_name if is_person else None,
            "suffix": donor.suffix if is_person else None,
            "organization": donor.organization_name if donor.is_organization else None,
            **_address_fields(donor.address),
            PHONES: _LINE.join(map(_kept, donor.phones[:_MOST_PHONES])),
            EMAIL: donor.emails[0] if donor.emails else None,
        }
    )


def donor_of_fields(donor: Donor, fields: Fields) -> Donor:
    """The donor as these fields had them; what they do not tell of is as it is now."""
    organization = fields.get("organization")
    email = fields.get(EMAIL)
    return replace(
        donor,
        first_name=fields.get("first name"),
        last_name=fields.get("last name"),
        organization_name=organization,
        is_organization=organization is not None,
        title=fields.get("title"),
        middle_name=fields.get("middle name"),
        suffix=fields.get("suffix"),
        emails=(email,) if email is not None else (),
        phones=phones_of(fields),
        address=Address(*(fields.get(name) for name in ADDRESS_FIELDS)),
    )


def schedule_fields(schedule: Schedule) -> dict[str, str]:
    """What a pledge knows of a schedule (requirement B2): neither its next date nor its projects are among it."""
    return _filled(
        {
            "status": schedule.status.strip().casefold(),
            "amount": format(schedule.amount.normalize(), "f"),
            "charges a year": str(schedule.charges_per_year),
            "start date": (schedule.start_date or "")[:10],
            "payment type": schedule.payment_type,
            "motivation code": schedule.motivation_code,
            "billing first name": schedule.billing_first_name,
            "billing last name": schedule.billing_last_name,
            **{f"billing {name}": value for name, value in _address_fields(schedule.billing_address).items()},
        }
    )


def base_of_first_sight(fields: Fields) -> Fields:
    """What counts as agreed on of an old schedule that is seen for the first time: all but what its gifts rely on."""
    return {name: value for name, value in fields.items() if name not in RELIED_ON}


def is_active(schedule: Schedule) -> bool:
    """Whether its pledge is to be active. Raises Rejected for a status nobody knows (contract RecurringGift)."""
    status = schedule.status.strip().casefold()
    if status != ACTIVE_STATUS and status not in INACTIVE_STATUSES:
        raise Rejected(
            f"status {schedule.status[:40]!r} is unknown",
            cause="unknown-status",
            field="recurringGift.statusText",
            remedy="see the schedule on RaiseDonors; its next change is looked at again",
        )
    return status == ACTIVE_STATUS


def phones_of(fields: Fields) -> tuple[str, ...]:
    """The phones among a donor's fields, the primary one first."""
    return tuple(fields.get(PHONES, "").split(_LINE)) if fields.get(PHONES) else ()


def field_changes(before: Fields, after: Fields) -> tuple[FieldChange, ...]:
    """What changed, in the order of the fields."""
    names = [name for name in dict.fromkeys((*before, *after)) if before.get(name) != after.get(name)]
    return tuple(FieldChange(name, before.get(name), after.get(name)) for name in names)


def changed_since(bases: Iterable[Fields], after: Fields) -> frozenset[str]:
    """Names of the fields that differ from any of what the other side may hold."""
    return frozenset(change.field for base in bases for change in field_changes(base, after))


def digest_of(fields: object) -> str:
    """A short mark of values: equal values, equal marks."""
    text = json.dumps(fields, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def mark_of(modified_at: datetime | None, fields: object) -> str:
    """The mark of one sighting: when the record was modified, and what it said."""
    return f"{format_moment(modified_at) if modified_at else ''}/{digest_of(fields)}"


def says_the_same(mark: str, other: str) -> bool:
    """Whether two sightings said the same, whenever the record was modified."""
    return mark.rpartition("/")[2] == other.rpartition("/")[2]


def _address_fields(address: Address) -> dict[str, str | None]:
    values: Iterable[str | None] = (
        address.street,
        address.street2,
        address.city,
        address.state,
        address.postal_code,
        address.country,
    )
    return dict(zip(ADDRESS_FIELDS, values, strict=True))


def _filled(values: Mapping[str, str | None]) -> dict[str, str]:
    filled = {name: value.strip() for name, value in values.items() if value is not None and value.strip()}
    return {name: value if name == PHONES else _kept(value) for name, value in filled.items()}


def _kept(value: str) -> str:
    """The value as a row can hold it: half a surrogate pair is none, and of a book its beginning and its mark do."""
    text = value.encode("utf-8", "replace").decode()
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}... {digest_of(text)}"
