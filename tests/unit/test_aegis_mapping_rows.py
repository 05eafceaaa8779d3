"""Every row of every mapping table: what one fully filled donation becomes, written out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from giftbridge.domain import aegis_mapping as mapping
from giftbridge.domain.aegis_mapping import GatheredGift
from giftbridge.domain.donations import Tribute
from giftbridge.domain.mapping_rows import Row
from tests.unit.samples import CHURCH, DONATION, gathered, gathered_partner, gathered_pledge

NOTE = """Amount: 75.10 USD
Projects: General Fund 50.00; Building 25.10
Donor: Anna Berg (48001)
Test mode: no
Recurring: no
Payment type: ACH
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
Shipping address: Ben Carver, 3 Lake Drive, Rear, Leeds, West Yorkshire, LS1 4DY, England"""

TRANSACTION: dict[str, Any] = {
    "PartnerID": "100001",
    "TransactionDate": "2026-03-02T14:30:05.250Z",
    "TotalTransactionAmount": Decimal("75.10"),
    "SourceCode": "EMAIL",
    "TransactionNote": "Thank you",
    "AppealCode": "EOY24",
    "SegmentCode": "A1",
    "DefaultPaymentType": "Check",
    "Channel": "Internet",
    "RecordedBy": "Bridge",
    "ShippingCost": 0,
    "TaxAmount": 0,
    "BatchCategory": "Online Giving",
    "BatchType": "Online",
    "Response.Overridden": False,
    "MediaOutlet": "KXYZ",
    "MediaProgram": "Morning Show",
    "Payment.Amount": Decimal("75.10"),
    "Payment.Status": "Received",
    "Payment.PaymentType": "ElectronicFundsTransfer",
    "Payment.FirstName": "Anna",
    "Payment.LastName": "Berg",
    "Payment.Address": "9 Hill Road, Floor 2",
    "Payment.City": "Toronto",
    "Payment.State": "ON",
    "Payment.Zip": "M5V 2T6",
    "Payment.Country": "CA",
    "Payment.UpdatePrimaryMailingAddress": True,
}
GIFT: dict[str, Any] = {
    "Amount": Decimal("50.00"),
    "FundID": "GEN",
    "ApplyToPledge": True,
    "PledgeID": "pledge-7",
}
PRODUCT_ORDER: dict[str, Any] = {
    "FundCode": "GEN",
    "ProductSku": "BOOK-01",
    "WarehouseId": "WH1",
    "Quantity": 1,
    "Price": 0,
    "Discount": 0,
    "Shipping.ShippingMethod": "Ground",
    "Shipping.ShipTo": "Ben Carver",
    "Shipping.Address": "3 Lake Drive, Rear",
    "Shipping.City": "Leeds",
    "Shipping.State": "West Yorkshire",
    "Shipping.Zip": "LS1 4DY",
    "Shipping.Country": "GB",
    "Shipping.Note": "",
    "Shipping.Overridden": False,
}
ATTRIBUTE: dict[str, Any] = {
    "Gift Aid Requested": "true",
    "Media Station": "KXYZ",
    "In_Honor_of": "Grandmother Rosa",
    "In_Memory_of": None,
    "RaiseDonors.Donation.Id": "900001",
    "RaiseDonors.Donor.Id": "48001",
    "RaiseDonors.Donation.MetaInfo": NOTE,
}
PLEDGE: dict[str, Any] = {
    "PartnerID": "100001",
    "PledgeAmount": Decimal("30.00"),
    "DatePledged": "2026-02-27T08:00:00Z",
    "StartDate": "2026-03-01",
    "PledgeType": "OpenEnded",
    "Frequency": "Monthly",
    "PaymentType": "ElectronicFundsTransfer",
    "AppealCode": "SPRING",
    "PledgeProgramName": "Monthly Partners",
    "BatchType": "Pledges",
    "Active": True,
    "AutoPayment": False,
    "PendingProfileUpdate": False,
    "PaymentFirstName": "Anne",
    "PaymentLastName": "Bergmann",
    "PaymentAddress1": "9 Hill Road",
    "PaymentAddress2": "Floor 2",
    "PaymentCity": "Toronto",
    "PaymentStateProvince": "ON",
    "PaymentPostalCode": "M5V 2T6",
    "PaymentCountry": "CA",
}
PARTNER: dict[str, Any] = {
    "Prefix": "Dr",
    "FirstName": "Anna",
    "MiddleName": "Maria",
    "LastName": "Berg",
    "Suffix": "Jr",
    "Company": None,
    "Address1": "12 Oak Street",
    "Address2": "Apt 4",
    "City": "Austin",
    "StateProv": "TX",
    "PostalCode": "78701",
    "CountryCode": "US",
    "PartnerPhones": [
        {"Type": "Home", "Priority": 1, "Number": "512-555-0101"},
        {"Type": "Home", "Priority": 2, "Number": "512-555-0102"},
    ],
    "PartnerEmails": [{"Type": "Home", "Priority": 1, "Email": "anna@example.org"}],
    "OriginSource": "WEB",
    "CustomData": [{"Name": "Raise Id", "Value": "48001"}],
}

GIFT_SOURCE = GatheredGift(gathered(pledge_id="pledge-7"), DONATION.allocations[0])
TABLES: dict[str, tuple[Sequence[Row[Any]], Any, dict[str, Any]]] = {
    "TRANSACTION": (mapping.TRANSACTION, gathered(), TRANSACTION),
    "GIFT": (mapping.GIFT, GIFT_SOURCE, GIFT),
    "PRODUCT_ORDER": (mapping.PRODUCT_ORDER, gathered(), PRODUCT_ORDER),
    "ATTRIBUTE": (mapping.ATTRIBUTE, gathered(), ATTRIBUTE),
    "PLEDGE": (mapping.PLEDGE, gathered_pledge(), PLEDGE),
    "PARTNER": (mapping.PARTNER, gathered_partner(), PARTNER),
}
ROWS = [(table, row) for table, (rows, _, _) in TABLES.items() for row in rows]


@pytest.mark.parametrize(("table", "row"), ROWS, ids=[f"{table} {row.member}" for table, row in ROWS])
def test_a_row_gives_its_member_the_value_written_out_here(table: str, row: Row[Any]) -> None:
    _, source, expected = TABLES[table]
    value = row.value(source)
    assert value == expected[row.member]
    assert type(value) is type(expected[row.member])


@pytest.mark.parametrize("table", TABLES)
def test_no_row_of_a_table_is_without_an_expected_value_and_none_is_doubled(table: str) -> None:
    rows, _, expected = TABLES[table]
    assert [row.member for row in rows] == list(expected)


def test_a_gift_in_memory_of_someone_gets_that_attribute_and_not_the_other() -> None:
    donation = replace(DONATION, tribute=Tribute("InMemoryOf", "Zoltán Kovács"))
    values = {row.member: row.value(gathered(donation)) for row in mapping.ATTRIBUTE}
    assert (values["In_Honor_of"], values["In_Memory_of"]) == (None, "Zoltán Kovács")


def test_an_organisation_becomes_a_partner_with_a_company_and_no_personal_names() -> None:
    values = {row.member: row.value(gathered_partner(CHURCH)) for row in mapping.PARTNER}
    assert values["Company"] == "Cedar & Sons, Inc."
    assert {values[name] for name in ("Prefix", "FirstName", "MiddleName", "LastName", "Suffix")} == {None}
