"""The gifts feed: donations to send, adopted ones, refunds and voids (requirements A1, A12, B1)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.clients.raisedonors_sightings import read_sighting
from giftbridge.clients.whole_answers import Page, is_named
from giftbridge.domain.deliveries import Delivery, State
from giftbridge.domain.delivery_ids import AEGIS, donation_created_id, donation_refunded_id
from giftbridge.domain.on_periods import OnPeriods
from giftbridge.domain.restores import Restore
from giftbridge.domain.sightings import Sighting, delivery_for, refund_for
from giftbridge.errors import BudgetSpent, GiftBridgeError, LostRace
from giftbridge.flows.feed_walk import Turn
from giftbridge.flows.tools import Tools
from giftbridge.store.crm_keys import invoice_claim
from giftbridge.store.restores import newest_restore

log = logging.getLogger("giftbridge")
Plan = tuple[Delivery | None, Delivery]
_TRIES = 4


@dataclass(frozen=True, slots=True)
class _Sight:
    """A gift that was seen, for a destination that takes gifts."""

    sighting: Sighting
    destination: str
    on: OnPeriods


def whole_sightings(tools: Tools, raisedonors: RaiseDonors, raws: list[Any], threads: int) -> list[Sighting]:
    """The gifts of a page. One that names no donor or no day there is looked at itself, if it can be read now.

    Raises BudgetSpent.
    """

    def look(sighting: Sighting) -> Sighting:
        try:
            return read_sighting(raisedonors.gift_record(sighting.donation_id))
        except BudgetSpent:
            raise
        except GiftBridgeError as error:
            # The other gifts of the page do not wait for it; its own delivery says what is odd.
            odd = {"gift": sighting.donation_id, "error": type(error).__name__}
            log.info("a gift could not be looked at", extra=odd)
            return sighting

    shown = [(raw, read_sighting(raw)) for raw in raws]
    odd = [one for raw, one in shown if is_named(raw) and (one.donor_id is None or one.created_at is None)]
    looked = dict(zip(odd, tools.side_by_side(look, odd, threads), strict=True))
    return [looked.get(one, one) for _, one in shown]


class GiftFeed:
    """Gifts by the time of their modification. Never held back: nothing is more urgent than a gift."""

    name = "gifts"
    most_pages = 10_000
    named_by: tuple[str, ...] = ()

    def __init__(self, tools: Tools, raisedonors: RaiseDonors, threads: int) -> None:
        self.tools = tools
        self.raisedonors = raisedonors
        self.threads = threads
        self._restore: Restore | None = None

    def page(self, bound: datetime, skip: int) -> Page:
        """Gifts modified since then (queryGifts)."""
        return self.raisedonors.gifts_modified_since(bound, skip, with_unnamed=True)

    def record(self, raws: list[Any], turn: Turn) -> list[Delivery]:
        """Write the deliveries that the gifts mean, for each destination, a refund after its original.

        Those that are now to be worked on are Aegis': what goes to Virtuous waits for the batch, or for the sweep.
        """
        seen = whole_sightings(self.tools, self.raisedonors, raws, self.threads)
        newest = {sighting.donation_id: sighting for sighting in seen}
        self._restore = newest_restore(self.tools.state)
        names = [
            name
            for destination in turn.on
            for donation_id, sighting in newest.items()
            for name in _names(donation_id, destination, is_reversed=sighting.is_reversed)
        ]
        known = self.tools.deliveries.get_many(names)
        sights = [_Sight(sighting, name, on) for name, on in turn.on.items() for sighting in newest.values()]
        written = [
            row
            for rows in self.tools.side_by_side(lambda sight: self._write(sight, known, turn), sights, self.threads)
            for row in rows
        ]
        aegis = [delivery for delivery in written if delivery.destination == AEGIS]
        turn.counts.update(delivery.state.value for delivery in aegis)
        turn.counts.update(
            f"{delivery.destination}: {delivery.state.value}" for delivery in written if delivery not in aegis
        )
        return [delivery for delivery in aegis if delivery.state in {State.PENDING, State.UNKNOWN}]

    def _write(self, sight: _Sight, known: Mapping[str, Delivery], turn: Turn) -> list[Delivery]:
        """The rows that a sighting changes, made anew from fresh ones where somebody moved them."""
        names = _names(sight.sighting.donation_id, sight.destination, is_reversed=True)
        created, refunded = map(known.get, names)
        is_first_sight, done = created is None, list[Delivery]()
        for _ in range(_TRIES):
            planned = self._planned(sight, created, refunded, turn, is_first_sight=is_first_sight)
            written = [self._write_one(before, after) for before, after in planned]
            done += [delivery for delivery in written if delivery is not None]
            if None not in written:
                return done
            created, refunded = map(self.tools.deliveries.get_many(names).get, names)
        raise LostRace(f"the rows of donation {sight.sighting.donation_id} kept changing")

    def _planned(
        self, sight: _Sight, created: Delivery | None, refunded: Delivery | None, turn: Turn, *, is_first_sight: bool
    ) -> list[Plan]:
        """The rows that a sighting changes, the donation's before its refund's."""
        sighting, planned = sight.sighting, list[Plan]()
        after = delivery_for(sighting, created, turn.settings, sight.on, turn.now, sight.destination)
        if after is not None:
            after = self._marked(after, created, sighting.created_at)
            planned.append((created, _nudged(after, turn)))
        refund = refund_for(sighting, after or created, refunded, turn.now, is_first_sight=is_first_sight)
        if refund is not None:
            # By when it was made: a refund of then may have been touched again since.
            planned.append((refunded, _nudged(self._marked(refund, refunded, sighting.created_at), turn)))
        return planned

    def _marked(self, after: Delivery, before: Delivery | None, happened: datetime | None) -> Delivery:
        """A new delivery that the life before a restore may have sent is looked for before it is sent."""
        return self._restore.marked(after, happened) if before is None and self._restore is not None else after

    def _write_one(self, before: Delivery | None, after: Delivery) -> Delivery | None:
        lines = []
        if after.state is not State.PENDING or before is not None:
            is_told = after.trouble is not None and before is None
            why = (
                after.trouble.explain()
                if after.trouble and is_told
                else after.result.get("how", "changed on RaiseDonors")
            )
            what = after.state.value if before is None or after.state is State.IGNORED else "reopened"
            lines.append(
                self.tools.activity.line(
                    after.donor_entity,
                    now=after.updated_at,
                    what=what,
                    why=why,
                    delivery_id=after.id,
                    details={"kind": after.kind.value},
                )
            )
        if before is None:
            if after.state is State.DELIVERED:
                claim = invoice_claim(after.result["invoice"])
                lines.append(self.tools.keys.claim(claim, "aegis", after.id, after.updated_at, take_over=True))
            return after if self.tools.deliveries.add(after, *lines) else None
        try:
            return self.tools.deliveries.save(before, after, *lines)
        except LostRace:
            return None


def _names(donation_id: str, destination: str, *, is_reversed: bool) -> list[str]:
    created = donation_created_id(donation_id, destination)
    return [created, donation_refunded_id(donation_id, destination)] if is_reversed else [created]


def _nudged(delivery: Delivery, turn: Turn) -> Delivery:
    return turn.nudged(delivery) if delivery.destination == AEGIS else delivery
