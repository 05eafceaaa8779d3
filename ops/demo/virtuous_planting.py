"""Differences put into Virtuous by hand, to see that the report finds them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

from ops.demo.day import Day
from ops.simulators.raisedonors_records import Version
from ops.simulators.virtuous_population import OUR_SOURCE
from ops.simulators.virtuous_records import IMPORT, STAFF, Contact, HeldRow, JournalLine, RowState, primary_value
from ops.simulators.virtuous_staff import Staff


def _rows(day: Day) -> Iterator[HeldRow]:
    """Rows of gifts of everyday kinds that landed."""
    expected = {str(gift_id) for gift_id in day.expected()}
    rows = day.virtuous.simulator.store.gift_rows.values()
    return (row for row in list(rows) if row.state is RowState.LANDED and row.identity in expected)


def _struck(day: Day, place: int) -> Contact:
    """A contact of the storm, each time another one."""
    return day.virtuous.simulator.store.contacts[day.virtuous.storm_contacts[place]]


def _gift_doubled(day: Day) -> None:
    """The same gift under another id."""
    row = next(_rows(day))
    twin = copy.deepcopy(row)
    twin.row["transactionId"] = f"again-{row.identity}"
    day.virtuous.simulator.store.gift_rows[twin.source, twin.identity] = twin


def _gift_missing(day: Day) -> None:
    row = list(_rows(day))[1]
    del day.virtuous.simulator.store.gift_rows[row.source, row.identity]


def _field(day: Day) -> None:
    """An address that somebody corrected, and that is another one now."""
    store = day.virtuous.simulator.store
    for event in day.virtuous.changes.events.happened:
        contact = store.contacts.get(event.contact_id or 0)
        if event.kind != "moved" or contact is None or contact.merged_into is not None:
            continue
        if len(contact.references) == 1 and contact.primary_address:
            contact.primary_address["address1"] = "1 Elsewhere"
            return
    raise LookupError("no contact was moved")


def _email(day: Day) -> None:
    """A donor who had, for a moment, an e-mail address that was set in Virtuous."""
    contact = _struck(day, 0)
    value = "crossed@example.net"
    person = contact.individuals[0]
    mail = primary_value(person, "Email")
    Staff(day.virtuous.simulator.store).edit_contact(contact.contact_id, {"individual": {"email": value}})
    if mail:
        Staff(day.virtuous.simulator.store).edit_contact(contact.contact_id, {"individual": {"email": mail}})
    donor = day.raisedonors.store.donors.entry(int(contact.references[0].id))
    crossed = [{"id": 1, "value": value, "isPrimary": True}]
    members = {**donor.latest.members, "donorEmailAddresses": crossed}
    donor.history.insert(1, Version(members, donor.history[0].modified, donor.history[0].modified, via_api=True))


def _edit(day: Day) -> None:
    """A phone that staff edited, which an import overwrote although the edit had been read."""
    contact, store = _struck(day, 1), day.virtuous.simulator.store
    person = contact.individuals[0]
    phone, edited = primary_value(person, "Phone"), "922-555-0199"
    own = contact.contact_id, "phone", person["id"]
    store.journal.append(JournalLine(contact.created + 1, *own, phone, edited, STAFF))
    store.journal.append(JournalLine(store.now(), *own, edited, phone, IMPORT))


def _echo(day: Day) -> None:
    """A row that tells a contact what it says itself."""
    contact, store = _struck(day, 2), day.virtuous.simulator.store
    person = contact.individuals[0]
    row = {
        "referenceId": next(one.id for one in contact.references if one.source == OUR_SOURCE),
        "contactType": "Household", "firstName": person["firstName"], "lastName": person["lastName"],
        "phone": primary_value(person, "Phone"),
    }  # fmt: skip
    store.rows.append(HeldRow(store.new_id("row"), "contact", OUR_SOURCE, row, store.now(), RowState.LANDED))


VIRTUOUS_PLANTS: dict[str, Callable[[Day], None]] = {
    "virtuous-gift-doubled": _gift_doubled,
    "virtuous-gift-missing": _gift_missing,
    "virtuous-field": _field,
    "virtuous-email": _email,
    "virtuous-edit": _edit,
    "virtuous-echo": _echo,
}
