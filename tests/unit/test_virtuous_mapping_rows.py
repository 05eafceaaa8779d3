"""Every row of the mapping to Virtuous' import tool, written out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from giftbridge.domain import virtuous_mapping as mapping
from giftbridge.domain.mapping_rows import Row
from giftbridge.domain.virtuous_mapping import GatheredContact, GatheredShare, GiftWithSettings
from tests.unit.samples import DONOR
from tests.unit.virtuous_samples import CONTACT, DESIGNATION, GIFT, MONTHLY, SETTINGS, gathered


def cases(rows: Sequence[Row[Any]], source: Any, expected: dict[str, Any]) -> list[Any]:
    assert [row.member for row in rows] == list(expected)
    return [pytest.param(row, source, expected[row.member], id=row.member) for row in rows]


WITH_SETTINGS = GiftWithSettings(gathered(), SETTINGS)
ROWS = [
    *cases(mapping.GIFT, WITH_SETTINGS, GIFT),
    *cases(mapping.DESIGNATION, GatheredShare(gathered(), MONTHLY.allocations[0]), DESIGNATION),
    *cases(mapping.CONTACT, GatheredContact(DONOR, "Household"), CONTACT),
]


@pytest.mark.parametrize(("row", "source", "expected"), ROWS)
def test_a_row_says_what_a_member_gets(row: Row[Any], source: Any, expected: Any) -> None:
    assert row.value(source) == expected
