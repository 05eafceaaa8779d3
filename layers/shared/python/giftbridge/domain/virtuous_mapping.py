"""The mapping to Virtuous' import tool as data: each row says which member gets which value (requirements D1, D2).

docs/field-mapping.md shows these tables to people; a test keeps both equal. Member names are the Virtuous contract's.
A value of None leaves the member out: what is missing or blank erases nothing there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from giftbridge.domain.aegis_values import segment_code
from giftbridge.domain.contacts import HOUSEHOLD
from giftbridge.domain.donations import Allocation, Donation, Donor, Project, Schedule
from giftbridge.domain.frequencies import FREQUENCIES
from giftbridge.domain.mapping_rows import Body, Row, fill
from giftbridge.domain.settings import Settings
from giftbridge.domain.times import day_in
from giftbridge.domain.validation import require_sound
from giftbridge.domain.virtuous_values import (
    TRIBUTES,
    contact_type,
    custom_fields,
    first_of,
    gift_note,
    gift_type,
    home,
    money,
    premium_list,
    project_code,
    shares,
    stripped,
    tribute_names,
    tribute_text,
)
from giftbridge.errors import Rejected

EMAIL_TYPE, PHONE_TYPE = "Home Email", "Home Phone"
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class GatheredGift:
    """All that a gift row is made from. `contact_id` is the donor's contact in Virtuous, where it is known.

    `schedule` is the donation's; `is_first_of_schedule` says that no earlier payment of it was sent.
    """

    donation: Donation
    donor: Donor
    projects: Mapping[int, Project]
    schedule: Schedule | None
    is_first_of_schedule: bool
    contact_id: int | None


@dataclass(frozen=True, slots=True)
class GatheredContact:
    """All that a contact row is made from. `type` is Household, Organization or Foundation."""

    donor: Donor
    type: str


@dataclass(frozen=True, slots=True)
class GiftWithSettings:
    """A gift with the settings its row depends on."""

    of: GatheredGift
    settings: Settings


@dataclass(frozen=True, slots=True)
class GatheredShare:
    """One allocation of a donation."""

    of: GatheredGift
    allocation: Allocation


def _home(contact: GatheredContact, part: str) -> str | None:
    return getattr(home(contact.donor.address), part, None)


def _personal(contact: GatheredContact, text: str | None) -> str | None:
    return stripped(text) if contact.type == HOUSEHOLD else None


def _giver_name(gift: GiftWithSettings, text: str | None) -> str | None:
    return None if gift.of.donor.is_organization else stripped(text)


def _stranger(gift: GiftWithSettings, value: str | None) -> str | None:
    """A value that is sent only while no contact is known: a held row must not overwrite a newer value there."""
    return value if gift.of.contact_id is None else None


def _stranger_home(gift: GiftWithSettings, part: str) -> str | None:
    return _stranger(gift, getattr(home(gift.of.donor.address), part, None))


def _media_code(gift: GiftWithSettings) -> str | None:
    outlet = gift.of.donation.media_outlet
    return stripped(outlet.code) if outlet else None


def _tribute_kind(gift: GiftWithSettings) -> str | None:
    tribute = gift.of.donation.tribute
    is_known = tribute is not None and tribute.kind in TRIBUTES
    return tribute.kind if tribute and is_known and stripped(tribute.name) else None


def _frequency(gift: GiftWithSettings) -> str | None:
    schedule = gift.of.schedule
    return FREQUENCIES.get(schedule.charges_per_year) if schedule and gift.of.is_first_of_schedule else None


def _card(gift: GiftWithSettings) -> str | None:
    donation = gift.of.donation
    return stripped(donation.card_brand) if gift_type(donation.payment_type) == "Credit" else None


def _schedule_id(gift: GiftWithSettings) -> str | None:
    schedule_id = gift.of.donation.schedule_id
    return str(schedule_id) if schedule_id is not None else None


def _currency(gift: GiftWithSettings) -> str | None:
    return stripped(gift.of.donation.currency.upper())


CONTACT: tuple[Row[GatheredContact], ...] = (
    Row("referenceId", "donor.id", lambda c: str(c.donor.id)),
    Row("contactType", "the contact's type where it is Household, Organization or Foundation, else Organization or Household by donor.isOrganization", lambda c: c.type),
    Row("name", "donor.organizationName, not for a Household", lambda c: None if c.type == HOUSEHOLD else stripped(c.donor.organization_name)),
    Row("title", "donor.title of a Household", lambda c: _personal(c, c.donor.title)),
    Row("firstName", "donor.firstName of a Household", lambda c: _personal(c, c.donor.first_name)),
    Row("middleName", "donor.middleName of a Household", lambda c: _personal(c, c.donor.middle_name)),
    Row("lastName", "donor.lastName of a Household", lambda c: _personal(c, c.donor.last_name)),
    Row("suffix", "donor.suffix of a Household", lambda c: _personal(c, c.donor.suffix)),
    Row("emailType", "Home Email", lambda c: EMAIL_TYPE if first_of(c.donor.emails) else None),
    Row("email", "donor.email", lambda c: first_of(c.donor.emails)),
    Row("phoneType", "Home Phone", lambda c: PHONE_TYPE if first_of(c.donor.phones) else None),
    Row("phone", "donor.donorPhoneNumbers, the primary one", lambda c: first_of(c.donor.phones)),
    Row("address1", "donor.primaryAddress.address1", lambda c: _home(c, "street")),
    Row("address2", "donor.primaryAddress.address2", lambda c: _home(c, "street2")),
    Row("city", "donor.primaryAddress.city", lambda c: _home(c, "city")),
    Row("state", "donor.primaryAddress.state", lambda c: _home(c, "state")),
    Row("postal", "donor.primaryAddress.postal", lambda c: _home(c, "postal_code")),
    Row("country", "donor.primaryAddress.countryString, as ISO 3166-1 alpha-2 where it is a country", lambda c: _home(c, "country")),
)  # fmt: skip
# Sent with every row: Virtuous takes none without a name. The others follow the group that changed.
CONTACT_ALWAYS = frozenset({"referenceId", "contactType", "name", "firstName", "lastName"})
CONTACT_FOLLOWS: Mapping[str, tuple[str, ...]] = {
    "address": ("address1", "address2", "city", "state", "postal", "country"),
    "phone": ("phoneType", "phone"),
    "e-mail": ("emailType", "email"),
}

GIFT: tuple[Row[GiftWithSettings], ...] = (
    Row("transactionSource", "setting reference_source", lambda g: g.settings.virtuous.reference_source),
    Row("transactionId", "donation.id", lambda g: str(g.of.donation.id)),
    Row("contact.id", "contact id, where it is known", lambda g: g.of.contact_id),
    Row("contact.referenceId", "donation.donorId", lambda g: str(g.of.donation.donor_id)),
    Row("contact.type", "Organization or Household, by donor.isOrganization", lambda g: contact_type(g.of.donor)),
    Row("contact.name", "donor.organizationName of an organisation", lambda g: stripped(g.of.donor.organization_name) if g.of.donor.is_organization else None),
    Row("contact.title", "donor.title, while no contact is known", lambda g: _stranger(g, _giver_name(g, g.of.donor.title))),
    Row("contact.firstname", "donor.firstName", lambda g: _giver_name(g, g.of.donor.first_name)),
    Row("contact.middlename", "donor.middleName, while no contact is known", lambda g: _stranger(g, _giver_name(g, g.of.donor.middle_name))),
    Row("contact.lastname", "donor.lastName", lambda g: _giver_name(g, g.of.donor.last_name)),
    Row("contact.suffix", "donor.suffix, while no contact is known", lambda g: _stranger(g, _giver_name(g, g.of.donor.suffix))),
    Row("contact.emailType", "Home Email, while no contact is known", lambda g: _stranger(g, EMAIL_TYPE if first_of(g.of.donor.emails) else None)),
    Row("contact.email", "donor.email, while no contact is known", lambda g: _stranger(g, first_of(g.of.donor.emails))),
    Row("contact.phoneType", "Home Phone, while no contact is known", lambda g: _stranger(g, PHONE_TYPE if first_of(g.of.donor.phones) else None)),
    Row("contact.phone", "donor.donorPhoneNumbers, the primary one, while no contact is known", lambda g: _stranger(g, first_of(g.of.donor.phones))),
    Row("contact.address.address1", "donor.primaryAddress.address1, while no contact is known", lambda g: _stranger_home(g, "street")),
    Row("contact.address.address2", "donor.primaryAddress.address2, while no contact is known", lambda g: _stranger_home(g, "street2")),
    Row("contact.address.city", "donor.primaryAddress.city, while no contact is known", lambda g: _stranger_home(g, "city")),
    Row("contact.address.state", "donor.primaryAddress.state, while no contact is known", lambda g: _stranger_home(g, "state")),
    Row("contact.address.postal", "donor.primaryAddress.postal, while no contact is known", lambda g: _stranger_home(g, "postal_code")),
    Row("contact.address.country", "donor.primaryAddress.countryString, as ISO 3166-1 alpha-2 where it is a country, while no contact is known", lambda g: _stranger_home(g, "country")),
    Row("giftDate", "donation.createdDate as a day in setting time_zone", lambda g: day_in(g.settings.time_zone, g.of.donation.created_at)),
    Row("giftType", "donation.paymentType by the gift type table", lambda g: gift_type(g.of.donation.payment_type)),
    Row("amount", "donation.amount", lambda g: money(g.of.donation.amount)),
    Row("currencyCode", "donation.currency", _currency),
    Row("frequency", "recurringGift.frequency by the frequency table, on the first payment of a schedule", _frequency),
    Row("recurringGiftTransactionId", "donation.recurringGiftId", _schedule_id),
    Row("notes", "verbose note, then donation.comment, up to 2,000 characters", lambda g: gift_note(g.of.donation, g.of.donor, g.of.projects)),
    Row("segment", "donation.segmentCode, else segment-code or segment in submissionUrl", lambda g: stripped(segment_code(g.of.donation))),
    Row("mediaOutlet", "donation.mediaOutlet.code", _media_code),
    Row("tribute", "donation.tribute.type and name in words", lambda g: tribute_text(g.of.donation.tribute)),
    Row("tributeDedication.tributeType", "donation.tribute.type", _tribute_kind),
    Row("tributeDedication.tributeFirstName", "donation.tribute.name without its last word", lambda g: tribute_names(g.of.donation.tribute)[0]),
    Row("tributeDedication.tributeLastName", "last word of donation.tribute.name", lambda g: tribute_names(g.of.donation.tribute)[1]),
    Row("creditCardType", "donation.cardBrand of a card payment", _card),
    Row("designations", "donation.projects: one for each part that is not zero", lambda g: [fill(DESIGNATION, GatheredShare(g.of, share)) for share in shares(g.of.donation)]),
    Row("premiums", "donation.premium: its productCode as code, name, quantity", lambda g: premium_list(g.of.donation.premium)),
    Row("customFields", "donation.customFields, without those whose name begins with custom_aegisapi_", lambda g: custom_fields(g.of.donation.custom_fields)),
)  # fmt: skip

DESIGNATION: tuple[Row[GatheredShare], ...] = (
    Row("code", "project.code", lambda share: project_code(share.allocation.project_id, share.of.projects)),
    Row("amountDesignated", "projects[].amount", lambda share: money(share.allocation.amount)),
)


def contact_row(donor: Donor, changed: frozenset[str] | None, contact_type_known: str | None) -> Body:
    """A donor as a row of submitContactBatch. With `changed`, only the names and the groups of CONTACT_FOLLOWS in it.

    Raises Rejected when the name that such a contact needs is missing.
    """
    contact = GatheredContact(donor, contact_type(donor, contact_type_known))
    row = fill(CONTACT, contact)
    _require_names(contact, row)
    if changed is None:
        return row
    wanted = CONTACT_ALWAYS.union(*(CONTACT_FOLLOWS.get(group, ()) for group in changed))
    return {member: value for member, value in row.items() if member in wanted}


def gift_row(gathered: GatheredGift, settings: Settings) -> Body:
    """A donation as a row of submitGiftTransactions. A missing part of the name is left out: money does not wait for it.

    Raises Rejected, naming the field, when amounts do not fit, or a project has no code.
    """
    require_sound(gathered.donation, None)
    return fill(GIFT, GiftWithSettings(gathered, settings))


def project_codes(gathered: GatheredGift) -> tuple[str, ...]:
    """The codes that a gift row names, each once. Raises Rejected when a project has none."""
    codes = (project_code(share.project_id, gathered.projects) for share in shares(gathered.donation))
    return tuple(dict.fromkeys(codes))


def _require_names(contact: GatheredContact, row: Body) -> None:
    household = (("firstName", "no-first-name", "first name"), ("lastName", "no-last-name", "last name"))
    organisation = (("name", "no-organization-name", "organisation name"),)
    for member, cause, words in household if contact.type == HOUSEHOLD else organisation:
        if member not in row:
            raise Rejected(
                f"is missing, and Virtuous takes no {contact.type} without it",
                cause=cause,
                field="donor.organizationName" if member == "name" else f"donor.{member}",
                remedy=f"add the {words} on RaiseDonors, then retry",
            )
