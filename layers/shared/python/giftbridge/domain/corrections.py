"""Edit and replay (requirement G4): values that a person set in place of the source's, for one delivery alone.

Fields bear the names that failures use. Amounts, dates and donors cannot be corrected here: those are the source's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from giftbridge.domain.deliveries import Delivery
from giftbridge.domain.donations import Address, Donation, Project
from giftbridge.domain.texts import as_one_line, without_controls

_TEXTS = {
    "motivationCode": "motivation_code",
    "sourceCode": "source_code",
    "segmentCode": "segment_code",
    "comment": "comment",
    "shippingName": "shipping_name",
}
_ADDRESSES = {"billingAddress": "billing_address", "shippingAddress": "shipping_address"}
_PARTS = {
    "address1": "street",
    "address2": "street2",
    "city": "city",
    "state": "state",
    "postal": "postal_code",
    "countryString": "country",
}
PRODUCT = "premium.productCode"
_PROJECT, _CODE = "project/", ".code"


def values_of(donation: Donation, projects: Mapping[int, Project]) -> dict[str, str]:
    """What can be corrected of a donation, with its present values; what is absent is empty."""
    values = {field: getattr(donation, name) or "" for field, name in _TEXTS.items()}
    for field, name in _ADDRESSES.items():
        address: Address = getattr(donation, name)
        values |= {f"{field}.{part}": getattr(address, of) or "" for part, of in _PARTS.items()}
    if donation.premium is not None:
        values[PRODUCT] = donation.premium.product_code
    for allocation in donation.allocations:
        project = projects.get(allocation.project_id)
        values[f"{_PROJECT}{allocation.project_id}{_CODE}"] = (project.code or "") if project is not None else ""
    return values


def in_force(delivery: Delivery, source: Mapping[str, str]) -> dict[str, str]:
    """The corrections of what the source still says as it did then: what was put right there since counts."""
    before = delivery.corrected_from
    return {
        name: value
        for name, value in delivery.corrections.items()
        if name in source and source[name] == before.get(name, source[name])
    }


def corrected(donation: Donation, corrections: Mapping[str, str]) -> Donation:
    """The donation as it is to be sent."""
    if not corrections:
        return donation
    corrections = {field: _sendable(field, value) for field, value in corrections.items()}
    changes: dict[str, object] = {name: corrections[f] or None for f, name in _TEXTS.items() if f in corrections}
    for field, name in _ADDRESSES.items():
        parts = {of: corrections[f"{field}.{p}"] or None for p, of in _PARTS.items() if f"{field}.{p}" in corrections}
        if parts:
            changes[name] = replace(getattr(donation, name), **parts)
    if PRODUCT in corrections and donation.premium is not None:
        changes["premium"] = replace(donation.premium, product_code=corrections[PRODUCT])
    return replace(donation, **changes)  # type: ignore[arg-type]


def _sendable(field: str, value: str) -> str:
    """What a person typed, read as the record's own value would be."""
    text = without_controls(value) if field == "comment" else as_one_line(value)
    return text.strip() if field.endswith(("Code", _CODE)) else text


def corrected_projects(projects: Mapping[int, Project], corrections: Mapping[str, str]) -> dict[int, Project]:
    """The projects with the codes that this donation is to be sent with."""
    codes = {
        f.removeprefix(_PROJECT).removesuffix(_CODE): _sendable(f, v)
        for f, v in corrections.items()
        if f.startswith(_PROJECT)
    }
    found = dict(projects)
    for text, code in codes.items():
        project_id = int(text)
        known = found.get(project_id) or Project(project_id, None, "")
        found[project_id] = replace(known, code=code)
    return found
