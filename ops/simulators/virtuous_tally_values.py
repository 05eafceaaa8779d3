"""The fields of donors and contacts that travel, in one notation, and who of a contact's people a donor is."""

from collections.abc import Iterable, Mapping
from typing import Any

from ops.simulators.raisedonors_records import Entry
from ops.simulators.raisedonors_wire import primary_of
from ops.simulators.tally_values import address_of, phone_mark, said
from ops.simulators.virtuous_records import Contact, methods_of
from ops.simulators.virtuous_shapes import ADDRESS_LINES
from ops.simulators.virtuous_wire import COUNTRY_NAMES

HOME = ("address1", "address2", "city", "state", "postal", "countryString")
COUNTRY_CODES = {name.casefold(): code for code, name in COUNTRY_NAMES.items()}


def contact_home(contact: Contact) -> tuple[str, ...]:
    """The primary address of a contact as it is compared."""
    return _place(contact.primary_address, ADDRESS_LINES)


def donor_home(donor: Mapping[str, Any]) -> tuple[str, ...]:
    """The primary address of a donor as it is compared."""
    return _place(primary_of(donor.get("donorAddresses")), HOME)


def home_of(lines: Iterable[Any]) -> tuple[str, ...]:
    """An address as it is compared, from its lines in the order of the wire."""
    return _place(dict(zip(ADDRESS_LINES, lines, strict=True)), ADDRESS_LINES)


def _place(place: Mapping[str, Any] | None, names: tuple[str, ...]) -> tuple[str, ...]:
    *lines, country = address_of(place, names)
    named = said((place or {}).get(names[-1])).casefold()
    return (*lines, country or COUNTRY_CODES.get(named, ""))


def donor_name(donor: Mapping[str, Any]) -> tuple[str, ...]:
    """The name of a donor as it is compared."""
    if donor["isOrganization"]:
        return (said(donor.get("organizationName")),)
    return said(donor.get("firstName")), said(donor.get("lastName"))


def donor_phone(donor: Mapping[str, Any]) -> str:
    """The primary phone of a donor as it is compared."""
    primary = primary_of(donor.get("donorPhoneNumbers"))
    return phone_mark(primary["value"]) if primary else ""


def individual_of(contact: Contact, source: str, donor: Entry) -> dict[str, Any] | None:
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
        if (said(person.get("firstName")), said(person.get("lastName"))) == donor_name(donor.latest.members):
            return person
    return contact.individuals[0] if len(contact.individuals) == 1 else None
