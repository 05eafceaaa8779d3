"""An independent tally of RaiseDonors against Virtuous: the donors' fields, and each gift and refund exactly once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from ops.simulators.raisedonors_records import Entry
from ops.simulators.raisedonors_store import RaiseDonorsStore
from ops.simulators.raisedonors_time import ticks_of
from ops.simulators.raisedonors_wire import primary_of
from ops.simulators.tally_values import address_of, phone_mark, said
from ops.simulators.virtuous_population import OUR_SOURCE
from ops.simulators.virtuous_records import IMPORT, Contact, JournalLine, methods_of, primary_value
from ops.simulators.virtuous_shapes import ADDRESS_LINES
from ops.simulators.virtuous_store import VirtuousStore
from ops.simulators.virtuous_tally_gifts import compare_gifts
from ops.simulators.virtuous_tally_result import VirtuousFinding, VirtuousTally
from ops.simulators.virtuous_wire import COUNTRY_NAMES

HOME = ("address1", "address2", "city", "state", "postal", "countryString")
COUNTRY_CODES = {name.casefold(): code for code, name in COUNTRY_NAMES.items()}


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
) -> VirtuousTally:
    """Compare both stores. A field counts if somebody edited it `since` then, or if the import made the contact.

    Without `since`, edits count from the moment a record was made. Without `expected_gifts`, the gifts that ought to
    be in Virtuous are worked out from RaiseDonors.
    """
    result = VirtuousTally()
    with raisedonors.lock, virtuous.lock:
        start = None if since is None else ticks_of(since)
        _Fields(raisedonors, virtuous, source, start, result).compare()
        _compare_emails(raisedonors, virtuous, result)
        _find_doubled_donors(raisedonors, result)
        compare_gifts(raisedonors, virtuous, source, expected_gifts, result)
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
        individual = _individual_of(contact, self._source, donor)
        own_id = None if individual is None else individual["id"]
        yield "address", self._ours(donor, _home), self._theirs(contact, "address", None, contact_home(contact))
        is_organisation = bool(donor.latest.members["isOrganization"])
        if is_organisation != contact.is_household:
            if is_organisation:
                name: Any = (said(contact.members.get("name")),)
            else:
                name = (said((individual or {}).get("firstName")), said((individual or {}).get("lastName")))
            if is_organisation or individual is not None:
                field_of = None if is_organisation else own_id
                yield "name", self._ours(donor, _name), self._theirs(contact, "name", field_of, name)
        if individual is not None:
            phone = phone_mark(primary_value(individual, "Phone"))
            yield "phone", self._ours(donor, _phone), self._theirs(contact, "phone", own_id, phone)
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


def contact_home(contact: Contact) -> tuple[str, ...]:
    """The primary address of a contact as it is compared."""
    return _place(contact.primary_address, ADDRESS_LINES)


def _home(donor: Mapping[str, Any]) -> tuple[str, ...]:
    return _place(primary_of(donor.get("donorAddresses")), HOME)


def _place(place: Mapping[str, Any] | None, names: Iterable[str]) -> tuple[str, ...]:
    *lines, country = address_of(place, names)
    return (*lines, COUNTRY_CODES.get(country.casefold(), country))


def _name(donor: Mapping[str, Any]) -> tuple[str, ...]:
    if donor["isOrganization"]:
        return (said(donor.get("organizationName")),)
    return said(donor.get("firstName")), said(donor.get("lastName"))


def _phone(donor: Mapping[str, Any]) -> str:
    primary = primary_of(donor.get("donorPhoneNumbers"))
    return phone_mark(primary["value"]) if primary else ""


def _individual_of(contact: Contact, source: str, donor: Entry) -> dict[str, Any] | None:
    """The person of a contact that a donor is: whom the reference stands for, else by e-mail, by name, or alone."""
    for reference in contact.references:
        if (reference.source, reference.id) == (source, str(donor.record_id)):
            known = contact.individual(reference.individual_id)
            if known is not None:
                return known
    emails = {said(one["value"]).casefold() for one in donor.latest.members.get("donorEmailAddresses") or []}
    for person in contact.individuals:
        if emails & {said(method["value"]).casefold() for method in methods_of(person, "Email")}:
            return person
    for person in contact.individuals:
        if (said(person.get("firstName")), said(person.get("lastName"))) == _name(donor.latest.members):
            return person
    return contact.individuals[0] if len(contact.individuals) == 1 else None


def _compare_emails(raisedonors: RaiseDonorsStore, virtuous: VirtuousStore, result: VirtuousTally) -> None:
    """Find e-mail addresses that donors got although people first wrote them in Virtuous."""
    donors = raisedonors.donors.all_entries()
    first = {email for donor in donors for email in _emails(donor.history[0].members)}
    result.counts["e-mails edited in Virtuous"] = len(set(virtuous.staff_emails) - first)
    for donor in donors:
        later = {email for version in donor.history[1:] for email in _emails(version.members)}
        for email in sorted((later & set(virtuous.staff_emails)) - first):
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
            made.setdefault((_name(began), _home(began), _phone(began)), []).append(donor.record_id)
    result.counts["donors made over the API"] = sum(len(ids) for ids in made.values())
    for ids in made.values():
        if len(ids) > 1:
            result.doubled_donors.append(VirtuousFinding(f"donors {', '.join(map(str, ids))}", "began alike"))
