"""From `sent` to landed: look-ups at growing ages, beside what the webhooks tell (requirement D3)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from giftbridge.clients.virtuous import Virtuous
from giftbridge.domain.deliveries import Kind, State
from giftbridge.errors import LostRace
from giftbridge.flows.contact_sightings import ContactSightings
from giftbridge.flows.tools import Tools
from giftbridge.flows.virtuous_imports import CHUNK, LEADS, LOOKS
from giftbridge.flows.work import Work

# The wait before each look-up; the last one again and again. No age alone makes a held row a failure.
_AGES = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=8),
    timedelta(days=1),
)


class VirtuousLanding:
    """Asks whether a row has landed. One row of a chunk is asked for soon; when it landed, so are the others."""

    def __init__(self, tools: Tools, virtuous: Virtuous) -> None:
        self.tools = tools
        self.virtuous = virtuous
        self.sightings = ContactSightings(tools)

    def follow(self, work: Work) -> None:
        """Look the row up once."""
        if work.delivery.kind is Kind.DONATION_CREATED:
            has_landed = self.gift_landed(work)
        else:
            has_landed = self._contact_landed(work)
        if not has_landed:
            looks = int(work.facts.get(LOOKS, "0")) + 1
            work.facts[LOOKS] = str(looks)
            work.still_held(work.now + _AGES[min(looks, len(_AGES) - 1)])
        elif work.facts.get(LEADS):
            self._hurry(work)

    def gift_landed(self, work: Work) -> bool:
        """Whether the gift is there; then it is recorded (getGiftByTransaction)."""
        _, settings = self.tools.settings()
        source = settings.virtuous.reference_source
        gift = self.virtuous.gift(source, work.delivery.entity_id)
        if gift is None:
            return False
        facts = {"gift": str(gift.id), "contact": str(gift.contact_id or "")}
        work.settle_key(f"donation#{work.delivery.entity_id}", str(gift.id), "landed")
        work.delivered(facts, "landed in Virtuous", proven=True)
        return True

    def _contact_landed(self, work: Work) -> bool:
        """Whether no row of the donor is outstanding. What may have landed is left to be read as any edit is."""
        _, settings = self.tools.settings()
        entity = f"donor#{work.delivery.entity_id}"
        snapshot = self.tools.snapshots.get(entity)
        if snapshot is None or not snapshot.base.rows:
            work.delivered({}, "landed in Virtuous", proven=True)
            return True
        link = self.tools.keys.contact_link(entity)
        if link is not None:
            self.sightings.count([link.contact_id], "look-up of a held row")
            return False
        contact = self.virtuous.contact_by_reference(settings.virtuous.reference_source, work.delivery.entity_id)
        if contact is not None:
            self.sightings.count([contact.merged_into or contact.id], "look-up of a held row")
        return False

    def _hurry(self, work: Work) -> None:
        """The others of the same chunk have probably landed too."""
        chunk = self.tools.deliveries.get(work.facts.get(CHUNK, ""))
        if chunk is not None:
            others = [name for name in chunk.members if name != work.delivery.id]
            bring_forward(self.tools, others)


def bring_forward(tools: Tools, delivery_ids: list[str]) -> int:
    """Have held rows looked up at once; how many there were."""
    now = tools.now()
    held = [row for row in tools.deliveries.get_many(delivery_ids).values() if row.state is State.SENT]

    def move(row: object) -> bool:
        before = held[int(str(row))]
        try:
            tools.deliveries.save(before, replace(before, due=now))
        except LostRace:
            return False
        return True

    return sum(tools.side_by_side(move, list(range(len(held))), tools.threads))
