"""A refund and its original: may it be sent, and with what (requirement B1)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal

from giftbridge.domain.aegis_values import cents
from giftbridge.domain.amounts import Money
from giftbridge.domain.deliveries import Delivery
from giftbridge.domain.donations import Donation, Project
from giftbridge.domain.partners import HistoryRow
from giftbridge.errors import Rejected

# Names of what an attempt keeps of a transaction as it was sent, besides what its probe needs.
FUNDS = "funds"
PLEDGE = "pledge"
CURRENCY = "currency"
# In a delivery's result: that others recorded the donation after it was first seen.
ADOPTED = "adopted"
_FORMER = "former_invoice"


def former_invoices(delivery: Delivery) -> frozenset[str]:
    """The numbers under which a donation stood in Aegis before it was gone there: they may still be on the gift."""
    return frozenset(delivery.result.get(_FORMER, "").split())


def without_invoice(delivery: Delivery) -> dict[str, str]:
    """A delivery's result once its transaction is gone: its number is one of the former."""
    kept = {name: value for name, value in delivery.result.items() if name not in {"invoice", "how"}}
    former = [*delivery.result.get(_FORMER, "").split(), delivery.result.get("invoice", "")]
    return {**kept, _FORMER: " ".join(former).strip()}


def funds_as_sent(body: Mapping[str, object]) -> str:
    """The gifts of a transaction as text, for its refund: amount and fund of each."""
    gifts = body.get("Gifts")
    lines = [(str(gift["Amount"]), str(gift["FundID"])) for gift in gifts] if isinstance(gifts, list) else []
    return json.dumps(lines, ensure_ascii=False)


def pledge_as_sent(body: Mapping[str, object]) -> str:
    """The pledge that a transaction's gifts apply to, or nothing."""
    gifts = body.get("Gifts")
    return str(gifts[0].get("PledgeID") or "") if isinstance(gifts, list) and gifts else ""


def told_as_sent(values: Mapping[str, str]) -> dict[str, str]:
    """What a delivery's result tells of a transaction that was found or picked: partner, amount and pledge as sent."""
    told = {name: values[name] for name in ("partner", "amount", PLEDGE) if values.get(name)}
    if "amount" in told:
        told["amount"] = str(Money(Decimal(told["amount"]), values.get(CURRENCY, "")))
    return told


def projects_as_sent(original: Delivery, donation: Donation, now: Mapping[int, Project]) -> dict[int, Project]:
    """The donation's projects with the funds that the original went to, whatever their codes are by now.

    An original that was adopted went to funds we do not know: there the codes of today serve.
    """
    if original.attempt is None or FUNDS not in original.attempt.values:
        return dict(now)
    sent = [(Decimal(amount), fund) for amount, fund in json.loads(original.attempt.values[FUNDS])]
    allocations = [allocation for allocation in donation.allocations if allocation.amount != 0]
    named = dict(now)
    unused = list(sent)
    for allocation in allocations:
        # RaiseDonors may list the allocations in another order by now.
        found = next((line for line in unused if line[0] == cents(allocation.amount)), None)
        if found is None:
            raise _differs(f"the original was sent as {', '.join(f'{amount} to {fund}' for amount, fund in sent)}")
        unused.remove(found)
        named[allocation.project_id] = Project(allocation.project_id, found[1], "")
    if unused:
        raise _differs(f"the original was sent as {', '.join(f'{amount} to {fund}' for amount, fund in sent)}")
    return named


def require_same_amount(original: Delivery, donation: Donation) -> None:
    """Raises Rejected when the gift's amount is no longer the one that was sent."""
    told = original.result.get("amount")
    sent = Money.read(told)
    if told is not None and (sent is None or sent.amount != donation.amount):
        raise _differs(f"the original was sent with {told}")


def reversing_rows(rows: Iterable[HistoryRow], donation: Donation) -> list[HistoryRow]:
    """Transactions that could be this donation's refund, made by somebody else."""
    return [row for row in rows if row.amount == -donation.amount]


def _differs(text: str) -> Rejected:
    return Rejected(
        f"{text}; the gift now says otherwise",
        cause="changed-since-sent",
        field="amount",
        remedy="record the refund in Aegis by hand, with the original's amounts",
    )
