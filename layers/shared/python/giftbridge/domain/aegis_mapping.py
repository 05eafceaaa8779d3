"""The mapping to Aegis as data: each row says which member gets which value (requirements A5 to A14, section M).

docs/field-mapping.md shows these tables to people; a test keeps both equal. Member names are the Aegis contract's.
A value of None leaves the member out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Generic, TypeVar
from urllib.parse import parse_qs, urlsplit

from giftbridge.domain.countries import required_code
from giftbridge.domain.donations import Address, Allocation, Donation, Donor, Project, Schedule
from giftbridge.domain.frequencies import aegis_frequency
from giftbridge.domain.notes import verbose_note
from giftbridge.domain.settings import AegisSettings
from giftbridge.domain.times import format_instant
from giftbridge.errors import Rejected

CUSTOM_FIELD_PREFIX = "custom_aegisapi_"
Body = dict[str, object]
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Row(Generic[S]):
    """`member` (a dotted path) gets `value(source)`; `source` names it for people."""

    member: str
    source: str
    value: Callable[[S], object]


@dataclass(frozen=True, slots=True)
class Gathered:
    """All that a transaction is made from. `sign` is 1, or -1 for a refund; `moment` is its TransactionDate."""

    donation: Donation
    donor: Donor
    projects: Mapping[int, Project]
    settings: AegisSettings
    partner_id: str
    appeal_code: str
    moment: datetime
    pledge_id: str | None = None
    sign: int = 1


@dataclass(frozen=True, slots=True)
class GatheredGift:
    """One allocation of a donation."""

    of: Gathered
    allocation: Allocation


@dataclass(frozen=True, slots=True)
class GatheredPledge:
    """All that a pledge is made from."""

    schedule: Schedule
    donor: Donor
    settings: AegisSettings
    partner_id: str
    appeal_code: str | None


@dataclass(frozen=True, slots=True)
class GatheredPartner:
    """All that a new partner is made from. `knows_donor_id` says whether Aegis has the custom data field."""

    donor: Donor
    settings: AegisSettings
    knows_donor_id: bool


TRANSACTION: tuple[Row[Gathered], ...] = (
    Row("PartnerID", "donor's partner id", lambda g: g.partner_id),
    Row("TransactionDate", "donation.createdDate (refund: the day it shows as refunded)", lambda g: format_instant(g.moment)),
    Row("TotalTransactionAmount", "donation.amount", lambda g: g.sign * cents(g.donation.amount)),
    Row("SourceCode", "donation.sourceCode", lambda g: filled(g.donation.source_code)),
    Row("TransactionNote", "donation.comment", lambda g: filled(g.donation.comment)),
    Row("AppealCode", "donation.motivationCode, else setting default_appeal_code", lambda g: g.appeal_code),
    Row("SegmentCode", "donation.segmentCode, else segment-code or segment in submissionUrl", lambda g: segment_code(g.donation)),
    Row("DefaultPaymentType", "setting default_payment_type", lambda g: filled(g.settings.default_payment_type)),
    Row("Channel", "setting channel", lambda g: filled(g.settings.channel)),
    Row("RecordedBy", "setting recorded_by", lambda g: filled(g.settings.recorded_by)),
    Row("ShippingCost", "0", lambda _: 0),
    Row("TaxAmount", "0", lambda _: 0),
    Row("BatchCategory", "setting batch_category", lambda g: filled(g.settings.batch_category)),
    Row("BatchType", "setting batch_type", lambda g: filled(g.settings.batch_type)),
    Row("Response.Overridden", "false", lambda _: False),
    Row("MediaOutlet", "donation.mediaOutlet.code", lambda g: _media_code(g)),
    Row("MediaProgram", "setting media_program", lambda g: filled(g.settings.media_program)),
    Row("Payment.Amount", "donation.amount", lambda g: g.sign * cents(g.donation.amount)),
    Row("Payment.Status", "setting payment_status", lambda g: g.settings.payment_status),
    Row("Payment.PaymentType", "setting payment_types for the tender, else payment_type", lambda g: payment_type(g.donation.payment_type, g.settings)),
    Row("Payment.FirstName", "donor.firstName", lambda g: filled(g.donor.first_name)),
    Row("Payment.LastName", "donor.lastName", lambda g: filled(g.donor.last_name)),
    Row("Payment.Address", "donation.billingAddress.address1, address2", lambda g: both_lines(g.donation.billing_address)),
    Row("Payment.City", "donation.billingAddress.city", lambda g: filled(g.donation.billing_address.city)),
    Row("Payment.State", "donation.billingAddress.state", lambda g: filled(g.donation.billing_address.state)),
    Row("Payment.Zip", "donation.billingAddress.postal", lambda g: filled(g.donation.billing_address.postal_code)),
    Row("Payment.Country", "donation.billingAddress.countryString as ISO 3166-1 alpha-2", lambda g: required_code(g.donation.billing_address.country, "billingAddress.countryString")),
    Row("Payment.UpdatePrimaryMailingAddress", "setting update_primary_mailing_address", lambda g: g.settings.update_primary_mailing_address),
)  # fmt: skip

GIFT: tuple[Row[GatheredGift], ...] = (
    Row("Amount", "projects[].amount", lambda gift: gift.of.sign * cents(gift.allocation.amount)),
    Row("FundID", "project.code", lambda gift: fund_code(gift.allocation.project_id, gift.of.projects)),
    Row("ApplyToPledge", "recurring, with a pledge verified just now", lambda gift: gift.of.pledge_id is not None),
    Row("PledgeID", "schedule's pledge id", lambda gift: gift.of.pledge_id),
)

PRODUCT_ORDER: tuple[Row[Gathered], ...] = (
    Row("FundCode", "project.code of the first allocation", lambda g: fund_code(g.donation.allocations[0].project_id, g.projects)),
    Row("ProductSku", "donation.premium.productCode", lambda g: g.donation.premium.product_code if g.donation.premium else None),
    Row("WarehouseId", "setting warehouse_id", lambda g: filled(g.settings.warehouse_id)),
    Row("Quantity", "1", lambda _: 1),
    Row("Price", "0", lambda _: 0),
    Row("Discount", "0", lambda _: 0),
    Row("Shipping.ShippingMethod", "setting shipping_method", lambda g: g.settings.shipping_method),
    Row("Shipping.ShipTo", "donation.shippingName, else the donor's name", lambda g: filled(g.donation.shipping_name) or g.donor.display_name),
    Row("Shipping.Address", "donation.shippingAddress.address1, address2", lambda g: both_lines(g.donation.shipping_address)),
    Row("Shipping.City", "donation.shippingAddress.city", lambda g: filled(g.donation.shipping_address.city)),
    Row("Shipping.State", "donation.shippingAddress.state", lambda g: filled(g.donation.shipping_address.state)),
    Row("Shipping.Zip", "donation.shippingAddress.postal", lambda g: filled(g.donation.shipping_address.postal_code)),
    Row("Shipping.Country", "donation.shippingAddress.countryString as ISO 3166-1 alpha-2", lambda g: required_code(g.donation.shipping_address.country, "shippingAddress.countryString")),
    Row("Shipping.Note", "empty", lambda _: ""),
    Row("Shipping.Overridden", "false", lambda _: False),
)  # fmt: skip

ATTRIBUTE: tuple[Row[Gathered], ...] = (
    Row("Gift Aid Requested", "donation.giftAidRequested", lambda g: "true" if g.donation.gift_aid_requested else None),
    Row("Media Station", "donation.mediaOutlet.code", lambda g: _media_code(g)),
    Row("In_Honor_of", "donation.tribute.name of type InHonorOf", lambda g: _tribute(g, "InHonorOf")),
    Row("In_Memory_of", "donation.tribute.name of type InMemoryOf", lambda g: _tribute(g, "InMemoryOf")),
    Row("RaiseDonors.Donation.Id", "donation.id", lambda g: str(g.donation.id)),
    Row("RaiseDonors.Donor.Id", "donation.donorId", lambda g: str(g.donation.donor_id)),
    Row("RaiseDonors.Donation.MetaInfo", "verbose note", lambda g: verbose_note(g.donation, g.donor, g.projects)),
)

PLEDGE: tuple[Row[GatheredPledge], ...] = (
    Row("PartnerID", "donor's partner id", lambda p: p.partner_id),
    Row("PledgeAmount", "schedule.amount", lambda p: cents(p.schedule.amount)),
    Row("DatePledged", "schedule.createdDate", lambda p: format_instant(p.schedule.created_at)),
    Row("StartDate", "schedule.startDate, else createdDate, as a day", lambda p: start_day(p.schedule)),
    Row("PledgeType", "OpenEnded", lambda _: "OpenEnded"),
    Row("Frequency", "schedule.frequency by the frequency table", lambda p: aegis_frequency(p.schedule, p.settings.frequency_substitutes)),
    Row("PaymentType", "setting payment_types for the tender, else payment_type", lambda p: payment_type(p.schedule.payment_type, p.settings)),
    Row("AppealCode", "schedule.motivationCode, else donation.motivationCode, else setting default_appeal_code", lambda p: p.appeal_code),
    Row("PledgeProgramName", "setting pledge_program_name", lambda p: filled(p.settings.pledge_program_name)),
    Row("BatchType", "setting pledge_batch_type", lambda p: filled(p.settings.pledge_batch_type)),
    Row("Active", "true", lambda _: True),
    Row("AutoPayment", "false", lambda _: False),
    Row("PendingProfileUpdate", "false", lambda _: False),
    Row("PaymentFirstName", "schedule.billingFirstName, else donor.firstName", lambda p: filled(p.schedule.billing_first_name) or filled(p.donor.first_name)),
    Row("PaymentLastName", "schedule.billingLastName, else donor.lastName", lambda p: filled(p.schedule.billing_last_name) or filled(p.donor.last_name)),
    Row("PaymentAddress1", "schedule.billingAddress.address1", lambda p: filled(p.schedule.billing_address.street)),
    Row("PaymentAddress2", "schedule.billingAddress.address2", lambda p: filled(p.schedule.billing_address.street2)),
    Row("PaymentCity", "schedule.billingAddress.city", lambda p: filled(p.schedule.billing_address.city)),
    Row("PaymentStateProvince", "schedule.billingAddress.state", lambda p: filled(p.schedule.billing_address.state)),
    Row("PaymentPostalCode", "schedule.billingAddress.postal", lambda p: filled(p.schedule.billing_address.postal_code)),
    Row("PaymentCountry", "schedule.billingAddress.countryString as ISO 3166-1 alpha-2", lambda p: required_code(p.schedule.billing_address.country, "recurringGift.billingAddress.countryString")),
)  # fmt: skip

PARTNER: tuple[Row[GatheredPartner], ...] = (
    Row("Prefix", "donor.title", lambda p: _personal(p, p.donor.title)),
    Row("FirstName", "donor.firstName", lambda p: _personal(p, p.donor.first_name)),
    Row("MiddleName", "donor.middleName", lambda p: _personal(p, p.donor.middle_name)),
    Row("LastName", "donor.lastName", lambda p: _personal(p, p.donor.last_name)),
    Row("Suffix", "donor.suffix", lambda p: _personal(p, p.donor.suffix)),
    Row("Company", "donor.organizationName", lambda p: filled(p.donor.organization_name) if p.donor.is_organization else None),
    Row("Address1", "donor.primaryAddress.address1", lambda p: filled(p.donor.address.street)),
    Row("Address2", "donor.primaryAddress.address2", lambda p: filled(p.donor.address.street2)),
    Row("City", "donor.primaryAddress.city", lambda p: filled(p.donor.address.city)),
    Row("StateProv", "donor.primaryAddress.state", lambda p: filled(p.donor.address.state)),
    Row("PostalCode", "donor.primaryAddress.postal", lambda p: filled(p.donor.address.postal_code)),
    Row("CountryCode", "donor.primaryAddress.countryString as ISO 3166-1 alpha-2", lambda p: required_code(p.donor.address.country, "donor.primaryAddress.countryString")),
    Row("PartnerPhones", "donor.donorPhoneNumbers, primary first", lambda p: _ranked("Number", p.donor.phones)),
    Row("PartnerEmails", "donor.email", lambda p: _ranked("Email", p.donor.emails[:1])),
    Row("OriginSource", "setting origin_source", lambda p: filled(p.settings.origin_source)),
    Row("CustomData", "donor.id under setting donor_id_field", lambda p: [{"Name": p.settings.donor_id_field, "Value": str(p.donor.id)}] if p.knows_donor_id else None),
)  # fmt: skip


def transaction_body(gathered: Gathered) -> Body:
    """The whole transaction of a donation, or of its refund.

    Raises Rejected when a project has no code, a country is none, or a premium cannot be shipped.
    """
    body = _fill(TRANSACTION, gathered)
    allocations = [a for a in gathered.donation.allocations if a.amount != 0]
    body["Gifts"] = [_fill(GIFT, GatheredGift(gathered, allocation)) for allocation in allocations]
    repeats = gathered.sign > 0 or gathered.settings.refund_repeats_products
    if gathered.donation.premium is not None and repeats:
        body["ProductOrders"] = [_shippable(_fill(PRODUCT_ORDER, gathered))]
    body["Attributes"] = _attributes(gathered)
    return body


def pledge_body(gathered: GatheredPledge) -> Body:
    """The pledge of a new schedule. Raises Rejected for a frequency Aegis cannot express or a country that is none."""
    return _fill(PLEDGE, gathered)


def partner_body(gathered: GatheredPartner) -> Body:
    """The partner of a donor Aegis does not know. Raises Rejected when Aegis could not take it (partner/Create)."""
    body = _fill(PARTNER, gathered)
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


def cents(amount: Decimal) -> Decimal:
    """An amount with exactly two decimals; validation has refused what would lose something."""
    return amount.quantize(Decimal("0.01"))


def filled(text: str | None) -> str | None:
    """The text, or None when there is nothing in it to send."""
    return text if text is not None and text.strip() else None


def both_lines(address: Address) -> str | None:
    """Both address lines in one."""
    return ", ".join(line.strip() for line in (address.street, address.street2) if line and line.strip()) or None


def payment_type(tender: str | None, settings: AegisSettings) -> str:
    """Aegis' payment type of a tender."""
    by_tender = {name.casefold(): value for name, value in settings.payment_types.items()}
    return by_tender.get((tender or "").casefold(), settings.payment_type)


