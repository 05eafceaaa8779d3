"""The verbose note: facts only, one line each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from giftbridge.domain.donations import Address, Allocation, Donation, MediaOutlet, Premium
from giftbridge.domain.notes import verbose_note
from tests.unit.samples import CHURCH, DONATION, DONOR, PROJECTS

BARE = replace(
    DONATION, payment_type=None, card_brand=None, motivation_code=None, source_code=None, referring_url=None, utm=(),
    ip_address=None, premium=None, media_outlet=None, shipping_name=None, shipping_address=Address(),
    allocations=(Allocation(301, DONATION.amount),),
)  # fmt: skip


def _lines(donation: Donation, donor: Any = DONOR) -> list[str]:
    return verbose_note(donation, donor, PROJECTS).splitlines()


def test_a_bare_gift_says_five_things() -> None:
    assert _lines(BARE) == [
        "Amount: 75.10 USD",
        "Project: General Fund",
        "Donor: Anna Berg (48001)",
        "Test mode: no",
        "Recurring: no",
    ]


@pytest.mark.parametrize(("is_test", "schedule"), [(True, None), (False, 70001), (True, 70001), (False, None)])
def test_test_mode_and_recurring_always_say_yes_or_no(is_test: bool, schedule: int | None) -> None:
    lines = _lines(replace(BARE, is_test_mode=is_test, schedule_id=schedule))
    assert f"Test mode: {'yes' if is_test else 'no'}" in lines
    assert f"Recurring: {'yes' if schedule else 'no'}" in lines


def test_an_organisation_is_named_by_its_own_name() -> None:
    assert "Donor: Cedar & Sons, Inc. (48001)" in _lines(BARE, CHURCH)


def test_a_donor_without_a_name_is_named_by_the_id_alone() -> None:
    assert "Donor: (48001)" in _lines(BARE, replace(DONOR, first_name=None, last_name=""))


def test_a_single_premium_has_no_quantity_line() -> None:
    lines = _lines(replace(BARE, premium=Premium("BOOK-01", None, 1)))
    assert [line for line in lines if line.startswith("Premium")] == ["Premium code: BOOK-01"]


def test_a_project_that_is_unknown_is_named_by_its_id() -> None:
    assert "Project: 999" in _lines(replace(BARE, allocations=(Allocation(999, DONATION.amount),)))


BLANKS = st.sampled_from([None, "", " ", "\t", "\n"])


@settings(max_examples=80, deadline=None)
@given(BLANKS, BLANKS, BLANKS, BLANKS)
def test_a_label_never_stands_without_a_value(
    one: str | None, two: str | None, three: str | None, four: str | None
) -> None:
    donation = replace(
        BARE, payment_type=one, card_brand=two, motivation_code=three, source_code=four, referring_url=one,
        utm=(("source", two or ""),), ip_address=three, media_outlet=MediaOutlet(four or "", one),
        premium=Premium("BOOK-01", two, 1), shipping_address=Address(three, four, one, two, three, four),
    )  # fmt: skip
    for line in _lines(donation):
        label, colon, value = line.partition(":")
        assert label and colon and value.strip(), f"an empty line: {line!r}"
