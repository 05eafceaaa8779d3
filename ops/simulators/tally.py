"""An independent tally: what RaiseDonors says was given against what Aegis says was recorded, gift by gift."""

from collections.abc import Iterable
from decimal import Decimal

from ops.simulators.aegis_store import AegisStore, Transaction
from ops.simulators.raisedonors_records import Entry
from ops.simulators.raisedonors_store import RaiseDonorsStore
from ops.simulators.tally_keys import doubled_partners, doubled_pledges, wrong_partner
from ops.simulators.tally_notes import compare_notes
from ops.simulators.tally_partners import compare_partners
from ops.simulators.tally_pledges import compare_pledges
from ops.simulators.tally_result import Finding, Tally

DONATION_ID = "RaiseDonors.Donation.Id"
DONOR_ID = "RaiseDonors.Donor.Id"
GIVEN_BACK = ("Refunded", "Voided")


def tally(
    raisedonors: RaiseDonorsStore, aegis: AegisStore, expected: Iterable[int] | None = None, *, with_notes: bool = False
) -> Tally:
    """Compare both stores. Without `expected`, the gifts that ought to be in Aegis are worked out from RaiseDonors.

    `with_notes` says that notes on donors are to be in Aegis too.
    """
    with raisedonors.lock, aegis.lock:
        result = _Tallying(raisedonors, aegis, expected).result
        if with_notes:
            compare_notes(raisedonors, aegis, result)
        return result


