"""Whom a row of the import tool is about: by reference, then by e-mail, phone, or name with address."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from ops.simulators.virtuous_directory import phone_mark, text_mark
from ops.simulators.virtuous_records import Contact, methods_of
from ops.simulators.virtuous_shapes import ADDRESS_LINES
from ops.simulators.virtuous_store import VirtuousStore

NESTED_NAMES = {"type": "contactType", "firstname": "firstName", "middlename": "middleName", "lastname": "lastName"}


class FoundBy(StrEnum):
    """What a contact was found by."""

    ID = "id"
    REFERENCE = "reference"
    EMAIL = "e-mail"
    PHONE = "phone"
    NAME_AND_ADDRESS = "name and address"


def as_contact_row(giver: Mapping[str, Any]) -> dict[str, Any]:
    """The giver of a gift in the shape of a contact row."""
    row = {NESTED_NAMES.get(name, name): value for name, value in giver.items() if name != "address"}
    return {"contactType": "Household", **row, **(giver.get("address") or {})}


def find_contact(store: VirtuousStore, source: str, row: Mapping[str, Any]) -> tuple[Contact, FoundBy] | None:
    """The contact that a row is about; None when nobody fits."""
    own = store.survivor(row.get("id"))
    if own is not None:
        return own, FoundBy.ID
    if row.get("referenceId"):
        referred = store.by_reference(source, row["referenceId"])
        if referred is not None:
            return referred, FoundBy.REFERENCE
    if row.get("email"):
        by_email = store.by_email(row["email"])
        if by_email is not None:
            return by_email, FoundBy.EMAIL
    by_phone = next(store.directory.living("phone", phone_mark(row.get("phone"))), None)
    if by_phone is not None:
        return by_phone, FoundBy.PHONE
    for contact in store.directory.living(*_name_mark_of_row(row)):
        if row.get("address1") and _lives_at(contact, row):
            return contact, FoundBy.NAME_AND_ADDRESS
    return None


def find_individual(contact: Contact, source: str, row: Mapping[str, Any]) -> dict[str, Any] | None:
    """The person of a contact that a row is about; None for one whom the contact does not have yet.

    Whom the reference stood for, then by e-mail or name; a reference that stood for nobody means the one who is left.
    """
    wanted = [one.individual_id for one in contact.references if (one.source, one.id) == (source, _reference(row))]
    known = contact.individual(wanted[0]) if wanted else None
    if known is not None:
        return known
    email = str(row.get("email") or "").casefold()
    for person in contact.individuals:
        if email and any(method["value"].casefold() == email for method in methods_of(person, "Email")):
            return person
    for person in contact.individuals:
        if _name_mark(person) == _name_mark(row) != ("", ""):
            return person
    if not contact.is_household:
        return next(iter(contact.individuals), None)
    taken = {one.individual_id for one in contact.references}
    left = [person for person in contact.individuals if person["id"] not in taken]
    return left[0] if wanted and len(left) == 1 else None


def _reference(row: Mapping[str, Any]) -> str:
    return str(row.get("referenceId") or "")


def _name_mark_of_row(row: Mapping[str, Any]) -> tuple[str, ...]:
    if row.get("contactType") == "Household":
        return ("person", *_name_mark(row))
    return "company", text_mark(row.get("name"))


def _lives_at(contact: Contact, row: Mapping[str, Any]) -> bool:
    primary = contact.primary_address or {}
    names = [name for name in ADDRESS_LINES if row.get(name) and name != "country"]
    return all(text_mark(primary.get(name)) == text_mark(row[name]) for name in names)


def _name_mark(person: Mapping[str, Any]) -> tuple[str, str]:
    return text_mark(person.get("firstName")), text_mark(person.get("lastName"))
