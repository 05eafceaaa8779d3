"""What RaiseDonors' JSON holds of a gift, a donor, a schedule and a project. Absent and null mean the same there.

What stops money is read strictly: ids, amounts, currency, shares, status, and the day. The rest is read as far as it
can be.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, Field

from giftbridge.clients.decorations import (
    Code,
    Count,
    CustomValue,
    Flag,
    Line,
    LongText,
    SomeMoment,
    WholeText,
    part,
    parts,
)
from giftbridge.clients.whole_answers import positive_number
from giftbridge.clients.wire_models import Moment, WireModel
from giftbridge.domain.amounts import amount_in
from giftbridge.domain.texts import as_one_line
from giftbridge.domain.times import is_day_or_moment


def _exact(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("a number is expected")
    return amount_in(value) if isinstance(value, str) else value


def _id(value: object) -> object:
    number = positive_number(value)
    if number is None:
        raise ValueError("a whole number above zero is expected")
    return number


def _word(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("a text is expected")
    word = as_one_line(value).strip()
    if not word:
        raise ValueError("is empty")
    return word


def _said_text(value: object) -> object:
    if value is not None and not isinstance(value, str):
        raise ValueError("a text is expected")
    return value


def _said_flag(value: object) -> object:
    """A flag that is not said is false: servers leave out what is at its default."""
    return False if value in (None, "") else value


def custom_pairs(value: object) -> object:
    """Custom fields as a list, also where they are one object of names and values."""
    if isinstance(value, dict):
        return [{"name": name, "value": told} for name, told in value.items()]
    return value


Id = Annotated[int, BeforeValidator(_id)]
Amount = Annotated[Decimal, BeforeValidator(_exact)]
Word = Annotated[str, BeforeValidator(_word)]


class WireAddress(WireModel):
    address1: Line = None
    address2: Line = None
    city: Line = None
    state: Line = None
    postal: Line = None
    country_string: Line = None
    is_primary: Flag = None


class WireAllocation(WireModel):
    project_id: Id
    amount: Amount


class WireMediaOutlet(WireModel):
    code: Code = None
    name: Line = None


class WireTribute(WireModel):
    type: Line = None
    name: Line = None


class WirePremium(WireModel):
    product_code: Code = None
    name: Line = None
    quantity: Count = None


class WireCustomField(WireModel):
    name: Line = None
    value: CustomValue = None


class WireUtm(WireModel):
    source: Line = None
    medium: Line = None
    campaign: Line = None
    term: Line = None
    content: Line = None


SomeAddress = Annotated[WireAddress | None, part(WireAddress)]


class WireGift(WireModel):
    id: Id
    currency: Word
    amount: Amount
    created_date: Moment
    modified_date: SomeMoment = None
    status_text: Word
    donor_id: Id
    projects: Annotated[list[WireAllocation], Field(min_length=1)]
    is_test_mode: Annotated[bool, BeforeValidator(_said_flag)] = False
    recurring_gift_id: Count = None
    crm_key: Code = None
    comment: LongText = None
    source_code: Code = None
    motivation_code: Code = None
    segment_code: Code = None
    payment_type: Code = None
    card_brand: Line = None
    gift_aid_requested: Flag = None
    media_outlet: Annotated[WireMediaOutlet | None, part(WireMediaOutlet, "code")] = None
    tribute: Annotated[WireTribute | None, part(WireTribute, "name")] = None
    premium: Annotated[WirePremium | None, part(WirePremium, "productCode")] = None
    custom_fields: Annotated[list[WireCustomField | None], parts(WireCustomField), BeforeValidator(custom_pairs)] = (
        Field(default_factory=list)
    )
    ip_address: Line = None
    referring_url: LongText = None
    submission_url: LongText = None
    utm: Annotated[WireUtm | None, part(WireUtm)] = None
    billing_address: SomeAddress = None
    shipping_name: Line = None
    shipping_address: SomeAddress = None


class WireContactPoint(WireModel):
    value: Line = None
    is_primary: Flag = None


ContactPoints = Annotated[list[WireContactPoint | None], parts(WireContactPoint, "value")]


class WireDonor(WireModel):
    id: Id
    title: Line = None
    first_name: Line = None
    middle_name: Line = None
    last_name: Line = None
    suffix: Line = None
    email: Line = None
    phone: Line = None
    is_organization: Flag = None
    organization_name: Line = None
    crm_key: Code = None
    primary_address: SomeAddress = None
    donor_addresses: Annotated[list[WireAddress | None], parts(WireAddress)] = Field(default_factory=list)
    donor_email_addresses: ContactPoints = Field(default_factory=list)
    donor_phone_numbers: ContactPoints = Field(default_factory=list)


class WireSchedule(WireModel):
    id: Id
    donor_id: Id
    frequency: int
    amount: Amount
    status_text: Line = None
    created_date: SomeMoment = None
    modified_date: SomeMoment = None
    projects: Annotated[list[WireAllocation | None], parts(WireAllocation)] = Field(default_factory=list)
    currency_code: Line = None
    start_date: Annotated[str | None, BeforeValidator(is_day_or_moment)] = None
    next_charge_date: Line = None
    crm_key: Code = None
    motivation_code: Code = None
    motivation_code_legacy: Code = None
    payment_type: Code = None
    card_brand: Line = None
    billing_first_name: Line = None
    billing_last_name: Line = None
    billing_address: SomeAddress = None


class WireProject(WireModel):
    id: Id
    name: Annotated[Line, BeforeValidator(_said_text)] = None
    code: Code = None
    online_display_name: Line = None
    description: WholeText = None
    is_active: Flag = None
    is_available_online: Flag = None
    modified_date: SomeMoment = None
