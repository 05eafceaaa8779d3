"""Aegis' JSON as our partner, pledge and history row."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from giftbridge.domain.partners import HistoryRow, Partner, Pledge


def read_partner(row: Mapping[str, Any]) -> Partner:
    """A Partner as far as matching needs it. A missing IsActive counts as active: only a plain `false` is inactive."""
    return Partner(
        id=str(row.get("ID") or ""),
        first_name=row.get("FirstName"),
        last_name=row.get("LastName"),
        company=row.get("Company"),
        street=row.get("Address1"),
        street2=row.get("Address2"),
        city=row.get("City"),
        postal_code=row.get("PostalCode"),
        emails=_values(row.get("PartnerEmails"), "Email"),
        phones=_values(row.get("PartnerPhones"), "Number"),
        custom_data=tuple((str(f.get("Name") or ""), f.get("Value")) for f in row.get("CustomData") or ()),
        is_active=row.get("IsActive") is not False,
        member_date=row.get("MemberDate"),
    )


def read_pledge(row: Mapping[str, Any]) -> Pledge:
    """A Pledge as far as verifying and finding it needs. Only a plain `true` is active."""
    return Pledge(
        id=str(row.get("ID") or ""),
        partner_id=str(row.get("PartnerID") or ""),
        amount=Decimal(str(row.get("PledgeAmount") or 0)),
        frequency=row.get("Frequency"),
        start_date=row.get("StartDate"),
        date_pledged=row.get("DatePledged"),
        is_active=row.get("Active") is True,
    )


def read_history_row(row: Mapping[str, Any]) -> HistoryRow:
    """A row of a partner's transaction history."""
    return HistoryRow(
        invoice_number=int(row["InvoiceNumber"]),
        amount=Decimal(str(row["TransactionAmount"])),
        transaction_date=str(row.get("TransactionDate") or ""),
        appeal_code=row.get("AppealCode"),
        recorded_by=row.get("RecordedBy"),
        date_recorded=row.get("DateRecorded"),
    )


def _values(entries: Any, member: str) -> tuple[str, ...]:
    return tuple(str(entry[member]) for entry in entries or () if entry.get(member))
