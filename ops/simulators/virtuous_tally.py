"""An independent tally of RaiseDonors against Virtuous: the donors' fields, and each gift and refund exactly once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from ops.simulators.raisedonors_records import Entry
from ops.simulators.raisedonors_store import RaiseDonorsStore
from ops.simulators.raisedonors_time import ticks_of
from ops.simulators.tally_values import phone_mark, said
from ops.simulators.virtuous_population import OUR_SOURCE
from ops.simulators.virtuous_records import IMPORT, Contact, HeldRow, JournalLine, primary_value
from ops.simulators.virtuous_store import VirtuousStore
from ops.simulators.virtuous_tally_edits import (
    Beside,
    compare_edits,
    count_conflicts,
    find_sent_echoes,
    find_written_echoes,
    timelines_of_contacts,
    timelines_of_donor,
)
from ops.simulators.virtuous_tally_gifts import compare_gifts
from ops.simulators.virtuous_tally_result import VirtuousFinding, VirtuousTally
from ops.simulators.virtuous_tally_values import contact_home, donor_home, donor_name, donor_phone, individual_of


@dataclass(frozen=True, slots=True)
class _Side:
    """A field on one side: its value as it is compared, and when it was last edited, if it was."""

    value: Any
    edited: int | None


def virtuous_tally(
    raisedonors: RaiseDonorsStore,
    virtuous: VirtuousStore,
    *,
    source: str = OUR_SOURCE,
    since: datetime | None = None,
    expected_gifts: Iterable[int] | None = None,
    beside: Beside | None = None,
) -> VirtuousTally:
    """Compare both stores. A field counts if somebody edited it `since` then, or if the import made the contact.

    Without `since`, edits count from the moment a record was made. Without `expected_gifts`, the gifts that ought to
    be in Virtuous are worked out from RaiseDonors. `beside` is needed to judge each single edit, and projects.
    """
    result = VirtuousTally()
    with raisedonors.lock, virtuous.lock:
        start = None if since is None else ticks_of(since)
        _Fields(raisedonors, virtuous, source, start, result).compare()
        _compare_emails(raisedonors, virtuous, result)
        _find_doubled_donors(raisedonors, result)
        compare_gifts(raisedonors, virtuous, source, expected_gifts, result)
        if beside is not None:
            _judge_edits(raisedonors, virtuous, source, beside, result)
            count_conflicts(beside, result)
            _compare_projects(raisedonors, virtuous, result)
    return result


class _Fields:
    def __init__(
        self,
        raisedonors: RaiseDonorsStore,
        virtuous: VirtuousStore,
        source: str,
        start: int | None,
        result: VirtuousTally,
    ) -> None:
        self._raisedonors, self._virtuous = raisedonors, virtuous
        self._source, self._start, self._result = source, start, result
        self._lines: dict[int, list[JournalLine]] = {}
        for line in virtuous.journal:
            self._lines.setdefault(line.contact_id, []).append(line)

    def compare(self) -> None:
        """Compare the fields of each donor who has a contact."""
        for donor in self._raisedonors.donors.all_entries():
            contact = self._virtuous.by_reference(self._source, str(donor.record_id))
            if contact is None:
                self._result.counts["donors without a contact"] += 1
                continue
            self._result.counts["donors with a contact"] += 1
            for name, ours, theirs in self._pairs(donor, contact):
                self._compare_field(donor, contact, name, ours, theirs)

    def _pairs(self, donor: Entry, contact: Contact) -> Iterable[tuple[str, _Side, _Side]]:
        individual = individual_of(contact, self._source, donor)
        own_id = None if individual is None else individual["id"]
        yield "address", self._ours(donor, donor_home), self._theirs(contact, "address", None, contact_home(contact))
        is_organisation = bool(donor.latest.members["isOrganization"])
        if is_organisation != contact.is_household:
            if is_organisation:
                name: Any = (said(contact.members.get("name")),)
            else:
                name = (said((individual or {}).get("firstName")), said((individual or {}).get("lastName")))
            if is_organisation or individual is not None:
                field_of = None if is_organisation else own_id
                yield "name", self._ours(donor, donor_name), self._theirs(contact, "name", field_of, name)
        if individual is not None:
            phone = phone_mark(primary_value(individual, "Phone"))
            yield "phone", self._ours(donor, donor_phone), self._theirs(contact, "phone", own_id, phone)
        else:
            self._result.counts["donors of whom no person is known"] += 1

    def _compare_field(self, donor: Entry, contact: Contact, name: str, ours: _Side, theirs: _Side) -> None:
        was_edited = ours.edited is not None or theirs.edited is not None
        if ours.value == theirs.value:
            self._result.counts[f"{name} the same"] += 1
            return
        if not any(ours.value) or not any(theirs.value):
            # What is empty erases nothing: only a filled value that came last has to be on the other side.
            filled, empty = (ours, theirs) if any(ours.value) else (theirs, ours)
            if filled.edited is None or (empty.edited or 0) >= filled.edited:
                self._result.counts[f"{name} empty on one side"] += 1
                return
        elif not was_edited and contact.created_by != IMPORT:
            self._result.counts[f"{name} different from the start"] += 1
            return
        detail = f"{name} of contact {contact.contact_id}"
        self._result.different_fields.append(VirtuousFinding(f"donor {donor.record_id}", detail))

    def _ours(self, donor: Entry, value_of: Any) -> _Side:
        edited = [
            after.modified
            for before, after in pairwise(donor.history)
            if value_of(before.members) != value_of(after.members) and after.modified >= (self._start or 0)
        ]
        return _Side(value_of(donor.latest.members), max(edited, default=None))

    def _theirs(self, contact: Contact, name: str, individual_id: int | None, value: Any) -> _Side:
        edited = [
            line.at
            for line in self._lines.get(contact.contact_id, [])
            if (line.field, line.individual_id) == (name, individual_id)
            and line.at > contact.created
            and line.at >= (self._start or 0)
        ]
        return _Side(value, max(edited, default=None))


def _judge_edits(
    raisedonors: RaiseDonorsStore, virtuous: VirtuousStore, source: str, beside: Beside, result: VirtuousTally
) -> None:
    """Judge every edit by its fate, and every write of the product by its reason."""
    journal: dict[int, list[JournalLine]] = {}
    for line in virtuous.journal:
        journal.setdefault(line.contact_id, []).append(line)
    contacts_of: dict[str, list[Contact]] = {}
    for contact in virtuous.contacts.values():
        for reference in contact.references:
            if reference.source == source:
                contacts_of.setdefault(reference.id, []).append(contact)
    rows_of: dict[str, list[HeldRow]] = {}
    for row in virtuous.rows:
        if row.kind == "contact" and row.source == source:
            rows_of.setdefault(row.identity, []).append(row)
    donors = {str(donor.record_id): donor for donor in raisedonors.donors.all_entries()}
    ours = {key: timelines_of_donor(donor) for key, donor in donors.items()}
    for key, donor in donors.items():
        contacts = contacts_of.get(key, [])
        theirs = timelines_of_contacts(contacts, journal, source, donor)
        compare_edits(donor, contacts, ours[key], theirs, beside, result)
        names = {one.id for contact in contacts for one in contact.references if one.source == source} - {key}
        # Of a contact that was deleted nothing is known any more.
        if contacts:
            find_written_echoes(donor, ours[key], theirs, [ours[name] for name in names if name in ours], result)
        find_sent_echoes(donor, rows_of.get(key, []), theirs, result)


def _compare_projects(raisedonors: RaiseDonorsStore, virtuous: VirtuousStore, result: VirtuousTally) -> None:
    """Projects with a code, by name and by whether gifts are taken for them."""
    for project in raisedonors.projects.all_entries():
        members = project.latest.members
        if not said(members.get("code")):
            continue
        result.counts["projects"] += 1
        twin = virtuous.project_by_code(said(members["code"]))
        if twin is None or said(twin.members.get("name")) != said(members.get("name")):
            result.different_projects.append(VirtuousFinding(f"project {members['code']}", "differs, or is missing"))


def _compare_emails(raisedonors: RaiseDonorsStore, virtuous: VirtuousStore, result: VirtuousTally) -> None:
    """Find e-mail addresses that donors got over the API although people first wrote them in Virtuous."""
    donors = raisedonors.donors.all_entries()
    first = {email for donor in donors for email in _emails(donor.history[0].members)}
    result.counts["e-mails edited in Virtuous"] = len(set(virtuous.staff_emails) - first)
    for donor in donors:
        later = {email for version in donor.history[1:] for email in _emails(version.members)}
        # A contact that staff made of another has the addresses that the other got from RaiseDonors.
        own = {email for version in donor.history if not version.via_api for email in _emails(version.members)}
        for email in sorted((later & set(virtuous.staff_emails)) - first - own):
            detail = f"that was set on contact {virtuous.staff_emails[email]}"
            result.crossed_emails.append(VirtuousFinding(f"donor {donor.record_id}", detail))


def _emails(donor: Mapping[str, Any]) -> set[str]:
    return {said(one["value"]).casefold() for one in donor.get("donorEmailAddresses") or []}


def _find_doubled_donors(raisedonors: RaiseDonorsStore, result: VirtuousTally) -> None:
    """Find donors that the population did not make and that began alike."""
    made: dict[Any, list[int]] = {}
    for donor in raisedonors.donors.all_entries():
        if donor.kind is None:
            began = donor.history[0].members
            made.setdefault((donor_name(began), donor_home(began), donor_phone(began)), []).append(donor.record_id)
    result.counts["donors made over the API"] = sum(len(ids) for ids in made.values())
    for ids in made.values():
        if len(ids) > 1:
            result.doubled_donors.append(VirtuousFinding(f"donors {', '.join(map(str, ids))}", "began alike"))
