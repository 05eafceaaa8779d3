"""Where a system allows few calls, the work gets them: little is reserved for nothing, and little is looked up."""

from __future__ import annotations

from datetime import timedelta

import pytest

from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.domain.deliveries import Delivery, State
from giftbridge.domain.delivery_ids import RAISEDONORS
from giftbridge.errors import BudgetSpent
from giftbridge.flows.projects import Projects
from giftbridge.flows.work import Work
from giftbridge.store.budgets import RateBudget
from tests.workbench import Workbench

MINUTE = timedelta(minutes=1)
GIFT = "donation.created"


def _budget(bench: Workbench, per_hour: int) -> RateBudget:
    return RateBudget(bench.tools.state, "aegis", lambda: per_hour, bench.clock)


def test_who_only_counts_turns_hears_that_they_need_fewer_calls_by_now(bench: Workbench) -> None:
    budget, sweep = _budget(bench, 600), _budget(bench, 600)
    with budget.reserved(GIFT):
        budget.take(9)
    budget.give_back()
    bench.clock.advance(600)
    assert sweep.room([GIFT] * 50, 0.0) == 60 // 10
    for _ in range(12):
        with budget.reserved(GIFT):
            budget.take(3)
        budget.give_back()
        bench.clock.advance(600)
    assert sweep.room([GIFT] * 50, 0.0) == 60 // 4


def test_what_a_process_learned_itself_is_not_forgotten_for_what_another_told_before(bench: Workbench) -> None:
    budget = _budget(bench, 600)
    with budget.reserved(GIFT):
        budget.take(3)
    budget.give_back()
    bench.clock.advance(600)
    with budget.reserved(GIFT):
        budget.take(9)
    assert budget.room([GIFT] * 50, 0.0) == (60 - 10) // 10


def test_nobody_waits_long_for_calls_that_the_first_turn_of_its_kind_reserved_for_nothing(bench: Workbench) -> None:
    first, other = _budget(bench, 60), _budget(bench, 60)
    with first.reserved(GIFT):
        with pytest.raises(BudgetSpent) as spent, other.reserved(GIFT):
            raise AssertionError("the turn began")
        assert spent.value.not_before is not None
        assert bench.clock() < spent.value.not_before <= bench.clock() + MINUTE
        first.take(3)
    first.give_back()
    bench.clock.advance(60)
    with other.reserved(GIFT):
        other.take(3)


def test_the_first_gift_does_not_wait_for_the_calls_that_the_look_for_it_took(bench: Workbench) -> None:
    bench.run(ticks=1)
    bench.settings(limits={"raisedonors_per_hour": 60})
    bench.clock.advance(7200)
    gift = bench.give()
    bench.pickup()
    bench.drain()
    assert bench.delivery(gift).state is State.DELIVERED


def test_a_rare_turn_of_many_calls_holds_up_the_next_turns_for_a_few_turns_only(bench: Workbench) -> None:
    budget = _budget(bench, 600)
    for calls in (9, 3, 3, 3):
        with budget.reserved(GIFT):
            budget.take(calls)
        budget.give_back()
        bench.clock.advance(600)
    assert budget.room([GIFT] * 50, 0.0) == 60 // 5


@pytest.mark.parametrize(("is_in_demand", "minutes"), [(False, 18), (True, 90)])
def test_while_work_takes_all_calls_what_is_new_is_looked_for_more_seldom(
    bench: Workbench, is_in_demand: bool, minutes: int
) -> None:
    budget = _budget(bench, 60)
    if is_in_demand:
        budget.take(15)
    assert budget.next_look(3, bench.clock()) == bench.clock() + minutes * MINUTE


@pytest.mark.parametrize(("per_hour", "least", "most"), [(None, 60, 60), (60, 9, 11)])
def test_projects_are_read_more_seldom_where_calls_are_few(
    bench: Workbench, per_hour: int | None, least: int, most: int
) -> None:
    projects = Projects(RaiseDonors(bench.wire(RAISEDONORS)), bench.tools.budgets.of(RAISEDONORS), bench.clock)
    bench.settings(limits={"raisedonors_per_hour": per_hour})
    bench.raisedonors.log.clear()
    for _ in range(60):
        assert projects.named([301]).keys() == {301}
        bench.clock.advance(61)
    assert least <= bench.calls(RAISEDONORS).count("listProjects") <= most


class WrongCode:
    """A gift to a project whose code Aegis does not know, tried by one process that goes on living."""

    def __init__(self, bench: Workbench) -> None:
        self.bench = bench
        bench.run(ticks=1)
        bench.settings(limits={"raisedonors_per_hour": 60})
        bench.clock.advance(7200)
        self.worker, self.gift, self.store = bench.worker(), bench.give(), bench.raisedonors.store
        self.project = int(self.store.gifts.entry(self.gift).latest.members["projects"][0]["projectId"])
        self.right = self.store.projects.entry(self.project).latest.members["code"]
        self.name("NO-FUND")
        bench.pickup()
        self.tried()

    def name(self, code: str) -> None:
        """Give the project this code."""
        self.store.edit("project", self.project, {"code": code})

    def tried(self) -> Delivery:
        """What became of the gift minutes later, when there are calls for it."""
        self.bench.clock.advance(240)
        self.bench.sweep()
        while self.bench.work(self.worker) is not None:
            pass
        return self.bench.delivery(self.gift)

    def retried(self) -> Delivery:
        """What became of it when somebody retried it."""
        Work(self.bench.tools, self.bench.delivery(self.gift)).reopen("by hand")
        return self.tried()

    @property
    def reads(self) -> int:
        """How often the projects were read."""
        return self.bench.calls(RAISEDONORS).count("listProjects")


def test_a_code_that_was_corrected_on_raisedonors_counts_at_the_retry_however_few_the_calls_are(
    bench: Workbench,
) -> None:
    wrong = WrongCode(bench)
    assert bench.delivery(wrong.gift).state is State.FAILED
    reads = wrong.reads
    wrong.name(wrong.right)
    assert wrong.retried().state is State.DELIVERED
    assert wrong.reads == reads + 1


def test_a_code_that_is_still_wrong_fails_the_gift_again_after_one_more_look(bench: Workbench) -> None:
    wrong = WrongCode(bench)
    reads = wrong.reads
    failed = wrong.retried()
    assert failed.state is State.FAILED
    assert failed.trouble is not None and failed.trouble.cause == "unknown-fund:NO-FUND"
    assert wrong.reads == reads + 1
