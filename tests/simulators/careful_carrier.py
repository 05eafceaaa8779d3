"""A small, careful carrier of gifts into Aegis: the smallest thing that a tally should find nothing wrong with."""

from decimal import Decimal
from typing import Any

from ops.simulators.population_schedules import PLEDGE_FREQUENCIES
from ops.simulators.raisedonors_records import Entry
from ops.simulators.raisedonors_store import RaiseDonorsStore
from tests.simulators.clients import AegisClient


class CarefulCarrier:
    """Brings gifts to Aegis one by one, through its API alone."""

    def __init__(self, raisedonors: RaiseDonorsStore, crm: AegisClient) -> None:
        self._raisedonors = raisedonors
        self._crm = crm
        self._partners: dict[int, str] = {}
        self._pledges: dict[int, str] = {}

    def carry_all(self) -> None:
        """Every gift that is to be sent, and every refund."""
        for gift in self._raisedonors.gifts.all_entries():
            members = gift.latest.members
            if gift.bad or members.get("isTestMode") or gift.first_members.get("crmKey"):
                continue
            if "Approved" in gift.statuses:
                self.carry(gift)
            if members["statusText"] in ("Refunded", "Voided") and "Approved" in gift.statuses:
                self.carry(gift, -1)

    def carry(self, gift: Entry, sign: int = 1, **changes: Any) -> int:
        """One gift, or its refund; the invoice number."""
        body = {**self.transaction(gift, sign), **changes}
        return int(self._crm.write("POST", "transaction/Create", body)["InvoiceNumber"])

    def partner_of(self, donor_id: int) -> str:
        """The donor's partner, made if it has to be."""
        if donor_id not in self._partners:
            known = self._raisedonors.expected_partners.get(donor_id) or frozenset()
            self._partners[donor_id] = min(known) if known else self._new_partner(donor_id)
        return self._partners[donor_id]

    def _new_partner(self, donor_id: int) -> str:
        donor = self._raisedonors.donors.entry(donor_id).latest.members
        names = {"FirstName": donor.get("firstName"), "LastName": donor.get("lastName")}
        emails = [{"Email": email["value"]} for email in donor["donorEmailAddresses"]]
        key = [{"Name": "RaiseDonors.Donor.Id", "Value": str(donor_id)}]
        return self._crm.new_partner(
            **names, Company=donor.get("organizationName"), PartnerEmails=emails, CustomData=key
        )

    def _pledge_of(self, schedule_id: int, partner_id: str) -> str:
        schedule = self._raisedonors.schedules.entry(schedule_id).latest.members
        if schedule.get("crmKey"):
            return str(schedule["crmKey"])
        if schedule_id not in self._pledges:
            self._pledges[schedule_id] = self._crm.new_pledge(
                partner_id,
                PledgeAmount=schedule["amount"],
                StartDate=schedule["startDate"],
                Frequency=PLEDGE_FREQUENCIES[schedule["frequency"]],
            )
        return self._pledges[schedule_id]

    def transaction(self, gift: Entry, sign: int) -> dict[str, Any]:
        """The transaction of a gift, or with the sign -1 of its refund."""
        members = gift.latest.members
        partner_id = self.partner_of(members["donorId"])
        total = sign * Decimal(members["amount"])
        link: dict[str, Any] = {"ApplyToPledge": False}
        if members.get("recurringGiftId"):
            link = {"ApplyToPledge": True, "PledgeID": self._pledge_of(members["recurringGiftId"], partner_id)}
        gifts = [
            {"Amount": sign * _cents(share["amount"]), "FundID": self._fund(share["projectId"]), **link}
            for share in members["projects"]
        ]
        return {
            "PartnerID": partner_id,
            "TransactionDate": "2026-03-01T10:00:00-06:00",
            "TotalTransactionAmount": total,
            "AppealCode": members["motivationCode"],
            "Payment": {"Amount": total, "Status": "Paid", "PaymentType": "CreditCard"},
            "Gifts": gifts,
            "Attributes": [
                {"Name": "RaiseDonors.Donation.Id", "Value": str(gift.record_id)},
                {"Name": "RaiseDonors.Donor.Id", "Value": str(members["donorId"])},
            ],
        }

    def _fund(self, project_id: int) -> str:
        return str(self._raisedonors.projects.entry(project_id).latest.members["code"])


def _cents(text: str) -> Decimal:
    return Decimal(text).quantize(Decimal("0.01"))
