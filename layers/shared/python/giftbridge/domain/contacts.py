"""Virtuous' side in our own words: a contact is a household or an organisation, an individual is a person in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from giftbridge.domain.donations import Address

HOUSEHOLD = "Household"
ORGANIZATIONS = frozenset({"Organization", "Foundation"})


@dataclass(frozen=True, slots=True)
class Individual:
    """A person of a contact. The primary entries come first in phones and emails."""

    id: int
    first_name: str | None
    last_name: str | None
    phones: tuple[str, ...]
    emails: tuple[str, ...]
    is_primary: bool
    is_deceased: bool


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact as it is now. `references` are the ids it carries of our Reference Source, in no order.

    `stamp` is its modification time as it came, to be compared only; `merged_into` is set on the loser of a merge.
    """

    id: int
    type: str
    name: str | None
    individuals: tuple[Individual, ...]
    address: Address
    references: tuple[tuple[str, str], ...]
    modified_at: datetime | None
    stamp: str
    merged_into: int | None
    created_at: datetime | None = None

    @property
    def is_organization(self) -> bool:
        return self.type in ORGANIZATIONS

    def donor_references(self, source: str) -> tuple[str, ...]:
        """Ids this contact carries of one Reference Source, each once (requirement E3)."""
        return tuple(dict.fromkeys(ref for name, ref in self.references if name == source))


@dataclass(frozen=True, slots=True)
class PostedGift:
    """A gift as Virtuous holds it; `amount` is negative on a reversal."""

    id: int
    contact_id: int | None
    amount: Decimal
    day: date | None
    notes: str
    transaction_id: str | None
    created_at: datetime | None
    transaction_source: str | None = None
