"""The rate budget follows what a system says of its limit, in all processes, and writes that down seldom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from giftbridge.clients.http import BearerToken
from giftbridge.errors import BudgetSpent
from giftbridge.store.budgets import RateBudget
from giftbridge.store.state import StateTable
from tests.integration.served_virtuous import served_virtuous
from tests.workbench import Clock, Workbench

HOUR = timedelta(hours=1)


class CountedState(StateTable):
    """Counts its writes; breaks down when told to."""

    def __init__(self, bench: Workbench) -> None:
        super().__init__(bench.dynamodb, "StateTable")
        self.writes = 0
        self.is_broken = False

    def put(self, name: str, values: Mapping[str, object], seen: Mapping[str, Any] | None) -> None:
        """Count the write."""
        if self.is_broken:
            raise ClientError({"Error": {"Code": "InternalServerError"}}, "PutItem")
        self.writes += 1
        super().put(name, values, seen)


@pytest.fixture
def state(bench: Workbench) -> Iterator[CountedState]:
    yield CountedState(bench)


def _budget(state: StateTable, clock: Clock, per_hour: int | None = 1200) -> RateBudget:
    return RateBudget(state, "virtuous", lambda: per_hour, clock)


def _headers(clock: Clock, limit: int, remaining: int, prefix: str = "X-RateLimit", **reset: float) -> dict[str, str]:
    ends = clock() + timedelta(**reset or {"minutes": 30})
    return {
        f"{prefix}-Limit": str(limit),
        f"{prefix}-Remaining": str(remaining),
        f"{prefix}-Reset": str(int(ends.timestamp())),
    }


def _spend_all(budget: RateBudget) -> tuple[int, datetime | None]:
    """How many calls are allowed now, and when there will be more."""
    for calls in range(100_000):
        try:
            budget.take()
        except BudgetSpent as spent:
            return calls, spent.not_before
    raise AssertionError("there is no end to the budget")


def test_without_headers_the_setting_counts(bench: Workbench, state: CountedState) -> None:
    budget = _budget(state, bench.clock)
    for headers in ({}, {"X-RateLimit-Limit": "many"}, {"X-RateLimit-Limit": "0"}, {"X-RateLimit-Remaining": "0"}):
        budget.observe(headers)
    assert _spend_all(budget)[0] == 120


@pytest.mark.parametrize("per_hour", [1, 2, 15, 100, 1200, 5000])
def test_in_no_hour_are_more_calls_made_than_the_setting_says(
    bench: Workbench, state: CountedState, per_hour: int
) -> None:
    budget = _budget(state, bench.clock, per_hour)
    made: list[datetime] = []
    for _ in range(3 * 60):
        made += [bench.clock()] * _spend_all(budget)[0]
        bench.clock.advance(60)

    for began in made[:: max(1, len(made) // 50)]:
        assert sum(began <= moment < began + HOUR for moment in made) <= per_hour
    assert len(made) >= per_hour


@pytest.mark.parametrize("prefix", ["X-RateLimit", "X-Rate-Limit", "x-ratelimit"])
@pytest.mark.parametrize(("setting", "at_once"), [(1200, 120 - 1 + 100), (None, 1500)])
def test_the_limit_that_is_told_counts_instead_of_the_setting(
    bench: Workbench, state: CountedState, prefix: str, setting: int | None, at_once: int
) -> None:
    first, second = (_budget(state, bench.clock, setting) for _ in range(2))
    first.take()
    first.observe(_headers(bench.clock, 6000, 5999, prefix))
    bench.clock.advance(60)
    assert _spend_all(first)[0] == at_once
    bench.clock.advance(60)
    second.observe(_headers(bench.clock, 6000, 5800, prefix))
    assert _spend_all(second)[0] == 100
    second.observe(_headers(bench.clock, 1800, 1700, prefix))
    bench.clock.advance(3600)
    assert _spend_all(second)[0] == 450


def test_a_process_that_heard_nothing_follows_what_another_was_told(bench: Workbench, state: CountedState) -> None:
    _budget(state, bench.clock).observe(_headers(bench.clock, 6000, 5999))
    for at_once in (1500, 100):
        assert _spend_all(_budget(state, bench.clock))[0] == at_once
        bench.clock.advance(60)


def test_when_hardly_any_calls_remain_no_process_makes_one_until_the_reset(
    bench: Workbench, state: CountedState
) -> None:
    first, second = (_budget(state, bench.clock) for _ in range(2))
    ends = bench.clock() + timedelta(minutes=30)
    first.take()
    first.observe(_headers(bench.clock, 5000, 101))
    first.take()
    first.observe(_headers(bench.clock, 5000, 100))
    for budget in (first, second):
        calls, not_before = _spend_all(budget)
        assert (calls, not_before) == (0, ends)
    bench.clock.advance(30 * 60)
    for budget in (first, second):
        budget.take()


@pytest.mark.parametrize(("remaining", "is_open"), [(11, True), (10, False), (0, False)])
def test_of_a_small_limit_ten_calls_are_left_to_the_others(
    bench: Workbench, state: CountedState, remaining: int, is_open: bool
) -> None:
    budget = _budget(state, bench.clock)
    budget.observe(_headers(bench.clock, 100, remaining))
    assert (_spend_all(budget)[0] > 0) is is_open


def test_a_reset_that_is_past_closes_nothing_and_a_far_one_no_longer_than_an_hour(
    bench: Workbench, state: CountedState
) -> None:
    budget = _budget(state, bench.clock)
    for seconds in (-5, -4):
        budget.observe(_headers(bench.clock, 5000, 0, seconds=seconds))
    assert state.writes == 1
    budget.take()
    budget.observe({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "999999999999999"})
    assert _spend_all(budget) == (0, bench.clock() + HOUR)


def test_the_row_is_written_when_something_begins_and_not_with_every_answer(
    bench: Workbench, state: CountedState
) -> None:
    budget = _budget(state, bench.clock)
    for remaining in (4000, 3999, 3998):
        budget.observe(_headers(bench.clock, 5000, remaining))
    assert state.writes == 1
    for remaining in (100, 99, 98):
        budget.observe(_headers(bench.clock, 5000, remaining, seconds=1900 - remaining))
    assert state.writes == 2
    other = _budget(state, bench.clock)
    other.observe(_headers(bench.clock, 5000, 97, seconds=1800))
    assert state.writes == 2
    with pytest.raises(BudgetSpent):
        other.take()


def test_the_tokens_of_the_row_survive_what_is_noted_beside_them(bench: Workbench, state: CountedState) -> None:
    budget = _budget(state, bench.clock, 6000)
    assert _spend_all(budget)[0] == 600
    budget.observe(_headers(bench.clock, 6000, 5900))
    assert _spend_all(_budget(state, bench.clock, 6000))[0] == 0


def test_an_answer_counts_even_if_its_headers_cannot_be_stored(bench: Workbench, state: CountedState) -> None:
    budget = _budget(state, bench.clock)
    budget.take()
    state.is_broken = True
    budget.observe(_headers(bench.clock, 5000, 0))
    assert _spend_all(budget)[0] == 0


def test_a_system_without_a_limit_and_without_headers_costs_no_row(bench: Workbench, state: CountedState) -> None:
    budget = _budget(state, bench.clock, None)
    for _ in range(5):
        budget.take()
        budget.observe({"Content-Type": "application/json"})
    assert (state.writes, state.get("budget#virtuous")) == (0, None)


def test_the_client_stops_before_virtuous_has_to_refuse_a_call(bench: Workbench, state: CountedState) -> None:
    with served_virtuous() as crm:
        crm.world.store.settings.calls_per_hour = 600
        crm.world.store.budget.spend(585)
        budget = RateBudget(state, "virtuous", lambda: None, crm.world.clock)
        client = crm.client_with(BearerToken(crm.world.simulator.api_key), budget.take, budget.observe)
        with pytest.raises(BudgetSpent) as spent:
            for _ in range(15):
                client.ping()
        assert [entry.status for entry in crm.world.simulator.log] == [200] * 3
        assert spent.value.not_before == crm.world.clock().replace(minute=0, second=0, microsecond=0) + HOUR
        crm.wait(hours=1)
        client.ping()
        assert crm.kept_the_contract()
