"""What of a donation a CRM cannot take: the money goes without it, and the verbose note says what it was (A16)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from giftbridge.domain.countries import country_code
from giftbridge.domain.donations import Address, Donation, Donor, LeftOut, Schedule
from giftbridge.domain.tributes import IN_HONOR, IN_MEMORY

SHIPPED_WITH = ("shippingName", "shippingAddress.address1", "shippingAddress.city", "shippingAddress.countryString")


def left_out_of_aegis(donation: Donation, donor: Donor, schedule: Schedule | None = None) -> tuple[LeftOut, ...]:
    """Each once: what could not be read, what is no country, an unknown type of tribute, an unshippable premium."""
    found = [*donation.left_out, *donor.left_out]
    found += _country("billingAddress", donation.billing_address)
    found += _country("shippingAddress", donation.shipping_address)
    found += _country("donor.primaryAddress", donor.address)
    found += _tribute(donation)
    missing = missing_for_shipping(donation, donor)
    if donation.premium is not None and missing:
        code = donation.premium.product_code
        found.append(LeftOut("premium", f"{code} is not ordered, for {', '.join(missing)} is missing"))
    if schedule is not None:
        found += [*schedule.left_out, *_country("recurringGift.billingAddress", schedule.billing_address)]
    return tuple(dict.fromkeys(found))


def left_out_of_virtuous(donation: Donation, donor: Donor) -> tuple[LeftOut, ...]:
    """What could not be read: Virtuous takes any country and any words for a tribute."""
    return (*donation.left_out, *donor.left_out)


def missing_for_shipping(donation: Donation, donor: Donor) -> tuple[str, ...]:
    """What a premium cannot be shipped without, in RaiseDonors' words."""
    address = donation.shipping_address
    values = (
        donation.shipping_name if (donation.shipping_name or "").strip() else donor.display_name,
        f"{address.street or ''}{address.street2 or ''}",
        address.city,
        country_code(address.country or ""),
    )
    return tuple(field for field, value in zip(SHIPPED_WITH, values, strict=True) if not (value or "").strip())


def names_of(left_out: Sequence[LeftOut]) -> str:
    """The fields alone, without what they said: no personal data."""
    return ", ".join(dict.fromkeys(one.field for one in left_out))


def _country(address_field: str, address: Address) -> Iterator[LeftOut]:
    country = (address.country or "").strip()
    if country and country_code(country) is None:
        yield LeftOut(f"{address_field}.countryString", country)


def _tribute(donation: Donation) -> Iterator[LeftOut]:
    tribute = donation.tribute
    if tribute is None:
        return
    if tribute.kind not in (IN_HONOR, IN_MEMORY):
        yield LeftOut("tribute", f"{tribute.kind} {tribute.name}".strip())
    elif not tribute.name.strip():
        yield LeftOut("tribute", f"{tribute.kind} without a name")
