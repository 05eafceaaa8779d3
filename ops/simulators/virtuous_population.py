"""Contacts in Virtuous that fit the donors of RaiseDonors: linked, not linked yet, in pairs, unknown, and strangers."""

import random
from collections import Counter
from dataclasses import dataclass
from typing import Any

from ops.simulators.population_codes import FUNDS
from ops.simulators.population_people import FIRST_NAMES, People, Person, other_notation
from ops.simulators.raisedonors_records import Entry
from ops.simulators.raisedonors_store import RaiseDonorsStore
from ops.simulators.raisedonors_wire import complete_donor
from ops.simulators.virtuous_shapes import PROJECT_FLAGS
from ops.simulators.virtuous_staff import Staff
from ops.simulators.virtuous_store import VirtuousStore

OUR_SOURCE = "Legacy RaiseDonors"
PERSON_KINDS = {"linked": 40, "linked_loosely": 10, "couple": 10, "not_linked": 10, "unknown": 30}
"""What the contact of a person can be. `couple` adds a second donor, who shares the contact; `unknown` is none."""
ORGANISATION_KINDS = {"organisation": 2, "foundation": 1, "unknown": 1}
STRANGER_KINDS = ("stranger", "elsewhere")
"""Contacts that are none of ours: without a reference, or with one of another source."""


@dataclass(frozen=True, slots=True)
class MadeContact:
    """A contact of the population, with the donors it stands for; an id of 0 stands for none."""

    contact_id: int
    kind: str
    donor_ids: tuple[int, ...]


class VirtuousPopulation:
    """Fills Virtuous beside a RaiseDonors that has donors already. The same seed makes the same content."""

    def __init__(
        self, seed: int, raisedonors: RaiseDonorsStore, virtuous: VirtuousStore, source: str = OUR_SOURCE
    ) -> None:
        self._chance = random.Random(seed)
        self._raisedonors = raisedonors
        self._virtuous = virtuous
        self._staff = Staff(virtuous)
        self._source = source
        self._people = People(self._chance)
        self.contacts: list[MadeContact] = []

    @property
    def counts(self) -> Counter[str]:
        """How many contacts of each kind were made; `unknown` are the donors without one."""
        return Counter(made.kind for made in self.contacts)

    def build(self, *, strangers: int = 10) -> Counter[str]:
        """Make projects, a contact for each donor as chance decides, and strangers."""
        seed_virtuous_projects(self._virtuous)
        undrawn = {False: list(PERSON_KINDS), True: list(ORGANISATION_KINDS)}
        for donor in list(self._raisedonors.donors.visible()):
            is_organisation = bool(donor.latest.members["isOrganization"])
            weights, open_kinds = (ORGANISATION_KINDS if is_organisation else PERSON_KINDS), undrawn[is_organisation]
            # Every kind occurs once before chance decides.
            kind = open_kinds.pop(0) if open_kinds else self._drawn(weights)
            self.make_contact(donor, kind)
        for n in range(strangers):
            self.make_stranger(STRANGER_KINDS[n % len(STRANGER_KINDS)])
        return self.counts

    def make_contact(self, donor: Entry, kind: str) -> MadeContact:
        """The contact of a donor."""
        with self._raisedonors.lock, self._virtuous.lock:
            donor_ids: tuple[int, ...] = (donor.record_id,)
            contact_id = 0
            if kind != "unknown":
                members, donor_ids = self._members(donor, kind)
                contact_id = self._staff.add_contact(members, kind=kind).contact_id
            made = MadeContact(contact_id, kind, donor_ids)
            self.contacts.append(made)
            return made

    def make_contact_of(self, donor_id: int, kind: str) -> MadeContact:
        """The contact of the donor with this id."""
        return self.make_contact(self._raisedonors.donors.entry(donor_id), kind)

    def make_stranger(self, kind: str) -> MadeContact:
        """A contact that does not concern us."""
        person = self._people.person()
        references = [{"source": "Donor Portal", "id": str(person.serial)}] if kind == "elsewhere" else []
        members = {
            "contactIndividuals": [_stranger(person)], "contactReferences": references,
            "address": _address({**(person.address() or {}), "address1": f"{70000 + person.serial} Far Road"}),
        }  # fmt: skip
        contact = self._staff.add_contact(members, kind=kind)
        made = MadeContact(contact.contact_id, kind, ())
        self.contacts.append(made)
        return made

    def _members(self, donor: Entry, kind: str) -> tuple[dict[str, Any], tuple[int, ...]]:
        shown = complete_donor(donor.record_id, donor.latest.members)
        individual = _individual(shown)
        donor_ids = [donor.record_id]
        members: dict[str, Any] = {"contactIndividuals": [individual], "tags": ["Monthly"]}
        if kind in ("organisation", "foundation"):
            kind_name = "Organization" if kind == "organisation" else "Foundation"
            members |= {"contactType": kind_name, "name": shown.get("organizationName")}
        elif kind == "linked_loosely" and individual.get("phone"):
            individual["phone"] = other_notation(individual["phone"])
        elif kind == "couple":
            spouse_id = self._spouse(shown)
            spouse = complete_donor(spouse_id, self._raisedonors.donors.entry(spouse_id).latest.members)
            members["contactIndividuals"] = [individual, {**_individual(spouse), "isSecondary": True}]
            donor_ids.append(spouse_id)
        if shown.get("primaryAddress"):
            members["address"] = _address(shown["primaryAddress"])
        if kind != "not_linked":
            members["contactReferences"] = [{"source": self._source, "id": str(one)} for one in donor_ids]
        return members, tuple(donor_ids)

    def _spouse(self, donor: dict[str, Any]) -> int:
        """A second donor at the same address."""
        first = self._chance.choice([name for name in FIRST_NAMES[:25] if name != donor.get("firstName")])
        address = donor.get("primaryAddress")
        members = {
            "firstName": first, "lastName": donor.get("lastName"), "phone": donor.get("phone"),
            "email": f"spouse.{donor['donorEmailAddresses'][0]['value'] if donor['donorEmailAddresses'] else first}",
        }  # fmt: skip
        if address:
            members["primaryAddress"] = {
                name: value for name, value in address.items() if name not in ("id", "donorId")
            }
        return self._raisedonors.add("donor", members, label="spouse")

    def _drawn(self, weights: dict[str, int]) -> str:
        return self._chance.choices(list(weights), list(weights.values()))[0]


def seed_virtuous_projects(virtuous: VirtuousStore) -> None:
    """Define the projects that both sides have, by code."""
    for code, name in FUNDS.items():
        members = {**dict.fromkeys(PROJECT_FLAGS, False), "isActive": True, "isAvailableOnline": True}
        virtuous.add_project({"name": name, "projectCode": code, "customFields": {}, **members}, {})


def _individual(donor: dict[str, Any]) -> dict[str, Any]:
    names = {"prefix": donor.get("title"), "middleName": donor.get("middleName"), "suffix": donor.get("suffix")}
    own = {name: donor[name] for name in ("firstName", "lastName", "email", "phone") if donor.get(name)}
    return {**names, **own}


def _stranger(person: Person) -> dict[str, Any]:
    return {
        "firstName": person.first_name, "lastName": f"{person.last_name}-Else",
        "phone": f"980-555-01{person.serial % 100:02d}", "email": f"stranger.{person.serial}@example.net",
    }  # fmt: skip


def _address(place: dict[str, Any]) -> dict[str, Any]:
    lines = {name: place.get(name) for name in ("address1", "address2", "city", "state", "postal")}
    return {**lines, "country": place.get("countryString")}
