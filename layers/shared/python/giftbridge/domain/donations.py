"""RaiseDonors' side in our own words: donor, donation, allocation, schedule, project.

Text that is absent or null is None; text that is empty stays empty. Moments are UTC, money is Decimal.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A value of a record that could not be carried. `field` is the record's own name for it; `text` is personal."""

    field: str
    text: str


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address as RaiseDonors holds it; `country` is a name or a code."""

    street: str | None = None
    street2: str | None = None
    city: str | None = None
    state: str | None = None
    postal_code: str | None = None
    country: str | None = None

    @property
    def is_empty(self) -> bool:
        return not any((self.street, self.street2, self.city, self.state, self.postal_code))


@dataclass(frozen=True, slots=True)
class Donor:
    """A person or organisation that gives. The primary entries come first in phones and emails."""

    id: int
    first_name: str | None
    last_name: str | None
    organization_name: str | None
    is_organization: bool
    title: str | None
    middle_name: str | None
    suffix: str | None
    emails: tuple[str, ...]
    phones: tuple[str, ...]
    address: Address
    crm_key: str | None
    left_out: tuple[LeftOut, ...] = ()

    @property
    def display_name(self) -> str:
        if self.is_organization and self.organization_name:
            return self.organization_name
        return " ".join(part for part in (self.first_name, self.last_name) if part)


@dataclass(frozen=True, slots=True)
class Allocation:
    """The part of a donation that goes to one project."""

    project_id: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Premium:
    """A thank-you product of a donation."""

    product_code: str
    name: str | None
    quantity: int


@dataclass(frozen=True, slots=True)
class Tribute:
    """`kind` is InHonorOf or InMemoryOf, or another type in RaiseDonors' own words."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class MediaOutlet:
    """Where the donor heard of us."""

    code: str
    name: str | None


@dataclass(frozen=True, slots=True)
class Donation:
    """One payment on RaiseDonors. `created_at` is DateCreated; `status` is the status text."""

    id: int
    donor_id: int
    status: str
    currency: str
    amount: Decimal
    created_at: datetime
    modified_at: datetime | None
    allocations: tuple[Allocation, ...]
    is_test_mode: bool
    schedule_id: int | None = None
    crm_key: str | None = None
    comment: str | None = None
    source_code: str | None = None
    motivation_code: str | None = None
    segment_code: str | None = None
    payment_type: str | None = None
    card_brand: str | None = None
    gift_aid_requested: bool | None = None
    media_outlet: MediaOutlet | None = None
    tribute: Tribute | None = None
    premium: Premium | None = None
    custom_fields: tuple[tuple[str, str | None], ...] = ()
    ip_address: str | None = None
    referring_url: str | None = None
    submission_url: str | None = None
    utm: tuple[tuple[str, str], ...] = ()
    billing_address: Address = Address()
    shipping_name: str | None = None
    shipping_address: Address = Address()
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True, slots=True)
class Schedule:
    """A recurring gift. `charges_per_year` is the wire's frequency: 52, 26, 12, 4, 2, 1; 0 and 100 are unlabelled.

    `start_date` is a day or a moment as it was written.
    """

    id: int
    donor_id: int
    charges_per_year: int
    amount: Decimal
    currency: str | None
    status: str
    created_at: datetime | None
    modified_at: datetime | None
    start_date: str | None
    next_charge_date: str | None
    allocations: tuple[Allocation, ...]
    crm_key: str | None = None
    motivation_code: str | None = None
    payment_type: str | None = None
    card_brand: str | None = None
    billing_first_name: str | None = None
    billing_last_name: str | None = None
    billing_address: Address = Address()
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True, slots=True)
class Project:
    """What a donor gives to; `code` is the fund id in Aegis. A flag of None is not said."""

    id: int
    code: str | None
    name: str
    online_display_name: str | None = None
    description: str | None = None
    is_active: bool | None = None
    is_available_online: bool | None = None
    modified_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """What a person wrote about a donor on RaiseDonors."""

    id: int
    donor_id: int
    subject: str
    body: str
