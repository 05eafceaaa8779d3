"""The donors of a contact: by reference or our keys, then by e-mail, then created (requirement E4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.clients.raisedonors_donors import DonorRecord
from giftbridge.clients.virtuous import Virtuous
from giftbridge.domain.contacts import Contact, Individual
from giftbridge.domain.deliveries import Step
from giftbridge.domain.delivery_ids import RAISEDONORS, VIRTUOUS
from giftbridge.domain.household import KnownDonor, donor_body, has_a_name, link_of, pair
from giftbridge.domain.normalising import email_form
from giftbridge.errors import RecordMissing, Rejected
from giftbridge.flows.holds import key_or_free
from giftbridge.flows.tools import Tools
from giftbridge.flows.work import Work
from giftbridge.store.rows import Write

_LONGEST_ID = 9
_CONFLICT = 409


@dataclass(frozen=True, slots=True)
class LinkedDonor:
    """A donor with the individual they are; None for an organisation without people, or where that cannot be told."""

    record: DonorRecord
    individual: Individual | None
    is_told: bool = True

    @property
    def entity(self) -> str:
        """The donor's entity."""
        return f"donor#{self.record.donor.id}"


class ContactDonors:
    """Finds or makes the donor of each individual."""

    def __init__(self, tools: Tools, raisedonors: RaiseDonors, virtuous: Virtuous) -> None:
        self.tools = tools
        self.raisedonors = raisedonors
        self.virtuous = virtuous

    def of(self, work: Work, contact: Contact, source: str, merged_ids: Iterable[int]) -> list[LinkedDonor]:
        """The donors that a contact speaks for. What cannot be told is noted on the contact's own line."""
        named = [reference for reference in contact.donor_references(source) if reference.isdecimal()]
        ids = {int(reference): None for reference in named if len(reference) <= _LONGEST_ID}
        ids |= dict.fromkeys(self._formerly_of(merged_ids))
        records = {number: record for number in ids if (record := self._record(work, number)) is not None}
        # A donor who is gone is paired all the same: nobody is to be made anew in their place.
        household = pair(contact, [KnownDonor(record.donor, self._known(number)) for number, record in records.items()])
        told = [LinkedDonor(records[number], individual) for number, individual in household.of_donor.items()]
        told += [LinkedDonor(records[donor.id], None, is_told=False) for donor in household.unpaired]
        linked = [one for one in told if not one.record.is_gone]
        if household.unpaired:
            numbers = ", ".join(str(donor.id) for donor in household.unpaired)
            work.note("individual not told", f"no individual of contact {contact.id} is surely donor {numbers}")
            return linked
        if contact.is_organization and not records:
            primary = contact.individuals[0] if contact.individuals else None
            return [one for one in [self._of_stranger(work, contact, primary, source, set())] if one is not None]
        taken = set(records)
        for individual in household.others:
            if has_a_name(individual):
                found = self._of_stranger(work, contact, individual, source, taken)
                linked += [found] if found is not None else []
                taken |= {found.record.donor.id} if found is not None else set()
        return linked

    def probe_creation(self, work: Work) -> None:
        """Whether the donor whose creation was not answered is there: their key says so."""
        values = work.delivery.attempt.values if work.delivery.attempt is not None else {}
        entity, key, name = values.get("individual", ""), values.get("key", ""), values.get("name", "")
        found = [one for one in self.raisedonors.donors_matching(name) if one.virtuous_key == key] if name else []
        if found:
            number = min(record.donor.id for record in found)
            work.also.append(self._owning(work, entity, number))
            work.note("donor created", "found after the answer was lost", {"donor": str(number)})
        work.surely_not_sent()

    # --- finding --------------------------------------------------------------------------------------------

    def _record(self, work: Work, number: int) -> DonorRecord | None:
        try:
            record = self.raisedonors.donor_record(number)
        except RecordMissing:
            work.note("donor not found", f"RaiseDonors has no donor {number}")
            return None
        if record.is_gone:
            work.note("donor is gone", f"donor {number} is archived or deleted on RaiseDonors")
        return record

    def _known(self, number: int) -> int | None:
        link = self.tools.keys.contact_link(f"donor#{number}")
        return link.individual_id if link is not None else None

    def _formerly_of(self, contact_ids: Iterable[int]) -> list[int]:
        """Donors whose key names a contact that was merged away: the index finds them, their own rows confirm it."""
        numbers: list[int] = []
        for contact_id in contact_ids:
            for number in self.tools.keys.donors_with(VIRTUOUS, str(contact_id)):
                link = self.tools.keys.contact_link(f"donor#{number}")
                if link is not None and link.contact_id == contact_id:
                    numbers.append(number)
        return numbers

    def _of_stranger(
        self, work: Work, contact: Contact, individual: Individual | None, source: str, taken: set[int]
    ) -> LinkedDonor | None:
        """The donor of an individual whom no reference names: ours of before, by e-mail, or a new one.

        None, with a note, where it cannot be told who they are: `taken` are the donors of the contact's others.
        """
        entity = _owner_entity(contact, individual)
        state = key_or_free(self.tools, work, entity, RAISEDONORS)
        if state.key is not None:
            record = self._record(work, int(state.key))
            is_free = record is not None and not record.is_gone and record.donor.id not in taken
            return self._referred(work, contact, individual, record, source) if is_free else None
        candidates = self._by_email(individual)
        why_not = self._why_not(candidates, contact, source, taken)
        if why_not is not None:
            numbers = ", ".join(str(record.donor.id) for record in candidates)
            work.note("individual without a donor", f"an e-mail address is that of donor {numbers}: {why_not}")
            return None
        if candidates:
            work.also.append(self._owning(work, entity, candidates[0].donor.id, state.ended))
            return self._referred(work, contact, individual, candidates[0], source)
        return self._created(work, contact, individual, entity, state.ended, source)

    def _by_email(self, individual: Individual | None) -> list[DonorRecord]:
        """Donors who have one of the individual's addresses, compared exactly (searchDonors is loose)."""
        found: dict[int, DonorRecord] = {}
        for email in individual.emails if individual is not None else ():
            for record in self.raisedonors.donors_matching(email):
                theirs = {email_form(one) for one in record.donor.emails}
                if email_form(email) in theirs:
                    found[record.donor.id] = record
        return list(found.values())

    def _why_not(self, candidates: Sequence[DonorRecord], contact: Contact, source: str, taken: set[int]) -> str | None:
        """Why the donors with an individual's e-mail address are not the individual, and nobody is made either."""
        if len(candidates) > 1:
            return "several donors have it"
        for record in candidates:
            if record.is_gone:
                return "archived or deleted on RaiseDonors"
            if record.donor.id in taken:
                return "somebody else of the same contact"
            if self._is_linked_elsewhere(record, contact, source):
                return "of another contact"
        return None

    def _is_linked_elsewhere(self, record: DonorRecord, contact: Contact, source: str) -> bool:
        link = self.tools.keys.contact_link(f"donor#{record.donor.id}")
        if link is not None:
            return link.contact_id != contact.id
        other = self.virtuous.contact_by_reference(source, str(record.donor.id))
        return other is not None and contact.id not in {other.id, other.merged_into}

    # --- making ---------------------------------------------------------------------------------------------

    def _created(
        self, work: Work, contact: Contact, individual: Individual | None, entity: str, ended: str, source: str
    ) -> LinkedDonor | None:
        """A new donor, made once: the hold and the intent come first."""
        body = donor_body(contact, individual)
        name = contact.name if contact.is_organization else (individual.last_name if individual else None)
        if not (name or "").strip():
            return None
        work.hold_key(entity, ended)
        key = str(link_of(contact, individual))
        work.begin(Step.DONOR, {"individual": entity, "key": key, "name": str(name).strip()[:100]})
        number = self.raisedonors.create_donor(body)
        work.also.append(self._owning(work, entity, number))
        work.note("donor created", f"for an individual of contact {contact.id}", {"donor": str(number)})
        return self._referred(work, contact, individual, self.raisedonors.donor_record(number), source)

    def _owning(self, work: Work, entity: str, number: int, ended: str = "") -> Write:
        return self.tools.keys.settle(
            entity, RAISEDONORS, str(number), "of an individual", work.delivery.id, work.now, ended
        )

    def _referred(
        self, work: Work, contact: Contact, individual: Individual | None, record: DonorRecord | None, source: str
    ) -> LinkedDonor | None:
        """The donor's id hangs on the contact from now on, so that the import tool finds it (addContactReference)."""
        if record is None:
            return None
        if str(record.donor.id) not in contact.donor_references(source):
            work.begin(Step.REFERENCE, {"donor": str(record.donor.id), "contact": str(contact.id)})
            try:
                self.virtuous.add_reference(contact.id, source, str(record.donor.id))
            except RecordMissing:
                work.note("reference not added", f"contact {contact.id} is gone", {"donor": str(record.donor.id)})
            except Rejected as refused:
                if refused.status != _CONFLICT:
                    raise
                why = f"another contact carries the reference to donor {record.donor.id}"
                work.note("donor of another contact", why)
                return None
        return LinkedDonor(record, individual)


def _owner_entity(contact: Contact, individual: Individual | None) -> str:
    """The entity whose key is the donor's id: the individual, or the organisation."""
    if contact.is_organization or individual is None:
        return f"contact#{contact.id}"
    return f"individual#{individual.id}"
