"""Differences are drawn and planted straight into Aegis: a reconciliation names exactly those, and heals the healable.

RECONCILIATION_SEEDS=all runs all seeds, 34 that one, 34-60 those.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from decimal import Decimal

import pytest

from giftbridge.domain.reconciliation import Sort
from tests.reconciliation.staging import plant_some, put_right, stage
from tests.workbench import workbench

_ALL = 125
_ASKED = os.environ.get("RECONCILIATION_SEEDS", "")
_FIRST, _, _LAST = _ASKED.partition("-")
SEEDS = range(_ALL) if _ASKED == "all" else range(int(_FIRST), int(_LAST or _FIRST) + 1) if _ASKED else (37, 110)


@pytest.mark.parametrize("seed", SEEDS)
def test_exactly_the_planted_differences_are_found_and_healed(
    seed: int, record_property: Callable[[str, object], None]
) -> None:
    with workbench(seed) as bench:
        drawn = stage(bench, seed)
        untouched = drawn.reconcile()
        assert [one.id for one in untouched.differences] == [], "nothing was planted yet"
        planted = plant_some(drawn)

        report = drawn.reconcile()
        named = Counter(one.id for one in report.differences if one.sort is not Sort.HELD)
        record_property("planted", len(drawn.expected))
        record_property("healable", len(drawn.expected) - len(drawn.by_hand))
        missed = set(drawn.expected) - set(named)
        false = set(named) - set(drawn.expected)
        assert (missed, false, max(named.values(), default=1)) == (set(), set(), 1), planted
        assert {one.id for one in report.differences if one.sort is Sort.HELD} == drawn.held, planted
        assert report.gaps == ()
        signed = sum((day.difference for side in report.sides for day in side.days), Decimal(0))
        assert signed == sum(drawn.expected.values(), Decimal(0)), planted

        put_right(drawn)
        results = drawn.heal(report)
        assert {one.id for one in results if one.outcome == "left"} == drawn.by_hand, results
        bench.run(ticks=5)
        again = drawn.now(report)
        open_still = {one.id: (one.state, one.state_words) for one in again.open}
        assert open_still == {}, planted

        second = drawn.reconcile()
        assert [(one.id, one.words) for one in second.open] == [], planted
        assert {one.id for one in second.differences if one.state == "accepted"} == drawn.by_hand
        assert not [one for one in second.differences if one.sort is Sort.HELD]
