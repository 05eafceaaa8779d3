"""The bodies that are sent to Aegis: edges of the mapping."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from giftbridge.domain.aegis_bodies import partner_body, pledge_body, signature_of, transaction_body
from giftbridge.domain.aegis_values import segment_code, start_day
from giftbridge.domain.donations import Address, Allocation, Donation, Premium, Project
from giftbridge.errors import Rejected
from tests.unit.samples import (
    CHURCH,
    DONATION,
    DONOR,
    PROJECTS,
    SCHEDULE,
    SHIPPING,
    gathered,
    gathered_partner,
    gathered_pledge,
)


def _attributes(donation: Donation) -> dict[str, str]:
    listed: Any = transaction_body(gathered(donation))["Attributes"]
    names = [pair["Name"].casefold() for pair in listed]
    assert len(names) == len(set(names)), "Aegis takes each attribute name once, without regard to case"
    return {pair["Name"]: pair["Value"] for pair in listed}


def _body(donation: Donation = DONATION, **more: Any) -> Any:
    return transaction_body(gathered(donation, **more))


def test_each_allocation_becomes_one_gift() -> None:
    gifts = _body()["Gifts"]
    assert gifts == [
        {"Amount": Decimal("50.00"), "FundID": "GEN", "ApplyToPledge": False},
        {"Amount": Decimal("25.10"), "FundID": "BLD", "ApplyToPledge": False},
    ]


def test_a_pledge_is_named_in_every_gift_and_applied_only_where_it_is_named() -> None:
    with_pledge = _body(pledge_id="pledge-7")["Gifts"]
    without = _body()["Gifts"]
    assert {(gift["ApplyToPledge"], gift["PledgeID"]) for gift in with_pledge} == {(True, "pledge-7")}
    assert all(gift["ApplyToPledge"] is False and "PledgeID" not in gift for gift in without)


def test_an_allocation_of_zero_makes_no_gift() -> None:
    allocations = (Allocation(302, Decimal(0)), Allocation(301, Decimal("75.10")))
    assert [gift["FundID"] for gift in _body(replace(DONATION, allocations=allocations))["Gifts"]] == ["GEN"]


def test_a_refund_negates_every_amount_and_ships_nothing() -> None:
    refund = _body(sign=-1)
    assert refund["TotalTransactionAmount"] == refund["Payment"]["Amount"] == Decimal("-75.10")
    assert [gift["Amount"] for gift in refund["Gifts"]] == [Decimal("-50.00"), Decimal("-25.10")]
    assert "ProductOrders" not in refund
    original = _body()
    same = ("PartnerID", "AppealCode", "SourceCode", "SegmentCode", "Attributes", "RecordedBy", "TransactionNote")
    assert {name: refund[name] for name in same} == {name: original[name] for name in same}


def test_a_refund_repeats_the_product_order_where_that_is_set() -> None:
    assert _body(sign=-1, aegis={"refund_repeats_products": True})["ProductOrders"]


def test_a_larger_premium_is_ordered_once_and_named_in_the_note() -> None:
    body = _body(replace(DONATION, premium=Premium("BOOK-01", "The Long Road", 4)))
    assert body["ProductOrders"][0]["Quantity"] == 1
    [note] = [pair["Value"] for pair in body["Attributes"] if pair["Name"] == "RaiseDonors.Donation.MetaInfo"]
    assert "Premium quantity: 4" in note.splitlines()


def test_a_premium_without_a_shipping_name_goes_to_the_donor() -> None:
    body = _body(replace(DONATION, shipping_name=" "))
    assert body["ProductOrders"][0]["Shipping"]["ShipTo"] == "Anna Berg"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"shipping_address": replace(SHIPPING, street="", street2=None)}, "shippingAddress.address1"),
        ({"shipping_address": replace(SHIPPING, city=" ")}, "shippingAddress.city"),
        ({"shipping_address": replace(SHIPPING, country=None)}, "shippingAddress.countryString"),
        ({"shipping_address": replace(SHIPPING, country="Atlantis")}, "shippingAddress.countryString"),
    ],
)
def test_money_goes_without_a_premium_that_cannot_be_shipped_and_the_note_says_what_is_missing(
    change: dict[str, Any], field: str
) -> None:
    donation = replace(DONATION, **change)
    assert "ProductOrders" not in _body(donation)
    note = _attributes(donation)["RaiseDonors.Donation.MetaInfo"]
    assert f"premium: BOOK-01 is not ordered, for {field} is missing" in note


def test_a_premium_needs_the_shipping_method_that_only_the_settings_can_say() -> None:
    with pytest.raises(Rejected) as refused:
        _body(aegis={"shipping_method": ""})
    assert refused.value.field == "setting aegis.shipping_method"
    assert refused.value.remedy


def test_the_product_order_takes_the_fund_of_the_first_allocation() -> None:
    allocations = (Allocation(302, Decimal("25.10")), Allocation(301, Decimal(50)))
    assert _body(replace(DONATION, allocations=allocations))["ProductOrders"][0]["FundCode"] == "BLD"


def test_custom_fields_become_attributes_under_their_own_name() -> None:
    attributes = _attributes(DONATION)
    assert attributes["Campus"] == "North"
    assert not any("shirt" in name for name in attributes)


@pytest.mark.parametrize("name", ["RaiseDonors.Donation.Id", "raisedonors.donor.id", "GIFT AID REQUESTED"])
def test_a_custom_field_never_overwrites_an_attribute_of_ours(name: str) -> None:
    plain = _attributes(replace(DONATION, custom_fields=()))
    assert _attributes(replace(DONATION, custom_fields=((f"custom_aegisapi_{name}", "666"),))) == plain


def test_a_custom_field_takes_no_name_of_ours_even_where_ours_is_absent() -> None:
    fields = (("custom_aegisapi_gift aid requested", "true"),)
    donation = replace(DONATION, gift_aid_requested=None, custom_fields=fields)
    assert "gift aid requested" not in {name.casefold() for name in _attributes(donation)}


def test_of_two_custom_fields_with_one_name_the_first_counts() -> None:
    fields = (("custom_aegisapi_Campus", "North"), ("custom_aegisapi_CAMPUS", "South"), ("custom_aegisapi_", "x"))
    attributes = _attributes(replace(DONATION, custom_fields=fields))
    assert attributes["Campus"] == "North"
    assert "CAMPUS" not in attributes
    assert "" not in attributes


@pytest.mark.parametrize("asked", [None, False])
def test_gift_aid_is_absent_when_it_was_not_asked_for(asked: bool | None) -> None:
    assert "Gift Aid Requested" not in _attributes(replace(DONATION, gift_aid_requested=asked))


@pytest.mark.parametrize(
    ("code", "url", "expected"),
    [
        ("A1", "https://give.example.org/?segment-code=B2", "A1"),
        (None, "https://give.example.org/?segment=C3&segment-code=B2", "B2"),
        ("", "https://give.example.org/?utm_source=x&segment=C3", "C3"),
        (None, "https://give.example.org/?segment-code=&segment=C3", "C3"),
        (None, "https://give.example.org/?segment-code=North%20West", "North West"),
        (None, "https://give.example.org/", None),
        (None, "http://[broken", None),
        (None, None, None),
    ],
)
def test_the_segment_comes_from_the_gift_or_else_from_the_giving_pages_address(
    code: str | None, url: str | None, expected: str | None
) -> None:
    assert segment_code(replace(DONATION, segment_code=code, submission_url=url)) == expected


@pytest.mark.parametrize(
    ("project", "problem"),
    [(None, "does not exist"), (Project(301, None, "x"), "no code"), (Project(301, " ", "x"), "no code")],
)
def test_a_project_without_a_fund_is_refused_with_its_id(project: Project | None, problem: str) -> None:
    projects = {301: project, 302: PROJECTS[302]} if project else {302: PROJECTS[302]}
    with pytest.raises(Rejected, match=f"project 301.*{problem}") as refused:
        transaction_body(replace(gathered(), projects=projects))
    assert refused.value.field == "projects[].projectId"


def test_text_that_is_empty_or_blank_is_left_out() -> None:
    empty = replace(
        DONATION, source_code="", comment="  ", segment_code="", submission_url=None, media_outlet=None, tribute=None,
        premium=None, custom_fields=(), billing_address=Address("", " ", "", "", "", ""), gift_aid_requested=None,
    )  # fmt: skip
    settings = {"batch_category": "", "media_program": "", "channel": " ", "default_payment_type": ""}
    body = transaction_body(gathered(empty, replace(DONOR, first_name="", last_name=" "), aegis=settings))
    assert set(body) == {
        "PartnerID", "TransactionDate", "TotalTransactionAmount", "AppealCode", "RecordedBy", "ShippingCost",
        "TaxAmount", "BatchType", "Response", "Payment", "Gifts", "Attributes",
    }  # fmt: skip
    payment: Any = body["Payment"]
    assert set(payment) == {"Amount", "Status", "PaymentType", "UpdatePrimaryMailingAddress"}


def test_a_tender_without_an_own_payment_type_takes_the_general_one() -> None:
    assert _body(replace(DONATION, payment_type="Other"))["Payment"]["PaymentType"] == "CreditCard"
    assert _body(replace(DONATION, payment_type=None))["Payment"]["PaymentType"] == "CreditCard"


def test_a_billing_country_that_is_none_is_left_out_and_named_in_the_note() -> None:
    donation = replace(DONATION, billing_address=Address(country="Atlantis"))
    assert "Country" not in _body(donation)["Payment"]
    note = _attributes(donation)["RaiseDonors.Donation.MetaInfo"].splitlines()
    assert "Could not be carried: billingAddress.countryString: Atlantis" in note


def test_what_a_probe_needs_is_exactly_what_was_sent() -> None:
    assert signature_of(_body()) == {
        "partner": "100001",
        "amount": "75.10",
        "appeal": "EOY24",
        "recorded_by": "Bridge",
        "date": "2026-03-02T14:30:05.250Z",
    }


def test_a_pledge_without_own_billing_names_takes_the_donors() -> None:
    body = pledge_body(gathered_pledge(replace(SCHEDULE, billing_first_name=None, billing_last_name=" ")))
    assert (body["PaymentFirstName"], body["PaymentLastName"]) == ("Anna", "Berg")


def test_a_schedule_without_a_start_starts_on_the_day_it_was_made() -> None:
    assert start_day(replace(SCHEDULE, start_date=None), "UTC") == "2026-02-27"
    assert start_day(replace(SCHEDULE, start_date="2026-05-09"), "America/New_York") == "2026-05-09"


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("2026-01-01T04:30:00Z", "2025-12-31"),
        ("2026-01-01T04:30:00", "2025-12-31"),
        ("2025-12-31T23:30:00-05:00", "2025-12-31"),
        ("2026-01-01", "2026-01-01"),
        ("2026-01-01T00:00:00", "2026-01-01"),
        ("2026-01-01T00:00:00Z", "2026-01-01"),
        ("2026-01-01T00:00:00+01:00", "2025-12-31"),
    ],
)
def test_a_pledge_starts_on_the_local_day_that_its_schedule_names(written: str, day: str) -> None:
    assert start_day(replace(SCHEDULE, start_date=written), "America/New_York") == day


def test_a_schedule_that_names_no_day_at_all_makes_no_pledge_and_says_so() -> None:
    with pytest.raises(Rejected) as refused:
        start_day(replace(SCHEDULE, start_date=None, created_at=None), "UTC")
    assert refused.value.field == "recurringGift.startDate"


def test_moments_carry_the_offset_of_the_organisations_zone() -> None:
    late = replace(DONATION, created_at=datetime(2026, 1, 1, 4, 30, tzinfo=UTC))
    assert _body(late, zone="America/New_York")["TransactionDate"] == "2025-12-31T23:30:00-05:00"
    assert _body(late, zone="Asia/Kathmandu")["TransactionDate"] == "2026-01-01T10:15:00+05:45"
    assert _body(late)["TransactionDate"] == "2026-01-01T04:30:00Z"
    pledge = pledge_body(gathered_pledge(replace(SCHEDULE, created_at=late.created_at), zone="America/New_York"))
    assert pledge["DatePledged"] == "2025-12-31T23:30:00-05:00"


def test_a_partner_is_created_without_the_donor_id_where_aegis_has_no_field_for_it() -> None:
    assert "CustomData" not in partner_body(gathered_partner(knows_donor_id=False))


@pytest.mark.parametrize(
    "kept",
    [{"emails": DONOR.emails}, {"phones": DONOR.phones}, {"address": DONOR.address}],
    ids=["email", "phone", "address"],
)
def test_one_way_to_reach_a_donor_is_enough(kept: dict[str, Any]) -> None:
    bare = replace(DONOR, emails=(), phones=(), address=Address())
    assert partner_body(gathered_partner(replace(bare, **kept)))["LastName"] == "Berg"
    with pytest.raises(Rejected) as refused:
        partner_body(gathered_partner(bare))
    assert refused.value.cause == "donor-unreachable"


@pytest.mark.parametrize(
    "donor", [replace(DONOR, first_name="", last_name=None), replace(CHURCH, organization_name=" ")]
)
def test_a_donor_without_a_name_becomes_no_partner(donor: Any) -> None:
    with pytest.raises(Rejected) as refused:
        partner_body(gathered_partner(donor))
    assert refused.value.cause == "donor-without-name"
