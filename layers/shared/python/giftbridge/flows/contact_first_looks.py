"""Differences from before the sync began are recorded, so that no later edit carries them along (requirement E8)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from giftbridge.domain.agreed import EMAIL, Fields
from giftbridge.domain.contact_fields import (
    FIRST_NAME,
    GROUPS,
    LAST_NAME,
    ORGANIZATION,
    fields_of_contact,
    says_the_same_of,
)
from giftbridge.domain.contacts import Contact, Individual
from giftbridge.domain.donations import Address, Donor
from giftbridge.domain.household import KnownDonor, pair
from giftbridge.errors import LostRace
from giftbridge.flows.tools import Tools
from giftbridge.store.contact_snapshots import ContactSnapshot
from giftbridge.store.rows import commit

log = logging.getLogger("giftbridge")
_DONOR = "donor#"


class FirstLooks:
    """How contacts looked when the sync began. Without a call: a donor is known by what was recorded of them."""

    def __init__(self, tools: Tools) -> None:
        self.tools = tools

    def record(self, contacts: Sequence[Contact], source: str) -> int:
        """Record contacts that look otherwise than was known, without an edit since; how many donors that were."""
        named = {one.id: [ref for ref in one.donor_references(source) if ref.isdecimal()] for one in contacts}
        snapshots = self.tools.snapshots.get_many(f"{_DONOR}{ref}" for refs in named.values() for ref in refs)
        differing = 0
        for contact in contacts:
            mine = [snapshots[f"{_DONOR}{ref}"] for ref in named[contact.id] if f"{_DONOR}{ref}" in snapshots]
            household = pair(contact, [self._known(snapshot) for snapshot in mine])
            for snapshot in mine:
                number = int(snapshot.entity.removeprefix(_DONOR))
                if number in household.of_donor:
                    differing += self._look(contact, household.of_donor[number], snapshot)
        return differing

    def _look(self, contact: Contact, individual: Individual | None, snapshot: ContactSnapshot) -> bool:
        ours = snapshot.base.ours
        theirs = fields_of_contact(contact, individual, ours)
        if all(says_the_same_of(group, snapshot.base.known_theirs, theirs) for group in GROUPS):
            return False
        after = replace(snapshot, base=replace(snapshot.base, theirs=theirs), contact_type=contact.type)
        try:
            commit(self.tools.snapshots.client, [self.tools.snapshots.write(snapshot, after, self.tools.now())])
        except LostRace:
            log.info("a contact was looked at meanwhile", extra={"contact": contact.id})
            return False
        return True

    def _known(self, snapshot: ContactSnapshot) -> KnownDonor:
        link = self.tools.keys.contact_link(snapshot.entity)
        donor = _as_donor(int(snapshot.entity.removeprefix(_DONOR)), snapshot.base.ours)
        return KnownDonor(donor, link.individual_id if link is not None else None)


def _as_donor(number: int, fields: Fields) -> Donor:
    """As much of a donor as pairing needs."""
    emails = (fields[EMAIL],) if EMAIL in fields else ()
    return Donor(
        id=number,
        first_name=fields.get(FIRST_NAME),
        last_name=fields.get(LAST_NAME),
        organization_name=fields.get(ORGANIZATION),
        is_organization=ORGANIZATION in fields,
        title=None,
        middle_name=None,
        suffix=None,
        emails=emails,
        phones=(),
        address=Address(),
        crm_key=None,
    )
