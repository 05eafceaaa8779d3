"""Aegis' JSON as our partner, pledge and history row.

A record without its id, or without what it is recognised by, is not whole: who is not recognised would be made anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from giftbridge.clients.json_values import exact_number
from giftbridge.clients.whole_answers import (
    NotWhole,
    id_text,
    positive_number,
    read_count,
    read_object,
    read_page,
    require_same,
)
from giftbridge.domain.giving_history import TransactionPage
from giftbridge.domain.partners import HistoryRow, Partner, Pledge


def read_partner(raw: object) -> Partner:
    """A Partner as far as matching needs it. A missing IsActive counts as active: only a plain `false` is inactive.

    Raises NotWhole.
    """
    row = read_object(raw)
    return Partner(
        id=_id(row),
        first_name=_text(row, "FirstName"),
        last_name=_text(row, "LastName"),
        company=_text(row, "Company"),
        street=_text(row, "Address1"),
        street2=_text(row, "Address2"),
        city=_text(row, "City"),
        postal_code=_text(row, "PostalCode"),
        emails=_values(row, "PartnerEmails", "Email"),
        phones=_values(row, "PartnerPhones", "Number"),
        custom_data=tuple((_text(entry, "Name") or "", _text(entry, "Value")) for entry in _entries(row, "CustomData")),
        is_active=row.get("IsActive") is not False,
        member_date=_text(row, "MemberDate"),
    )


def read_pledge(raw: object, partner_id: str) -> Pledge:
    """A pledge of that partner, as far as verifying and finding it needs. Only a plain `true` is active.

    Raises NotWhole, also for a pledge of another partner.
    """
    row = read_object(raw)
    require_same(partner_id, row.get("PartnerID"), "PartnerID")
    return Pledge(
        id=_id(row),
        partner_id=str(row["PartnerID"]),
        amount=_amount(row, "PledgeAmount"),
        frequency=_text(row, "Frequency"),
        start_date=_text(row, "StartDate"),
        date_pledged=_text(row, "DatePledged"),
        is_active=row.get("Active") is True,
    )


def read_history_row(raw: object) -> HistoryRow:
    """A row of a partner's transaction history. Raises NotWhole when it lacks what a transaction is recognised by."""
    row = read_object(raw)
    day = row.get("TransactionDate")
    if not isinstance(day, str) or not day.strip():
        raise NotWhole("TransactionDate is no date")
    number = positive_number(row.get("InvoiceNumber"))
    if number is None:
        raise NotWhole("InvoiceNumber is no positive whole number")
    return HistoryRow(
        invoice_number=number,
        amount=_amount(row, "TransactionAmount"),
        transaction_date=day,
        appeal_code=_text(row, "AppealCode"),
        recorded_by=_text(row, "RecordedBy"),
        date_recorded=_text(row, "DateRecorded"),
    )


def read_history_page(raw: object, skip: int) -> TransactionPage:
    """A page of a partner's transactions that begins after `skip` rows. Raises NotWhole."""
    page = read_page(raw, "Transactions", "TotalCount", skip)
    pages = read_count(read_object(raw).get("PageCount"), "PageCount")
    return TransactionPage(tuple(map(read_history_row, page.rows)), pages, page.total)


def _id(row: Mapping[str, Any]) -> str:
    number = id_text(row.get("ID"))
    if number is None:
        raise NotWhole("ID names no record")
    return number


def _amount(row: Mapping[str, Any], member: str) -> Decimal:
    amount = exact_number(row.get(member))
    if amount is None:
        raise NotWhole(f"{member} is no amount")
    return amount


def _text(row: Mapping[str, Any], member: str) -> str | None:
    value = row.get(member)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return str(value)
    raise NotWhole(f"{member} is no text")


def _entries(row: Mapping[str, Any], member: str) -> list[Mapping[str, Any]]:
    values = row.get(member)
    if values is None:
        return []
    if not isinstance(values, list):
        raise NotWhole(f"{member} is no list")
    return [read_object(entry) for entry in values]


def _values(row: Mapping[str, Any], member: str, value: str) -> tuple[str, ...]:
    texts = (_text(entry, value) for entry in _entries(row, member))
    return tuple(text for text in texts if text)
