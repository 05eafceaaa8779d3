"""Finds contacts of the simulated Virtuous by what their people and names are, without looking through all of them."""

from collections.abc import Callable, Iterator
from typing import Any

from ops.simulators.virtuous_records import Contact, methods_of, primary_value

PHONE_DIGITS = 10
Mark = tuple[str, ...]
"""What is looked up: its kind, and the value as it is compared."""


def text_mark(value: Any) -> str:
    """A text as it is compared."""
    return str(value or "").strip().casefold()


def phone_mark(value: Any) -> str:
    """The digits that tell one number from another."""
    return "".join(character for character in str(value or "") if character.isdigit())[-PHONE_DIGITS:]


def marks_of(contact: Contact) -> set[Mark]:
    """All that a contact can be found by."""
    marks: set[Mark] = {("company", text_mark(contact.members.get("name")))}
    for person in contact.individuals:
        marks.add(("person", text_mark(person.get("firstName")), text_mark(person.get("lastName"))))
        marks.add(("phone", phone_mark(primary_value(person, "Phone"))))
        marks |= {("email", text_mark(method["value"])) for method in methods_of(person, "Email")}
    return {mark for mark in marks if any(mark[1:])}


class Directory:
    """Contact ids by mark."""

    def __init__(self, contact_of: Callable[[int], Contact | None]) -> None:
        self._contact_of = contact_of
        self._ids: dict[Mark, set[int]] = {}
        self._marks: dict[int, set[Mark]] = {}

    def note(self, contact: Contact) -> None:
        """Take in a contact that is new or changed."""
        self.forget(contact)
        marks = marks_of(contact)
        self._marks[contact.contact_id] = marks
        for mark in marks:
            self._ids.setdefault(mark, set()).add(contact.contact_id)

    def forget(self, contact: Contact) -> None:
        """Leave a contact out."""
        for mark in self._marks.pop(contact.contact_id, ()):
            self._ids[mark].discard(contact.contact_id)

    def living(self, *mark: str) -> Iterator[Contact]:
        """The contacts with a mark that were not merged into others, by id."""
        for contact_id in sorted(self._ids.get(mark, ())):
            contact = self._contact_of(contact_id)
            if contact is not None and contact.merged_into is None:
                yield contact
