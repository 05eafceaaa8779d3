"""The gifts feed: donations to send, adopted ones, refunds and voids (requirements A1, A12, B1)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.clients.raisedonors_sightings import read_sighting
from giftbridge.domain.deliveries import Delivery, State, donation_created_id, donation_refunded_id
from giftbridge.domain.sightings import Sighting, delivery_for, refund_for
from giftbridge.errors import LostRace
from giftbridge.flows.feed_walk import Turn
from giftbridge.flows.tools import Tools
from giftbridge.store.rows import side_by_side

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
        """Write the deliveries that the gifts mean; those that are now to be worked on, a refund after its original."""
        newest = {sighting.donation_id: sighting for sighting in map(read_sighting, raws)}
        ids = [donation_created_id(donation_id) for donation_id in newest]
        ids += [donation_refunded_id(s.donation_id) for s in newest.values() if s.is_reversed]
        known = self.tools.deliveries.get_many(ids)
        planned = [plan for sighting in newest.values() if (plan := self._planned(sighting, known, turn))]
        written = [row for rows in side_by_side(self._write, planned, self.threads) for row in rows]
        turn.counts.update(delivery.state.value for delivery in written)
        return [delivery for delivery in written if delivery.state in {State.PENDING, State.UNKNOWN}]

    def _planned(self, sighting: Sighting, known: dict[str, Delivery], turn: Turn) -> list[Plan]:
        """The rows that a sighting changes, the donation's before its refund's."""
        planned: list[Plan] = []
        created = known.get(donation_created_id(sighting.donation_id))
        after = delivery_for(sighting, created, turn.settings, turn.start, turn.now)
        if after is not None:
            planned.append((created, turn.nudged(after)))
        refunded = known.get(donation_refunded_id(sighting.donation_id))
        refund = refund_for(sighting, after or created, refunded, turn.now, is_first_sight=created is None)
        if refund is not None:
            planned.append((refunded, turn.nudged(refund)))
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
