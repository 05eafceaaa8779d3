"""Aegis' side in our own words: partner, pledge, a row of a partner's history."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Partner:
    """A person or organisation in Aegis, as far as matching needs it."""

    id: str
    first_name: str | None
    last_name: str | None
    company: str | None
    street: str | None
    street2: str | None
    city: str | None
    postal_code: str | None
    emails: tuple[str, ...]
    phones: tuple[str, ...]
    custom_data: tuple[tuple[str, str | None], ...]
    is_active: bool
    member_date: str | None

    def custom_value(self, name: str) -> str | None:
        """The value of a custom data field, named without regard to case."""
        return next((value for key, value in self.custom_data if key.casefold() == name.casefold()), None)


@dataclass(frozen=True, slots=True)
class Pledge:
    """A commitment in Aegis, as far as verifying and finding it needs."""

    id: str
    partner_id: str
    amount: Decimal
    frequency: str | None
    start_date: str | None
    date_pledged: str | None
    is_active: bool


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """A transaction in a partner's history: no attributes, no fund, no note."""

    invoice_number: int | None
    amount: Decimal
    transaction_date: str
    appeal_code: str | None
    recorded_by: str | None
    date_recorded: str | None
