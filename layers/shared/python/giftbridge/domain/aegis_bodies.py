"""Whole requests to Aegis, filled from the mapping's rows."""

from __future__ import annotations

from decimal import Decimal
from typing import TypeVar

from giftbridge.domain.aegis_mapping import (
    ATTRIBUTE,
    GIFT,
    NOTE,
    PARTNER,
    PLEDGE,
    PRODUCT_ORDER,
    TRANSACTION,
    Gathered,
    GatheredGift,
    GatheredNote,
    GatheredPartner,
    GatheredPledge,
)
from giftbridge.domain.aegis_values import filled
from giftbridge.domain.left_out import missing_for_shipping
from giftbridge.domain.mapping_rows import Body, fill
from giftbridge.domain.settings import AegisSettings
from giftbridge.errors import Rejected

CUSTOM_FIELD_PREFIX = "custom_aegisapi_"
S = TypeVar("S")


def transaction_body(gathered: Gathered) -> Body:
    """The whole transaction of a donation, or of its refund.

    A premium that cannot be shipped is left out. Raises Rejected when a project has no code, or no shipping method is
    set for a premium.
    """
    body = fill(TRANSACTION, gathered)
    allocations = [a for a in gathered.donation.allocations if a.amount != 0]
    body["Gifts"] = [fill(GIFT, GatheredGift(gathered, allocation)) for allocation in allocations]
    repeats = gathered.sign > 0 or gathered.settings.refund_repeats_products
    is_shippable = not missing_for_shipping(gathered.donation, gathered.donor)
    if gathered.donation.premium is not None and repeats and is_shippable:
        _require_shipping_method(gathered.settings)
        body["ProductOrders"] = [fill(PRODUCT_ORDER, gathered)]
    body["Attributes"] = _attributes(gathered)
    return body


def pledge_body(gathered: GatheredPledge) -> Body:
    """The pledge of a new schedule. Raises Rejected for a frequency Aegis cannot express."""
    return fill(PLEDGE, gathered)


def note_body(gathered: GatheredNote) -> Body:
    """A note of a partner, from a note on the donor."""
    return fill(NOTE, gathered)


def partner_body(gathered: GatheredPartner) -> Body:
    """The partner of a donor Aegis does not know. Raises Rejected when Aegis could not take it (partner/Create)."""
    body = fill(PARTNER, gathered)
    if not body.keys() & {"FirstName", "LastName", "Company"}:
        raise Rejected(
            "has neither a name nor an organisation name",
            cause="donor-without-name",
            field="donor.lastName",
            remedy="add a name on RaiseDonors, then retry",
        )
    if not body.keys() & {"Address1", "PartnerPhones", "PartnerEmails"}:
        raise Rejected(
            "has no address, phone or e-mail, and Aegis takes no partner without one",
            cause="donor-unreachable",
            field="donor.email",
            remedy="add an address, a phone or an e-mail on RaiseDonors, then retry",
        )
    return body


def funds_of(body: Body) -> list[str]:
    """The funds that a transaction names, in its gifts and product orders, each once."""
    named = [(gift, "FundID") for gift in _listed(body, "Gifts")]
    named += [(order, "FundCode") for order in _listed(body, "ProductOrders")]
    return list(dict.fromkeys(str(line[member]) for line, member in named))


def _listed(body: Body, member: str) -> list[Body]:
    lines = body.get(member)
    return lines if isinstance(lines, list) else []


def signature_of(body: Body) -> dict[str, str]:
    """What a probe needs to recognise this transaction in a partner's history, as text."""
    return {
        "partner": str(body["PartnerID"]),
        "amount": str(Decimal(str(body["TotalTransactionAmount"]))),
        "appeal": str(body["AppealCode"]),
        "recorded_by": str(body.get("RecordedBy", "")),
        "date": str(body["TransactionDate"]),
    }


def _attributes(gathered: Gathered) -> list[Body]:
    named = {row.member: row.value(gathered) for row in ATTRIBUTE}
    # A name taken by a row above is not overwritten by a custom field, whatever its case.
    taken = {row.member.casefold() for row in ATTRIBUTE}
    for name, value in gathered.donation.custom_fields:
        is_ours = name.strip().casefold().startswith(CUSTOM_FIELD_PREFIX)
        attribute = name.strip()[len(CUSTOM_FIELD_PREFIX) :].strip() if is_ours else ""
        if attribute and attribute.casefold() not in taken and value is not None:
            taken.add(attribute.casefold())
            named[attribute] = value
    return [{"Name": name, "Value": value} for name, value in named.items() if value is not None]


def _require_shipping_method(settings: AegisSettings) -> None:
    if not filled(settings.shipping_method):
        raise Rejected(
            "is missing, and a premium cannot be shipped without it",
            cause="premium-not-shippable",
            field="setting aegis.shipping_method",
            remedy="fill it in, then retry",
        )
