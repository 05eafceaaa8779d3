"""What the simulated Virtuous holds: contacts, gifts, projects, rows that wait for the import, and its outbox."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from threading import RLock
from typing import Any

from ops.simulators.raisedonors_time import coarsen, ticks_of
from ops.simulators.virtuous_budget import Budget
from ops.simulators.virtuous_directory import Directory, text_mark
from ops.simulators.virtuous_outbox import Outbox
from ops.simulators.virtuous_records import (
    STAFF,
    Contact,
    Gift,
    HeldRow,
    JournalLine,
    Project,
    Reference,
    changed_fields,
    travelling_fields,
)
from ops.simulators.virtuous_settings import VirtuousSettings
from ops.simulators.virtuous_tokens import Tokens
from ops.simulators.virtuous_wire import (
    contact_as_delivered,
    contact_as_read,
    gift_as_delivered,
    gift_as_read,
    project_as_read,
)

FIRST_IDS = {"contact": 4001, "individual": 7001, "detail": 11001, "gift": 30001, "project": 501, "row": 1}
EMPTY_CONTACT: dict[str, Any] = {
    "contactType": "Household", "name": "", "informalName": None, "formalContactName": None, "isPrivate": False,
    "tags": [], "organizationGroups": [], "customFields": {},
}  # fmt: skip


class VirtuousStore:
    """The whole content of one simulated Virtuous."""

    def __init__(self, clock: Callable[[], datetime], settings: VirtuousSettings | None = None, seed: int = 0) -> None:
        self.lock = RLock()
        self.clock = clock
        self.settings = settings or VirtuousSettings()
        self._seed = seed
        self.woken = threading.Event()
        """Set when there is something new for the sender of deliveries."""
        self.clear()

    def clear(self) -> None:
        """Forget everything, subscriptions included; numbering starts anew."""
        self._next_ids = dict(FIRST_IDS)
        self.contacts: dict[int, Contact] = {}
        self._by_reference: dict[tuple[str, str], int] = {}
        self.directory = Directory(self.contacts.get)
        self.gifts: dict[int, Gift] = {}
        self.gifts_of: dict[int, list[Gift]] = {}
        self.projects: dict[int, Project] = {}
        self.rows: list[HeldRow] = []
        self.gift_rows: dict[tuple[str, str], HeldRow] = {}
        self.journal: list[JournalLine] = []
        self.changed_repeats: list[tuple[str, str]] = []
        """Gifts that were handed in again with another content."""
        self.staff_emails: dict[str, int] = {}
        """E-mail addresses that were first seen in an edit by staff, with the contact."""
        self.dropped_members: list[str] = []
        self.misspelled_members: list[str] = []
        self.outbox = Outbox(self, self._seed)
        self.budget = Budget(self.clock, self.settings)
        self.tokens = Tokens(self.clock, self.settings)
        self.writes = 0

    def now(self) -> int:
        """The present instant in ticks."""
        return ticks_of(self.clock())

    def new_id(self, kind: str) -> int:
        """The next id of a kind."""
        self._next_ids[kind] += 1
        return self._next_ids[kind] - 1

    def individual(self, **members: Any) -> dict[str, Any]:
        """A new person, not yet in a contact."""
        now = self.now()
        empty = dict.fromkeys(("prefix", "firstName", "middleName", "lastName", "suffix", "nickname"))
        flags = {"isPrimary": False, "isSecondary": False, "isDeceased": False}
        return {
            "id": self.new_id("individual"), **empty, **flags, "contactMethods": [], "created": now, "modified": now,
            **members,
        }  # fmt: skip

    def add_contact(
        self,
        members: Mapping[str, Any],
        individuals: Iterable[dict[str, Any]] = (),
        addresses: Iterable[dict[str, Any]] = (),
        *,
        by: str = STAFF,
        kind: str | None = None,
    ) -> Contact:
        """Keep a new contact."""
        now = self.now()
        contact = Contact(self.new_id("contact"), {**EMPTY_CONTACT, **members}, now, now, created_by=by, modified_by=by)
        contact.individuals, contact.addresses, contact.kind = list(individuals), list(addresses), kind
        self.contacts[contact.contact_id] = contact
        self.writes += 1
        self._note(contact, {}, by)
        self._tell_of_contact("ContactCreate", contact)
        return contact

    @contextmanager
    def changing(self, contact_id: int, by: str = STAFF, *, tells: bool = True) -> Iterator[Contact]:
        """Change a contact: its modification time moves, what travels is noted, subscribers are told."""
        with self.lock:
            contact = self.contacts[contact_id]
            before = travelling_fields(contact)
            yield contact
            self._touch(contact, by)
            self._note(contact, before, by)
            if tells:
                self._tell_of_contact("ContactUpdate", contact)

    def refer(self, contact: Contact, source: str, reference_id: str, individual_id: int | None = None) -> None:
        """Hang a reference on a contact, or say anew which of its people it stands for."""
        own = next((one for one in contact.references if (one.source, one.id) == (source, reference_id)), None)
        if own is None:
            own = Reference(source, reference_id, since=self.now())
            contact.references.append(own)
        own.individual_id = individual_id if individual_id is not None else own.individual_id
        self._by_reference[source, reference_id] = contact.contact_id

    def by_reference(self, source: str, reference_id: str) -> Contact | None:
        """The contact that carries a reference: after a merge the survivor."""
        contact_id = self._by_reference.get((source, reference_id))
        return None if contact_id is None else self.contacts.get(contact_id)

    def survivor(self, contact_id: int | None) -> Contact | None:
        """The contact that an id stands for after all merges."""
        contact = self.contacts.get(contact_id or 0)
        while contact is not None and contact.merged_into is not None:
            contact = self.contacts.get(contact.merged_into)
        return contact

    def by_email(self, email: str) -> Contact | None:
        """The first living contact of whom somebody has this e-mail address."""
        return next(self.directory.living("email", text_mark(email)), None)

    def add_gift(
        self, contact_id: int, amount: Decimal, members: dict[str, Any], *, reversed_gift_id: int | None = None,
        via_api: bool = True,
    ) -> Gift:  # fmt: skip
        """Keep a new gift."""
        now = self.now()
        gift = Gift(self.new_id("gift"), contact_id, amount, members, now, now, reversed_gift_id, via_api)
        self.gifts[gift.gift_id] = gift
        self.gifts_of.setdefault(contact_id, []).append(gift)
        self.writes += 1
        self.outbox.raise_event("GiftCreate", gift.gift_id, {"gift": gift_as_delivered(gift)})
        return gift

    def add_project(self, members: dict[str, Any], write_only: dict[str, Any]) -> Project:
        """Keep a new project; who calls tells of it."""
        now = self.now()
        project = Project(self.new_id("project"), members, write_only, now, now)
        self.projects[project.project_id] = project
        self.writes += 1
        return project

    def project_by_code(self, code: str) -> Project | None:
        """The project of a code."""
        return next((one for one in self.projects.values() if one.members["projectCode"] == code), None)

    def forget(self, contact: Contact) -> None:
        """Delete a contact for good, its references with it."""
        del self.contacts[contact.contact_id]
        self.directory.forget(contact)
        self._by_reference = {key: own for key, own in self._by_reference.items() if own != contact.contact_id}
        self.writes += 1

    def hand_over(self, loser: Contact, survivor: Contact, became: Mapping[int, int]) -> None:
        """Move references and gifts to the survivor of a merge; `became` says who of the people is now whom."""
        for reference in loser.references:
            self.refer(survivor, reference.source, reference.id, became.get(reference.individual_id or 0))
        for gift in self.gifts_of.pop(loser.contact_id, []):
            gift.contact_id = survivor.contact_id
            self.gifts_of.setdefault(survivor.contact_id, []).append(gift)

    def contact_json(self, contact: Contact) -> dict[str, Any]:
        """A contact as it is read."""
        return contact_as_read(contact, self.gifts_of.get(contact.contact_id, []))

    def gift_json(self, gift: Gift) -> dict[str, Any]:
        """A gift as it is read."""
        return gift_as_read(gift, self.contacts.get(gift.contact_id))

    def snapshot(self) -> dict[str, Any]:
        """The whole content, ready to be written as JSON."""
        with self.lock:
            return {
                "contacts": [self._contact_snapshot(contact) for contact in self.contacts.values()],
                "gifts": [
                    {**self.gift_json(gift), "_sim": {"reversedGiftId": gift.reversed_gift_id, "viaApi": gift.via_api}}
                    for gift in self.gifts.values()
                ],
                "projects": [{**project_as_read(one), "_sim": one.write_only} for one in self.projects.values()],
                "rows": [asdict(row) for row in self.rows],
                "subscriptions": [
                    {**one.members, "id": one.webhook_id, "secret": None} for one in self.outbox.subscriptions.values()
                ],
                "deliveries": [
                    {name: value for name, value in asdict(one).items() if name != "body"}
                    for one in self.outbox.deliveries
                ],
                "journal": [asdict(line) for line in self.journal],
                "changedRepeats": self.changed_repeats,
                "droppedMembers": self.dropped_members,
                "misspelledMembers": self.misspelled_members,
                "writes": self.writes,
            }

    def _contact_snapshot(self, contact: Contact) -> dict[str, Any]:
        beside = {"kind": contact.kind, "archived": contact.is_archived, "mergedInto": contact.merged_into}
        addresses = [{name: address[name] for name in address} for address in contact.addresses]
        return {**self.contact_json(contact), "_sim": {**beside, "addresses": addresses}}

    def _touch(self, contact: Contact, by: str) -> None:
        self.writes += 1
        contact.writes += 1
        now = self.now()
        changed = coarsen(now, f"contact:{contact.contact_id}:{contact.writes}")
        contact.modified = changed if changed > contact.modified else max(now, contact.modified + 1)
        contact.modified_by = by

    def _note(self, contact: Contact, before: Mapping[Any, Any], by: str) -> None:
        self.directory.note(contact)
        for line in changed_fields(contact, before, travelling_fields(contact), by):
            self.journal.append(line)
            if line.field == "email" and by == STAFF and line.new:
                self.staff_emails.setdefault(str(line.new).casefold(), contact.contact_id)

    def _tell_of_contact(self, event: str, contact: Contact) -> None:
        model = contact_as_delivered(contact, is_new=event == "ContactCreate")
        self.outbox.raise_event(event, contact.contact_id, {"contact": model})
