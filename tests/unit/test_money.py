"""Money is exact from RaiseDonors' JSON to Aegis' JSON; a binary float never takes part."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
import simplejson
from hypothesis import given, settings
from hypothesis import strategies as st

from giftbridge.clients.raisedonors_wire import read_donation
from giftbridge.domain.aegis_bodies import transaction_body
from giftbridge.domain.aegis_values import cents
from giftbridge.domain.amounts import Money
from giftbridge.domain.donations import Allocation, Donation
from giftbridge.domain.validation import require_amount, require_sound
from giftbridge.errors import Rejected
from tests.unit.samples import DONATION, gathered

WHOLE_CENTS = st.integers(min_value=1, max_value=10**11)
PARTS = st.lists(st.integers(min_value=0, max_value=10**9), min_size=1, max_size=8).filter(any)


def _text(cent: int, zeros: int = 0) -> str:
    return f"{cent // 100}.{cent % 100:02d}{'0' * zeros}"


def _read(amount: str, *allocations: str) -> Donation:
    """The donation in a JSON text, by the reader that the client uses: the total a number, the allocations texts."""
    projects = ",".join(f'{{"projectId": 301, "amount": "{allocation}"}}' for allocation in allocations)
    text = f"""{{"id": 1, "donorId": 2, "currency": "USD", "amount": {amount}, "statusText": "Approved",
        "createdDate": "2026-03-02T14:30:00", "modifiedDate": "2026-03-02T14:30:00Z", "isTestMode": false,
        "projects": [{projects}]}}"""
    return read_donation(simplejson.loads(text, use_decimal=True))


def _sent(body: dict[str, Any]) -> Any:
    """What arrives: the body as the client writes it, its numbers as texts."""
    return simplejson.loads(simplejson.dumps(body, use_decimal=True), parse_float=str, parse_int=str)


@settings(max_examples=100, deadline=None)
@given(PARTS, st.integers(min_value=0, max_value=2))
def test_every_split_of_a_total_arrives_to_the_cent(parts: list[int], zeros: int) -> None:
    donation = _read(_text(sum(parts)), *(_text(part, zeros) for part in parts))
    require_sound(donation, None)
    body = _sent(transaction_body(gathered(replace(donation, premium=None))))
    assert body["TotalTransactionAmount"] == body["Payment"]["Amount"] == _text(sum(parts))
    assert [gift["Amount"] for gift in body["Gifts"]] == [_text(part) for part in parts if part]


@settings(max_examples=100, deadline=None)
@given(PARTS)
def test_a_refund_is_the_exact_opposite_of_its_gift(parts: list[int]) -> None:
    donation = _read(_text(sum(parts)), *map(_text, parts))
    there: Any = transaction_body(gathered(donation))
    back: Any = transaction_body(gathered(donation, sign=-1))
    assert there["TotalTransactionAmount"] + back["TotalTransactionAmount"] == 0
    assert sum(gift["Amount"] for gift in there["Gifts"] + back["Gifts"]) == 0


@settings(max_examples=100, deadline=None)
@given(WHOLE_CENTS)
def test_a_number_and_a_text_of_the_same_amount_are_the_same(cent: int) -> None:
    donation = _read(_text(cent), _text(cent))
    assert donation.amount == donation.allocations[0].amount == Decimal(cent) / 100
    assert isinstance(donation.amount, Decimal)


@settings(max_examples=60, deadline=None)
@given(PARTS, st.sampled_from([-1000, -1, 1, 1000]), st.data())
def test_allocations_that_add_up_to_anything_else_are_refused(parts: list[int], off: int, data: st.DataObject) -> None:
    place = data.draw(st.integers(min_value=0, max_value=len(parts) - 1))
    wrong = [part + off if n == place else part for n, part in enumerate(parts)]
    if wrong[place] < 0:
        return
    with pytest.raises(Rejected) as refused:
        require_sound(_read(_text(sum(parts)), *map(_text, wrong)), None)
    assert (refused.value.cause, refused.value.field) == ("allocation-sum-differs", "projects")


def test_a_third_of_a_dollar_and_ten_cents_are_not_rounded_on_the_way() -> None:
    # Sums that binary floats get wrong: 0.1 + 0.2, 1.1 + 2.2, and one beyond 15 digits.
    for total, parts in (
        ("0.3", ("0.10", "0.2000")),
        ("3.3", ("1.1", "2.2")),
        ("99999999999.99", ("99999999999.98", "0.01")),
    ):
        require_sound(_read(total, *parts), None)


@pytest.mark.parametrize("amount", ["10.005", "0.001", "10.000000000000000000000000001", "1e-3"])
def test_parts_of_a_cent_are_refused_in_the_total_and_in_an_allocation(amount: str) -> None:
    with pytest.raises(Rejected) as in_total:
        require_sound(_read(amount, amount), None)
    assert (in_total.value.cause, in_total.value.field) == ("amount-precision", "amount")
    with pytest.raises(Rejected) as in_allocation:
        require_sound(_read("10.01", "0.01", amount), None)
    assert (in_allocation.value.cause, in_allocation.value.field) == ("amount-precision", "projects[1].amount")


@pytest.mark.parametrize("amount", ["0.01000000000000000000000000000000001", "50.00000000000000000000000000001"])
def test_parts_of_a_cent_are_seen_however_far_behind_they_are(amount: str) -> None:
    with pytest.raises(Rejected):
        require_amount(Decimal(amount), "amount")


@pytest.mark.parametrize("amount", ["0", "0.00", "-25.00", "-0.01"])
def test_an_amount_that_is_not_above_zero_is_refused(amount: str) -> None:
    with pytest.raises(Rejected) as refused:
        require_sound(_read(amount, amount), None)
    assert (refused.value.cause, refused.value.field) == ("amount-not-positive", "amount")


def test_a_negative_allocation_is_refused_even_where_the_sum_agrees() -> None:
    with pytest.raises(Rejected) as refused:
        require_sound(_read("10.00", "15.00", "-5.00"), None)
    assert (refused.value.cause, refused.value.field) == ("negative-allocation", "projects[1].amount")


@pytest.mark.parametrize("amount", ['"NaN"', '"Infinity"', '"-Infinity"', '"abc"', '""', "null", "[]", "{}", "true"])
def test_what_is_no_amount_cannot_be_read_and_the_field_is_named(amount: str) -> None:
    with pytest.raises(Rejected) as refused:
        _read(amount, "10.00")
    assert (refused.value.cause, refused.value.field) == ("unreadable-record", "gift.amount")


@pytest.mark.parametrize("amount", ["1e13", "1e400", "-1e13"])
def test_an_absurdly_large_amount_is_refused(amount: str) -> None:
    with pytest.raises(Rejected):
        require_amount(_read(amount, amount).amount, "amount")


def test_another_currency_than_the_set_one_is_refused() -> None:
    require_sound(DONATION, "USD")
    require_sound(replace(DONATION, currency="usd"), "USD")
    with pytest.raises(Rejected) as refused:
        require_sound(replace(DONATION, currency="EUR"), "USD")
    assert (refused.value.cause, refused.value.field) == ("other-currency", "currency")


def test_an_amount_has_two_decimals_on_the_wire_whatever_it_had_before() -> None:
    assert [str(cents(Decimal(text))) for text in ("75", "75.1", "75.1000", "1E+2", "-0.5")] == [
        "75.00", "75.10", "75.10", "100.00", "-0.50",
    ]  # fmt: skip


def test_an_allocation_of_four_decimals_counts_as_the_same_amount() -> None:
    allocations = (Allocation(301, Decimal("50.0000")), Allocation(302, Decimal("25.10")))
    require_sound(replace(DONATION, allocations=allocations), None)


@pytest.mark.parametrize(
    ("text", "amount", "currency"),
    [("25.00 USD", "25.00", "USD"), ("-25.00 USD", "-25.00", "USD"), ("25.00", "25.00", ""), ("0.10 C", "0.10", "C")],
)
def test_money_is_written_in_a_row_as_it_is_read(text: str, amount: str, currency: str) -> None:
    assert Money.read(text) == Money(Decimal(amount), currency)
    assert str(Money(Decimal(amount), currency)) == text


@pytest.mark.parametrize("text", [None, "", "USD", "NaN USD", "Infinity USD", "many USD", "1,250.00 USD", " 25.00 USD"])
def test_what_is_no_money_is_none(text: str | None) -> None:
    assert Money.read(text) is None
