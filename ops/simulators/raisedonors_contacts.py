"""Addresses and phone numbers of donors in the simulated RaiseDonors."""

from collections.abc import Mapping
from typing import Any

from ops.simulators.raisedonors_answers import missing, read_body, record_id, refuse, text_member, whole_number
from ops.simulators.raisedonors_records import Entry
from ops.simulators.raisedonors_store import RaiseDonorsStore
from ops.simulators.raisedonors_writes import stored
from ops.simulators.wire import Answer, Call

ADDRESS_LENGTHS = {"address1": 255, "address2": 255, "city": None, "state": None, "postal": 15, "countryString": None}
PHONE_TYPES = {
    0: None, 10: "Mobile", 11: "Mobile 2", 12: "Mobile 3", 20: "Home", 21: "Work", 22: "Fax", 99: "Other",
}  # fmt: skip
LARGEST_ADDRESS_TYPE = 5
VALUE_LENGTH = 200


class ContactOperations:
    """The address and phone operations of the contract."""

    def __init__(self, store: RaiseDonorsStore) -> None:
        self._store = store

    def add_address(self, call: Call) -> Answer:
        """Give a donor an address; the first one is the primary one."""
        donor_id, addresses = self._entries_of(call, "donorAddresses")
        body = read_body(call)
        new = {"id": self._store.new_detail_id(), "donorId": donor_id, **address_from(body)}
        new["isPrimary"] = _flag(body, "isPrimary") or not addresses
        return Answer.of_json(self._keep(donor_id, "donorAddresses", [*addresses, new], new))

    def update_address(self, call: Call) -> Answer:
        """Replace an address; a member left out is cleared."""
        donor_id, addresses = self._entries_of(call, "donorAddresses")
        old = _entry_of(addresses, record_id(call, "addressId"), "The address")
        body = read_body(call)
        new = {"id": old["id"], "donorId": donor_id, **address_from(body), "isPrimary": _flag(body, "isPrimary")}
        kept = [new if address["id"] == old["id"] else address for address in addresses]
        shown = self._keep(donor_id, "donorAddresses", kept, new)
        return stored(self._store, lambda: shown)

    def add_phone(self, call: Call) -> Answer:
        """Give a donor a phone number; the first one is the primary one."""
        donor_id, phones = self._entries_of(call, "donorPhoneNumbers")
        body = read_body(call)
        changes = _phone_changes(body)
        if not changes.get("value"):
            raise refuse("value", "The value field is required.")
        new = {"id": self._store.new_detail_id(), "donorId": donor_id, "isPhone": True, **changes}
        new["isPrimary"] = bool(changes.get("isPrimary")) or not phones
        return Answer.of_json(self._keep(donor_id, "donorPhoneNumbers", [*phones, new], new))

    def patch_phone(self, call: Call) -> Answer:
        """Apply the members that are not null to a phone number."""
        donor_id, phones = self._entries_of(call, "donorPhoneNumbers")
        old = _entry_of(phones, record_id(call, "phoneId"), "The phone number")
        new = {**old, **_phone_changes(read_body(call))}
        kept = [new if phone["id"] == old["id"] else phone for phone in phones]
        shown = self._keep(donor_id, "donorPhoneNumbers", kept, new)
        return stored(self._store, lambda: shown)

    def _entries_of(self, call: Call, collection: str) -> tuple[int, list[dict[str, Any]]]:
        donor: Entry | None = self._store.donors.get(record_id(call))
        if donor is None:
            raise missing("The donor")
        return donor.record_id, list(donor.latest.members[collection])

    def _keep(
        self, donor_id: int, collection: str, entries: list[dict[str, Any]], written: dict[str, Any]
    ) -> dict[str, Any]:
        self._store.edit("donor", donor_id, {collection: mark_primary(entries, written)}, via_api=True)
        return written


def address_from(body: Mapping[str, Any]) -> dict[str, Any]:
    """An address as it was sent: whole, with what was left out cleared."""
    address: dict[str, Any] = {name: text_member(body, name, longest) for name, longest in ADDRESS_LENGTHS.items()}
    if not address["address1"]:
        raise refuse("address1", "The address1 field is required.")
    kind = body.get("addressType")
    address["addressType"] = None if kind is None else whole_number("addressType", kind, 0, LARGEST_ADDRESS_TYPE)
    return address


def mark_primary(entries: list[dict[str, Any]], written: dict[str, Any]) -> list[dict[str, Any]]:
    """The entries with at most one primary one: the one just written takes the mark off the others."""
    if not written["isPrimary"]:
        return entries
    return [entry if entry["id"] == written["id"] else {**entry, "isPrimary": False} for entry in entries]


def _phone_changes(body: Mapping[str, Any]) -> dict[str, Any]:
    changes: dict[str, Any] = {
        "value": text_member(body, "value", VALUE_LENGTH),
        "countryCode": text_member(body, "countryCode"),
    }
    changes |= {name: _flag(body, name) for name in ("isPrimary", "isOptedIn") if body.get(name) is not None}
    kind = body.get("type")
    if kind is not None:
        number = whole_number("type", kind, 0)
        if number not in PHONE_TYPES:
            raise refuse("type", f"The value '{kind}' is not valid.")
        changes["typeDisplay"] = PHONE_TYPES[number]
    return {name: value for name, value in changes.items() if value is not None}


def _flag(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise refuse(name, "A boolean is expected.")
    return bool(value)


def _entry_of(entries: list[dict[str, Any]], wanted: int, what: str) -> dict[str, Any]:
    for entry in entries:
        if entry["id"] == wanted:
            return entry
    raise missing(what)
