"""RaiseDonors' JSON as our donor, donation, schedule and project."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from giftbridge.clients.decorations import left_out
from giftbridge.clients.raisedonors_models import (
    WireAddress,
    WireAllocation,
    WireContactPoint,
    WireDonor,
    WireGift,
    WirePremium,
    WireProject,
    WireSchedule,
    WireTribute,
    WireUtm,
    custom_pairs,
)
from giftbridge.clients.whole_answers import id_text
from giftbridge.clients.wire_models import WireModel, read_record
from giftbridge.domain.donations import (
    Address,
    Allocation,
    Donation,
    Donor,
    LeftOut,
    MediaOutlet,
    Premium,
    Project,
    Schedule,
    Tribute,
)
from giftbridge.domain.tributes import tribute_kind

W = TypeVar("W", bound=WireModel)


def read_donation(raw: object) -> Donation:
    """A Gift as a donation. Raises Rejected naming the field that cannot be read."""
    gift = read_model(WireGift, raw, "gift")
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
        crm_key=id_text(gift.crm_key),
        comment=gift.comment,
        source_code=gift.source_code,
        motivation_code=gift.motivation_code,
        segment_code=gift.segment_code,
        payment_type=gift.payment_type,
        card_brand=gift.card_brand,
        gift_aid_requested=gift.gift_aid_requested,
        media_outlet=MediaOutlet(outlet.code, outlet.name) if outlet and outlet.code else None,
        tribute=_tribute(tribute),
        premium=_premium(premium),
        custom_fields=tuple((field.name, field.value) for field in gift.custom_fields if field and field.name),
        ip_address=gift.ip_address,
        referring_url=gift.referring_url,
        submission_url=gift.submission_url,
        utm=tuple((name, value) for name, value in (gift.utm or WireUtm()) if value),
        billing_address=_address(gift.billing_address),
        shipping_name=gift.shipping_name,
        shipping_address=_address(gift.shipping_address),
        left_out=(*_left_out(gift, raw), *_without_a_code(gift)),
    )


def read_donor(raw: object) -> Donor:
    """A Donor. The collections are the truth; the top-level mirrors stand in where a collection is missing.

    What a donor is follows from the names it bears: an organisation has an organisation's name.
    """
    donor = read_model(WireDonor, raw, "donor")
    listed = [address for address in donor.donor_addresses if address]
    addresses = listed or ([donor.primary_address] if donor.primary_address else [])
    primary = sorted(addresses, key=lambda address: not address.is_primary)
    person, organization = _filled(donor.first_name) or _filled(donor.last_name), _filled(donor.organization_name)
    return Donor(
        id=donor.id,
        first_name=donor.first_name,
        last_name=donor.last_name,
        organization_name=donor.organization_name,
        is_organization=bool(organization) and (donor.is_organization is True or not person),
        title=donor.title,
        middle_name=donor.middle_name,
        suffix=donor.suffix,
        emails=_points(donor.donor_email_addresses, donor.email),
        phones=_points(donor.donor_phone_numbers, donor.phone),
        address=_address(primary[0] if primary else None),
        crm_key=id_text(donor.crm_key),
        left_out=_left_out(donor, raw, "donor."),
    )


def read_schedule(raw: object) -> Schedule:
    """A RecurringGift as a schedule."""
    schedule = read_model(WireSchedule, raw, "recurringGift")
    return Schedule(
        id=schedule.id,
        donor_id=schedule.donor_id,
        charges_per_year=schedule.frequency,
        amount=schedule.amount,
        currency=schedule.currency_code,
        status=schedule.status_text or "",
        created_at=schedule.created_date,
        modified_at=schedule.modified_date,
        start_date=schedule.start_date,
        next_charge_date=schedule.next_charge_date,
        allocations=_allocations(schedule.projects),
        crm_key=id_text(schedule.crm_key),
        motivation_code=schedule.motivation_code or schedule.motivation_code_legacy,
        payment_type=schedule.payment_type,
        card_brand=schedule.card_brand,
        billing_first_name=schedule.billing_first_name,
        billing_last_name=schedule.billing_last_name,
        billing_address=_address(schedule.billing_address),
        left_out=_left_out(schedule, raw, "recurringGift."),
    )


def read_project(raw: object) -> Project:
    """A Project; its code is the fund id."""
    project = read_model(WireProject, raw, "project")
    return Project(
        id=project.id,
        code=project.code,
        name=project.name or "",
        online_display_name=project.online_display_name,
        description=project.description,
        is_active=project.is_active,
        is_available_online=project.is_available_online,
        modified_at=project.modified_date,
    )


def read_model(model: type[W], raw: object, what: str) -> W:
    """A raw record as its model. Raises Rejected naming the first field that cannot be read."""
    return read_record(model, raw, what, "RaiseDonors")


def _left_out(model: WireModel, raw: object, where: str = "") -> tuple[LeftOut, ...]:
    told = {**raw, "customFields": custom_pairs(raw.get("customFields"))} if isinstance(raw, dict) else raw
    return left_out(model, told, where)


def _without_a_code(gift: WireGift) -> list[LeftOut]:
    """Names of a premium and of an outlet that have no code to be sent by."""
    premium, outlet = gift.premium, gift.media_outlet
    found = [("premium.name", premium.name if premium and not premium.product_code else None)]
    found += [("mediaOutlet.name", outlet.name if outlet and not outlet.code else None)]
    return [LeftOut(field, name.strip()) for field, name in found if name and name.strip()]


def _tribute(tribute: WireTribute | None) -> Tribute | None:
    kind, name = (_filled(tribute.type), _filled(tribute.name)) if tribute else (None, None)
    return Tribute(tribute_kind(kind) or kind or "", name or "") if kind or name else None


def _premium(premium: WirePremium | None) -> Premium | None:
    return (
        Premium(premium.product_code, premium.name, premium.quantity or 1) if premium and premium.product_code else None
    )


def _filled(text: str | None) -> str | None:
    return (text or "").strip() or None


def _allocations(projects: Iterable[WireAllocation | None]) -> tuple[Allocation, ...]:
    return tuple(Allocation(project.project_id, project.amount) for project in projects if project)


def _address(address: WireAddress | None) -> Address:
    if address is None:
        return Address()
    lines = (address.address1, address.address2, address.city, address.state, address.postal)
    return Address(*lines, address.country_string)


def _points(points: Iterable[WireContactPoint | None], mirror: str | None) -> tuple[str, ...]:
    ordered = sorted((point for point in points if point), key=lambda point: not point.is_primary)
    values = [point.value for point in ordered] or [mirror]
    return tuple(dict.fromkeys(value.strip() for value in values if value and value.strip()))
