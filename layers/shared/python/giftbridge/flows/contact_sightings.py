"""Counting that a contact may have changed: by webhook, by look-up, or by the hourly query (requirements E2, E9)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from giftbridge.domain import delivery_life as life
from giftbridge.domain.change_sightings import sighted_again
from giftbridge.domain.deliveries import OPEN_STATES, Delivery, Kind
from giftbridge.domain.delivery_ids import RAISEDONORS, contact_updated_id
from giftbridge.domain.times import format_moment, readable_moment
from giftbridge.errors import LostRace
from giftbridge.flows.tools import Tools

READ_AT, FOUND = "read_at", "found"
# Clocks of two machines may differ by so much.
_SKEW = timedelta(seconds=1)
_TRIES = 5


class ContactSightings:
    """One delivery for each contact; a burst is one piece of work."""

    def __init__(self, tools: Tools) -> None:
        self.tools = tools

    def count(
        self, contact_ids: Iterable[int], found: str, since: datetime | None = None, nudge: str | None = None
    ) -> list[Delivery]:
        """Count a sighting of each contact; the deliveries that are new or began anew, and are to be nudged.

        `since` is when the change was told of: a contact that was read after that is left alone. `found` says how.
        """
        ids = {contact_updated_id(number): number for number in contact_ids}
        known = self.tools.deliveries.get_many(ids)
        counted = self.tools.side_by_side(
            lambda name: self._count_one(ids[name], known.get(name), found, since, nudge), list(ids), self.tools.threads
        )
        return [delivery for delivery in counted if delivery is not None]

    def _count_one(
        self, contact_id: int, known: Delivery | None, found: str, since: datetime | None, nudge: str | None
    ) -> Delivery | None:
        for _ in range(_TRIES):
            now = self.tools.now()
            if known is not None and since is not None and was_read_after(known, since):
                return None
            if known is not None and known.state in OPEN_STATES:
                if self.tools.deliveries.count_sighting(known, known.seen):
                    return None
            elif (written := self._begin(contact_id, known, found, now, nudge)) is not None:
                return written
            known = self.tools.deliveries.get(contact_updated_id(contact_id))
        raise LostRace(f"contact {contact_id} kept changing", (contact_updated_id(contact_id),))

    def _begin(
        self, contact_id: int, known: Delivery | None, found: str, now: datetime, nudge: str | None
    ) -> Delivery | None:
        told: Mapping[str, str] = {FOUND: found}
        if known is None:
            new = life.new_delivery(
                id=contact_updated_id(contact_id),
                kind=Kind.CONTACT_UPDATED,
                donor_id=None,
                entity_id=str(contact_id),
                now=now,
                destination=RAISEDONORS,
            )
            new = _nudged(replace(new, wanted=1, result=told), nudge, now)
            return new if self.tools.deliveries.add(new) else None
        again = sighted_again(known, known.seen, now)
        again = _nudged(replace(again, result={**known.result, **told}), nudge, now)
        try:
            return self.tools.deliveries.save(known, again)
        except LostRace:
            return None


def was_read_after(known: Delivery, since: datetime) -> bool:
    """Whether the contact was read later than it was told to have changed."""
    read_at = readable_moment(known.result.get(READ_AT))
    return read_at is not None and read_at - _SKEW > since and known.state not in OPEN_STATES


def read_now(now: datetime) -> dict[str, str]:
    """What a delivery remembers of a reading that begins now."""
    return {READ_AT: format_moment(now)}


def _nudged(delivery: Delivery, nudge: str | None, now: datetime) -> Delivery:
    return delivery if nudge is None else replace(delivery, nudge=nudge, nudged_at=now)
