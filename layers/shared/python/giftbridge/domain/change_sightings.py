"""What a schedule, a donor or a note seen in its feed means (requirements B2 to B5).

A schedule or a donor can change again and again: one delivery each counts the sightings. What both sides last agreed on
tells whether anything changed that the destination knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Final

from giftbridge.domain import delivery_life as life
from giftbridge.domain.agreed import Fields, mark_of, says_the_same
from giftbridge.domain.deliveries import OPEN_STATES, Delivery, Kind, State
from giftbridge.domain.delivery_ids import donor_noted_id
from giftbridge.domain.on_periods import OnPeriods
from giftbridge.domain.times import format_moment

OUR_NAME: Final = "GiftBridge"


class FirstSight(Enum):
    """Nothing is known of the entity yet: record how it looks, so that later edits can be told."""

    FIRST_SIGHT = "first sight"


@dataclass(frozen=True, slots=True)
class ChangeSighting:
    """A schedule or donor as its feed shows it. `fields` is None when the record cannot be read as one.

    `is_old` says that the destination may have known a schedule before we first see it: it carries a CRM key, or is
    was created while the destination was off.
    """

    entity: str
    delivery_id: str
    kind: Kind
    donor_id: int | None
    entity_id: str
    fields: Fields | None
    modified_at: datetime | None
    is_old: bool
    raw_mark: str = ""
    created_at: datetime | None = None
    is_forgotten: bool = False
    """Whether something may have been agreed on that a restore of the tables has forgotten: it is compared once."""

    @property
    def mark(self) -> str:
        """Tells this sighting from any other of the same entity."""
        return mark_of(self.modified_at, self.raw_mark if self.fields is None else self.fields)


@dataclass(frozen=True, slots=True)
class NoteSighting:
    """An entry of a donor's activity on RaiseDonors."""

    note_id: str
    donor_id: int | None
    type: str
    source: str | None
    created_at: datetime | None
    modified_at: datetime | None


def change_for(
    sighting: ChangeSighting, known: Delivery | None, agreed: Fields | None, now: datetime
) -> Delivery | FirstSight | None:
    """The delivery's next row, a first sight, or None when this sighting changes nothing.

    `agreed` must have been read after `known`: a delivery that ended has moved it.
    """
    if known is None:
        return _unknown(sighting, agreed, now)
    if known.seen == sighting.mark:
        return None
    if known.state is State.FAILED and says_the_same(known.seen, sighting.mark):
        return None
    is_settled = known.state in {State.DELIVERED, State.IGNORED} and agreed is not None and agreed == sighting.fields
    if is_settled and not sighting.is_forgotten:
        return None
    return replace(sighted_again(known, sighting.mark, now), kind=sighting.kind)


def _unknown(sighting: ChangeSighting, agreed: Fields | None, now: datetime) -> Delivery | FirstSight | None:
    if agreed is None and not sighting.is_old:
        return FirstSight.FIRST_SIGHT if sighting.fields is not None else None
    if agreed is not None and agreed == sighting.fields and not sighting.is_forgotten:
        return None
    new = life.new_delivery(
        id=sighting.delivery_id,
        kind=sighting.kind,
        donor_id=sighting.donor_id,
        entity_id=sighting.entity_id,
        now=now,
    )
    return replace(new, wanted=1, seen=sighting.mark)


def sighted_again(delivery: Delivery, seen: str, now: datetime) -> Delivery:
    """The entity changed once more. What has ended begins anew; what is under way goes on and is served again after."""
    more = replace(delivery, wanted=delivery.wanted + 1, seen=seen, updated_at=now)
    if delivery.state in OPEN_STATES:
        return more
    # A delivered attempt has its answer: there is nothing to look for.
    fresh = more if delivery.state is State.FAILED else replace(more, attempt=None, row="", is_backfill=False)
    return life.reopened(fresh, now)


def served_up_to(delivery: Delivery, wanted: int, now: datetime) -> Delivery:
    """The result of an ended turn, that began when `wanted` sightings were counted; pending if more came meanwhile."""
    if delivery.wanted <= wanted:
        return replace(delivery, served=wanted)
    if delivery.state is State.FAILED and delivery.attempt is not None:
        # What may have been sent is looked for before anything else is done.
        return replace(delivery, state=State.UNKNOWN, due=now)
    pending = replace(
        delivery, state=State.PENDING, due=now, attempt=None, trouble=None, lease_until=None, row="", chunk=""
    )
    return replace(pending, served=wanted, attempts=0, first_failed_at=None)


def note_for(sighting: NoteSighting, on: OnPeriods, now: datetime) -> Delivery | None:
    """The delivery of a note that is not known yet; None for what is no person's new note (requirement B4)."""
    is_ours = (sighting.source or "").strip().casefold() == OUR_NAME.casefold()
    is_new = sighting.created_at is None or on.holds(sighting.created_at)
    if sighting.type != "Note" or is_ours or not is_new:
        return None
    new = life.new_delivery(
        id=donor_noted_id(sighting.note_id),
        kind=Kind.DONOR_NOTED,
        donor_id=sighting.donor_id,
        entity_id=sighting.note_id,
        now=now,
    )
    result: Mapping[str, str] = {"modified": format_moment(sighting.modified_at)} if sighting.modified_at else {}
    return replace(new, result=result)
