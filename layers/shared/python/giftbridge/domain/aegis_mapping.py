"""The mapping to Aegis as data: each row says which member gets which value (requirements A5 to A14, section M).

docs/field-mapping.md shows these tables to people; a test keeps both equal. Member names are the Aegis contract's.
A value of None leaves the member out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from giftbridge.domain.aegis_values import (
    both_lines,
    cents,
    filled,
    fund_code,
    known_country,
    payment_type,
    segment_code,
    start_day,
)
from giftbridge.domain.donations import Allocation, Donation, Donor, LeftOut, Note, Project, Schedule
from giftbridge.domain.frequencies import aegis_frequency
from giftbridge.domain.left_out import left_out_of_aegis
from giftbridge.domain.mapping_rows import Body, Row
from giftbridge.domain.notes import verbose_note
from giftbridge.domain.settings import AegisSettings
from giftbridge.domain.times import instant_in


@dataclass(frozen=True, slots=True)
class Gathered:
    """All that a transaction is made from. `sign` is 1, or -1 for a refund; `moment` is its TransactionDate.

    `zone` is the organisation's time zone; `schedule` is the donation's, where its pledge is made.
    """

    donation: Donation
    donor: Donor
    projects: Mapping[int, Project]
    settings: AegisSettings
    partner_id: str
    appeal_code: str
    moment: datetime
    zone: str
    pledge_id: str | None = None
    sign: int = 1
    schedule: Schedule | None = None

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """What cannot be carried, for the verbose note."""
        return left_out_of_aegis(self.donation, self.donor, self.schedule)


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
    zone: str


@dataclass(frozen=True, slots=True)
class GatheredPartner:
    """All that a new partner is made from. `knows_donor_id` says whether Aegis has the custom data field."""

    donor: Donor
    settings: AegisSettings
    knows_donor_id: bool


@dataclass(frozen=True, slots=True)
class GatheredNote:
    """All that a partner's note is made from."""

    note: Note
    settings: AegisSettings
    partner_id: str


def _media_code(gathered: Gathered) -> str | None:
    outlet = gathered.donation.media_outlet
    return filled(outlet.code) if outlet else None


def _tribute(gathered: Gathered, kind: str) -> str | None:
    tribute = gathered.donation.tribute
    return filled(tribute.name) if tribute and tribute.kind == kind else None


def _pledged_at(pledge: GatheredPledge) -> str | None:
    made = pledge.schedule.created_at
    return instant_in(pledge.zone, made) if made is not None else None


def _personal(gathered: GatheredPartner, text: str | None) -> str | None:
    return None if gathered.donor.is_organization else filled(text)


def _ranked(member: str, values: tuple[str, ...]) -> list[Body] | None:
    entries: list[Body] = [
        {"Type": "Home", "Priority": rank, member: value.strip()} for rank, value in enumerate(values, start=1)
    ]
    return entries or None


TRANSACTION: tuple[Row[Gathered], ...] = (
    Row("PartnerID", "donor's partner id", lambda g: g.partner_id),
    Row("TransactionDate", "donation.createdDate (refund: when it shows as refunded) with the offset of setting time_zone", lambda g: instant_in(g.zone, g.moment)),
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
    Row("MediaOutlet", "donation.mediaOutlet.code", _media_code),
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
    Row("Payment.Country", "donation.billingAddress.countryString as ISO 3166-1 alpha-2", lambda g: known_country(g.donation.billing_address.country)),
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
    Row("Shipping.Country", "donation.shippingAddress.countryString as ISO 3166-1 alpha-2", lambda g: known_country(g.donation.shipping_address.country)),
    Row("Shipping.Note", "empty", lambda _: ""),
    Row("Shipping.Overridden", "false", lambda _: False),
)  # fmt: skip

ATTRIBUTE: tuple[Row[Gathered], ...] = (
    Row("Gift Aid Requested", "donation.giftAidRequested", lambda g: "true" if g.donation.gift_aid_requested else None),
    Row("Media Station", "donation.mediaOutlet.code", _media_code),
    Row("In_Honor_of", "donation.tribute.name of type InHonorOf", lambda g: _tribute(g, "InHonorOf")),
    Row("In_Memory_of", "donation.tribute.name of type InMemoryOf", lambda g: _tribute(g, "InMemoryOf")),
    Row("RaiseDonors.Donation.Id", "donation.id", lambda g: str(g.donation.id)),
    Row("RaiseDonors.Donor.Id", "donation.donorId", lambda g: str(g.donation.donor_id)),
    Row(
        "RaiseDonors.Donation.MetaInfo",
        "verbose note",
        lambda g: verbose_note(g.donation, g.donor, g.projects, g.left_out),
    ),
)

PLEDGE: tuple[Row[GatheredPledge], ...] = (
    Row("PartnerID", "donor's partner id", lambda p: p.partner_id),
    Row("PledgeAmount", "schedule.amount", lambda p: cents(p.schedule.amount)),
    Row("DatePledged", "schedule.createdDate, else donation.createdDate, with the offset of setting time_zone", _pledged_at),
    Row("StartDate", "schedule.startDate, else createdDate, as a day in setting time_zone", lambda p: start_day(p.schedule, p.zone)),
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
    Row("PaymentCountry", "schedule.billingAddress.countryString as ISO 3166-1 alpha-2", lambda p: known_country(p.schedule.billing_address.country)),
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
    Row("CountryCode", "donor.primaryAddress.countryString as ISO 3166-1 alpha-2", lambda p: known_country(p.donor.address.country)),
    Row("PartnerPhones", "donor.donorPhoneNumbers, primary first", lambda p: _ranked("Number", p.donor.phones)),
    Row("PartnerEmails", "donor.email", lambda p: _ranked("Email", p.donor.emails[:1])),
    Row("OriginSource", "setting origin_source", lambda p: filled(p.settings.origin_source)),
    Row("CustomData", "donor.id under setting donor_id_field", lambda p: [{"Name": p.settings.donor_id_field, "Value": str(p.donor.id)}] if p.knows_donor_id else None),
)  # fmt: skip

NOTE: tuple[Row[GatheredNote], ...] = (
    Row("PartnerID", "donor's partner id", lambda n: n.partner_id),
    Row("EnteredBy", "setting recorded_by", lambda n: filled(n.settings.recorded_by)),
    Row("Subject", "note.subject, else its text's beginning", lambda n: filled(n.note.subject) or (filled(n.note.body) or "Note")[:100]),
    Row("Note", "note.body, else its subject", lambda n: filled(n.note.body) or filled(n.note.subject) or "Note"),
)  # fmt: skip