def segment_code(donation: Donation) -> str | None:
    """The gift's segment code, else `segment-code` or `segment` of the giving page's address."""
    if filled(donation.segment_code):
        return donation.segment_code
    try:
        query = parse_qs(urlsplit(donation.submission_url or "").query)
    except ValueError:
        return None
    return next((filled(query[name][0]) for name in ("segment-code", "segment") if query.get(name)), None)


def fund_code(project_id: int, projects: Mapping[int, Project]) -> str:
    """The fund of a project. Raises Rejected when the project is unknown or has no code."""
    project = projects.get(project_id)
    code = filled(project.code) if project else None
    if code is None:
        raise Rejected(
            f"project {project_id} has no code" if project else f"project {project_id} does not exist",
            cause="project-without-code",
            field="projects[].projectId",
            remedy="give the project its Aegis fund id as code on RaiseDonors, then retry",
        )
    return code


def start_day(schedule: Schedule) -> str:
    """The first day on which the pledge is due."""
    return (filled(schedule.start_date) or schedule.created_at.isoformat())[:10]


def _fill(rows: Iterable[Row[S]], source: S) -> Body:
    body: Body = {}
    for row in rows:
        value = row.value(source)
        if value is None:
            continue
        *path, name = row.member.split(".")
        inner = body
        for part in path:
            inner = inner.setdefault(part, {})  # type: ignore[assignment]
        inner[name] = value
    return body


