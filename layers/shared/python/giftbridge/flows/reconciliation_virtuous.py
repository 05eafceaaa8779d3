"""Virtuous' part of a reconciliation: the gifts of the contacts concerned, told by our source and the donation's id."""

from __future__ import annotations

from giftbridge.clients.virtuous import Virtuous
from giftbridge.domain.contacts import PostedGift
from giftbridge.domain.delivery_ids import VIRTUOUS
from giftbridge.domain.reconciliation import DONATION, Entry
from giftbridge.domain.reconciliation_compare import Compared
from giftbridge.flows.reconciliation_reading import ALONE, contact_gifts, contacts_text
from giftbridge.flows.reconciliation_run import CONTACTS, SLICE, Desk
from giftbridge.flows.reconciliation_sides import Expected, Sides


class VirtuousStage:
    """Reads Virtuous and compares it."""

    def __init__(self, desk: Desk, sides: Sides, virtuous: Virtuous) -> None:
        self.desk = desk
        self.sides = sides
        self.virtuous = virtuous

    def compare(self) -> tuple[Compared, Expected]:
        """All of it, from where it was."""
        expected = self.sides.expected(VIRTUOUS, self.desk.read)
        concerned = self.desk.places(expected.entries)
        todo = [place for place in concerned if place not in self.desk.read.contacts]
        while todo:
            size = min(SLICE, self.desk.allowed(VIRTUOUS) or SLICE)
            now, todo = todo[:size], todo[size:]
            answers = self.desk.tools.side_by_side(
                lambda contact: contact_gifts(self.virtuous, contact), now, self.desk.tools.threads
            )
            self.desk.run.calls[VIRTUOUS] += len(now)
            looks = dict(zip(now, answers, strict=True))
            self.desk.read.contacts.update(looks)
            self.desk.keep(CONTACTS, contacts_text(looks))
            self.desk.tell("reading Virtuous", len(concerned) - len(todo), len(concerned))
        expected = self.sides.expected(VIRTUOUS, self.desk.read)
        compared = self.sides.virtuous(self.desk.read, expected)
        if self._ask_for_each(compared.gone):
            compared = self.sides.virtuous(self.desk.read, expected)
        return compared, expected

    def _ask_for_each(self, gone: tuple[Entry, ...]) -> bool:
        """What no contact has is asked for by its own name (getGiftByTransaction); whether anything was found."""
        has_found = False
        for entry in (one for one in gone if one.kind == DONATION):
            self.desk.allowed(VIRTUOUS)
            gift = self.virtuous.gift(self.desk.settings.virtuous.reference_source, entry.donation_id)
            self.desk.run.calls[VIRTUOUS] += 1
            if gift is None:
                continue
            has_found = True
            place = str(gift.contact_id or 0)
            if place not in self.desk.read.contacts:
                self._keep(place, contact_gifts(self.virtuous, place))
            if self.desk.read.contacts[place] is None:
                self._keep(f"{place}{ALONE}", [*(self.desk.read.contacts.get(f"{place}{ALONE}") or []), gift])
        return has_found

    def _keep(self, place: str, gifts: list[PostedGift] | None) -> None:
        self.desk.read.contacts[place] = gifts
        self.desk.keep(CONTACTS, contacts_text({place: gifts}))
