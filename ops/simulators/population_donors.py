"""Donors on RaiseDonors and who they are in Aegis: known, unknown, alike, doubled, inactive, gone."""

import random
from dataclasses import dataclass, replace
from typing import Any

from ops.simulators.aegis_partners import seed_partner
from ops.simulators.aegis_store import AegisStore
from ops.simulators.aegis_transactions import seed_transaction
from ops.simulators.population_people import People, Person
from ops.simulators.raisedonors_store import RaiseDonorsStore

DONOR_KINDS = {
    "new_person": 26,
    "new_abroad": 5,
    "known_exact": 18,
    "known_loose": 12,
    "known_without_accents": 4,
    "keyed": 8,
    "keyed_gone": 3,
    "keyed_inactive": 3,
    "look_alike": 5,
    "shared_email": 4,
    "several_matches": 4,
    "inactive_match": 3,
    "household": 4,
    "new_organisation": 4,
    "known_organisation": 3,
}
"""The kinds of donors and how often they occur."""

GONE_KEY = "999999"
WITHOUT_ACCENTS = str.maketrans("áéíóúñüöäåøçëŁłŻżó", "aeiounuoaaoceLlZzo")


@dataclass(frozen=True, slots=True)
class MadeDonor:
    """A donor of the population."""

    donor_id: int
    kind: str
    person: Person
    partner_id: str | None = None
    """The active partner in Aegis that the donor is, if there was one from the start."""


class DonorMaker:
    """Puts donors into RaiseDonors and the matching partners into Aegis, and notes who is whom."""

    def __init__(self, chance: random.Random, raisedonors: RaiseDonorsStore, aegis: AegisStore) -> None:
        self._chance = chance
        self.people = People(chance)
        self._raisedonors = raisedonors
        self._aegis = aegis

    def make(self, kind: str) -> MadeDonor:
        """One donor of a kind."""
        maker = getattr(self, f"_{kind}", None)
        if kind not in DONOR_KINDS or maker is None:
            raise ValueError(f"{kind!r} is not one of {', '.join(DONOR_KINDS)}")
        made: MadeDonor = maker(kind)
        return made

    def add_donor(
        self, kind: str, person: Person, *, partners: frozenset[str] | None = frozenset(), **members: Any
    ) -> MadeDonor:
        """Add a donor; `partners` are the IDs it may become, empty for a new one, None where both would be right."""
        donor_id = self._raisedonors.add("donor", {**person.donor(), **members}, label=kind)
        if partners is not None:
            self._raisedonors.expected_partners[donor_id] = partners
        only = next(iter(partners)) if partners and len(partners) == 1 else None
        return MadeDonor(donor_id, kind, person, only)

    def _new_person(self, kind: str) -> MadeDonor:
        return self.add_donor(kind, self.people.person())

    def _new_abroad(self, kind: str) -> MadeDonor:
        return self.add_donor(kind, self.people.person(abroad=True))

    def _new_organisation(self, kind: str) -> MadeDonor:
        return self.add_donor(kind, self.people.organisation())

    def _known_exact(self, kind: str) -> MadeDonor:
        person = self.people.person()
        partner_id = self._partner(person, MailCode="A7", SpouseNickname="Bo", NoMail=True)
        self._history(partner_id)
        return self.add_donor(kind, person, partners=frozenset({partner_id}))

    def _known_loose(self, kind: str) -> MadeDonor:
        person = self.people.person(plain=True)
        partner_id = self._partner(person.spelled_loosely())
        return self.add_donor(kind, person, partners=frozenset({partner_id}))

    def _known_without_accents(self, kind: str) -> MadeDonor:
        person = replace(self.people.person(), first_name="José", last_name="Núñez")
        plain = replace(
            person,
            first_name=person.first_name.translate(WITHOUT_ACCENTS),
            last_name=person.last_name.translate(WITHOUT_ACCENTS),
        )
        self._partner(plain)
        # Aegis' search by name does not find it, its search by e-mail does: found or made anew, both are right.
        return self.add_donor(kind, person, partners=None)

    def _known_organisation(self, kind: str) -> MadeDonor:
        organisation = self.people.organisation()
        partner_id = self._partner(organisation)
        return self.add_donor(kind, organisation, partners=frozenset({partner_id}))

    def _keyed(self, kind: str) -> MadeDonor:
        person = self.people.person()
        partner_id = self._partner(replace(person, email=None, phone=None))
        return self.add_donor(kind, person, partners=frozenset({partner_id}), crmKey=partner_id)

    def _keyed_gone(self, kind: str) -> MadeDonor:
        return self.add_donor(kind, self.people.person(), crmKey=GONE_KEY)

    def _keyed_inactive(self, kind: str) -> MadeDonor:
        person = self.people.person()
        partner_id = self._partner(person, IsActive=False)
        return self.add_donor(kind, person, crmKey=partner_id)

    def _look_alike(self, kind: str) -> MadeDonor:
        person = self.people.person(plain=True)
        longer = replace(person, last_name=f"{person.last_name}man", email=f"{person.email}.au", phone=None)
        namesake = replace(
            person, email=f"other.{person.email}", phone=None, address1=f"{90000 + person.serial} Elm Street"
        )
        alike = frozenset({self._partner(longer), self._partner(namesake)})
        made = self.add_donor(kind, person)
        self._raisedonors.foreign_partners[made.donor_id] = alike
        return made

    def _shared_email(self, kind: str) -> MadeDonor:
        person = self.people.person(plain=True)
        other = replace(self.people.spouse_of(person), email=person.email)
        others = frozenset({self._partner(other)})
        made = self.add_donor(kind, person, partners=frozenset({self._partner(person)}))
        self._raisedonors.foreign_partners[made.donor_id] = others
        return made

    def _several_matches(self, kind: str) -> MadeDonor:
        person = self.people.person(plain=True)
        copies = self._chance.choice((2, 2, 3))
        dates = [f"20{10 + n}-03-0{n + 1}T09:00:00-07:00" for n in range(copies)]
        ids = frozenset(self._partner(person, MemberDate=date) for date in dates)
        return self.add_donor(kind, person, partners=ids)

    def _inactive_match(self, kind: str) -> MadeDonor:
        person = self.people.person(plain=True)
        self._partner(person, IsActive=False)
        return self.add_donor(kind, person)

    def _household(self, kind: str) -> MadeDonor:
        person = self.people.person(plain=True)
        spouse = self.people.spouse_of(person)
        partner_id = self._partner(person, Spouse=spouse.first_name, SpouseLastName=spouse.last_name)
        if self._chance.random() < 0.5:
            return self.add_donor(kind, spouse)
        return self.add_donor(kind, person, partners=frozenset({partner_id}))

    def _partner(self, person: Person, **members: Any) -> str:
        year = self._chance.randint(2008, 2022)
        return seed_partner(self._aegis, {"MemberDate": f"{year}-05-14T08:00:00-06:00", **person.partner(), **members})

    def _history(self, partner_id: str) -> None:
        for n in range(self._chance.randint(0, 3)):
            seed_transaction(
                self._aegis,
                {
                    "PartnerID": partner_id,
                    "TransactionDate": f"202{n}-11-2{n}T12:00:00-07:00",
                    "AppealCode": "LETTER3",
                    "Gifts": [{"Amount": self._chance.choice((25, 50, 100)), "FundID": "GEN"}],
                },
            )
