"""Amounts, texts, tributes and moments as people and programs write them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from giftbridge.clients.raisedonors_sightings import read_sighting
from giftbridge.clients.raisedonors_wire import read_donation, read_donor, read_schedule
from giftbridge.domain.amounts import amount_in
from giftbridge.domain.texts import as_one_line, without_controls
from giftbridge.domain.times import believable_moment, day_named, readable_moment
from giftbridge.domain.tributes import IN_HONOR, IN_MEMORY, tribute_kind
from giftbridge.errors import Rejected

GIFT: dict[str, Any] = {
    "id": 1,
    "donorId": 2,
    "currency": "USD",
    "amount": Decimal("20.00"),
    "statusText": "Approved",
    "isTestMode": False,
    "createdDate": "2026-03-02T14:30:00",
    "modifiedDate": "2026-03-02T14:30:00Z",
    "projects": [{"projectId": 301, "amount": "20.00"}],
}
NEEDED = frozenset({"id", "donorId", "currency", "amount", "statusText", "createdDate", "projects"})


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1250.00", "1250.00"),
        (" 20 ", "20"),
        (".5", "0.5"),
        ("12.", "12"),
        ("-3.10", "-3.10"),
        ("1,250.00", "1250.00"),
        ("1,250,000", "1250000"),
        ("1,250,000.5", "1250000.5"),
        ("1.250,00", "1250.00"),
        ("1.250.000", "1250000"),
        ("12,50", "12.50"),
        ("12,5", "12.5"),
        ("1 250.00", "1250.00"),
        ("1 250,00", "1250.00"),
        ("1\u00a0250\u202f000", "1250000"),
        ("1'250.00", "1250.00"),
        ("1\u2019250.00", "1250.00"),
        ("1e2", "100"),
    ],
)
def test_an_amount_that_can_only_be_one_is_read(text: str, amount: str) -> None:
    assert amount_in(text) == Decimal(amount)


@pytest.mark.parametrize(
    "text",
    [
        "1,250",
        "12,345",
        "",
        " ",
        "$20",
        "20 USD",
        "1,25,000.00",
        "1.2.3",
        "1,2.3",
        "NaN",
        "Infinity",
        "twenty",
        "٢٠",
        "1_000",
        "--3",
        "1 25",
        "0x10",
        "1,250.00.00",
        "1.250,000,00",
    ],
)
def test_an_amount_that_could_be_two_or_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write it like"):
        amount_in(text)


@settings(max_examples=200, deadline=None)
@given(st.decimals(min_value=0, max_value=10**9, places=2))
def test_the_same_amount_comes_from_every_notation(amount: Decimal) -> None:
    english, digits = f"{amount:,.2f}", f"{amount:.2f}"
    continental = english.translate(str.maketrans(",.", ".,"))
    for written in (digits, english, continental, english.replace(",", " "), english.replace(",", "\u202f")):
        assert amount_in(written) == amount, written


def test_an_amount_that_could_be_two_is_named_with_its_remedy() -> None:
    with pytest.raises(Rejected, match="could be two: write it like 1250") as refused:
        read_donation({**GIFT, "amount": "1,250"})
    assert (refused.value.field, refused.value.cause) == ("gift.amount", "unreadable-record")


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.characters(), max_size=40))
def test_no_control_is_left_and_nothing_else_is_lost(text: str) -> None:
    line, prose = as_one_line(text), without_controls(text)
    assert not [c for c in line if c < " " or "\x7f" <= c <= "\x9f" or "\ud800" <= c <= "\udfff"]
    assert not [c for c in prose if (c < " " and c not in "\t\n\r") or "\x7f" <= c <= "\x9f"]
    prose.encode()
    assert [c for c in line if c.isalnum()] == [c for c in text if c.isalnum()]


def test_controls_become_blanks_and_lines_stay_where_lines_may_be() -> None:
    assert without_controls("Thanks\x0bfor\n\tall\x00\x00!") == "Thanks for\n\tall !"
    assert as_one_line("12 Oak St\r\nApt\t4\u2028x\ud83d") == "12 Oak St Apt 4 x"
    assert as_one_line("\u202bمحمد\u202c 👩‍👧") == "\u202bمحمد\u202c 👩‍👧"


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        *(
            (text, IN_HONOR)
            for text in (
                "InHonorOf",
                "inhonorof",
                "IN HONOR OF",
                "In Honour Of",
                "in_honor_of",
                "In-Honor-Of",
                "honor",
                "Honour",
                "In honor",
                "Honoree",
                "inHonor",
            )
        ),
        *(
            (text, IN_MEMORY)
            for text in (
                "InMemoryOf",
                "In Memory Of",
                "in memory",
                "MEMORY",
                "Memorial",
                "In Memoriam",
                "in loving memory of",
                "Memorial Gift",
                "inMemory",
            )
        ),
        *(
            (text, None)
            for text in (
                "Celebration",
                "Other",
                "",
                " ",
                None,
                "Tribute",
                "InHonorOrMemory",
                "Birthday",
                "On behalf of",
            )
        ),
    ],
)
def test_a_tribute_is_known_in_any_capitals_and_spelling(written: str | None, kind: str | None) -> None:
    assert tribute_kind(written) == kind


@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01T00:00:00",
        "0001-01-01T00:00:00Z",
        "1753-01-01",
        "1899-12-30T00:00:00",
        "1900-01-01T00:00:00",
        "1970-01-01T00:00:00Z",
        "1969-12-31T18:00:00-06:00",
        "9999-12-31T23:59:59.9999999",
        "9999-12-31",
        "2999-01-01",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00",
    ],
)
def test_what_programs_write_for_no_date_is_no_date(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        believable_moment(text)
    assert readable_moment(text) is None
    assert day_named("America/New_York", text) is None
    with pytest.raises(Rejected) as refused:
        read_donation({**GIFT, "createdDate": text})
    assert refused.value.field == "gift.createdDate"
    # Not taken for a gift from before the start, which nobody would look at.
    assert read_sighting({**GIFT, "createdDate": text}).created_at is None


ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 10**6), st.text(max_size=8), st.decimals(0, 99, places=2)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=6,
)
DECORATIONS = (
    "modifiedDate",
    "recurringGiftId",
    "crmKey",
    "comment",
    "sourceCode",
    "motivationCode",
    "segmentCode",
    "paymentType",
    "cardBrand",
    "giftAidRequested",
    "mediaOutlet",
    "tribute",
    "premium",
    "customFields",
    "ipAddress",
    "referringUrl",
    "submissionUrl",
    "utm",
    "billingAddress",
    "shippingName",
    "shippingAddress",
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(DECORATIONS), ANYTHING, max_size=6))
def test_no_decoration_of_any_shape_stops_a_gift(odd: dict[str, Any]) -> None:
    donation = read_donation({**GIFT, **odd})
    assert (donation.amount, donation.donor_id, donation.currency) == (Decimal("20.00"), 2, "USD")
    assert {one.field.split(".")[0].split("[")[0] for one in donation.left_out} <= set(odd)


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(
            (
                "firstName",
                "isOrganization",
                "organizationName",
                "primaryAddress",
                "donorAddresses",
                "email",
                "donorEmailAddresses",
                "donorPhoneNumbers",
                "crmKey",
                "title",
                "phone",
            )
        ),
        ANYTHING,
        max_size=5,
    )
)
def test_no_decoration_of_any_shape_stops_a_donor(odd: dict[str, Any]) -> None:
    donor = read_donor({"id": 2, "lastName": "Berg", **odd})
    assert (donor.id, donor.last_name) == (2, "Berg")


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(
            (
                "statusText",
                "createdDate",
                "modifiedDate",
                "startDate",
                "nextChargeDate",
                "projects",
                "paymentType",
                "billingAddress",
                "motivationCode",
                "currencyCode",
                "crmKey",
            )
        ),
        ANYTHING,
        max_size=5,
    )
)
def test_no_decoration_of_any_shape_stops_a_schedule(odd: dict[str, Any]) -> None:
    schedule = read_schedule({"id": 3, "donorId": 2, "frequency": 12, "amount": "25.00", **odd})
    assert (schedule.id, schedule.amount) == (3, Decimal("25.00"))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(NEEDED)), ANYTHING)
def test_what_money_needs_is_read_or_refused_with_its_field(member: str, value: Any) -> None:
    try:
        donation = read_donation({**GIFT, member: value})
    except Rejected as refused:
        assert refused.field is not None
        assert refused.field.startswith(f"gift.{member}")
        return
    assert donation.id > 0
    assert donation.donor_id > 0
    assert donation.currency.strip()
