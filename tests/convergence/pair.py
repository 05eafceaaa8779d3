"""A donor and their contact, for short stories of edits on both sides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ops.simulators.virtuous_import import ImportChoices
from ops.simulators.virtuous_records import HeldRow
from tests.virtuous_bench import HOME, VirtuousBench

PHONES = {"A": "205-555-0100", "B": "205-555-0101", "C": "205-555-0102", "D": "205-555-0103"}


class Pair:
    """A donor and their contact, known to each other; or a donor whom Virtuous does not know yet."""

    def __init__(self, tested: VirtuousBench, winner: str, *, is_known: bool = True) -> None:
        self.tested = tested
        store = tested.bench.raisedonors.store
        own = {"firstName": "Ada", "lastName": "Ames", "email": "ada@example.org", "phone": PHONES["A"]}
        self.donor_id = store.add("donor", {**own, "primaryAddress": {**HOME, "countryString": "USA"}})
        if is_known:
            tested.link(self.donor_id)
        tested.bench.settings(
            virtuous={"conflicts": dict.fromkeys(("name", "address", "phone"), winner), "sync_projects": False}
        )
        self.pickup()
        tested.settle(2)

    def on_raisedonors(self, **members: Any) -> None:
        self.tested.bench.clock.advance(30)
        self.tested.bench.raisedonors.store.edit("donor", self.donor_id, members)

    def in_virtuous(self, **members: Any) -> None:
        self.tested.bench.clock.advance(30)
        address = {"address": members.pop("address")} if "address" in members else {}
        contact_id = self.tested.contact_of(self.donor_id).contact_id
        self.tested.virtuous.staff.edit_contact(contact_id, {"individual": members, **address})

    def pickup(self) -> None:
        self.tested.bench.pickup()

    def hand_over(self) -> None:
        """An edit is picked up, and its row handed to the import tool, which holds it."""
        self.pickup()
        self.tested.batch()

    def look(self) -> None:
        self.tested.webhooks()
        self.tested.bench.clock.advance(5)

    def import_rows(self, take: Callable[[HeldRow], bool] | None = None) -> None:
        self.tested.virtuous.run_import(ImportChoices(take=take))
        self.look()

    def end(self) -> None:
        """Days on which nobody edits."""
        for _ in range(2):
            self.tested.day()
            self.tested.bench.clock.advance(3600)

    def said(self, name: str) -> tuple[str, str]:
        """A member on both sides."""
        donor, [person] = self.tested.donor(self.donor_id), self.tested.contact_of(self.donor_id).individuals
        if name != "phone":
            return str(donor[name]), str(person[name])
        [here] = [one["value"] for one in donor["donorPhoneNumbers"] if one["isPrimary"]]
        there = [one["value"] for one in person["contactMethods"] if one["isPrimary"] and one["type"] == "Home Phone"]
        return str(here), there[0]

    def streets(self) -> tuple[str, str]:
        """The street on both sides."""
        donor, contact = self.tested.donor(self.donor_id), self.tested.contact_of(self.donor_id)
        [here] = [one["address1"] for one in donor["donorAddresses"] if one["isPrimary"]]
        return str(here), str((contact.primary_address or {})["address1"])

    def rows(self, name: str) -> list[str | None]:
        """A member of each row that the import tool was handed."""
        return [row.row.get(name) for row in self.tested.virtuous.store.rows]

    def conflicts(self) -> list[dict[str, Any]]:
        """What was told of conflicts."""
        lines = self.tested.bench.rows("ActivityTable")
        return [one for line in lines for one in (line.get("details") or {}).get("conflicts", [])]
