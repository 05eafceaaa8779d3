"""One donor's giving, from RaiseDonors and Aegis merged (requirement C1): a gift one row, a refund one, none twice.

A RaiseDonors donation is one logical row, or two when it was refunded or voided. It is the same as a transaction in
Aegis when that transaction's invoice number is the donation's key: our delivery's result, or the gift's own crmKey.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from giftbridge.domain.partners import HistoryRow
from giftbridge.domain.validation import APPROVED, REVERSED_STATUSES

Source = Literal["aegis", "raisedonors", "both"]
Kind = Literal["donation", "refund"]
# The documented samples carry -06:00 and -07:00: what has no offset is US Mountain time (Aegis contract).
AEGIS_ZONE = ZoneInfo("America/Denver")
_LONGEST_NUMBER = 40
_UNDATED = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class DonorGift:
    """A donation of RaiseDonors, as much of it as the history shows."""

    id: int
    amount: Decimal
    currency: str | None
    status: str
    created_at: datetime
    modified_at: datetime | None
    is_test_mode: bool
    crm_key: str | None


@dataclass(frozen=True, slots=True)
class Recorded:
    """What our deliveries say of a donation: the invoice numbers of gift and refund, and when it was refunded."""

    invoice: str | None = None
    refund_invoice: str | None = None
    refunded_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TransactionPage:
    """A page of a partner's transactions; `total` counts those of all pages."""

    rows: tuple[HistoryRow, ...]
    pages: int
    total: int


@dataclass(frozen=True, slots=True)
class GivingRow:
    """A gift or a refund. `at` is None when Aegis' date cannot be read; `aegis_amount` is set where it differs."""

    id: str
    source: Source
    kind: Kind
    at: datetime | None
    amount: Decimal
    currency: str | None = None
    invoice_number: str | None = None
    donation_id: int | None = None
    status: str | None = None
    refund_of: str | None = None
    refunded_by: str | None = None
    aegis_amount: Decimal | None = None

    @property
    def order(self) -> tuple[datetime, int, int, str]:
        """A total order, oldest first; a refund comes after its gift, and moments that are equal go by number."""
        number = self.donation_id or _number(self.invoice_number)
        return (self.at or _UNDATED, int(self.kind == "refund"), number, self.id)


@dataclass(frozen=True, slots=True)
class Mark:
    """What was there when the first page was asked for: rows with a higher number, and later refunds, came since.

    A number is None where its side did not answer then: nothing of it is left out.
    """

    at: datetime
    invoice: int | None
    donation: int | None


def merge(
    gifts: Iterable[DonorGift],
    recorded: Mapping[int, Recorded],
    transactions: Iterable[HistoryRow],
    *,
    with_tests: bool,
) -> list[GivingRow]:
    """All rows, newest first."""
    in_aegis = _by_invoice(transactions)
    # What our deliveries say goes before what somebody once wrote on the gift.
    ours = [row for gift in gifts if with_tests or not gift.is_test_mode for row in _logical_rows(gift, recorded)]
    ours.sort(key=lambda row: (not _is_recorded(row, recorded), row.donation_id or 0))
    rows = [_joined(row, in_aegis) for row in ours]
    rows += in_aegis.values()
    return sorted(rows, key=lambda row: row.order, reverse=True)


def _logical_rows(gift: DonorGift, recorded: Mapping[int, Recorded]) -> list[GivingRow]:
    status = gift.status.strip().casefold()
    is_reversed = status in REVERSED_STATUSES
    if status != APPROVED and not is_reversed:
        return []
    known = recorded.get(gift.id, Recorded())
    row = GivingRow(
        id=f"raisedonors:{gift.id}",
        source="raisedonors",
        kind="donation",
        at=gift.created_at,
        amount=gift.amount,
        currency=gift.currency,
        invoice_number=invoice_form(known.invoice or gift.crm_key),
        donation_id=gift.id,
        status=gift.status.strip(),
    )
    if not is_reversed:
        return [row]
    refund = replace(
        row,
        id=f"{row.id}:refund",
        kind="refund",
        # Never before its gift, whatever the clocks said.
        at=max(known.refunded_at or gift.modified_at or gift.created_at, gift.created_at),
        amount=-gift.amount,
        invoice_number=invoice_form(known.refund_invoice),
        refund_of=row.id,
    )
    return [replace(row, refunded_by=refund.id), refund]


