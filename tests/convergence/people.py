"""The donors and contacts of an interleaving, and what persons do to them on both sides."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from ops.simulators.virtuous_population import OUR_SOURCE
from tests.convergence.looking import (
    ADDRESS,
    FIRST,
    LAST,
    ORGANIZATION,
    PHONE,
    Said,
    Subject,
    contact_of,
    emails_on_raisedonors,
    number,
    person_of,
    place,
    said_by_raisedonors,
    said_by_virtuous,
)
from tests.convergence.oracle import RAISEDONORS, VIRTUOUS, Oracle
from tests.virtuous_bench import VirtuousBench

FIRSTS = ("Ada", "Bo", "Cyd", "Dee", "Eli", "Flo", "Gus", "Hal", "Ida", "Jo")
LASTS = ("Ames", "Boyd", "Cole", "Dorr", "Egan", "Ford", "Gale", "Hart", "Ivey", "Judd")
PLACES = (
    ("7 Quay Rd", None, "Mobile", "AL", "36602"), ("8 Hill St", "Apt 2", "Ogden", "UT", "84401"),
    ("9 Lake Ave", None, "Erie", "PA", "16501"), ("10 Bay Ct", None, "Salem", "OR", "97301"),
    ("11 Elm Dr", "Unit 5", "Akron", "OH", "44301"), ("12 Oak Ln", None, "Waco", "TX", "76701"),
    ("13 Fir Way", None, "Boise", "ID", "83701"), ("14 Ash Pl", "Floor 3", "Tulsa", "OK", "74101"),
)  # fmt: skip


def address(lines: tuple[str | None, ...], country: str) -> dict[str, Any]:
    """An address as either side takes it; who calls says what its country member is called."""
    names = ("address1", "address2", "city", "state", "postal")
    return {**dict(zip(names, lines, strict=True)), country: "USA" if country == "countryString" else "US"}


class People:
    """Everybody who is edited, and the edits. An edit that would change nothing is none."""

    def __init__(self, chance: random.Random, tested: VirtuousBench, oracle: Oracle) -> None:
        self.chance, self.tested, self.oracle = chance, tested, oracle
        self.subjects: list[Subject] = []
        self.added_people: list[tuple[int, int]] = []
        self._emails = 0
        one, two, three = (self._person(n) for n in range(3))
        self.tested.link(one.donor_id)
        self._household(two, three)
        organization = self._organization(3)
        self.tested.link(organization.donor_id, contactType="Organization", name="Works 3")
        self._person(4)  # Virtuous does not know them: the import is going to make their contact.

    def begin(self) -> None:
        """The oracle learns how it all begins."""
        for subject in self.subjects:
            ours = said_by_raisedonors(self.tested, subject)
            self.oracle.begins(subject, ours, said_by_virtuous(self.tested, subject))

    def mates_of(self, donor_id: int) -> list[Subject]:
        """The other donors of the same contact."""
        own = contact_of(self.tested, self.oracle.subjects[donor_id])
        others = (one for one in self.subjects if one.donor_id != donor_id)
        return [one for one in others if own is not None and contact_of(self.tested, one) is own]

    # --- edits ----------------------------------------------------------------------------------------------

    def edit(self, side: str, subject: Subject, group: str, value: str | None = None) -> bool:
        """A person changes a field; without a value to one that chance picks. Whether anything changed."""
        said = (said_by_raisedonors if side == RAISEDONORS else said_by_virtuous)(self.tested, subject)
        if said is None:
            return False
        new = self._value(subject, group) if value is None else value
        if said[group] == new:
            return False
        act = self._on_raisedonors if side == RAISEDONORS else self._in_virtuous
        act(subject, group, new)
        mates = self.mates_of(subject.donor_id) if side == VIRTUOUS and group == ADDRESS else []
        for one in (subject, *mates):
            self.oracle.edited(side, one, group, new)
        return True

    def edit_back(self, side: str, subject: Subject, group: str) -> bool:
        """A person sets a field back to what it once was, on either side."""
        key = subject.donor_id, group
        past = {value for side_ in (RAISEDONORS, VIRTUOUS) for value in self.oracle.was_since(side_, key, 0)}
        former = sorted(value for value in past if value)
        return bool(former) and self.edit(side, subject, group, self.chance.choice(former))

    def edit_both(self, subject: Subject, group: str) -> bool:
        """The same edit on both sides."""
        value = self._value(subject, group)
        done = self.edit(RAISEDONORS, subject, group, value)
        return self.edit(VIRTUOUS, subject, group, value) or done

    def empty(self, side: str, subject: Subject) -> bool:
        """A person takes a phone away."""
        return self.edit(side, subject, PHONE, "")

    def email(self, side: str, subject: Subject) -> bool:
        """A new e-mail address."""
        self._emails += 1
        new = f"{side}.{subject.donor_id}.{self._emails}@example.org"
        if side == RAISEDONORS:
            self._store_edit(subject, {"email": new})
            return True
        contact = contact_of(self.tested, subject)
        if contact is None:
            return False
        person = person_of(contact, subject) or {}
        self._staff_edit(contact.contact_id, {"individual": {"individualId": person["id"], "email": new}})
        return True

    def tag(self, subject: Subject) -> bool:
        """Something that does not travel changes in Virtuous."""
        contact = contact_of(self.tested, subject)
        if contact is not None:
            self._staff_edit(contact.contact_id, {"tags": [f"Tag {self.chance.randint(1, 99)}"]})
        return contact is not None

    def add_person(self) -> bool:
        """Staff adds somebody to a household who is no donor yet."""
        contact = contact_of(self.tested, self.subjects[1])
        if contact is None or self.added_people:
            return False
        members = {"firstName": "Kit", "lastName": "Newell", "email": "kit.newell@example.net"}
        own = self.tested.virtuous.staff.add_individual(contact.contact_id, members)
        self.added_people.append((contact.contact_id, own))
        return True

    # --- putting values in ----------------------------------------------------------------------------------

    def _value(self, subject: Subject, group: str) -> str:
        if group == FIRST:
            return self.chance.choice(FIRSTS)
        if group == LAST:
            return self.chance.choice(LASTS)
        if group == ORGANIZATION:
            return f"{self.chance.choice(LASTS)} Works"
        if group == ADDRESS:
            return place(address(self.chance.choice(PLACES), "country"))
        return f"3345{subject.donor_id % 100:02d}01{self.chance.randint(0, 19):02d}"

    def _on_raisedonors(self, subject: Subject, group: str, value: str) -> None:
        members = {FIRST: "firstName", LAST: "lastName", ORGANIZATION: "organizationName"}
        if group == ADDRESS:
            changes: dict[str, Any] = {"primaryAddress": address(_lines(value), "countryString")}
        elif group == PHONE:
            changes = {"phone": self._spelled(value)}
        else:
            changes = {members[group]: value}
        self._store_edit(subject, changes)

    def _in_virtuous(self, subject: Subject, group: str, value: str) -> None:
        contact = contact_of(self.tested, subject)
        if contact is None:
            raise LookupError(f"no contact of donor {subject.donor_id}")
        person = person_of(contact, subject) or {}
        members = {FIRST: "firstName", LAST: "lastName", PHONE: "phone"}
        changes: dict[str, Any] = {"name": value}
        if group == ADDRESS:
            changes = {"address": address(_lines(value), "country")}
        elif group in members:
            told = self._spelled(value) if group == PHONE else value
            changes = {"individual": {"individualId": person["id"], members[group]: told}}
        self._staff_edit(contact.contact_id, changes)

    def _store_edit(self, subject: Subject, changes: dict[str, Any]) -> None:
        self.tested.bench.raisedonors.store.edit("donor", subject.donor_id, changes)

    def _staff_edit(self, contact_id: int, changes: dict[str, Any]) -> None:
        staff = self.tested.virtuous.staff
        act: Callable[..., None] = self.chance.choice((staff.edit_contact, staff.edit_by_third_party))
        act(contact_id, changes)

    def _spelled(self, phone: str) -> str:
        """The same number in one of the ways in which people write it."""
        if not phone:
            return ""
        area, exchange, line = phone[:3], phone[3:6], phone[6:]
        ways = (f"({area}) {exchange}-{line}", f"{area}-{exchange}-{line}", f"+1 {area} {exchange} {line}")
        return self.chance.choice(ways)

    # --- making them ----------------------------------------------------------------------------------------

    def _person(self, n: int) -> Subject:
        return self._donor(n, {"firstName": FIRSTS[n], "lastName": LASTS[n]})

    def _organization(self, n: int) -> Subject:
        return self._donor(
            n, {"isOrganization": True, "organizationName": f"Works {n}", "firstName": None, "lastName": None}
        )

    def _donor(self, n: int, names: dict[str, Any]) -> Subject:
        own = {
            **names,
            "email": f"donor{n}@example.org",
            "phone": f"205-555-01{n:02d}",
            "primaryAddress": address(PLACES[n], "countryString"),
        }
        made = self.tested.bench.raisedonors.store.add("donor", own)
        self.subjects.append(Subject(made, bool(names.get("isOrganization"))))
        return self.subjects[-1]

    def _household(self, one: Subject, other: Subject) -> None:
        """Two donors of one household live at one place."""
        shared = address(PLACES[1], "countryString")
        self.tested.bench.raisedonors.store.edit("donor", other.donor_id, {"primaryAddress": shared})
        people = [self._as_individual(subject) for subject in (one, other)]
        references = [{"source": OUR_SOURCE, "id": str(subject.donor_id)} for subject in (one, other)]
        home = address(PLACES[1], "country")
        given = {"contactIndividuals": people, "address": home, "contactReferences": references}
        self.tested.virtuous.staff.add_contact(given)

    def _as_individual(self, subject: Subject) -> dict[str, Any]:
        said: Said = said_by_raisedonors(self.tested, subject)
        [email] = emails_on_raisedonors(self.tested, subject)
        return {"firstName": said[FIRST], "lastName": said[LAST], "phone": number(said[PHONE]), "email": email}


def _lines(text: str) -> tuple[str | None, ...]:
    return tuple(part or None for part in text.split(" / "))
