"""Which partner is this donor?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from giftbridge.domain.donations import Address, Donor
from giftbridge.domain.matching import (
    DEFAULT_RULES,
    Match,
    Search,
    choose,
    is_plausible,
    matches,
    rules_for,
    searches_for,
)
from giftbridge.errors import Ambiguous
from tests.unit.samples import CHURCH, DONOR, partner

FIELD = "Raise Id"
CUSTOM = (("raise id", " 48001 "),)
NAME_ONLY: dict[str, Any] = {
    "emails": (),
    "phones": (),
    "street": None,
    "street2": None,
    "city": None,
    "postal_code": None,
}


def _found(donor: Donor, *partners: Any, rules: Any = None) -> list[Match]:
    return matches(donor, partners, rules_for(donor, rules), FIELD)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"custom_data": CUSTOM, "first_name": "X", "last_name": "Y", **NAME_ONLY}, DEFAULT_RULES[0]),
        ({}, DEFAULT_RULES[1]),
        ({"phones": ()}, DEFAULT_RULES[2]),
        ({"phones": (), "street": "1 Elsewhere"}, DEFAULT_RULES[3]),
        ({"emails": ("other@example.org",)}, DEFAULT_RULES[4]),
    ],
    ids=[" + ".join(rule) for rule in DEFAULT_RULES],
)
def test_each_default_rule_finds_its_partner(changes: dict[str, Any], rule: tuple[str, ...]) -> None:
    [found] = _found(DONOR, partner(**changes))
    assert found.rule == rule


@pytest.mark.parametrize(
    "changes",
    [
        {"last_name": "Bergman"},
        {"first_name": "Anne"},
        {"first_name": None},
        {"emails": ("anna@example.org.au",), "street": "90001 Elm Street"},
        {"emails": (), "postal_code": "97301"},
        NAME_ONLY,
        {"custom_data": (("Raise Id", "480010"),), "first_name": "X"},
        {"custom_data": (("Other Id", "48001"),), "first_name": "X"},
        {"is_active": False},
    ],
    ids="+".join,
)
def test_a_partner_that_only_looks_alike_is_not_taken(changes: dict[str, Any]) -> None:
    assert _found(DONOR, partner(**changes)) == []


def test_an_email_alone_matches_nobody_unless_that_rule_is_switched_on() -> None:
    spouse = partner(first_name="Ben", street="1 Elsewhere")
    assert not any(set(rule) == {"email"} for rule in DEFAULT_RULES)
    assert _found(DONOR, spouse) == []
    assert _found(DONOR, spouse, rules=[["email"]])[0].partner is spouse


def test_the_first_rule_that_finds_somebody_decides() -> None:
    by_address = partner("1", emails=())
    by_email = partner("2", street="1 Elsewhere", phones=())
    assert [match.partner.id for match in _found(DONOR, by_address, by_email)] == ["2"]
    rules = [["first_name", "last_name", "address"], ["first_name", "last_name", "email"]]
    assert [match.partner.id for match in _found(DONOR, by_address, by_email, rules=rules)] == ["1"]


def test_an_organisation_matches_on_its_company_in_place_of_the_names() -> None:
    rules = rules_for(CHURCH, None)
    assert rules == (
        ("donor_id",),
        ("company", "email", "phone", "address"),
        ("company", "email", "address"),
        ("company", "email"),
        ("company", "address"),
    )
    same = partner(first_name="", last_name="", company="CEDAR SONS INC")
    assert [match.partner for match in _found(CHURCH, same)] == [same]
    assert _found(CHURCH, partner(company="Cedar & Sons")) == []


def test_blank_values_never_agree_with_each_other() -> None:
    nobody = replace(DONOR, first_name="", last_name="", emails=(), phones=(), address=Address())
    assert _found(nobody, partner(first_name="", last_name=" ", **NAME_ONLY)) == []


def test_an_address_is_street_and_postcode_or_else_street_and_city() -> None:
    rules = [["first_name", "last_name", "address"]]
    assert _found(DONOR, partner(street="12 OAK ST", postal_code="78701-1234"), rules=rules)
    assert _found(DONOR, partner(postal_code=None, city="AUSTIN"), rules=rules)
    assert not _found(DONOR, partner(postal_code=None, city="Salem"), rules=rules)
    assert not _found(DONOR, partner(postal_code=None, city=None), rules=rules)
    assert not _found(DONOR, partner(street2="Apt 5"), rules=rules)


SEVERAL = [
    partner("9", member_date="2015-05-14T08:00:00-06:00"),
    partner("100002", member_date="2012-05-14T08:00:00-06:00"),
    partner("100001", member_date="2012-05-14T14:00:00Z"),
    partner("7", member_date=None),
]


def test_several_matches_are_ordered_by_member_date_then_by_id() -> None:
    found = _found(DONOR, *SEVERAL)
    assert [match.partner.id for match in found] == ["100001", "100002", "9", "7"]
    assert {match.of_several for match in found} == {4}


@pytest.mark.parametrize(
    ("setting", "chosen"), [("oldest", "100001"), ("newest", "9"), ("create", None), ("create_and_notify", None)]
)
def test_the_setting_decides_between_several(setting: str, chosen: str | None) -> None:
    match = choose(_found(DONOR, *SEVERAL[:3]), setting)
    assert (match.partner.id if match else None) == chosen


def test_review_leaves_the_choice_to_a_person() -> None:
    with pytest.raises(Ambiguous) as left:
        choose(_found(DONOR, *SEVERAL[:3]), "review")
    assert left.value.candidates == ("100001", "100002", "9")
    assert "giftbridge review" in str(left.value.remedy)


@pytest.mark.parametrize("setting", ["oldest", "newest", "create", "create_and_notify", "review"])
def test_a_single_match_is_taken_and_none_means_a_new_partner_whatever_the_setting(setting: str) -> None:
    [only] = _found(DONOR, partner())
    assert choose([only], setting) is only
    assert choose([], setting) is None


@pytest.mark.parametrize(
    ("changes", "plausible"),
    [
        ({"first_name": "ANNA", "last_name": "Carver", "emails": ()}, True),
        ({"first_name": "Ann", "last_name": "BERG", "emails": ()}, True),
        ({"first_name": "X", "last_name": "Y"}, True),
        ({"first_name": "X", "last_name": "Y", "emails": (), "custom_data": CUSTOM}, True),
        ({"first_name": "X", "last_name": "Y", "emails": ()}, False),
        ({"first_name": None, "last_name": None, "emails": ()}, False),
    ],
)
def test_an_imported_key_is_plausible_when_a_name_an_email_or_the_donor_id_agrees(
    changes: dict[str, Any], plausible: bool
) -> None:
    assert is_plausible(DONOR, partner(**changes), FIELD) is plausible


def test_one_search_by_name_serves_all_default_rules() -> None:
    assert searches_for(DONOR, DEFAULT_RULES) == [Search((("firstName", "Anna"), ("lastName", "Berg")))]
    assert searches_for(CHURCH, rules_for(CHURCH, None)) == [Search((("company", "Cedar & Sons, Inc."),))]


@pytest.mark.parametrize(
    ("rule", "search"),
    [
        (("email",), (("email", "anna@example.org"),)),
        (("phone",), (("phone", "512-555-0101"),)),
        (("address",), (("address", "12"), ("postalCode", "78701"))),
        (("phone", "address"), (("address", "12"), ("postalCode", "78701"))),
        (("donor_id", "email"), (("email", "anna@example.org"),)),
    ],
)
def test_a_rule_without_names_has_a_search_of_its_own(
    rule: tuple[str, ...], search: tuple[tuple[str, str], ...]
) -> None:
    assert searches_for(DONOR, [rule]) == [Search(search)]


def test_a_donor_without_a_name_is_searched_by_email_and_one_without_anything_not_at_all() -> None:
    nameless = replace(DONOR, first_name=None, last_name=" ")
    assert searches_for(nameless, DEFAULT_RULES) == [Search((("email", "anna@example.org"),))]
    assert searches_for(replace(nameless, emails=()), DEFAULT_RULES) == []


def test_an_address_without_a_first_line_makes_no_broken_search() -> None:
    donor = replace(DONOR, address=Address(None, "Apt 4", "Austin", "TX", "78701", "US"))
    searches = searches_for(donor, [("address",)])
    assert all(text for search in searches for _, text in search.parameters)
