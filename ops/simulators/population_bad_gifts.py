"""Gifts that cannot be delivered as they are, each for a reason of its own."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from ops.simulators.population_codes import UNKNOWN_APPEAL, UNKNOWN_FUND, UNKNOWN_PRODUCT
from ops.simulators.population_donors import DonorMaker, MadeDonor
from ops.simulators.population_gifts import GiftBuilder
from ops.simulators.population_people import Person

CONTROL_CHARACTERS = "\u0000\u0007\u001b\u0085\u202e"
LONG_COMMENT = "All of it is meant kindly. " * 7600
NO_SCHEDULE = 1
BIWEEKLY = 26

OFF_CONTRACT_KINDS = ("missing_required",)
"""Bad kinds that break even the contract of RaiseDonors itself."""

BAD_KINDS = (
    "allocation_mismatch", "unknown_fund", "project_without_code", "unknown_appeal", "unknown_product", "no_country",
    "unreachable_donor", "schedule_gone", "biweekly_schedule", "negative_amount", "zero_amount", "three_decimals",
    "unknown_status", "missing_fields", "missing_required", "long_comment", "control_characters", "donor_gone",
)  # fmt: skip
"""All bad kinds. Some may still arrive: a long comment, control characters, an unknown country left out."""


class BadGiftBuilder:
    """Makes the members of bad gifts; each has a donor of its own, so that it spoils nobody else's gifts."""

    def __init__(self, gifts: GiftBuilder, donors: DonorMaker) -> None:
        self._gifts = gifts
        self._donors = donors

    def build(self, kind: str, when: datetime) -> tuple[dict[str, Any], MadeDonor]:
        """A gift of a bad kind, and its donor; `biweekly_schedule` is given its schedule afterwards."""
        donor = self._donor(kind)
        gift = self._gifts.plain(donor, when)
        if kind in ("unreachable_donor", "biweekly_schedule"):
            return gift, donor
        changes: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "allocation_mismatch": self._allocation_mismatch,
            "unknown_fund": lambda gift: self._to_project(gift, UNKNOWN_FUND),
            "project_without_code": lambda gift: self._to_project(gift, None),
            "unknown_appeal": lambda _: {"motivationCode": UNKNOWN_APPEAL},
            "unknown_product": lambda _: self._premium(donor.person),
            "no_country": lambda gift: {"billingAddress": {**gift["billingAddress"], "countryString": "Atlantis"}},
            "schedule_gone": lambda _: {"recurringGiftId": NO_SCHEDULE},
            "negative_amount": lambda _: self._of_amount(Decimal("-25.00")),
            "zero_amount": lambda _: self._of_amount(Decimal("0.00")),
            "three_decimals": lambda _: self._three_decimals(),
            "unknown_status": lambda _: {"statusText": "UnderReview"},
            "missing_fields": lambda _: self._missing_fields(),
            "missing_required": lambda _: {"projects": None, "currency": None},
            "long_comment": lambda _: {"comment": LONG_COMMENT},
            "control_characters": lambda _: {"comment": f"So{CONTROL_CHARACTERS}much"},
            "donor_gone": lambda _: {"donorId": NO_SCHEDULE},
        }
        if kind not in changes:
            raise ValueError(f"{kind!r} is no bad kind of gift")
        changed = {**gift, **changes[kind](gift)}
        if kind == "missing_required":
            changed = {name: value for name, value in changed.items() if name not in ("projects", "currency")}
        return changed, donor

    def _donor(self, kind: str) -> MadeDonor:
        person = self._donors.people.person(plain=True)
        if kind == "unreachable_donor":
            person = replace(person, email=None, phone=None, address1=None)
        elif kind == "control_characters":
            person = replace(person, first_name=f"An{CONTROL_CHARACTERS}na", last_name=f"{person.last_name}\t\u0001")
        elif kind == "missing_fields":
            person = replace(person, first_name="", email=None)
        elif kind == "no_country":
            person = replace(person, country="Atlantis")
        return self._donors.add_donor(kind, person)

    def _allocation_mismatch(self, gift: dict[str, Any]) -> dict[str, Any]:
        return {"projects": self._gifts.allocations(gift["amount"] + Decimal("0.01"), 2)}

    def _to_project(self, gift: dict[str, Any], code: str | None) -> dict[str, Any]:
        return {"projects": [self._gifts.allocation(code, gift["amount"])]}

    def _of_amount(self, amount: Decimal) -> dict[str, Any]:
        return {"amount": amount, "projects": [self._gifts.allocation("GEN", amount)]}

    def _three_decimals(self) -> dict[str, Any]:
        shares = ("10.005", "10.005")
        projects = [{"projectId": self._gifts.project_ids[code], "amount": share} for code, share in zip(
            ("GEN", "BLD"), shares, strict=True)]  # fmt: skip
        return {"amount": Decimal("20.01"), "projects": projects}

    def _premium(self, person: Person) -> dict[str, Any]:
        return {
            "premium": {"productCode": UNKNOWN_PRODUCT, "name": "Out of print", "quantity": 1},
            "shippingName": f"{person.first_name} {person.last_name}",
            "shippingAddress": person.address(),
        }

    def _missing_fields(self) -> dict[str, Any]:
        optional = ("motivationCode", "sourceCode", "billingAddress", "billingName", "billingFirstName")
        return dict.fromkeys((*optional, "billingLastName", "paymentType", "submissionUrl", "cardBrand"))