class _Tallying:
    def __init__(self, raisedonors: RaiseDonorsStore, aegis: AegisStore, expected: Iterable[int] | None) -> None:
        self._raisedonors, self._aegis = raisedonors, aegis
        self._gifts = {entry.record_id: entry for entry in raisedonors.gifts.all_entries()}
        explicit = set(expected) if expected is not None else None
        self._expected = explicit if explicit is not None else {i for i, gift in self._gifts.items() if _ought(gift)}
        self.result = Tally()
        self._by_gift = self._sorted_transactions()
        for gift_id, gift in self._gifts.items():
            self._compare(gift_id, gift)
        for gift_id in self._expected - set(self._gifts):
            self.result.missing.append(Finding(gift_id, (), "is not on RaiseDonors either"))
        self.result.doubled_partners += doubled_partners(aegis)
        self.result.doubled_pledges += doubled_pledges(raisedonors, aegis)
        self._find_hazards()
        compare_pledges(raisedonors, aegis, self.result)
        compare_partners(raisedonors, aegis, self.result)

    def _sorted_transactions(self) -> dict[int, list[Transaction]]:
        by_gift: dict[int, list[Transaction]] = {}
        for transaction in self._aegis.transactions.values():
            text = transaction.attribute(DONATION_ID)
            if text is None and not transaction.via_api:
                continue
            gift_id = int(text) if text is not None and text.isascii() and text.isdigit() else None
            if gift_id is None or gift_id not in self._gifts:
                detail = f"transaction of {transaction.total} for donation {text!r}, which RaiseDonors does not have"
                self.result.foreign.append(Finding(gift_id, (transaction.invoice_number,), detail))
                self.result.add_net(None, _by_fund(transaction), aegis=1)
                continue
            by_gift.setdefault(gift_id, []).append(transaction)
        return by_gift

    def _compare(self, gift_id: int, gift: Entry) -> None:
        transactions = self._by_gift.get(gift_id, [])
        given = [transaction for transaction in transactions if transaction.total >= 0]
        returned = [transaction for transaction in transactions if transaction.total < 0]
        if gift_id in self._expected:
            self._compare_expected(gift_id, gift, given)
        elif given and not gift.bad and not _may_be_there(gift):
            detail = f"was recorded although it is {_why_not(gift)}"
            self.result.foreign.append(Finding(gift_id, _invoices(given), detail))
        else:
            self._compare_each(gift_id, gift, given, 1)
        if len(given) > 1:
            self.result.doubled.append(Finding(gift_id, _invoices(given), f"recorded {len(given)} times"))
        wanted_back = self._compare_returned(gift_id, gift, given, returned)
        # A gift given back before it was sent may be there with both signs or with none: its net is the same.
        wanted = 1 if gift_id in self._expected else int(bool(given) and (gift.bad or _may_be_there(gift)))
        donor_id = gift.latest.members.get("donorId")
        if wanted or wanted_back:
            self.result.add_net(donor_id, self._shares(gift), raisedonors=wanted - wanted_back)
        for transaction in transactions:
            self.result.add_net(donor_id, _by_fund(transaction), aegis=1)

    def _compare_expected(self, gift_id: int, gift: Entry, given: list[Transaction]) -> None:
        amount, shares = Decimal(str(gift.latest.members.get("amount", 0))), self._shares(gift)
        donor_id = gift.latest.members.get("donorId")
        result = self.result
        result.expected_count += 1
        result.raisedonors_total += amount
        result.donor_sides(donor_id).raisedonors += amount
        for fund, share in shares.items():
            result.fund_sides(fund).raisedonors += share
        if not given:
            result.missing.append(Finding(gift_id, (), f"{amount} of donor {donor_id} is not in Aegis"))
            return
        result.found_count += 1
        for transaction in given:
            result.aegis_total += transaction.total
            result.donor_sides(donor_id).aegis += transaction.total
            for line in transaction.lines:
                result.fund_sides(line.fund_id).aegis += line.amount
        self._compare_each(gift_id, gift, given, 1)

    def _compare_each(self, gift_id: int, gift: Entry, transactions: list[Transaction], sign: int) -> None:
        amount = sign * Decimal(str(gift.latest.members.get("amount", 0)))
        shares = {fund: sign * share for fund, share in self._shares(gift).items()}
        for transaction in transactions:
            self._compare_one(gift_id, gift, transaction, amount, shares)

    def _compare_one(
        self, gift_id: int, gift: Entry, transaction: Transaction, amount: Decimal, shares: dict[str, Decimal]
    ) -> None:
        invoice = (transaction.invoice_number,)
        if transaction.total != amount:
            detail = f"{amount} on RaiseDonors, {transaction.total} in Aegis"
            self.result.wrong_amount.append(Finding(gift_id, invoice, detail))
        recorded = _by_fund(transaction)
        if recorded != shares:
            detail = f"{_said(shares)} on RaiseDonors, {_said(recorded)} in Aegis"
            self.result.wrong_fund.append(Finding(gift_id, invoice, detail))
        donor_id = gift.latest.members.get("donorId")
        if transaction.attribute(DONOR_ID) != str(donor_id):
            detail = f"donor {donor_id} on RaiseDonors, {transaction.attribute(DONOR_ID)} in Aegis"
            self.result.wrong_donor.append(Finding(gift_id, invoice, detail))
        complaint = wrong_partner(self._raisedonors, self._aegis, donor_id, transaction.partner_id)
        if complaint is not None:
            self.result.wrong_partner.append(Finding(gift_id, invoice, complaint))

    def _compare_returned(
        self, gift_id: int, gift: Entry, given: list[Transaction], returned: list[Transaction]
    ) -> int:
        """A refund is recorded once, for the whole amount, and only beside an original, if Aegis got one from here."""
        is_returned = gift.latest.members.get("statusText") in GIVEN_BACK
        adopted = bool(gift.first_members.get("crmKey"))
        wanted = 0
        if is_returned and gift.statuses[0] not in GIVEN_BACK:
            wanted = 1 if adopted else min(len(given), 1)
        self.result.refunds_expected += wanted
        self.result.refunds_found += len(returned)
        if len(returned) > wanted:
            self.result.doubled_refunds.append(
                Finding(gift_id, _invoices(returned), f"refunded {len(returned)} times, {wanted} wanted")
            )
        elif len(returned) < wanted:
            self.result.missing_refunds.append(Finding(gift_id, _invoices(given), "given back, but not in Aegis"))
        self._compare_each(gift_id, gift, returned, -1)
        return wanted

    def _shares(self, gift: Entry) -> dict[str, Decimal]:
        shares: dict[str, Decimal] = {}
        for share in gift.latest.members.get("projects") or []:
            fund = str(self._raisedonors.projects.entry(share["projectId"]).latest.members.get("code"))
            shares[fund] = shares.get(fund, Decimal(0)) + Decimal(str(share["amount"]))
        return shares

    def _find_hazards(self) -> None:
        for transaction in self._aegis.transactions.values():
            for line in transaction.lines:
                if line.by_hazard:
                    detail = f"named pledge {line.pledge_id or 'none'}, was applied to {line.applied_to_pledge}"
                    self.result.hazards.append(Finding(None, (transaction.invoice_number,), detail))


def _ought(gift: Entry) -> bool:
    members = gift.latest.members
    is_new = not gift.first_members.get("crmKey")
    return members.get("statusText") == "Approved" and not members.get("isTestMode") and is_new and not gift.bad


def _may_be_there(gift: Entry) -> bool:
    """Whether a gift was to be sent at some time, though it is not expected now."""
    was_approved = "Approved" in gift.statuses and not gift.latest.members.get("isTestMode")
    return was_approved and not gift.first_members.get("crmKey")


def _why_not(gift: Entry) -> str:
    if gift.latest.members.get("isTestMode"):
        return "a test"
    if gift.first_members.get("crmKey"):
        return f"in Aegis from before, as {gift.first_members['crmKey']}"
    return str(gift.latest.members.get("statusText"))


def _by_fund(transaction: Transaction) -> dict[str, Decimal]:
    funds: dict[str, Decimal] = {}
    for line in transaction.lines:
        funds[line.fund_id] = funds.get(line.fund_id, Decimal(0)) + line.amount
    return funds


def _invoices(transactions: Iterable[Transaction]) -> tuple[int, ...]:
    return tuple(transaction.invoice_number for transaction in transactions)


def _said(shares: dict[str, Decimal]) -> str:
    return ", ".join(f"{fund} {share:.2f}" for fund, share in sorted(shares.items())) or "nothing"
