"""docs/field-mapping.md says exactly what the code does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from giftbridge.domain import aegis_mapping as mapping
from giftbridge.domain import virtuous_mapping as virtuous
from giftbridge.domain.donations import LeftOut
from giftbridge.domain.frequencies import FREQUENCIES
from giftbridge.domain.mapping_rows import Row
from giftbridge.domain.matching import DEFAULT_RULES, rules_for
from giftbridge.domain.notes import verbose_note
from giftbridge.domain.virtuous_projects import PROJECT
from giftbridge.domain.virtuous_values import GIFT_TYPES, OTHER_GIFT_TYPE
from tests.unit.samples import CHURCH, DONATION, DONOR, PROJECTS
from tests.unit.tables import tables

PAGE = tables("field-mapping.md")
TABLES: dict[str, Sequence[Row[Any]]] = {
    "Transaction": mapping.TRANSACTION,
    "Gift": mapping.GIFT,
    "Product order": mapping.PRODUCT_ORDER,
    "Attribute": mapping.ATTRIBUTE,
    "Pledge": mapping.PLEDGE,
    "Partner": mapping.PARTNER,
    "Gift to Virtuous": virtuous.GIFT,
    "Designation of a gift to Virtuous": virtuous.DESIGNATION,
    "Contact to Virtuous": virtuous.CONTACT,
    "Project to Virtuous": PROJECT,
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_the_page_lists_the_rows_of_the_code_in_order(name: str) -> None:
    assert PAGE[name] == [(f"`{row.member}`", row.source) for row in TABLES[name]]


LEFT_OUT = LeftOut("billingAddress.countryString", "Other")


def test_the_page_lists_the_frequencies() -> None:
    listed = [(int(charges), word.strip("`")) for charges, _, word in PAGE["Frequencies"] if word.startswith("`")]
    assert listed == list(FREQUENCIES.items())
    assert [charges for charges, _, word in PAGE["Frequencies"] if not word.startswith("`")] == ["26", "0 and 100"]


def test_the_page_lists_the_matching_rules_for_people_and_organisations() -> None:
    listed = [(person, organisation) for _, person, organisation in PAGE["Matching rules"]]
    expected = zip(DEFAULT_RULES, rules_for(CHURCH, None), strict=True)
    assert listed == [(" + ".join(person), " + ".join(organisation)) for person, organisation in expected]


def test_the_page_lists_the_lines_of_the_verbose_note_in_order() -> None:
    names = ("source", "medium", "campaign", "term", "content")
    donation = replace(DONATION, utm=tuple((name, "x") for name in names))
    labels = [line.partition(":")[0] for line in verbose_note(donation, DONOR, PROJECTS, [LEFT_OUT]).splitlines()]
    listed = [label for label, _ in PAGE["Verbose note"]]
    assert listed == [("Project or Projects" if label == "Projects" else label) for label in labels]


def test_the_page_lists_the_gift_types_of_virtuous() -> None:
    listed = [(tender, kind.strip("`")) for tender, kind in PAGE["Gift types in Virtuous"]]
    assert listed == [*GIFT_TYPES.items(), ("any other", OTHER_GIFT_TYPE)]


def test_the_page_lists_the_members_that_follow_an_edit_to_virtuous() -> None:
    listed = [(group, members.replace("`", "")) for group, members in PAGE["Members that follow an edit to Virtuous"]]
    assert listed == [(group, ", ".join(members)) for group, members in virtuous.CONTACT_FOLLOWS.items()]
