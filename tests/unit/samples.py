"""One fully filled donation, donor, schedule and partner that the unit tests vary."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from giftbridge.domain.aegis_mapping import Gathered, GatheredPartner, GatheredPledge
from giftbridge.domain.deliveries import Attempt, Delivery, Kind, Step
from giftbridge.domain.delivery_life import new_delivery
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
from giftbridge.domain.partners import Partner
from giftbridge.domain.settings import AegisSettings, Settings, read_settings

NOW = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)

HOME = Address("12 Oak Street", "Apt 4", "Austin", "TX", "78701", "United States")
BILLING = Address("9 Hill Road", "Floor 2", "Toronto", "ON", "M5V 2T6", "Canada")
SHIPPING = Address("3 Lake Drive", "Rear", "Leeds", "West Yorkshire", "LS1 4DY", "England")

DONOR = Donor(
    id=48001,
    first_name="Anna",
    last_name="Berg",
    organization_name=None,
    is_organization=False,
    title="Dr",
    middle_name="Maria",
    suffix="Jr",
    emails=("anna@example.org", "anna.work@example.org"),
    phones=("512-555-0101", "512-555-0102"),
    address=HOME,
    crm_key=None,
)
CHURCH = replace(DONOR, organization_name="Cedar & Sons, Inc.", is_organization=True)

PROJECTS = {301: Project(301, "GEN", "General Fund"), 302: Project(302, "BLD", "Building")}

DONATION = Donation(
    id=900001,
    donor_id=48001,
    status="Approved",
    currency="USD",
    amount=Decimal("75.1"),
    created_at=datetime(2026, 3, 2, 14, 30, 5, 250000, tzinfo=UTC),
    modified_at=NOW,
    allocations=(Allocation(301, Decimal("50.0000")), Allocation(302, Decimal("25.10"))),
    is_test_mode=False,
    comment="Thank you",
    source_code="EMAIL",
    motivation_code="EOY24",
    segment_code="A1",
    payment_type="ACH",
    card_brand="Visa",
    gift_aid_requested=True,
    media_outlet=MediaOutlet("KXYZ", "KXYZ Radio"),
    tribute=Tribute("InHonorOf", "Grandmother Rosa"),
    premium=Premium("BOOK-01", "The Long Road", 3),
    custom_fields=(("custom_aegisapi_Campus", "North"), ("custom_shirt_size", "L")),
    ip_address="203.0.113.7",
    referring_url="https://www.example.org/news",
    submission_url="https://give.example.org/main?segment=B2",
    utm=(("source", "newsletter"), ("medium", "email")),
    billing_address=BILLING,
    shipping_name="Ben Carver",
    shipping_address=SHIPPING,
)

SCHEDULE = Schedule(
    id=70001,
    donor_id=48001,
    charges_per_year=12,
    amount=Decimal("30"),
    currency="USD",
    status="Active",
    created_at=datetime(2026, 2, 27, 8, 0, tzinfo=UTC),
    modified_at=NOW,
    start_date="2026-03-01T00:00:00",
    next_charge_date="2026-04-01T00:00:00",
    allocations=(Allocation(301, Decimal(30)),),
    motivation_code="SPRING",
    payment_type="ACH",
    billing_first_name="Anne",
    billing_last_name="Bergmann",
    billing_address=BILLING,
)

DOCUMENT: dict[str, Any] = {
    "aegis": {
        "origin_source": "WEB",
        "donor_id_field": "Raise Id",
        "payment_types": {"ach": "ElectronicFundsTransfer"},
        "batch_category": "Online Giving",
        "batch_type": "Online",
        "channel": "Internet",
        "recorded_by": "Bridge",
        "payment_status": "Received",
        "payment_type": "CreditCard",
        "default_payment_type": "Check",
        "media_program": "Morning Show",
        "update_primary_mailing_address": True,
        "warehouse_id": "WH1",
        "shipping_method": "Ground",
        "pledge_program_name": "Monthly Partners",
        "pledge_batch_type": "Pledges",
    }
}


def settings(**aegis: Any) -> Settings:
    """Settings in which every text of the mapping is filled, with changes."""
    return read_settings({"aegis": {**DOCUMENT["aegis"], **aegis}})


def aegis(**changes: Any) -> AegisSettings:
    """The Aegis section of `settings`."""
    return settings(**changes).aegis


def gathered(donation: Donation = DONATION, donor: Donor = DONOR, **more: Any) -> Gathered:
    """A transaction to be; `aegis` changes settings."""
    chosen = aegis(**more.pop("aegis", {}))
    moment, zone = more.pop("moment", donation.created_at), more.pop("zone", "UTC")
    return Gathered(donation, donor, PROJECTS, chosen, "100001", "EOY24", moment, zone, **more)


def gathered_pledge(
    schedule: Schedule = SCHEDULE, donor: Donor = DONOR, zone: str = "UTC", **changes: Any
) -> GatheredPledge:
    """A pledge to be."""
    return GatheredPledge(schedule, donor, aegis(**changes), "100001", "SPRING", zone)


def gathered_partner(donor: Donor = DONOR, *, knows_donor_id: bool = True, **changes: Any) -> GatheredPartner:
    """A partner to be."""
    return GatheredPartner(donor, aegis(**changes), knows_donor_id)


def partner(partner_id: str = "100001", **changes: Any) -> Partner:
    """The partner in Aegis that is exactly the donor."""
    same = Partner(
        id=partner_id,
        first_name="Anna",
        last_name="Berg",
        company=None,
        street="12 Oak Street",
        street2="Apt 4",
        city="Austin",
        postal_code="78701",
        emails=("anna@example.org",),
        phones=("512-555-0101",),
        custom_data=(),
        is_active=True,
        member_date="2010-05-14T08:00:00-06:00",
    )
    return replace(same, **changes)


def delivery(**changes: Any) -> Delivery:
    """A new delivery of the donation."""
    new = new_delivery(
        id="aegis/donation/900001/created", kind=Kind.DONATION_CREATED, donor_id=48001, entity_id="900001", now=NOW
    )
    return replace(new, **changes)


def attempt(**values: str) -> Attempt:
    """A transaction that may have reached Aegis."""
    sent = {
        "partner": "100001",
        "amount": "75.10",
        "appeal": "EOY24",
        "recorded_by": "Bridge",
        "date": "2026-03-02T14:30:05.250Z",
    }
    return Attempt("a1", Step.TRANSACTION, NOW, NOW, {**sent, **values})
