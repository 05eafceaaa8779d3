"""What both sides say of a donor, read straight from the simulators in a notation of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ops.simulators.virtuous_population import OUR_SOURCE
from ops.simulators.virtuous_records import Contact, methods_of
from tests.virtuous_bench import VirtuousBench

FIRST, LAST, ORGANIZATION, ADDRESS, PHONE = "first name", "last name", "organization", "address", "phone"
LINES = ("address1", "address2", "city", "state", "postal")
Said = dict[str, str]


@dataclass(frozen=True)
class Subject:
    """A donor who is edited on both sides."""

    donor_id: int
    is_organization: bool = False

    @property
    def groups(self) -> tuple[str, ...]:
        names = (ORGANIZATION,) if self.is_organization else (FIRST, LAST)
        return (*names, ADDRESS, PHONE)


def contact_of(tested: VirtuousBench, subject: Subject) -> Contact | None:
    """The contact that carries the donor's reference."""
    return tested.virtuous.store.by_reference(OUR_SOURCE, str(subject.donor_id))


def person_of(contact: Contact, subject: Subject) -> dict[str, Any] | None:
    """The individual whom the donor's reference stands for."""
    if subject.is_organization:
        return contact.primary_individual
    named = [one.individual_id for one in contact.references if one.id == str(subject.donor_id)]
    return contact.individual(named[0]) if named else None


def said_by_raisedonors(tested: VirtuousBench, subject: Subject) -> Said:
    """The donor's values, one text a group; a group that is empty is an empty text."""
    donor = tested.donor(subject.donor_id)
    addresses = [one for one in donor["donorAddresses"] if one["isPrimary"]]
    phones = [one["value"] for one in donor["donorPhoneNumbers"] if one["isPrimary"]]
    names = {FIRST: donor.get("firstName"), LAST: donor.get("lastName"), ORGANIZATION: donor.get("organizationName")}
    return _said(subject, names, addresses[0] if addresses else {}, phones[0] if phones else "")


def said_by_virtuous(tested: VirtuousBench, subject: Subject) -> Said | None:
    """The same of the contact; None while there is none."""
    contact = contact_of(tested, subject)
    if contact is None:
        return None
    person = person_of(contact, subject) or {}
    names = {FIRST: person.get("firstName"), LAST: person.get("lastName"), ORGANIZATION: contact.members.get("name")}
    phones = [one["value"] for one in methods_of(person, "Phone") if one["isPrimary"]] if person else []
    return _said(subject, names, contact.primary_address or {}, phones[0] if phones else "")


def emails_in_virtuous(tested: VirtuousBench, subject: Subject) -> set[str]:
    """All e-mail addresses of the individual."""
    contact = contact_of(tested, subject)
    person = person_of(contact, subject) if contact else None
    return {str(one["value"]).lower() for one in methods_of(person, "Email")} if person else set()


def emails_on_raisedonors(tested: VirtuousBench, subject: Subject) -> list[str]:
    """The donor's e-mail addresses, the primary one first."""
    entries = sorted(tested.donor(subject.donor_id)["donorEmailAddresses"], key=lambda one: not one["isPrimary"])
    return [str(one["value"]).lower() for one in entries]


def place(address: dict[str, Any]) -> str:
    """An address as one text."""
    lines = [" ".join(str(address.get(name) or "").split()) for name in LINES]
    return " / ".join(lines) if any(lines) else ""


def number(phone: str) -> str:
    """A US phone as its ten digits."""
    return "".join(letter for letter in str(phone) if letter.isdigit())[-10:]


def _said(subject: Subject, names: dict[str, Any], address: dict[str, Any], phone: str) -> Said:
    said = {name: " ".join(str(value or "").split()) for name, value in names.items()}
    return {**{n: said[n] for n in subject.groups if n in said}, ADDRESS: place(address), PHONE: number(phone)}


def said_by_row(row: dict[str, Any], *, is_organization: bool) -> Said:
    """What a row of the import tool says; what it leaves out is an empty text."""
    names = (
        {ORGANIZATION: row.get("name")} if is_organization else {FIRST: row.get("firstName"), LAST: row.get("lastName")}
    )
    said = {name: " ".join(str(value or "").split()) for name, value in names.items()}
    return {**said, ADDRESS: place(row), PHONE: number(row.get("phone") or "")}
