"""An adjustment on its way into Aegis: one transaction that takes a surplus back, or makes up a difference (H1).

It has all properties of the gift, and its date: so the day that was wrong is right. Nothing is shipped by it.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal

from giftbridge.clients.aegis import Aegis
from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.domain.aegis_bodies import transaction_body
from giftbridge.domain.aegis_mapping import Gathered
from giftbridge.domain.aegis_values import cents
from giftbridge.domain.amounts import Money
from giftbridge.domain.corrections import corrected
from giftbridge.domain.deliveries import Delivery, Kind
from giftbridge.domain.delivery_ids import donation_created_id
from giftbridge.domain.donations import Donation, Donor
from giftbridge.domain.mapping_rows import Body
from giftbridge.domain.reversals import FUNDS
from giftbridge.domain.settings import AegisSettings
from giftbridge.domain.times import parse_moment
from giftbridge.errors import Rejected, Skipped
from giftbridge.flows.aegis_donations import AegisDonations
from giftbridge.flows.aegis_transactions import live_pledge, post_transaction, transaction_numbered
from giftbridge.flows.tools import Tools
from giftbridge.flows.work import Work
from giftbridge.store.crm_keys import invoice_claim

# What an adjustment's row is made with: the delivery it is of, the transaction that is wrong and its amount, and the
# amount that puts it right.
OF, CORRECTS, STANDS, ADJUSTS = "of", "corrects", "stands", "adjusts"


class AegisAdjustments:
    """Brings adjustments to Aegis."""

    def __init__(self, tools: Tools, raisedonors: RaiseDonors, aegis: Aegis, donations: AegisDonations) -> None:
        self.tools = tools
        self.raisedonors = raisedonors
        self.aegis = aegis
        self.donations = donations

    def carry(self, work: Work) -> None:
        """Send it, if what it puts right still stands as it was found."""
        _, settings = self.tools.settings()
        of = self.tools.deliveries.get(work.facts[OF])
        original = self.tools.deliveries.get(donation_created_id(work.delivery.entity_id))
        if of is None or original is None:
            raise Skipped("the delivery that it puts right is gone", cause="nothing-to-adjust")
        donation = corrected(self.raisedonors.donation(work.delivery.entity_id), original.corrections)
        self._require_unchanged(work, _moment(of, donation).date())
        donor = self.raisedonors.donor(donation.donor_id)
        body = self._body(work, of, original, donation, donor, settings.aegis)
        self.donations.require_codes(donation, body, settings.aegis)

        def refuse(_: str, refused: Rejected) -> str:
            raise refused

        invoice, _ = post_transaction(
            work, self.aegis, work.facts["partner"], donation.currency, lambda _: body, refuse
        )
        work.facts["amount"] = str(Money(Decimal(work.facts[ADJUSTS]), donation.currency))
        self.record(work, invoice, "adjustment recorded in Aegis", proven=True)

    def record(self, work: Work, invoice: str, why: str, *, proven: bool) -> None:
        """The fact: the adjustment is in Aegis under this number."""
        work.delivered({"invoice": invoice}, why, claim=invoice_claim(invoice), proven=proven)

    def _require_unchanged(self, work: Work, day: date) -> None:
        """Raises Skipped when somebody has put it right by hand, or changed it, since it was planned."""
        number, stands = work.facts[CORRECTS], Decimal(work.facts[STANDS])
        found = transaction_numbered(self.aegis, work.facts["partner"], number, day, work.now.date())
        if found is None:
            raise Skipped(f"transaction {number} is not in Aegis any more", cause="nothing-to-adjust")
        if found.amount != stands:
            text = f"transaction {number} was {stands} when this was planned, and is {found.amount}"
            raise Skipped(text, cause="nothing-to-adjust", remedy="reconcile once more")

    def _body(
        self,
        work: Work,
        of: Delivery,
        original: Delivery,
        donation: Donation,
        donor: Donor,
        settings: AegisSettings,
    ) -> Body:
        """The gift's transaction with other amounts: to the funds it was sent to, or a part to the first of them."""
        amount = Decimal(work.facts[ADJUSTS])
        sent = original.attempt.values if original.attempt is not None else {}
        projects = self.donations.projects_of(donation, original.corrections)
        donation, projects = self.donations.as_spelled(donation, projects, settings)
        pledge_id = live_pledge(self.aegis, original.result.get("pledge"), work.facts["partner"])
        gathered = Gathered(
            donation,
            donor,
            projects,
            settings,
            work.facts["partner"],
            sent.get("appeal") or self.donations.appeal(donation, settings),
            _moment(of, donation),
            self.tools.zone,
            pledge_id,
            # A refund's rules: what goes out again is never shipped again.
            sign=-1,
        )
        body = transaction_body(gathered)
        body.pop("ProductOrders", None)
        body["TotalTransactionAmount"] = cents(amount)
        payment, gifts = body["Payment"], body["Gifts"]
        if not isinstance(payment, dict) or not isinstance(gifts, list):
            raise TypeError("a transaction has a payment and gifts by its rows")
        body["Payment"] = {**payment, "Amount": cents(amount)}
        lines = _lines(amount, sent.get(FUNDS, ""), [(str(g["FundID"]), Decimal(str(g["Amount"]))) for g in gifts])
        body["Gifts"] = [{**gifts[0], "FundID": fund, "Amount": cents(part)} for fund, part in lines]
        return body


def _lines(amount: Decimal, as_sent: str, now: list[tuple[str, Decimal]]) -> list[tuple[str, Decimal]]:
    """The whole gift goes to, or comes from, all of its funds; a part of it to the first."""
    known = [(str(fund), Decimal(part)) for part, fund in json.loads(as_sent)] if as_sent else now
    if abs(sum((part for _, part in known), Decimal(0))) == abs(amount):
        return [(fund, abs(part) if amount > 0 else -abs(part)) for fund, part in known]
    return [(known[0][0], amount)]


def _moment(of: Delivery, donation: Donation) -> datetime:
    """The date of the transaction that it puts right."""
    if of.kind is Kind.DONATION_REFUNDED:
        told = of.result.get("refunded_at")
        return parse_moment(told) if told else of.created_at
    return donation.created_at
