"""How often a schedule charges, in Aegis' words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from giftbridge.domain.frequencies import aegis_frequency
from giftbridge.errors import Rejected
from tests.unit.samples import SCHEDULE


@pytest.mark.parametrize(
    ("charges", "word"), [(52, "Weekly"), (12, "Monthly"), (4, "Quarterly"), (2, "Semiannually"), (1, "Annually")]
)
def test_a_frequency_that_both_know_is_translated(charges: int, word: str) -> None:
    assert aegis_frequency(replace(SCHEDULE, charges_per_year=charges), {}) == word


@pytest.mark.parametrize("charges", [26, 0, 100, 365])
def test_a_frequency_that_aegis_has_no_word_for_is_refused_with_a_remedy(charges: int) -> None:
    with pytest.raises(Rejected) as refused:
        aegis_frequency(replace(SCHEDULE, charges_per_year=charges), {})
    assert (refused.value.cause, refused.value.field) == ("unmappable-frequency", "recurringGift.frequency")
    assert "frequency_substitutes" in str(refused.value.remedy)


@pytest.mark.parametrize("key", ["26", " 26 ", "biweekly", "BiWeekly"])
def test_a_stand_in_is_named_by_number_or_by_word(key: str) -> None:
    assert aegis_frequency(replace(SCHEDULE, charges_per_year=26), {key: "Semimonthly"}) == "Semimonthly"


def test_a_stand_in_for_one_frequency_changes_no_other() -> None:
    assert aegis_frequency(SCHEDULE, {"26": "Semimonthly"}) == "Monthly"
    assert aegis_frequency(SCHEDULE, {"monthly": "Once"}) == "Once"
