"""Edits of donors: new names, addresses, phones and e-mail addresses, and the way back from one."""

import random
from collections.abc import Callable
from datetime import datetime
from typing import Any

from ops.simulators.population_people import FIRST_NAMES, LAST_NAMES, STREETS, US_CITIES
from ops.simulators.raisedonors_records import Entry, Version, just_after
from ops.simulators.raisedonors_store import RaiseDonorsStore

EDITS = ("renamed", "moved", "phone", "email", "there_and_back", "reverted")
"""`there_and_back` changes a phone and changes it back at once; `reverted` takes back the last edit."""
GROUPS = {
    "name": ("firstName", "lastName", "organizationName"),
    "address": ("donorAddresses",),
    "phone": ("donorPhoneNumbers",),
    "email": ("donorEmailAddresses",),
}
"""What an edit can be about, and the members of a donor that it changes."""


class DonorEdits:
    """Edits the donors of a population."""

    def __init__(self, chance: random.Random, raisedonors: RaiseDonorsStore) -> None:
        self._chance = chance
        self._raisedonors = raisedonors

    def can(self, edit: str, donor: Entry) -> bool:
        """Whether a donor can be edited so."""
        return edit != "reverted" or _before_last_edit(donor) is not None

    def apply(self, edit: str, donor: Entry, moment: datetime) -> None:
        """Edit a donor in one of the ways of EDITS."""
        changes: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "renamed": self._renamed,
            "moved": self._moved,
            "phone": self._phone,
            "there_and_back": self._phone,
            "email": lambda members: self._email(donor.record_id, members),
            "reverted": lambda _: _before_last_edit(donor) or {},
        }
        before = donor.latest.members
        self._write(donor, changes[edit](before), moment)
        if edit == "there_and_back":
            self._write(donor, {"donorPhoneNumbers": before["donorPhoneNumbers"]}, moment)

    def _write(self, donor: Entry, members: dict[str, Any], moment: datetime) -> None:
        self._raisedonors.edit("donor", donor.record_id, members, modified=just_after(donor, moment))

    def _renamed(self, donor: dict[str, Any]) -> dict[str, Any]:
        if donor["isOrganization"]:
            return {"organizationName": f"{donor['organizationName']} & Friends"}
        others = [name for name in LAST_NAMES if name != donor.get("lastName")]
        first = donor.get("firstName") or self._chance.choice(FIRST_NAMES)
        return {"firstName": first, "lastName": self._chance.choice(others)}

    def _moved(self, donor: dict[str, Any]) -> dict[str, Any]:
        city, state, postal = self._chance.choice(US_CITIES)
        place = {
            "address1": f"{self._chance.randint(40000, 49999)} {self._chance.choice(STREETS)}", "address2": None,
            "city": city, "state": state, "postal": postal, "countryString": "USA",
        }  # fmt: skip
        return {"donorAddresses": self._with_primary(donor["donorAddresses"], place)}

    def _phone(self, donor: dict[str, Any]) -> dict[str, Any]:
        # An area code that the population's own numbers do not reach.
        value = f"989-555-01{self._chance.randint(0, 99):02d}"
        return {"donorPhoneNumbers": self._with_primary(donor["donorPhoneNumbers"], {"value": value})}

    def _email(self, donor_id: int, donor: dict[str, Any]) -> dict[str, Any]:
        value = f"moved.{donor_id}.{self._chance.randint(1, 99999)}@example.org"
        return {"donorEmailAddresses": self._with_primary(donor["donorEmailAddresses"], {"value": value})}

    def _with_primary(self, entries: list[dict[str, Any]], changes: dict[str, Any]) -> list[dict[str, Any]]:
        if not any(entry["isPrimary"] for entry in entries):
            return [{"id": self._raisedonors.new_detail_id(), **changes, "isPrimary": True}, *entries]
        return [{**entry, **changes} if entry["isPrimary"] else entry for entry in entries]


def edited_groups(before: Version, after: Version) -> frozenset[str]:
    """What a donor's edit was about; nothing for a write that leaves name, address, phone and e-mail alone."""
    return frozenset(
        group
        for group, names in GROUPS.items()
        if any(before.members.get(name) != after.members.get(name) for name in names)
    )


def _before_last_edit(donor: Entry) -> dict[str, Any] | None:
    for before, after in reversed(list(zip(donor.history, donor.history[1:], strict=False))):
        groups = edited_groups(before, after)
        if groups:
            return {name: before.members.get(name) for group in groups for name in GROUPS[group]}
    return None
