"""A small, careful carrier of gifts and changes into Aegis: the smallest thing a tally finds nothing wrong with."""

from decimal import Decimal
from typing import Any

from ops.simulators.countries import code_of
from ops.simulators.population_schedules import PLEDGE_FREQUENCIES
from ops.simulators.raisedonors_records import Entry
from ops.simulators.raisedonors_store import RaiseDonorsStore
from ops.simulators.raisedonors_wire import primary_of
from ops.simulators.tally_partners import HOME, PARTNER_HOME
from ops.simulators.tally_pledges import BILLING_NAMES, PAYMENT_NAMES
from tests.simulators.clients import AegisClient


class CarefulCarrier:
    """Brings gifts to Aegis one by one, through its API alone."""

    def __init__(self, raisedonors: RaiseDonorsStore, crm: AegisClient) -> None:
        self._raisedonors = raisedonors
        self._crm = crm
        self._partners: dict[int, str] = {}
        self.pledges: dict[int, str] = {}

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
        partner_id = self._crm.new_partner(
            **names, Company=donor.get("organizationName"), PartnerEmails=emails, CustomData=key
        )
        self.save_partner(donor_id, partner_id)
        return partner_id

    def carry_changes(self) -> None:
        """Every edit of a donor who has a partner, and every change of a schedule that has a pledge."""
        for donor_id, partner_id in self._partners.items():
            donor = self._raisedonors.donors.entry(donor_id)
            if len(donor.history) > 1:
                self.save_partner(donor_id, partner_id)
        for schedule in self._raisedonors.schedules.all_entries():
            members = schedule.latest.members
            pledge_id = members.get("crmKey") or self.pledges.get(schedule.record_id)
            if pledge_id and members["frequency"] in PLEDGE_FREQUENCIES:
                self.save_pledge(schedule.record_id, str(pledge_id))

    def save_partner(self, donor_id: int, partner_id: str, **changes: Any) -> None:
        """The donor's present name, address, phone and e-mail into the partner, all else as it was read."""
        donor = self._raisedonors.donors.entry(donor_id).latest.members
        partner = self._crm.read(f"partner/ID/{partner_id}")
        names = ("Company",) if donor["isOrganization"] else ("FirstName", "LastName")
        values = (donor["organizationName"],) if donor["isOrganization"] else (donor["firstName"], donor["lastName"])
        partner |= dict(zip(names, values, strict=True))
        address = primary_of(donor["donorAddresses"])
        if address:
            partner |= {own: address.get(name) for own, name in zip(PARTNER_HOME, HOME, strict=True)}
            partner["CountryCode"] = code_of(address["countryString"])
        for member, name, collection in (
            ("PartnerPhones", "Number", "donorPhoneNumbers"), ("PartnerEmails", "Email", "donorEmailAddresses"),
        ):  # fmt: skip
            point = primary_of(donor[collection])
            first, *others = partner[member] or [{"Priority": 1}]
            partner[member] = [{**first, name: point["value"]}, *others] if point else partner[member]
        assert self._crm.send("PUT", "partner/Save", {**partner, **changes}).status in (200, 204)

    def save_pledge(self, schedule_id: int, pledge_id: str, **changes: Any) -> None:
        """What the schedule says now into the pledge, all else as it was read."""
        schedule = self._raisedonors.schedules.entry(schedule_id).latest.members
        partner_id = self._crm.simulator.store.pledges[pledge_id].model["PartnerID"]
        pledges = self._crm.read(f"partner/PledgeHistory/{partner_id}", pageSize=100)["Pledges"]
        pledge = next(one for one in pledges if one["ID"] == pledge_id)
        body = {**pledge, **_said_by(schedule), "Active": schedule["statusText"] == "Active", **changes}
        assert self._crm.send("PUT", "pledge/Save", body).status in (200, 204)

    def _pledge_of(self, schedule_id: int, partner_id: str) -> str:
        schedule = self._raisedonors.schedules.entry(schedule_id).latest.members
        if schedule.get("crmKey"):
            return str(schedule["crmKey"])
        if schedule_id not in self.pledges:
            self.pledges[schedule_id] = self._crm.new_pledge(
                partner_id, StartDate=schedule["startDate"], **_said_by(schedule)
            )
        return self.pledges[schedule_id]

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


def _said_by(schedule: dict[str, Any]) -> dict[str, Any]:
    address = schedule["billingAddress"]
    return {
        "PledgeAmount": schedule["amount"],
        "Frequency": PLEDGE_FREQUENCIES[schedule["frequency"]],
        "PaymentFirstName": schedule["billingFirstName"],
        "PaymentLastName": schedule["billingLastName"],
        **{own: address.get(name) for own, name in zip(PAYMENT_NAMES, BILLING_NAMES, strict=True)},
        "PaymentCountry": code_of(address["countryString"]),
    }


def _cents(text: str) -> Decimal:
    return Decimal(text).quantize(Decimal("0.01"))
