"""The verbose note of a donation: one line a fact, in a fixed order (requirement A11)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from giftbridge.domain.donations import Address, Donation, Donor, LeftOut, Project


def verbose_note(
    donation: Donation, donor: Donor, projects: Mapping[int, Project], left_out: Sequence[LeftOut] = ()
) -> str:
    """Every fact about the donation that Aegis has no field for. Test mode and Recurring always say yes or no."""
    names = [_project_line(donation, index, projects) for index in range(len(donation.allocations))]
    premium, outlet = donation.premium, donation.media_outlet
    lines: list[tuple[str, str | None]] = [
        ("Amount", f"{donation.amount:.2f} {donation.currency}"),
        ("Project" if len(names) == 1 else "Projects", "; ".join(names)),
        ("Donor", f"{donor.display_name} ({donor.id})".strip()),
        ("Test mode", _yes_no(donation.is_test_mode)),
        ("Recurring", _yes_no(donation.schedule_id is not None)),
        ("Payment type", donation.payment_type),
        ("Card brand", donation.card_brand),
        ("Motivation code", donation.motivation_code),
        ("Source code", donation.source_code),
        ("Referring URL", donation.referring_url),
        *((f"UTM {name}", value) for name, value in donation.utm),
        ("IP address", donation.ip_address),
        ("Premium code", premium.product_code if premium else None),
        ("Premium name", premium.name if premium else None),
        ("Premium quantity", str(premium.quantity) if premium and premium.quantity > 1 else None),
        ("Media code", outlet.code if outlet else None),
        ("Shipping address", _one_line(donation.shipping_name, donation.shipping_address)),
        ("Could not be carried", "; ".join(f"{one.field}: {one.text}" for one in left_out)),
    ]
    return "\n".join(f"{label}: {value}" for label, value in lines if value and value.strip())


def _project_line(donation: Donation, index: int, projects: Mapping[int, Project]) -> str:
    allocation = donation.allocations[index]
    project = projects.get(allocation.project_id)
    name = (project.name if project else "") or str(allocation.project_id)
    return name if len(donation.allocations) == 1 else f"{name} {allocation.amount:.2f}"


def _yes_no(value: bool) -> str:
    return "yes" if value else "no"


def _one_line(name: str | None, address: Address) -> str | None:
    if address.is_empty:
        return None
    parts = (name, address.street, address.street2, address.city, address.state, address.postal_code, address.country)
    return ", ".join(part.strip() for part in parts if part and part.strip()) or None
