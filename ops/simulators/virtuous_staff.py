"""What Virtuous' own staff does to contacts: edits, merges, archiving, deleting, and address-correction runs."""

from collections.abc import Mapping
from typing import Any

from ops.simulators.virtuous_edits import drop_methods, put_address, put_method, settle_names
from ops.simulators.virtuous_records import API, STAFF, Contact, primary_value
from ops.simulators.virtuous_shapes import ADDRESS_LINES
from ops.simulators.virtuous_store import VirtuousStore
from ops.simulators.virtuous_wire import gift_as_delivered

NAME_PARTS = {"prefix", "firstName", "middleName", "lastName", "suffix", "nickname", "isDeceased", "isSecondary"}
NCOA_BUNDLE = 25


class Staff:
    """People at work in the CRM. Each act tells the subscribers, as the contract says."""

    def __init__(self, store: VirtuousStore) -> None:
        self._store = store

    def add_contact(self, members: Mapping[str, Any], *, kind: str | None = None) -> Contact:
        """A new contact, given as it is read: `contactIndividuals`, `address`, `contactReferences` and all else.

        People may have `phone` and `email` in place of contactMethods.
        """
        own = dict(members)
        people = own.pop("contactIndividuals", [])
        address, references = own.pop("address", None), own.pop("contactReferences", [])
        with self._store.lock:
            contact = Contact(0, {"contactType": own.get("contactType", "Household")}, 0, 0)
            contact.individuals = [self._person(person) for person in people]
            settle_names(contact)
            if address:
                put_address(self._store, contact, address)
            name = {"name": contact.members.get("name") or ""} | own
            made = self._store.add_contact(name, contact.individuals, contact.addresses, kind=kind)
            for n, reference in enumerate(references):
                individual = made.individuals[min(n, len(made.individuals) - 1)]["id"] if made.individuals else None
                self._store.refer(made, reference["source"], str(reference["id"]), individual)
            return made

    def edit_contact(self, contact_id: int, changes: Mapping[str, Any], *, by: str = STAFF) -> None:
        """Change a contact as a person would, one event for all of it.

        `address` changes the primary address (null removes it), `individual` a person by `individualId`, else the
        primary one, with `phone` and `email` among its members (an empty one removes); all else is the contact's own.
        """
        own = dict(changes)
        has_address = "address" in own
        address, individual = own.pop("address", None), own.pop("individual", {})
        with self._store.changing(contact_id, by) as contact:
            contact.members.update(own)
            if has_address:
                self._change_address(contact, address)
            if individual:
                self._change_person(contact, individual)
            settle_names(contact)

    def edit_by_third_party(self, contact_id: int, changes: Mapping[str, Any]) -> None:
        """The same, done by another integration over the API."""
        self.edit_contact(contact_id, changes, by=API)

    def add_individual(self, contact_id: int, members: Mapping[str, Any]) -> int:
        """A further person of a contact."""
        with self._store.changing(contact_id) as contact:
            contact.individuals.append(self._person(members))
            settle_names(contact)
            return int(contact.individuals[-1]["id"])

    def add_address(self, contact_id: int, lines: Mapping[str, Any], *, is_primary: bool = False) -> None:
        """A further address of a contact."""
        with self._store.changing(contact_id) as contact:
            put_address(self._store, contact, lines, is_primary=is_primary)

    def refer(self, contact_id: int, source: str, reference_id: str) -> None:
        """Hang a reference on a contact by hand."""
        with self._store.changing(contact_id) as contact:
            self._store.refer(contact, source, reference_id)

    def merge(self, loser_id: int, survivor_id: int) -> None:
        """Merge a contact into another: its people, references and gifts go over; nothing is told of it."""
        if self._store.survivor(survivor_id) is self._store.contacts[loser_id]:
            raise ValueError("a contact cannot be merged into itself")
        with self._store.changing(survivor_id, tells=False) as survivor:
            with self._store.changing(loser_id, tells=False) as loser:
                self._store.hand_over(loser, survivor, _joined(loser, survivor))
                loser.merged_into = survivor_id
            settle_names(survivor)

    def archive(self, contact_id: int, *, is_archived: bool = True) -> None:
        """Archive a contact, or take it out of the archive; nothing is told of it."""
        with self._store.changing(contact_id, tells=False) as contact:
            contact.is_archived = is_archived

    def delete(self, contact_id: int) -> None:
        """Delete a contact for good; nothing is told of it."""
        with self._store.lock:
            self._store.forget(self._store.contacts[contact_id])

    def run_ncoa(self, addresses: Mapping[int, Mapping[str, Any]], *, bundle: int = NCOA_BUNDLE) -> int:
        """An address-correction run: new primary addresses for many contacts at once, several to a delivery."""
        with self._store.lock, self._store.outbox.bundled(bundle):
            for contact_id, address in addresses.items():
                self.edit_contact(contact_id, {"address": address})
        return len(addresses)

    def edit_gift(self, gift_id: int, members: Mapping[str, Any]) -> None:
        """Change a gift that landed."""
        with self._store.lock:
            gift = self._store.gifts[gift_id]
            gift.members.update(members)
            gift.modified = max(self._store.now(), gift.modified + 1)
            self._store.outbox.raise_event("GiftUpdate", gift_id, {"gift": gift_as_delivered(gift)})

    def delete_gift(self, gift_id: int) -> None:
        """Delete a gift that landed; the row it came from stays landed."""
        with self._store.lock:
            gift = self._store.gifts.pop(gift_id)
            self._store.gifts_of[gift.contact_id].remove(gift)
            self._store.outbox.raise_event("GiftDelete", gift_id, {"id": gift_id})

    def _change_address(self, contact: Contact, address: Mapping[str, Any] | None) -> None:
        primary = contact.primary_address
        if address is None:
            contact.addresses = [one for one in contact.addresses if one is not primary]
        elif primary is None:
            put_address(self._store, contact, address)
        else:
            primary |= {name: value for name, value in address.items() if name in (*ADDRESS_LINES, "label")}
            primary["modified"] = self._store.now()

    def _change_person(self, contact: Contact, changes: Mapping[str, Any]) -> None:
        own_id = changes.get("individualId")
        person = contact.primary_individual if own_id is None else contact.individual(int(own_id))
        if person is None:
            raise KeyError(f"individual {own_id} of contact {contact.contact_id}")
        self._fill(person, changes)

    def _person(self, members: Mapping[str, Any]) -> dict[str, Any]:
        person = self._store.individual()
        person["isPrimary"] = bool(members.get("isPrimary"))
        self._fill(person, members)
        return person

    def _fill(self, person: dict[str, Any], members: Mapping[str, Any]) -> None:
        person |= {name: value for name, value in members.items() if name in NAME_PARTS}
        person["modified"] = self._store.now()
        for name, kind in (("phone", "Home Phone"), ("email", "Home Email")):
            if members.get(name):
                put_method(self._store, person, str(members.get(f"{name}Type") or kind), str(members[name]))
            elif name in members:
                drop_methods(self._store, person, kind.rpartition(" ")[2])


def _joined(loser: Contact, survivor: Contact) -> dict[int, int]:
    """Give the survivor the people whom it lacks; who of them is now whom, by id."""
    became: dict[int, int] = {}
    for individual in loser.individuals:
        own = next((one for one in survivor.individuals if _are_one(individual, one)), None)
        if own is None:
            own = {**individual, "isPrimary": False}
            survivor.individuals.append(own)
        became[individual["id"]] = own["id"]
    return became


def _are_one(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    names = [(person.get("firstName"), person.get("lastName")) for person in (one, other)]
    emails = [primary_value(person, "Email").casefold() for person in (one, other)]
    return names[0] == names[1] and (emails[0] == emails[1] or not all(emails))
