"""Records of the feeds, read as far as the pickup needs them, however odd the rest of them is."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import simplejson

from giftbridge.clients.decorations import code_in
from giftbridge.clients.raisedonors_wire import read_donor, read_schedule
from giftbridge.clients.whole_answers import id_text, positive_number
from giftbridge.domain.agreed import ENDED_STATUSES, Fields, donor_fields, schedule_fields
from giftbridge.domain.change_sightings import ChangeSighting, NoteSighting
from giftbridge.domain.contact_fields import fields_of_donor
from giftbridge.domain.deliveries import Kind
from giftbridge.domain.delivery_ids import VIRTUOUS, donor_updated_id, schedule_changed_id
from giftbridge.domain.on_periods import OnPeriods
from giftbridge.domain.sightings import Sighting
from giftbridge.domain.times import readable_moment
from giftbridge.errors import Rejected


def read_sighting(raw: object) -> Sighting:
    """As much of a raw gift as can be read: a record that is odd elsewhere still becomes a delivery.

    A gift without an id is named by its content, so that it is reported once.
    """
    gift = raw if isinstance(raw, dict) else {}
    number = positive_number(gift.get("id"))
    return Sighting(
        donation_id=str(number) if number is not None else f"unreadable-{mark_of_content(raw)}",
        donor_id=positive_number(gift.get("donorId")),
        status=str(gift.get("statusText") or "").strip().casefold(),
        crm_key=_key_of(gift) if number is not None else None,
        is_test_mode=gift.get("isTestMode") is True,
        created_at=readable_moment(gift.get("createdDate")),
        modified_at=readable_moment(gift.get("modifiedDate")),
    )


def read_schedule_sighting(raw: object, on: OnPeriods, *, with_tests: bool) -> ChangeSighting | None:
    """A RecurringGift of the feed; None for a test-mode schedule, or what has no id to name it by."""
    schedule = raw if isinstance(raw, dict) else {}
    number = positive_number(schedule.get("id"))
    if number is None or (schedule.get("isTestMode") is True and not with_tests):
        return None
    created_at, fields = readable_moment(schedule.get("createdDate")), _fields_of_schedule(schedule)
    status = str(schedule.get("statusText") or "").strip().casefold()
    return ChangeSighting(
        entity=f"schedule#{number}",
        delivery_id=schedule_changed_id(number),
        kind=Kind.SCHEDULE_ENDED if status in ENDED_STATUSES else Kind.SCHEDULE_CHANGED,
        donor_id=positive_number(schedule.get("donorId")),
        entity_id=str(number),
        fields=fields,
        modified_at=readable_moment(schedule.get("modifiedDate")),
        is_old=_key_of(schedule) is not None or (created_at is not None and not on.holds(created_at)),
        raw_mark="" if fields is not None else mark_of_content(raw),
        created_at=created_at,
    )


def read_donor_sighting(raw: object, *, with_tests: bool) -> ChangeSighting | None:
    """A Donor of the feed; None for a test-mode donor, one whose data was erased, or what has no id to name it by."""
    donor = raw if isinstance(raw, dict) else {}
    number = positive_number(donor.get("id"))
    if number is None or donor.get("isGDPRDeleted") is True or (donor.get("isTestMode") is True and not with_tests):
        return None
    fields = _fields_of_donor(donor)
    return ChangeSighting(
        entity=f"donor#{number}",
        delivery_id=donor_updated_id(number),
        kind=Kind.DONOR_UPDATED,
        donor_id=number,
        entity_id=str(number),
        fields=fields,
        modified_at=readable_moment(donor.get("modifiedDate")),
        is_old=False,
        raw_mark="" if fields is not None else mark_of_content(raw),
        created_at=created_at(raw),
    )


def read_contact_sighting(raw: object, *, with_tests: bool) -> ChangeSighting | None:
    """The same for Virtuous: the fields of a contact, in one notation."""
    seen = read_donor_sighting(raw, with_tests=with_tests)
    if seen is None:
        return None
    try:
        fields: Fields | None = fields_of_donor(read_donor(raw))
    except Rejected:
        fields = None
    delivery_id = donor_updated_id(seen.entity_id, VIRTUOUS)
    return replace(seen, delivery_id=delivery_id, fields=fields)


def read_note_sighting(raw: object) -> NoteSighting | None:
    """A DonorActivity of the feed; None for what has no id to name it by."""
    note = raw if isinstance(raw, dict) else {}
    number = positive_number(note.get("id"))
    if number is None:
        return None
    return NoteSighting(
        note_id=str(number),
        donor_id=positive_number(note.get("donorId")),
        type=str(note.get("type") or ""),
        source=str(note["source"]) if note.get("source") else None,
        created_at=readable_moment(note.get("createdDate")),
        modified_at=modified_at(raw),
    )


def modified_at(raw: object) -> datetime | None:
    """When a record of any feed was last modified."""
    return readable_moment(raw.get("modifiedDate")) if isinstance(raw, dict) else None


def created_at(raw: object) -> datetime | None:
    """When a record of any feed was created."""
    return readable_moment(raw.get("createdDate")) if isinstance(raw, dict) else None


def _fields_of_schedule(raw: Mapping[str, Any]) -> Fields | None:
    try:
        return schedule_fields(read_schedule(raw))
    except Rejected:
        return None


def _fields_of_donor(raw: Mapping[str, Any]) -> Fields | None:
    try:
        return donor_fields(read_donor(raw))
    except Rejected:
        return None


def _key_of(raw: Mapping[str, Any]) -> str | None:
    """A key that names something: a zero or `null` as text is what programs write for none."""
    return id_text(code_in(raw.get("crmKey")))


def mark_of_content(raw: object) -> str:
    """A short mark of all that a record says, to know one again that has no id."""
    text = simplejson.dumps(raw, use_decimal=True, sort_keys=True, ignore_nan=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
