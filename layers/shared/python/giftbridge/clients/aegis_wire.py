"""Aegis' JSON as our partner, pledge and history row. A member of an odd type counts as not said."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from giftbridge.clients.json_values import exact_number
from giftbridge.domain.partners import HistoryRow, Partner, Pledge


def read_partner(row: Mapping[str, Any]) -> Partner:
    """A Partner as far as matching needs it. A missing IsActive counts as active: only a plain `false` is inactive."""
    return Partner(
        id=_text(row.get("ID")) or "",
        first_name=_text(row.get("FirstName")),
        last_name=_text(row.get("LastName")),
        company=_text(row.get("Company")),
        street=_text(row.get("Address1")),
        street2=_text(row.get("Address2")),
        city=_text(row.get("City")),
        postal_code=_text(row.get("PostalCode")),
        emails=_values(row.get("PartnerEmails"), "Email"),
        phones=_values(row.get("PartnerPhones"), "Number"),
        custom_data=tuple(
            (_text(entry.get("Name")) or "", _text(entry.get("Value"))) for entry in _entries(row.get("CustomData"))
        ),
        is_active=row.get("IsActive") is not False,
        member_date=_text(row.get("MemberDate")),
    )


def read_pledge(row: Mapping[str, Any]) -> Pledge:
    """A Pledge as far as verifying and finding it needs. Only a plain `true` is active."""
    return Pledge(
        id=_text(row.get("ID")) or "",
        partner_id=_text(row.get("PartnerID")) or "",
        amount=exact_number(row.get("PledgeAmount")) or Decimal(0),
        frequency=_text(row.get("Frequency")),
        start_date=_text(row.get("StartDate")),
        date_pledged=_text(row.get("DatePledged")),
        is_active=row.get("Active") is True,
    )


def read_history_row(row: Mapping[str, Any]) -> HistoryRow:
    """A row of a partner's transaction history."""
    invoice = exact_number(row.get("InvoiceNumber"))
    return HistoryRow(
        invoice_number=int(invoice) if invoice is not None else None,
        amount=exact_number(row.get("TransactionAmount")) or Decimal(0),
        transaction_date=_text(row.get("TransactionDate")) or "",
        appeal_code=_text(row.get("AppealCode")),
        recorded_by=_text(row.get("RecordedBy")),
        date_recorded=_text(row.get("DateRecorded")),
    )


def rows_of(body: Mapping[str, Any], member: str) -> list[Mapping[str, Any]]:
    """The rows of a page; what is no object is left out."""
    return _entries(body.get(member))


def _text(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else None


def _entries(values: Any) -> list[Mapping[str, Any]]:
    return [entry for entry in values if isinstance(entry, dict)] if isinstance(values, list) else []


def _values(entries: Any, member: str) -> tuple[str, ...]:
    texts = (_text(entry.get(member)) for entry in _entries(entries))
    return tuple(text for text in texts if text)
