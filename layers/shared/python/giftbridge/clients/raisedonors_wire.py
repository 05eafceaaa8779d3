"""RaiseDonors' JSON as our donor, donation, schedule and project. Absent and null mean the same there."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal, TypeVar

from pydantic import BeforeValidator, Field

from giftbridge.clients.wire_models import Moment, Text, WireModel, read_record
from giftbridge.domain.donations import (
    Address,
    Allocation,
    Donation,
    Donor,
    MediaOutlet,
    Premium,
    Project,
    Schedule,
    Tribute,
)
from giftbridge.domain.times import readable_moment

# No gift depends on these: what cannot be read there must not stop money.
NoteText = Annotated[str | None, BeforeValidator(lambda value: value if isinstance(value, str) else None)]
Flag = Annotated[bool | None, BeforeValidator(lambda value: value if isinstance(value, bool) else None)]


class _Address(WireModel):
    address1: Text = None
    address2: Text = None
    city: Text = None
    state: Text = None
    postal: Text = None
    country_string: Text = None
    is_primary: bool | None = None

    def value(self) -> Address:
        return Address(self.address1, self.address2, self.city, self.state, self.postal, self.country_string)


class _Allocation(WireModel):
    project_id: int
    amount: Decimal


class _MediaOutlet(WireModel):
    code: str
    name: Text = None


class _Tribute(WireModel):
    type: Literal["InHonorOf", "InMemoryOf"]
    name: str


class _Premium(WireModel):
    product_code: str
    name: Text = None
    quantity: int | None = None


class _CustomField(WireModel):
    name: str
    value: Text = None


class _Utm(WireModel):
    source: NoteText = None
    medium: NoteText = None
    campaign: NoteText = None
    term: NoteText = None
    content: NoteText = None


class _Gift(WireModel):
    id: int
    currency: str
    amount: Decimal
    created_date: Moment
    modified_date: Moment
    status_text: str
    donor_id: int
    projects: Annotated[list[_Allocation], Field(min_length=1)]
    is_test_mode: bool
    recurring_gift_id: Annotated[int | None, BeforeValidator(lambda value: None if value == "" else value)] = None
    crm_key: Text = None
    comment: Text = None
    source_code: Text = None
    motivation_code: Text = None
    segment_code: Text = None
    payment_type: Text = None
    card_brand: NoteText = None
    gift_aid_requested: bool | None = None
    media_outlet: _MediaOutlet | None = None
    tribute: _Tribute | None = None
    premium: _Premium | None = None
    custom_fields: list[_CustomField] | None = None
    ip_address: NoteText = None
    referring_url: NoteText = None
    submission_url: Text = None
    utm: Annotated[_Utm | None, BeforeValidator(lambda value: value if isinstance(value, dict) else None)] = None
    billing_address: _Address | None = None
    shipping_name: Text = None
    shipping_address: _Address | None = None


class _ContactPoint(WireModel):
    value: Text = None
    is_primary: bool | None = None


class _Donor(WireModel):
    id: int
    title: Text = None
    first_name: Text = None
    middle_name: Text = None
    last_name: Text = None
    suffix: Text = None
    email: Text = None
    phone: Text = None
    is_organization: bool = False
    organization_name: Text = None
    crm_key: Text = None
    primary_address: _Address | None = None
    donor_addresses: list[_Address] | None = None
    donor_email_addresses: list[_ContactPoint] | None = None
    donor_phone_numbers: list[_ContactPoint] | None = None


class _Schedule(WireModel):
    id: int
    donor_id: int
    frequency: int
    amount: Decimal
    status_text: str
    created_date: Moment
    modified_date: Moment
    projects: list[_Allocation]
    currency_code: Text = None
    start_date: Text = None
    next_charge_date: Text = None
    crm_key: Text = None
    motivation_code: Text = None
    motivation_code_legacy: Text = None
    payment_type: Text = None
    card_brand: Text = None
    billing_first_name: Text = None
    billing_last_name: Text = None
    billing_address: _Address | None = None


class _Project(WireModel):
    id: int
    name: str
    code: Text = None
    online_display_name: NoteText = None
    description: NoteText = None
    is_active: Flag = None
    is_available_online: Flag = None
    modified_date: Annotated[datetime | None, BeforeValidator(readable_moment)] = None


W = TypeVar("W", bound=WireModel)


def read_donation(raw: object) -> Donation:
    """A Gift as a donation. Raises Rejected naming the field that cannot be read."""
    gift = read_model(_Gift, raw, "gift")
    outlet, tribute, premium = gift.media_outlet, gift.tribute, gift.premium
    return Donation(
        id=gift.id,
        donor_id=gift.donor_id,
        status=gift.status_text,
        currency=gift.currency,
        amount=gift.amount,
        created_at=gift.created_date,
        modified_at=gift.modified_date,
        allocations=_allocations(gift.projects),
        is_test_mode=gift.is_test_mode,
        schedule_id=gift.recurring_gift_id,
        crm_key=_stripped(gift.crm_key),
        comment=gift.comment,
        source_code=gift.source_code,
        motivation_code=gift.motivation_code,
        segment_code=gift.segment_code,
        payment_type=gift.payment_type,
        card_brand=gift.card_brand,
        gift_aid_requested=gift.gift_aid_requested,
        media_outlet=MediaOutlet(outlet.code, outlet.name) if outlet else None,
        tribute=Tribute(tribute.type, tribute.name) if tribute else None,
        premium=Premium(premium.product_code, premium.name, premium.quantity or 1) if premium else None,
        custom_fields=tuple((field.name, field.value) for field in gift.custom_fields or ()),
        ip_address=gift.ip_address,
        referring_url=gift.referring_url,
        submission_url=gift.submission_url,
        utm=tuple((name, value) for name, value in (gift.utm or _Utm()) if value),
        billing_address=_address(gift.billing_address),
        shipping_name=gift.shipping_name,
        shipping_address=_address(gift.shipping_address),
    )


def read_donor(raw: object) -> Donor:
    """A Donor. The collections are the truth; the top-level mirrors stand in where a collection is missing."""
    donor = read_model(_Donor, raw, "donor")
    addresses = donor.donor_addresses or ([donor.primary_address] if donor.primary_address else [])
    primary = sorted(addresses, key=lambda address: not address.is_primary)
    return Donor(
        id=donor.id,
        first_name=donor.first_name,
        last_name=donor.last_name,
        organization_name=donor.organization_name,
        is_organization=donor.is_organization,
        title=donor.title,
        middle_name=donor.middle_name,
        suffix=donor.suffix,
        emails=_points(donor.donor_email_addresses, donor.email),
        phones=_points(donor.donor_phone_numbers, donor.phone),
        address=_address(primary[0] if primary else None),
        crm_key=_stripped(donor.crm_key),
    )


def read_schedule(raw: object) -> Schedule:
    """A RecurringGift as a schedule."""
    schedule = read_model(_Schedule, raw, "recurringGift")
    return Schedule(
        id=schedule.id,
        donor_id=schedule.donor_id,
        charges_per_year=schedule.frequency,
        amount=schedule.amount,
        currency=schedule.currency_code,
        status=schedule.status_text,
        created_at=schedule.created_date,
        modified_at=schedule.modified_date,
        start_date=schedule.start_date,
        next_charge_date=schedule.next_charge_date,
        allocations=_allocations(schedule.projects),
        crm_key=_stripped(schedule.crm_key),
        motivation_code=schedule.motivation_code or schedule.motivation_code_legacy,
        payment_type=schedule.payment_type,
        card_brand=schedule.card_brand,
        billing_first_name=schedule.billing_first_name,
        billing_last_name=schedule.billing_last_name,
        billing_address=_address(schedule.billing_address),
    )


def read_project(raw: object) -> Project:
    """A Project; its code is the fund id."""
    project = read_model(_Project, raw, "project")
    return Project(
        id=project.id,
        code=project.code,
        name=project.name,
        online_display_name=project.online_display_name,
        description=project.description,
        is_active=project.is_active,
        is_available_online=project.is_available_online,
        modified_at=project.modified_date,
    )


def _stripped(text: str | None) -> str | None:
    return (text or "").strip() or None


def read_model(model: type[W], raw: object, what: str) -> W:
    """A raw record as its model. Raises Rejected naming the first field that cannot be read."""
    return read_record(model, raw, what, "RaiseDonors")


def _allocations(projects: list[_Allocation]) -> tuple[Allocation, ...]:
    return tuple(Allocation(project.project_id, project.amount) for project in projects)


def _address(address: _Address | None) -> Address:
    return address.value() if address else Address()


def _points(points: list[_ContactPoint] | None, mirror: str | None) -> tuple[str, ...]:
    ordered = sorted(points or [], key=lambda point: not point.is_primary)
    values = [point.value for point in ordered] or [mirror]
    return tuple(dict.fromkeys(value.strip() for value in values if value and value.strip()))