def _attributes(gathered: Gathered) -> list[Body]:
    named = {row.member: row.value(gathered) for row in ATTRIBUTE}
    # A name taken by a row above is not overwritten by a custom field, whatever its case.
    taken = {row.member.casefold() for row in ATTRIBUTE}
    for name, value in gathered.donation.custom_fields:
        attribute = name[len(CUSTOM_FIELD_PREFIX) :] if name.startswith(CUSTOM_FIELD_PREFIX) else ""
        if attribute.strip() and attribute.casefold() not in taken and value is not None:
            taken.add(attribute.casefold())
            named[attribute] = value
    return [{"Name": name, "Value": value} for name, value in named.items() if value is not None]


def _shippable(order: Body) -> Body:
    shipping = order["Shipping"]
    assert isinstance(shipping, dict)
    settings_field = {"ShippingMethod": "setting aegis.shipping_method"}
    wire_field = {"ShipTo": "shippingName", "Address": "shippingAddress.address1", "City": "shippingAddress.city"}
    for member in ("ShippingMethod", "ShipTo", "Address", "City", "Country"):
        if not filled(str(shipping.get(member, ""))):
            field = settings_field.get(member) or wire_field.get(member, "shippingAddress.countryString")
            raise Rejected(
                "is missing, and a premium cannot be shipped without it",
                cause="premium-not-shippable",
                field=field,
                remedy="fill it in, then retry",
            )
    return order


def _media_code(gathered: Gathered) -> str | None:
    outlet = gathered.donation.media_outlet
    return filled(outlet.code) if outlet else None


def _tribute(gathered: Gathered, kind: str) -> str | None:
    tribute = gathered.donation.tribute
    return filled(tribute.name) if tribute and tribute.kind == kind else None


def _personal(gathered: GatheredPartner, text: str | None) -> str | None:
    return None if gathered.donor.is_organization else filled(text)


def _ranked(member: str, values: tuple[str, ...]) -> list[Body] | None:
    entries: list[Body] = [
        {"Type": "Home", "Priority": rank, member: value.strip()} for rank, value in enumerate(values, start=1)
    ]
    return entries or None


def signature_of(body: Body) -> dict[str, str]:
    """What a probe needs to recognise this transaction in a partner's history, as text."""
    return {
        "partner": str(body["PartnerID"]),
        "amount": str(Decimal(str(body["TotalTransactionAmount"]))),
        "appeal": str(body["AppealCode"]),
        "recorded_by": str(body.get("RecordedBy", "")),
        "date": str(body["TransactionDate"]),
    }
