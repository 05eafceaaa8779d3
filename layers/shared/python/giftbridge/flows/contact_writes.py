"""Writing what changed in Virtuous to a donor: never an e-mail, never what did not change (requirements E5, E6)."""

from __future__ import annotations

from collections.abc import Sequence

from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.domain.agreed import ADDRESS_FIELDS, Fields
from giftbridge.domain.contact_fields import ADDRESS, FIRST_NAME, LAST_NAME, ORGANIZATION, PHONE
from giftbridge.flows.contact_donors import LinkedDonor

_NAMES = {FIRST_NAME: "firstName", LAST_NAME: "lastName", ORGANIZATION: "organizationName"}
_LINES = ("address1", "address2", "city", "state", "postal", "countryString")


class ContactWrites:
    """Each write puts a value in place: made twice, it changes nothing more."""

    def __init__(self, raisedonors: RaiseDonors) -> None:
        self.raisedonors = raisedonors

    def apply(self, linked: LinkedDonor, theirs: Fields, groups: Sequence[str]) -> None:
        """Write the values of these groups. Raises what the calls raise."""
        record = linked.record
        number = record.donor.id
        names = {_NAMES[group]: theirs.get(group, "") for group in groups if group in _NAMES}
        if names:
            self.raisedonors.patch_donor(number, names)
        if ADDRESS in groups:
            lines = {wire: theirs.get(name, "") for wire, name in zip(_LINES, ADDRESS_FIELDS, strict=True)}
            body: dict[str, object] = {"address1": lines.pop("address1"), **{n: v for n, v in lines.items() if v}}
            if record.address_type is not None:
                body["addressType"] = record.address_type
            self.raisedonors.put_address(number, record.address_id, body)
        if PHONE in groups:
            phones = linked.individual.phones if linked.individual is not None else ()
            value = phones[0].strip() if phones and PHONE in theirs else ""
            if value:
                self.raisedonors.put_phone(number, record.phone_id, value)
            else:
                self.raisedonors.patch_donor(number, {"phone": ""})
