"""What happens to schedules: changed by people, suspended and resumed, charged, expired and cancelled."""

import random
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from ops.simulators.population_people import US_CITIES
from ops.simulators.population_schedules import PLEDGE_FREQUENCIES, next_charge
from ops.simulators.raisedonors_records import Entry, just_after
from ops.simulators.raisedonors_store import RaiseDonorsStore

RISE = Decimal("5.00")
STATUS_EVENTS = {"suspended": "Suspended", "resumed": "Active", "cancelled": "Cancelled", "expired": "Expired"}
SCHEDULE_EVENTS = ("amount", "frequency", "projects", "payment", "payer", "next_date", *STATUS_EVENTS)


class ScheduleEvents:
    """Lets things happen to the schedules of a population."""

    def __init__(self, chance: random.Random, raisedonors: RaiseDonorsStore) -> None:
        self._chance = chance
        self._raisedonors = raisedonors

    def can(self, event: str, schedule: Entry) -> bool:
        """Whether it can happen to a schedule: only an active one changes, only a suspended one is resumed."""
        members = schedule.latest.members
        wanted = "Suspended" if event == "resumed" else "Active"
        return bool(members["statusText"] == wanted) and members["frequency"] in PLEDGE_FREQUENCIES

    def apply(self, event: str, schedule: Entry, moment: datetime) -> None:
        """Let one of SCHEDULE_EVENTS happen."""
        modified = just_after(schedule, moment)
        if event in STATUS_EVENTS:
            self._raisedonors.set_schedule_status(schedule.record_id, STATUS_EVENTS[event], modified=modified)
            return
        changes: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "amount": self._amount,
            "frequency": self._frequency,
            "projects": self._projects,
            "payment": self._payment,
            "payer": self._payer,
            "next_date": lambda members: {"nextChargeDate": next_charge(moment, members["frequency"])},
        }
        self._raisedonors.edit(
            "schedule", schedule.record_id, changes[event](schedule.latest.members), modified=modified
        )

    def _amount(self, schedule: dict[str, Any]) -> dict[str, Any]:
        first, *others = schedule["projects"]
        return {
            "amount": schedule["amount"] + RISE,
            "projects": [{**first, "amount": first["amount"] + RISE}, *others],
        }

    def _frequency(self, schedule: dict[str, Any]) -> dict[str, Any]:
        others = [frequency for frequency in PLEDGE_FREQUENCIES if frequency != schedule["frequency"]]
        return {"frequency": self._chance.choice(others)}

    def _projects(self, schedule: dict[str, Any]) -> dict[str, Any]:
        """The same amount for another project."""
        taken = {share["projectId"] for share in schedule["projects"]}
        coded = [one.record_id for one in self._raisedonors.projects.all_entries() if one.latest.members.get("code")]
        others = [project_id for project_id in sorted(coded)[:6] if project_id not in taken]
        return {"projects": [{"projectId": self._chance.choice(others), "amount": schedule["amount"]}]}

    def _payment(self, schedule: dict[str, Any]) -> dict[str, Any]:
        """Another payment method at the gateway, of the same tender or another."""
        tender = self._chance.choice(("CreditCard", "ACH"))
        brand = "MasterCard" if tender == "CreditCard" else None
        return {"paymentType": tender, "cardBrand": brand, "paymentMethodId": f"pm_{self._chance.getrandbits(32):08x}"}

    def _payer(self, schedule: dict[str, Any]) -> dict[str, Any]:
        """Another person's card: other names, another billing address."""
        city, state, postal = self._chance.choice(US_CITIES)
        address = {
            "address1": f"{self._chance.randint(50000, 59999)} Birch Road", "address2": None, "city": city,
            "state": state, "postal": postal, "countryString": "United States",
        }  # fmt: skip
        last = schedule.get("billingLastName") or "Payer"
        return {"billingFirstName": "Robin", "billingLastName": f"{last} Payer", "billingAddress": address}