def _is_recorded(row: GivingRow, recorded: Mapping[int, Recorded]) -> bool:
    known = recorded.get(row.donation_id or 0, Recorded())
    return (known.refund_invoice if row.kind == "refund" else known.invoice) is not None


def _by_invoice(transactions: Iterable[HistoryRow]) -> dict[str, GivingRow]:
    """Aegis' rows by invoice number, each number once; a row without a readable number is told apart by its content."""
    rows: dict[str, GivingRow] = {}
    for transaction in transactions:
        if transaction.invoice_number is not None:
            rows.setdefault(str(transaction.invoice_number), _aegis_row(transaction, str(transaction.invoice_number)))
            continue
        unnumbered = f"unnumbered:{transaction.transaction_date}:{transaction.amount}"
        alike = sum(1 for name in rows if name.rsplit(":", 1)[0] == unnumbered)
        name = f"{unnumbered}:{alike + 1}"
        rows[name] = replace(_aegis_row(transaction, name), invoice_number=None)
    return rows


def _aegis_row(transaction: HistoryRow, name: str) -> GivingRow:
    return GivingRow(
        id=f"aegis:{name}",
        source="aegis",
        kind="refund" if transaction.amount < 0 else "donation",
        at=aegis_moment(transaction.transaction_date) or aegis_moment(transaction.date_recorded or ""),
        amount=transaction.amount,
        invoice_number=name,
    )


def _joined(row: GivingRow, in_aegis: dict[str, GivingRow]) -> GivingRow:
    """The row with its transaction, which is taken out: two donations with one key do not share a transaction."""
    transaction = in_aegis.pop(row.invoice_number, None) if row.invoice_number else None
    if transaction is None:
        return row
    differs = transaction.amount != row.amount
    return replace(row, source="both", aegis_amount=transaction.amount if differs else None)


def invoice_form(key: str | None) -> str | None:
    """An invoice number as Aegis' history writes it; another key stays as it is."""
    text = (key or "").strip()
    return str(int(text)) if text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER else text or None


def aegis_moment(text: str) -> datetime | None:
    """A date of Aegis' history as UTC; None when it cannot be read."""
    try:
        moment = datetime.fromisoformat(text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=AEGIS_ZONE)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def within(rows: Iterable[GivingRow], first: date | None, last: date | None, zone: ZoneInfo) -> list[GivingRow]:
    """The rows of these days, both inclusive; days are those of the organisation's zone (setting time_zone)."""
    if first is None and last is None:
        return list(rows)
    dated = ((row, _day(row.at, zone)) for row in rows if row.at is not None)
    return [row for row, day in dated if (first is None or day >= first) and (last is None or day <= last)]


def _day(moment: datetime, zone: ZoneInfo) -> date:
    try:
        return moment.astimezone(zone).date()
    except OverflowError:
        return moment.date()


def mark_of(rows: Iterable[GivingRow], now: datetime, *, aegis: bool, raisedonors: bool) -> Mark:
    """The mark of a first page: everything that is there counts, whatever the sources' clocks say.

    `aegis` and `raisedonors` say which of them answered.
    """
    listed = list(rows)
    return Mark(
        at=max([now, *(row.at for row in listed if row.kind == "refund" and row.at is not None)]),
        invoice=max((_number(row.invoice_number) for row in listed), default=0) if aegis else None,
        donation=max((row.donation_id or 0 for row in listed), default=0) if raisedonors else None,
    )


def as_of(rows: Sequence[GivingRow], mark: Mark) -> list[GivingRow]:
    """The rows that were there at the mark. One that was has no higher number than the highest of then."""
    kept = [row for row in rows if _was_there(row, mark)]
    there = {row.id for row in kept}
    return [row if row.refunded_by in there else replace(row, refunded_by=None) for row in kept]


def _was_there(row: GivingRow, mark: Mark) -> bool:
    if row.donation_id is None:
        return mark.invoice is None or _number(row.invoice_number) <= mark.invoice
    is_later_refund = row.kind == "refund" and row.at is not None and row.at > mark.at
    return not is_later_refund and (mark.donation is None or row.donation_id <= mark.donation)


def _number(invoice: str | None) -> int:
    return int(invoice) if invoice is not None and invoice.isascii() and invoice.isdigit() else 0
