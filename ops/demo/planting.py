"""Differences put into Aegis by hand, to see that the report finds them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from decimal import Decimal

from ops.simulators.aegis_store import AegisStore, Transaction


def plant(name: str, aegis: AegisStore) -> None:
    """Spoil one transaction that was fine; each call takes another one."""
    with aegis.lock:
        PLANTS[name](aegis, next(_untouched(aegis)))


def _untouched(aegis: AegisStore) -> Iterator[Transaction]:
    """Transactions of one gift that nobody spoilt yet."""
    taken: set[str] = getattr(aegis, "planted", set())
    aegis.planted = taken  # type: ignore[attr-defined]
    for transaction in list(aegis.transactions.values()):
        gift = transaction.attribute("RaiseDonors.Donation.Id")
        if transaction.via_api and gift and gift not in taken and len(transaction.lines) == 1:
            taken.add(gift)
            yield transaction


def _missing(aegis: AegisStore, transaction: Transaction) -> None:
    del aegis.transactions[transaction.invoice_number]
    aegis.transactions_of[transaction.partner_id].remove(transaction)


def _doubled(aegis: AegisStore, transaction: Transaction) -> None:
    twin = copy.deepcopy(transaction)
    twin.invoice_number = aegis.new_invoice_number()
    aegis.add_transaction(twin)


def _cent(aegis: AegisStore, transaction: Transaction) -> None:
    transaction.total += Decimal("0.01")
    transaction.lines[0].amount += Decimal("0.01")
    transaction.model["TotalTransactionAmount"] = transaction.total
    transaction.model["Gifts"][0]["Amount"] = transaction.total


def _fund(aegis: AegisStore, transaction: Transaction) -> None:
    other = next(code for code in aegis.codes["Fund"] if code != transaction.lines[0].fund_id)
    transaction.lines[0].fund_id = other
    transaction.model["Gifts"][0]["FundID"] = other


PLANTS: dict[str, Callable[[AegisStore, Transaction], None]] = {
    "missing": _missing,
    "doubled": _doubled,
    "cent": _cent,
    "fund": _fund,
}
