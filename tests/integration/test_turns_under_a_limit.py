"""A backlog drains as fast as the calls an hour allow: no turn begins that has not all its calls."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from giftbridge.domain.deliveries import State
from giftbridge.domain.delivery_ids import donation_created_id
from giftbridge.errors import BudgetSpent
from giftbridge.store.budgets import Budgets, RateBudget
from tests.workbench import Workbench

HOUR = timedelta(hours=1)
GIFT = "donation.created"


def _per_hour(bench: Workbench) -> Callable[[str], int | None]:
    return lambda system: getattr(bench.tools.settings()[1].limits, f"{system}_per_hour")


def _new_process(bench: Workbench) -> None:
    """Nothing is remembered but what stands in the tables."""
    bench.tools = replace(bench.tools, budgets=Budgets(bench.tools.state, _per_hour(bench), bench.clock))
    bench._wires.clear()


def _backlog(bench: Workbench, gifts: int, **limits: int) -> list[int]:
    """First gifts of donors whom Aegis does not know."""
    bench.run(ticks=1)
    bench.settings(limits=limits)
    made = [bench.give(donor=bench.population.make_donor("new_person")) for _ in range(gifts)]
    bench.aegis.log.clear()
    bench.raisedonors.log.clear()
    bench.pickup()
    return made


def _drain(bench: Workbench, gifts: list[int], hours: float, *, new_processes: bool = False) -> float:
    """The hours it took. Each minute is as it is on AWS: the queue, the sweep, the queue."""
    began = bench.clock()
    while bench.clock() - began < HOUR * hours:
        bench.drain()
        bench.sweep()
        bench.drain()
        if all(bench.transactions_of(gift) for gift in gifts):
            return (bench.clock() - began) / HOUR
        if new_processes:
            _new_process(bench)
        bench.clock.advance(60)
    done = sum(len(bench.transactions_of(gift)) for gift in gifts)
    raise AssertionError(f"{done} of {len(gifts)} gifts after {hours} hours, by {Counter(bench.calls())}")


@pytest.mark.parametrize("new_processes", [False, True])
@pytest.mark.parametrize(("limit", "gifts"), [(60, 30), (120, 60), (600, 90)])
def test_a_backlog_of_new_donors_drains_in_the_time_that_its_calls_need(
    bench: Workbench, limit: int, gifts: int, new_processes: bool
) -> None:
    backlog = _backlog(bench, gifts, aegis_per_hour=limit)
    hours = _drain(bench, backlog, 6, new_processes=new_processes)
    calls = len(bench.calls())
    # A search, a partner, a transaction; and what is looked up each hour.
    assert calls <= 3 * gifts + 6 * math.ceil(hours)
    assert hours <= 1.2 * calls / limit
    assert all(len(bench.transactions_of(gift)) == 1 for gift in backlog)
    made = [entry.at for entry in bench.aegis.log]
    assert all(sum(began <= moment < began + HOUR for moment in made) <= limit for began in made)


def test_a_limit_that_hardly_allows_one_gift_lets_a_backlog_drain_all_the_same(bench: Workbench) -> None:
    backlog = _backlog(bench, 6, aegis_per_hour=20)
    assert _drain(bench, backlog, 4) <= 1.5 * len(bench.calls()) / 20


def test_the_source_is_asked_no_more_than_it_allows_and_the_backlog_drains_all_the_same(bench: Workbench) -> None:
    backlog = _backlog(bench, 1)
    _drain(bench, backlog, 1)
    bench.settings(limits={"raisedonors_per_hour": 240, "aegis_per_hour": 240})
    bench.clock.advance(7200)
    backlog = [bench.give(donor=bench.population.make_donor("new_person")) for _ in range(40)]
    bench.raisedonors.log.clear()
    bench.pickup()
    _drain(bench, backlog, 3)
    reads = Counter(bench.calls("raisedonors"))
    assert max(reads.values()) <= 1.2 * len(backlog)


def test_a_turn_without_its_calls_does_not_begin_and_says_until_when_it_waits(bench: Workbench) -> None:
    backlog = _backlog(bench, 8, aegis_per_hour=20)
    bench.drain()
    began = len(bench.calls())
    waiting = [bench.tools.deliveries.get(donation_created_id(gift, "aegis")) for gift in backlog]
    left = [one for one in waiting if one is not None and one.state is State.WAITING]
    assert left and began % 3 == 0
    for delivery in left:
        assert delivery.trouble is not None and delivery.trouble.cause == "budget-spent"
        assert delivery.attempt is None and delivery.attempts == 0
        assert bench.clock() < delivery.due <= bench.clock() + HOUR + timedelta(minutes=2)


def _budget(bench: Workbench, per_hour: int = 600) -> RateBudget:
    return RateBudget(bench.tools.state, "aegis", lambda: per_hour, bench.clock)


def _left(bench: Workbench) -> int:
    left = _budget(bench).within(0.0)
    assert left is not None
    return left


def test_what_a_turn_did_not_use_goes_back(bench: Workbench) -> None:
    budget = _budget(bench)
    with budget.reserved(GIFT):
        budget.take(3)
        assert _left(bench) == 60 - 21
    budget.give_back()
    assert _left(bench) == 60 - 3 - 1


def test_reserved_calls_are_no_other_turns_and_one_that_needs_more_takes_more(bench: Workbench) -> None:
    budget, other = _budget(bench), _budget(bench)
    with budget.reserved(GIFT):
        for _ in range(39):
            other.take()
        with pytest.raises(BudgetSpent):
            other.take()
        for _ in range(21):
            budget.take()
        with pytest.raises(BudgetSpent) as spent:
            budget.take()
        assert spent.value.not_before is not None
        bench.clock.advance(6)
        budget.take()


def test_the_next_turn_reserves_what_the_turns_before_needed_in_any_process(bench: Workbench) -> None:
    budget = _budget(bench)
    for _ in range(2):
        with budget.reserved(GIFT):
            budget.take(3)
        budget.give_back()
    assert _budget(bench).room([GIFT] * 50, 0.0) == _left(bench) // 4
    with pytest.raises(BudgetSpent), budget.reserved(GIFT):
        budget.take(_left(bench) + 10_000)
    bench.clock.advance(3600)
    with budget.reserved(GIFT):
        budget.take(30)
    budget.take(20)
    bench.clock.advance(3600)
    assert _budget(bench).room([GIFT] * 50, 0.0) < 3


def test_a_turn_that_cannot_have_its_calls_of_one_system_keeps_none_of_the_other(bench: Workbench) -> None:
    bench.settings(limits={"raisedonors_per_hour": 600, "aegis_per_hour": 600})
    budgets = bench.tools.budgets
    budgets.of("aegis").take(60)
    with pytest.raises(BudgetSpent) as spent, budgets.reserved(("raisedonors", "aegis"), GIFT):
        raise AssertionError("the turn began")
    assert spent.value.system == "aegis"
    budgets.give_back()
    assert budgets.room(("raisedonors",), [GIFT] * 9, 0.0) == 2
    assert budgets.room(("aegis",), [GIFT] * 9, 0.0) == 0


def test_a_harmless_read_finds_a_call_beside_a_backlog(bench: Workbench) -> None:
    backlog = _backlog(bench, 30, aegis_per_hour=60)
    pinged: list[datetime] = []
    for minute in range(30):
        bench.drain()
        bench.sweep()
        bench.drain()
        if minute % 5 == 0:
            with suppress(BudgetSpent):
                bench.tools.budgets.of("aegis").take()
                pinged.append(bench.clock())
        bench.clock.advance(60)
    assert len(pinged) == 6
    assert sum(len(bench.transactions_of(gift)) for gift in backlog) >= 9
