"""What happens in Virtuous: edits by staff and by other integrations, address-correction runs, merges, deletions."""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ops.simulators.population_people import FIRST_NAMES, LAST_NAMES, STREETS, US_CITIES
from ops.simulators.virtuous_population import OUR_SOURCE
from ops.simulators.virtuous_records import STAFF, Contact, JournalLine
from ops.simulators.virtuous_staff import Staff
from ops.simulators.virtuous_store import VirtuousStore
from ops.simulators.virtuous_wire import contact_as_read

TRAVELLING = ("renamed", "moved", "phone", "third_party_moved", "there_and_back", "reverted")
"""Edits of names, the primary address or the primary phone."""
IDLE = ("email", "second_address", "tagged", "phone_removed", "stranger_moved")
"""Edits that must change nothing on RaiseDonors."""
UPHEAVALS = ("individual_added", "merged", "archived", "deleted")
CONTACT_EVENT_KINDS = (*TRAVELLING, *IDLE, *UPHEAVALS)


@dataclass(frozen=True, slots=True)
class MadeContactEvent:
    """Something that happened to a contact; None where there was nothing it could happen to."""

    kind: str
    contact_id: int | None


class VirtuousEvents:
    """Makes things happen to the contacts of a Virtuous."""

    def __init__(
        self,
        seed: int,
        virtuous: VirtuousStore,
        source: str = OUR_SOURCE,
        *,
        may: Callable[[Contact], bool] = lambda _: True,
    ) -> None:
        self._chance = random.Random(seed)
        self._virtuous = virtuous
        self._staff = Staff(virtuous)
        self._source = source
        self._may = may
        """To whom something may happen, where chance picks."""
        self.happened: list[MadeContactEvent] = []

    def happen(self, kind: str, contact_id: int | None = None) -> MadeContactEvent:
        """Let one thing happen, to the contact named or to one that chance picks."""
        if kind not in CONTACT_EVENT_KINDS:
            raise ValueError(f"{kind!r} is not one of {', '.join(CONTACT_EVENT_KINDS)}")
        act: Callable[[Contact], None] = getattr(self, f"_{kind}")
        with self._virtuous.lock:
            contact = self._picked(kind, contact_id)
            if contact is not None:
                act(contact)
        made = MadeContactEvent(kind, None if contact is None else contact.contact_id)
        if contact is not None:
            self.happened.append(made)
        return made

    def ncoa(self, contacts: int, *, bundle: int = 25) -> int:
        """An address-correction run over so many of our contacts, as far as there are so many."""
        with self._virtuous.lock:
            ours = [contact.contact_id for contact in self._living() if self._is_ours(contact)][:contacts]
            return self.correct(ours, bundle=bundle)

    def correct(self, contact_ids: Iterable[int], *, bundle: int = 25) -> int:
        """An address-correction run over these contacts."""
        return self._staff.run_ncoa({number: self._new_place() for number in contact_ids}, bundle=bundle)

    def _picked(self, kind: str, wanted: int | None) -> Contact | None:
        def fits(contact: Contact) -> bool:
            if wanted not in (None, contact.contact_id) or (wanted is None and not self._may(contact)):
                return False
            if kind == "reverted" and self._last_edit(contact) is None:
                return False
            return self._is_ours(contact) != kind.startswith("stranger") and bool(contact.individuals)

        found = [one for one in self._living() if fits(one)]
        return self._chance.choice(found) if found else None

    def _living(self) -> list[Contact]:
        return [one for one in self._virtuous.contacts.values() if one.merged_into is None]

    def _is_ours(self, contact: Contact) -> bool:
        return any(reference.source == self._source for reference in contact.references)

    def _person(self, contact: Contact) -> dict[str, Any]:
        return self._chance.choice(contact.individuals)

    def _new_place(self) -> dict[str, Any]:
        city, state, postal = self._chance.choice(US_CITIES)
        street = f"{self._chance.randint(50000, 59999)} {self._chance.choice(STREETS)}"
        return {"address1": street, "address2": None, "city": city, "state": state, "postal": postal, "country": "US"}

    def _new_phone(self) -> str:
        # An area code that neither the population nor edits on RaiseDonors use.
        return f"988-555-01{self._chance.randint(0, 99):02d}"

    def _renamed(self, contact: Contact) -> None:
        if not contact.is_household:
            self._staff.edit_contact(contact.contact_id, {"name": f"{contact.members['name']} & Partners"})
            return
        person = self._person(contact)
        last = self._chance.choice([name for name in LAST_NAMES if name != person.get("lastName")])
        self._staff.edit_contact(contact.contact_id, {"individual": {"individualId": person["id"], "lastName": last}})

    def _moved(self, contact: Contact) -> None:
        self._staff.edit_contact(contact.contact_id, {"address": self._new_place()})

    def _third_party_moved(self, contact: Contact) -> None:
        self._staff.edit_by_third_party(contact.contact_id, {"address": self._new_place()})

    def _stranger_moved(self, contact: Contact) -> None:
        self._moved(contact)

    def _phone(self, contact: Contact) -> None:
        self._set(contact, self._person(contact)["id"], {"phone": self._new_phone()})

    def _phone_removed(self, contact: Contact) -> None:
        self._set(contact, self._person(contact)["id"], {"phone": ""})

    def _there_and_back(self, contact: Contact) -> None:
        """The address is changed and changed back at once."""
        before = contact.primary_address
        self._moved(contact)
        line = self._virtuous.journal[-1]
        if before is not None and line.field == "address":
            self._revert(contact, line)

    def _reverted(self, contact: Contact) -> None:
        line = self._last_edit(contact)
        if line is not None:
            self._revert(contact, line)

    def _email(self, contact: Contact) -> None:
        value = f"changed.{contact.contact_id}.{self._chance.randint(1, 99999)}@example.net"
        self._set(contact, self._person(contact)["id"], {"email": value})

    def _second_address(self, contact: Contact) -> None:
        self._staff.add_address(contact.contact_id, self._new_place())

    def _tagged(self, contact: Contact) -> None:
        tags = [*contact.members["tags"], f"Called {self._chance.randint(1, 99)} times"]
        self._staff.edit_contact(contact.contact_id, {"tags": tags})

    def _individual_added(self, contact: Contact) -> None:
        first, last = self._chance.choice(FIRST_NAMES), self._chance.choice(LAST_NAMES)
        self._staff.add_individual(contact.contact_id, {"firstName": first, "lastName": last})

    def _merged(self, contact: Contact) -> None:
        """A second contact of the same people is found, and the first is merged into it."""
        shown = contact_as_read(contact)
        people = [
            {**{name: one.get(name) for name in ("prefix", "firstName", "middleName", "lastName", "suffix")},
             **{name: self._value_of(one, name) for name in ("phone", "email")}}
            for one in contact.individuals
        ]  # fmt: skip
        own = {name: shown[name] for name in ("contactType", "name")}
        twin = {**own, "contactIndividuals": people, "address": contact.primary_address}
        self._staff.merge(contact.contact_id, self._staff.add_contact(twin, kind="twin").contact_id)

    def _archived(self, contact: Contact) -> None:
        self._staff.archive(contact.contact_id)

    def _deleted(self, contact: Contact) -> None:
        self._staff.delete(contact.contact_id)

    def _value_of(self, person: dict[str, Any], name: str) -> str | None:
        suffix = name.title()
        methods = [one for one in person["contactMethods"] if one["type"].endswith(suffix) and one["isPrimary"]]
        return str(methods[0]["value"]) if methods else None

    def _set(self, contact: Contact, individual_id: int, members: dict[str, Any]) -> None:
        self._staff.edit_contact(contact.contact_id, {"individual": {"individualId": individual_id, **members}})

    def _last_edit(self, contact: Contact) -> JournalLine | None:
        """The last edit by staff that can be taken back."""
        for line in reversed(self._virtuous.journal):
            if line.contact_id == contact.contact_id and line.by == STAFF and line.at > contact.created:
                is_there = line.individual_id is None or contact.individual(line.individual_id) is not None
                if line.field in ("address", "phone", "name") and line.old and is_there:
                    return line
        return None

    def _revert(self, contact: Contact, line: JournalLine) -> None:
        if line.field == "address":
            names = ("address1", "address2", "city", "state", "postal", "country")
            place = {name: value or None for name, value in zip(names, line.old, strict=True)}
            self._staff.edit_contact(contact.contact_id, {"address": place})
        elif line.field == "phone" and line.individual_id is not None:
            self._set(contact, line.individual_id, {"phone": line.old})
        elif line.individual_id is not None:
            self._set(contact, line.individual_id, {"firstName": line.old[0], "lastName": line.old[1]})
        else:
            self._staff.edit_contact(contact.contact_id, {"name": line.old})
