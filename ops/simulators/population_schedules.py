"""Schedules on RaiseDonors and the pledges that mirror them in Aegis."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from ops.simulators.population_codes import APPEALS
from ops.simulators.population_donors import MadeDonor
from ops.simulators.population_gifts import GiftBuilder

PLEDGE_FREQUENCIES = {52: "Weekly", 12: "Monthly", 4: "Quarterly", 2: "Semiannually", 1: "Annually"}
DAYS_IN_YEAR = 365


def schedule_for(
    donor: MadeDonor, began: datetime, frequency: int, amount: Decimal, gifts: GiftBuilder
) -> dict[str, Any]:
    """The members of a schedule that charges so many times a year."""
    parts = gifts.chance.choice((1, 1, 2))
    shares = gifts.allocations(amount, parts)
    person = donor.person
    return {
        "donorId": donor.donor_id,
        "frequency": frequency,
        "startDate": began.strftime("%Y-%m-%d"),
        "nextChargeDate": next_charge(began, frequency),
        "amount": amount,
        "currencyCode": "USD",
        "status": 1,
        "projects": [{"projectId": share["projectId"], "amount": Decimal(share["amount"])} for share in shares],
        "motivationCode": gifts.chance.choice(APPEALS),
        "paymentType": gifts.chance.choice(("CreditCard", "CreditCard", "ACH")),
        "paymentMethodId": f"pm_{gifts.chance.getrandbits(32):08x}",
        "profileNumber": f"P{gifts.chance.randint(1000, 9999)}",
        "gatewayId": 3,
        "cardBrand": "Visa",
        "billingFirstName": person.first_name or None,
        "billingLastName": person.last_name or person.company,
        "billingAddress": person.address(),
    }


def next_charge(after: datetime, frequency: int) -> str:
    """The date of the charge that follows one at a moment."""
    return (after + timedelta(days=DAYS_IN_YEAR // frequency)).strftime("%Y-%m-%dT00:00:00")


def pledge_for(schedule: Mapping[str, Any], partner_id: str, began: datetime) -> dict[str, Any]:
    """The members of the pledge that Aegis has for a schedule, with one that no contract names."""
    return {
        "PartnerID": partner_id,
        "PledgeAmount": schedule["amount"],
        "DatePledged": began.isoformat(timespec="seconds"),
        "StartDate": schedule["startDate"],
        "Frequency": PLEDGE_FREQUENCIES[schedule["frequency"]],
        "AppealCode": schedule["motivationCode"],
        "PledgeProgramName": "Monthly Partners",
        "PaymentFirstName": schedule["billingFirstName"] or "",
        "PaymentLastName": schedule["billingLastName"] or "",
        "LegacyPledgeNumber": "L-77",
    }
