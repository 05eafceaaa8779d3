"""Donors in the simulated RaiseDonors: search, create and patch."""

from collections.abc import Mapping
from typing import Any

from ops.simulators.raisedonors_answers import missing, page_bounds, read_body, record_id, refuse, text_member
from ops.simulators.raisedonors_contacts import address_from
from ops.simulators.raisedonors_records import Entry
from ops.simulators.raisedonors_store import RaiseDonorsStore
from ops.simulators.raisedonors_wire import donor_name
from ops.simulators.raisedonors_writes import stored
from ops.simulators.wire import Answer, Call

NAME_LENGTHS = {
    "title": 75, "firstName": 75, "middleName": 75, "lastName": 75, "suffix": 75, "organizationName": 150,
    "notes": None,
}  # fmt: skip
EMAIL_LENGTH = 150
PHONE_LENGTH = 50


class DonorOperations:
    """The donor operations of the contract beside plain reading."""

    def __init__(self, store: RaiseDonorsStore) -> None:
        self._store = store

    def search(self, call: Call) -> Answer:
        """Loose search: id, part of a name, organisation, phone, e-mail, postcode or state."""
        text = call.query.get("filter", "").strip()
        if not text:
            raise refuse("filter", "The filter field is required.")
        skip, take = page_bounds(call)
        hits = [entry for entry in self._store.donors.visible() if _fits(entry, text.casefold())]
        shown = [self._store.render("donor", entry) for entry in hits[skip : skip + take]]
        return Answer.of_json({"items": shown, "total": len(hits)})

    def create(self, call: Call) -> Answer:
        """Create a donor."""
        body = read_body(call)
        donor = _named(body)
        donor |= {"isOrganization": _flag(body, "isOrganization"), "isTestMode": _flag(body, "isTestMode")}
        person = donor.get("firstName") and donor.get("lastName")
        if not person and not donor.get("organizationName"):
            raise refuse("lastName", "A first and last name, or an organisation name, is needed.")
        email, phone = text_member(body, "email", EMAIL_LENGTH), text_member(body, "phone", PHONE_LENGTH)
        self._require_free(email, None)
        donor |= _keys(body.get("crmKeys"), {})
        if email:
            donor["email"] = email
        if phone:
            donor["phone"] = phone
        address = body.get("address")
        if address is not None:
            if not isinstance(address, Mapping):
                raise refuse("address", "An object is expected.")
            donor["donorAddresses"] = [{**address_from(address), "isPrimary": True}]
        donor_id = self._store.add("donor", donor)
        return Answer.of_json(self._store.render("donor", self._store.donors.entry(donor_id)))

    def patch(self, call: Call) -> Answer:
        """Apply the members that are not null; an empty text clears."""
        donor_id = record_id(call)
        entry = self._store.donors.get(donor_id)
        if entry is None:
            raise missing("The donor")
        body, latest = read_body(call), entry.latest.members
        changes: dict[str, Any] = {name: value or None for name, value in _named(body).items()}
        if body.get("isOrganization") is not None:
            changes["isOrganization"] = _flag(body, "isOrganization")
        email, phone = text_member(body, "email", EMAIL_LENGTH), text_member(body, "phone", PHONE_LENGTH)
        if email is not None:
            self._require_free(email, donor_id)
            changes["donorEmailAddresses"] = self._with_primary(latest["donorEmailAddresses"], email)
        if phone is not None:
            changes["donorPhoneNumbers"] = self._with_primary(latest["donorPhoneNumbers"], phone)
        changes |= _keys(body.get("crmKeys"), latest)
        self._store.edit("donor", donor_id, changes, via_api=True)
        return stored(self._store, lambda: self._store.render("donor", self._store.donors.entry(donor_id)))

    def _require_free(self, email: str | None, own_id: int | None) -> None:
        if not email:
            return
        for entry in self._store.donors.all_entries():
            donor = entry.latest.members
            if entry.record_id == own_id or donor["isArchived"] or donor.get("isGDPRDeleted"):
                continue
            if any(held["value"].casefold() == email.casefold() for held in donor["donorEmailAddresses"]):
                raise refuse("email", f"The e-mail address '{email}' is taken.")

    def _with_primary(self, entries: list[dict[str, Any]], value: str) -> list[dict[str, Any]]:
        others = [entry for entry in entries if not entry["isPrimary"]]
        if not value:
            return others
        primary = next((entry for entry in entries if entry["isPrimary"]), {"id": self._store.new_detail_id()})
        return [{**primary, "value": value, "isPrimary": True}, *others]


def _named(body: Mapping[str, Any]) -> dict[str, Any]:
    texts = {name: text_member(body, name, longest) for name, longest in NAME_LENGTHS.items()}
    return {name: value for name, value in texts.items() if value is not None}


def _flag(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise refuse(name, "A boolean is expected.")
    return bool(value)


def _keys(keys: Any, donor: Mapping[str, Any]) -> dict[str, Any]:
    """The donor's keys after a patch: names left out stay, an empty text removes; Aegis' key is mirrored."""
    if keys is None:
        return {}
    if not isinstance(keys, Mapping) or not all(value is None or isinstance(value, str) for value in keys.values()):
        raise refuse("crmKeys", "A map from integration name to key is expected.")
    urls: dict[str, Any] = dict(donor.get("crmKeyUrls") or {})
    changes: dict[str, Any] = {}
    for name, key in keys.items():
        if key is None:
            continue
        if key:
            urls[name] = {"key": key, "url": None}
        else:
            urls.pop(name, None)
        if name == "Aegis":
            changes["crmKey"] = key or None
    return {**changes, "crmKeyUrls": urls or None}


def _fits(entry: Entry, wanted: str) -> bool:
    donor = entry.seen.members if entry.seen is not None else {}
    if str(entry.record_id) == wanted or wanted in (donor_name(donor) or "").casefold():
        return True
    if wanted in str(donor.get("organizationName") or "").casefold():
        return True
    emails = (str(email["value"]).casefold() for email in donor["donorEmailAddresses"])
    if any(wanted in email for email in emails):
        return True
    if any(_national_form(str(phone["value"])) == wanted for phone in donor["donorPhoneNumbers"]):
        return True
    places = ((address.get("postal"), address.get("state")) for address in donor["donorAddresses"])
    return any(wanted == str(part or "").casefold() for place in places for part in place)


def _national_form(phone: str) -> str:
    digits = "".join(character for character in phone if character.isdigit())[-10:]
    return f"({digits[:3]}) {digits[3:6]}-{digits[6:]}"
