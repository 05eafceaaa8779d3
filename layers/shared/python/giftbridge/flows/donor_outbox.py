"""A donor's deliveries to Virtuous, as seen from the way back: one to send, rows that landed, gifts to look up."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime

from giftbridge.domain import delivery_life as life
from giftbridge.domain.change_sightings import sighted_again
from giftbridge.domain.deliveries import OPEN_STATES, Kind, State
from giftbridge.domain.delivery_ids import VIRTUOUS, donor_updated_id
from giftbridge.errors import LostRace
from giftbridge.flows.tools import Tools
from giftbridge.flows.virtuous_landing import bring_forward
from giftbridge.flows.work import Work

log = logging.getLogger("giftbridge")
_TRIES = 5
_OUR_SIGHTING = "merge"


class DonorOutbox:
    """Counts, and moves on, what waits for Virtuous."""

    def __init__(self, tools: Tools) -> None:
        self.tools = tools

    def count(self, donor_id: int, now: datetime) -> None:
        """RaiseDonors' value is to travel although no edit there tells of it. Counted twice, it is still one row."""
        name = donor_updated_id(donor_id, VIRTUOUS)
        for _ in range(_TRIES):
            known = self.tools.deliveries.get(name)
            if known is None:
                new = life.new_donor_row(donor_id, now)
                if self.tools.deliveries.add(replace(new, wanted=1, seen=_OUR_SIGHTING)):
                    return
            elif known.state in OPEN_STATES:
                if self.tools.deliveries.count_sighting(known, _OUR_SIGHTING):
                    return
            else:
                try:
                    self.tools.deliveries.save(known, sighted_again(known, _OUR_SIGHTING, now))
                except LostRace:
                    continue
                return
        raise LostRace(f"{name} kept changing", (name,))

    def sends_whole(self, donor_id: int) -> bool:
        """Whether all there is of the donor waits to be sent, because it is not known what changed."""
        known = self.tools.deliveries.get(donor_updated_id(donor_id, VIRTUOUS))
        return known is not None and known.is_backfill and known.state in OPEN_STATES

    def note_landed(self, donor_id: int) -> None:
        """The donor's row shows in the contact. Left to the next look-up where somebody moved it meanwhile."""
        known = self.tools.deliveries.get(donor_updated_id(donor_id, VIRTUOUS))
        if known is None or known.state is not State.SENT:
            return
        try:
            Work(self.tools, known).delivered({}, "landed in Virtuous", proven=True)
        except LostRace:
            log.info("a landed row was moved by somebody else", extra={"delivery": known.id})

    def bring_gifts_forward(self, donor_id: int) -> int:
        """Have the donor's held gifts looked up at once."""
        held = [
            delivery.id
            for delivery in self.tools.deliveries.of_donor(donor_id)
            if delivery.state is State.SENT and delivery.kind is Kind.DONATION_CREATED
        ]
        return bring_forward(self.tools, held)
