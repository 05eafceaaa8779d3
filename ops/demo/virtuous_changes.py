"""What happens in Virtuous on a busy day, and on both sides at once: which edits, and to whom."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

from ops.simulators.aegis_store import AegisStore
from ops.simulators.population import Population
from ops.simulators.population_events import DONOR_ID
from ops.simulators.raisedonors_records import just_after
from ops.simulators.raisedonors_store import RaiseDonorsStore
from ops.simulators.raisedonors_wire import primary_of
from ops.simulators.virtuous import VirtuousSimulator
from ops.simulators.virtuous_events import VirtuousEvents
from ops.simulators.virtuous_outbox import Mishap
from ops.simulators.virtuous_population import OUR_SOURCE
from ops.simulators.virtuous_records import IMPORT, Contact, primary_value

FORENOON = (
    "renamed", "moved", "phone", "third_party_moved", "there_and_back", "email", "second_address", "tagged",
    "phone_removed", "individual_added", "stranger_moved", "merged", "archived", "both_theirs", "both_ours",
    "project_renamed", "project_added", "unheard", "import_to_come",
)  # fmt: skip
NOON = ("moved", "phone", "reverted", "both_theirs", "email")
AFTERNOON = ("reverted", "moved", "phone", "renamed", "merged", "both_ours", "both_theirs")
SHARE = 280
"""So many donations bring one change of each kind with them."""
MOST_BACK = 3
"""So many phones on each side are set back to what we once wrote."""
SECOND_THOUGHT = 1.4
"""Seconds between two edits of one field on two sides: times of modification are coarse."""
Act = Callable[[], object]


class VirtuousChanges:
    """The changes of one day that begin in Virtuous, or on both sides, played one by one."""

    def __init__(
        self,
        seed: int,
        raisedonors: RaiseDonorsStore,
        aegis: AegisStore,
        virtuous: VirtuousSimulator,
        population: Population,
    ) -> None:
        self._chance = random.Random(seed)  # noqa: S311 - the same seed plays the same day
        self._raisedonors, self._aegis, self._virtuous = raisedonors, aegis, virtuous
        self._population = population
        self.events = VirtuousEvents(seed, virtuous.store, may=self._may)
        self.spared: Collection[int] = frozenset()
        """Contacts of the storm: nothing else happens to them."""
        self.unheard: list[int] = []
        """Contacts whose webhooks get lost."""
        self.counts: Counter[str] = Counter()
        self.under_way = 0
        """Edits of one field on both sides, of which only the first was made yet."""
        self._lock = threading.Lock()
        self._known: frozenset[int] = frozenset()
        self._touched: set[int] = set()
        self._to_go_back: list[tuple[str, Act]] = []

    def plan(self, kinds: tuple[str, ...], donations: int) -> list[Act]:
        """Acts for a time of the day, each kind in turn."""
        return [partial(self._play, kind) for kind in kinds * max(1, donations // SHARE)]

    def _play(self, kind: str) -> None:
        own: dict[str, Callable[[], bool]] = {
            "both_theirs": partial(self._both, is_ours_last=False),
            "both_ours": partial(self._both, is_ours_last=True),
            "import_to_come": self._edit_what_travels,
            "project_renamed": self._rename_project,
            "project_added": self._add_project,
            "unheard": self._edit_unheard,
        }
        with self._raisedonors.lock, self._aegis.lock, self._virtuous.store.lock:
            numbers = (one.attribute(DONOR_ID) for one in self._aegis.transactions.values())
            self._known = frozenset(int(number) for number in numbers if number)
            act = own.get(kind, lambda: self.events.happen(kind).contact_id is not None)
            self.counts[kind] += act()

    def _may(self, contact: Contact) -> bool:
        """Donors who are going to give must have their partner in Aegis first: it is found by the old values."""
        if contact.contact_id in self.spared or contact.kind == "twin":
            return False
        if contact.kind == "not_linked" and not _donors_of(contact):
            # Somebody's, though not ours yet: an edit of it is nobody's business until the import links it.
            return False
        givers = {donor.donor_id for donor in self._population.donors}
        return all(number not in givers or number in self._known for number in _donors_of(contact))

    def _alone(self) -> tuple[Contact, int] | None:
        """A household of one donor to whom nothing of this sort happened yet."""
        fit = [
            contact
            for contact in self._virtuous.store.contacts.values()
            if contact.is_household
            and contact.merged_into is None
            and contact.contact_id not in self._touched
            and len(contact.individuals) == len(contact.references) == 1
            and len(_donors_of(contact)) == 1
            and self._may(contact)
        ]
        if not fit:
            return None
        contact = self._chance.choice(fit)
        self._touched.add(contact.contact_id)
        return contact, _donors_of(contact)[0]

    # --- both sides -----------------------------------------------------------------------------------------

    def _both(self, *, is_ours_last: bool) -> bool:
        """One field edited on both sides; whoever was last wins, the other's value is to be kept in the activity."""
        picked = self._alone()
        if picked is None:
            return False
        contact, donor_id = picked
        number = self._chance.randint(0, 99)
        here = partial(self._phone_here, donor_id, f"977-555-01{number:02d}")
        there = partial(self._phone_there, contact.contact_id, f"966-555-01{number:02d}")
        first, second = (there, here) if is_ours_last else (here, there)
        if is_ours_last:
            # The webhook dawdles: else the first edit would have travelled before the second is made.
            self._virtuous.store.outbox.mishap(
                Mishap.DELAYED, count=1, seconds=2 * SECOND_THOUGHT, record_id=contact.contact_id
            )
        with self._lock:
            self.under_way += 1
        first()
        threading.Timer(SECOND_THOUGHT, self._end_both, (second,)).start()
        return True

    def _end_both(self, second: Act) -> None:
        with self._raisedonors.lock, self._virtuous.store.lock:
            second()
        with self._lock:
            self.under_way -= 1

    def _phone_here(self, donor_id: int, value: str) -> None:
        entry = self._raisedonors.donors.entry(donor_id)
        moment = just_after(entry, self._raisedonors.clock())
        self._raisedonors.edit("donor", donor_id, {"phone": value}, modified=moment)

    def _phone_there(self, contact_id: int, value: str) -> None:
        contact = self._virtuous.store.survivor(contact_id)
        if contact is not None:
            self._virtuous.staff.edit_contact(contact.contact_id, {"individual": {"phone": value}})

    # --- back to what we once wrote -------------------------------------------------------------------------

    def _edit_what_travels(self) -> bool:
        """A new phone on RaiseDonors, which the import is to bring to Virtuous."""
        picked = self._alone()
        if picked is not None:
            self._phone_here(picked[1], f"933-555-01{self._chance.randint(0, 99):02d}")
        return picked is not None

    def move_away(self) -> None:
        """Phones that the import wrote are changed in Virtuous, phones that came from there on RaiseDonors."""
        with self._raisedonors.lock, self._virtuous.store.lock:
            there, here = self._written_there()[:MOST_BACK], self._written_here()[:MOST_BACK]
            for place, (contact_id, value) in enumerate(there):
                self._phone_there(contact_id, f"955-555-01{place:02d}")
                self._to_go_back.append(("set_back_in_virtuous", partial(self._phone_there, contact_id, value)))
            for place, (donor_id, value) in enumerate(here):
                self._phone_here(donor_id, f"944-555-01{place:02d}")
                self._to_go_back.append(("set_back_on_raisedonors", partial(self._phone_here, donor_id, value)))

    def move_back(self) -> None:
        """The same phones are set back to what we once wrote there."""
        with self._raisedonors.lock, self._virtuous.store.lock:
            for kind, act in self._to_go_back:
                act()
                self.counts[kind] += 1
            self._to_go_back.clear()

    def _written_there(self) -> list[tuple[int, str]]:
        """Contacts of one donor whose phone is as the import wrote it, over another one."""
        found: dict[int, str] = {}
        for line in self._virtuous.store.journal:
            if line.by == IMPORT and line.field == "phone" and line.old and line.new:
                found[line.contact_id] = str(line.new)
        contacts = self._virtuous.store.contacts
        return [(one, value) for one, value in found.items() if one in contacts and _phone_of(contacts[one]) == value]

    def _written_here(self) -> list[tuple[int, str]]:
        """Donors whose phone is as we wrote it."""
        found: list[tuple[int, str]] = []
        for donor in self._raisedonors.donors.all_entries():
            phones = [_phone_at(version.members) for version in donor.history]
            for before, after, version in zip(phones, phones[1:], donor.history[1:], strict=False):
                if version.via_api and before and before != after == phones[-1] and not donor.bad:
                    found.append((donor.record_id, after))
        return found

    # --- the rest -------------------------------------------------------------------------------------------

    def _edit_unheard(self) -> bool:
        """An edit whose webhook is lost for good: only the query of modified contacts finds it."""
        contact_id = self.unheard[self.counts["unheard"] % len(self.unheard)]
        self._virtuous.store.outbox.mishap(Mishap.LOST, record_id=contact_id)
        return self.events.happen("moved", contact_id).contact_id is not None

    def _rename_project(self) -> bool:
        projects = [one for one in self._raisedonors.projects.all_entries() if one.latest.members.get("code")]
        project = self._chance.choice(projects)
        name = f"{project.latest.members['name']} {self._chance.randint(2, 99)}"
        self._raisedonors.edit("project", project.record_id, {"name": name})
        return True

    def _add_project(self) -> bool:
        code = f"NEW{self._chance.randint(100, 999)}"
        self._raisedonors.add("project", {"code": code, "name": f"Project {code}", "isAvailableOnline": True})
        return True


def _donors_of(contact: Contact) -> list[int]:
    return [int(one.id) for one in contact.references if one.source == OUR_SOURCE and one.id.isdecimal()]


def _phone_of(contact: Contact) -> str:
    """The phone of the only person of a contact."""
    return primary_value(contact.individuals[0], "Phone") if len(contact.individuals) == 1 else ""


def _phone_at(donor: Mapping[str, Any]) -> str:
    primary = primary_of(donor.get("donorPhoneNumbers"))
    return str(primary["value"]) if primary else ""
