"""A gift and a contact row on their way to Virtuous' import tool, as the unit tests vary and judge them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import simplejson

from giftbridge.domain.donations import Donation, Donor
from giftbridge.domain.settings import read_settings
from giftbridge.domain.virtuous_mapping import GatheredGift, contact_row, gift_row
from ops.simulators.virtuous_model import Model, ModelErrors
from ops.simulators.virtuous_shapes import CONTACT_ROW, GIFT_REQUIRED, GIFT_TRANSACTION
from tests.unit.samples import DONATION, DONOR, PROJECTS, SCHEDULE

SETTINGS = read_settings({"time_zone": "America/Chicago", "virtuous": {"reference_source": "Our Donors"}})
MONTHLY = replace(DONATION, schedule_id=SCHEDULE.id, payment_type="CreditCard")
NOTE = """Amount: 75.10 USD
Projects: General Fund 50.00; Building 25.10
Donor: Anna Berg (48001)
Test mode: no
Recurring: yes
Payment type: CreditCard
Card brand: Visa
Motivation code: EOY24
Source code: EMAIL
Referring URL: https://www.example.org/news
UTM source: newsletter
UTM medium: email
IP address: 203.0.113.7
Premium code: BOOK-01
Premium name: The Long Road
Premium quantity: 3
Media code: KXYZ
Shipping address: Ben Carver, 3 Lake Drive, Rear, Leeds, West Yorkshire, LS1 4DY, England
Comment: Thank you"""

GIFT: dict[str, Any] = {
    "transactionSource": "Our Donors",
    "transactionId": "900001",
    "contact.id": None,
    "contact.referenceId": "48001",
    "contact.type": "Household",
    "contact.name": None,
    "contact.title": "Dr",
    "contact.firstname": "Anna",
    "contact.middlename": "Maria",
    "contact.lastname": "Berg",
    "contact.suffix": "Jr",
    "contact.emailType": "Home Email",
    "contact.email": "anna@example.org",
    "contact.phoneType": "Home Phone",
    "contact.phone": "512-555-0101",
    "contact.address.address1": "12 Oak Street",
    "contact.address.address2": "Apt 4",
    "contact.address.city": "Austin",
    "contact.address.state": "TX",
    "contact.address.postal": "78701",
    "contact.address.country": "US",
    "giftDate": "2026-03-02",
    "giftType": "Credit",
    "amount": "75.10",
    "currencyCode": "USD",
    "frequency": "Monthly",
    "recurringGiftTransactionId": "70001",
    "notes": NOTE,
    "segment": "A1",
    "mediaOutlet": "KXYZ",
    "tribute": "In honor of Grandmother Rosa",
    "tributeDedication.tributeType": "InHonorOf",
    "tributeDedication.tributeFirstName": "Grandmother",
    "tributeDedication.tributeLastName": "Rosa",
    "creditCardType": "Visa",
    "designations": [{"code": "GEN", "amountDesignated": "50.00"}, {"code": "BLD", "amountDesignated": "25.10"}],
    "premiums": [{"code": "BOOK-01", "name": "The Long Road", "quantity": "3"}],
    "customFields": {"custom_shirt_size": "L"},
}
DESIGNATION: dict[str, Any] = {"code": "GEN", "amountDesignated": "50.00"}
CONTACT: dict[str, Any] = {
    "referenceId": "48001",
    "contactType": "Household",
    "name": None,
    "title": "Dr",
    "firstName": "Anna",
    "middleName": "Maria",
    "lastName": "Berg",
    "suffix": "Jr",
    "emailType": "Home Email",
    "email": "anna@example.org",
    "phoneType": "Home Phone",
    "phone": "512-555-0101",
    "address1": "12 Oak Street",
    "address2": "Apt 4",
    "city": "Austin",
    "state": "TX",
    "postal": "78701",
    "country": "US",
}


def gathered(
    donation: Donation = MONTHLY, donor: Donor = DONOR, *, first: bool = True, contact_id: int | None = None
) -> GatheredGift:
    schedule = SCHEDULE if donation.schedule_id is not None else None
    return GatheredGift(donation, donor, PROJECTS, schedule, first, contact_id)


def sent(donation: Donation = MONTHLY, donor: Donor = DONOR, **more: Any) -> Any:
    """The row as it arrives; Virtuous takes it."""
    row = simplejson.loads(simplejson.dumps(gift_row(gathered(donation, donor, **more), SETTINGS)))
    errors = ModelErrors()
    Model("row", row, errors).read(GIFT_TRANSACTION, GIFT_REQUIRED)
    assert not errors, errors.messages
    assert (errors.dropped, errors.misspelled) == ([], [])
    return row


def contact(donor: Donor = DONOR, changed: frozenset[str] | None = None, known: str | None = None) -> Any:
    """The row as it arrives; Virtuous takes it."""
    row = simplejson.loads(simplejson.dumps(contact_row(donor, changed, known)))
    errors = ModelErrors()
    Model("row", row, errors).read(CONTACT_ROW, ("contactType",))
    assert not errors, errors.messages
    assert (errors.dropped, errors.misspelled) == ([], [])
    return row
