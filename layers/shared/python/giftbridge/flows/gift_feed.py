"""The gifts feed: donations to send, adopted ones, refunds and voids (requirements A1, A12, B1)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.clients.raisedonors_sightings import read_sighting
from giftbridge.domain.deliveries import Delivery, State
from giftbridge.domain.delivery_ids import AEGIS, donation_created_id, donation_refunded_id
from giftbridge.domain.sightings import Sighting, delivery_for, refund_for
from giftbridge.errors import LostRace
from giftbridge.flows.feed_walk import Turn
from giftbridge.flows.tools import Tools

Plan = tuple[Delivery | None, Delivery]


class GiftFeed:
    """Gifts by the time of their modification. Never held back: nothing is more urgent than a gift."""

    name = "gifts"
    most_pages = 10_000

    def __init__(self, tools: Tools, raisedonors: RaiseDonors, threads: int) -> None:
        self.tools = tools
        self.raisedonors = raisedonors
        self.threads = threads

    def page(self, bound: datetime, skip: int) -> list[Any]:
        """Gifts modified since then (queryGifts)."""
        return self.raisedonors.gifts_modified_since(bound, skip)

    def record(self, raws: list[Any], turn: Turn) -> list[Delivery]:
        """Write the deliveries that the gifts mean, for each destination, a refund after its original.

        Those that are now to be worked on are Aegis': what goes to Virtuous waits for the batch, or for the sweep.
        """
        newest = {sighting.donation_id: sighting for sighting in map(read_sighting, raws)}
        names = [
            name
            for destination in turn.starts
            for donation_id, sighting in newest.items()
            for name in _names(donation_id, destination, is_reversed=sighting.is_reversed)
        ]
        known = self.tools.deliveries.get_many(names)
        planned = [
            plan
            for destination, start in turn.starts.items()
            for sighting in newest.values()
            if (plan := self._planned(sighting, known, turn, destination, start))
        ]
        written = [row for rows in self.tools.side_by_side(self._write, planned, self.threads) for row in rows]
        aegis = [delivery for delivery in written if delivery.destination == AEGIS]
        turn.counts.update(delivery.state.value for delivery in aegis)
        turn.counts.update(
            f"{delivery.destination}: {delivery.state.value}" for delivery in written if delivery not in aegis
        )
        return [delivery for delivery in aegis if delivery.state in {State.PENDING, State.UNKNOWN}]

    def _planned(
        self, sighting: Sighting, known: dict[str, Delivery], turn: Turn, destination: str, start: datetime
    ) -> list[Plan]:
        """The rows that a sighting changes, the donation's before its refund's."""
        planned: list[Plan] = []
        created = known.get(donation_created_id(sighting.donation_id, destination))
        after = delivery_for(sighting, created, turn.settings, start, turn.now, destination)
        if after is not None:
            planned.append((created, _nudged(after, turn)))
        refunded = known.get(donation_refunded_id(sighting.donation_id, destination))
        refund = refund_for(sighting, after or created, refunded, turn.now, is_first_sight=created is None)
        if refund is not None:
            planned.append((refunded, _nudged(refund, turn)))
        return planned

    def _write(self, planned: list[Plan]) -> list[Delivery]:
        written = [self._write_one(before, after) for before, after in planned]
        return [delivery for delivery in written if delivery is not None]

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
                claim = f"aegis-invoice#{after.result['invoice']}"
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
