"""Refunds in the matrix (requirement B1)."""

from __future__ import annotations

from giftbridge.domain.deliveries import State
from ops.simulators.faults import FaultKind, FaultRule
from tests.matrix.cells import Scenario
from tests.matrix.interception import Interceptor
from tests.matrix.judgement import Goal
from tests.workbench import Workbench


def _refunded(bench: Workbench, goal: Goal) -> None:
    """All gifts of the goal turn out refunded, half a minute apart."""
    for gift in goal.gifts:
        bench.clock.advance(30)
        bench.raisedonors.store.set_gift_status(gift, "Refunded", modified=bench.clock())
        goal.refunded.append(gift)


def _refund() -> Scenario:
    """A gift of several funds and one of a schedule are refunded together."""

    def prepare(bench: Workbench) -> Goal:
        donor = bench.population.make_donor("new_person")
        goal = Goal([bench.give("split", donor=donor), bench.give("first_of_schedule", donor=donor)])
        bench.run(ticks=2)
        goal.judges.append(_pledge_is_verified)
        return goal

    return Scenario("5 refund, one of a schedule too", prepare, _refunded)


def _pledge_is_verified(bench: Workbench, _: Interceptor) -> list[str]:
    """No refund names a pledge that was not looked at before."""
    named = [t for t in bench.aegis.store.transactions.values() if t.total < 0 and any(x.pledge_id for x in t.lines)]
    problems = [] if len(named) == 1 else [f"{len(named)} refunds name a pledge instead of 1"]
    calls = bench.calls()
    last = max((n for n, call in enumerate(calls) if call == "createTransaction"), default=0)
    return problems if "getPledgeHistory" in calls[:last] else [*problems, "the pledge was not verified"]


def _refund_of_an_open_original() -> Scenario:
    """The answer to the original was lost, and before anybody looked for it the gift is refunded."""

    def prepare(bench: Workbench) -> Goal:
        bench.give(donor=bench.population.make_donor("new_person"))
        bench.run(ticks=1)
        gift = bench.give("split", donor=bench.population.donors[0])
        bench.fault("aegis", FaultRule(FaultKind.DROP_AFTER, "createTransaction", count=1))
        bench.pickup()
        bench.drain()
        assert bench.delivery(gift).state is State.UNKNOWN
        return Goal([gift])

    return Scenario("6 refund, original open", prepare, _refunded)


REFUNDS = (_refund(), _refund_of_an_open_original())
