"""The scenarios of the matrix, in the order in which they add calls; here those of new donations."""

from __future__ import annotations

from tests.matrix.adjustment_scenarios import ADJUSTMENTS
from tests.matrix.cells import Scenario, calls_of, run_cell
from tests.matrix.change_scenarios import CHANGES
from tests.matrix.judgement import Goal, wrong_in_the_end
from tests.matrix.refund_scenarios import REFUNDS
from tests.workbench import Workbench

__all__ = ["SCENARIOS", "calls_of", "run_cell", "wrong_in_the_end"]


def _first_gift(bench: Workbench) -> Goal:
    """A donor whose first gift began a schedule."""
    gift = bench.give("first_of_schedule", donor=bench.population.make_donor("new_person"))
    bench.run(ticks=1)
    return Goal([gift])


def _new_donor_new_schedule() -> Scenario:
    def act(bench: Workbench, goal: Goal) -> None:
        goal.gifts.append(bench.give("first_of_schedule", donor=bench.population.make_donor("new_person")))

    return Scenario("1 new donor, new schedule", lambda _: Goal(), act)


def _later_instance() -> Scenario:
    def act(bench: Workbench, goal: Goal) -> None:
        goal.gifts += [bench.give("later_of_schedule"), bench.give("split")]

    return Scenario("2 later instance, two gifts", _first_gift, act)


def _pledge_ended_in_aegis() -> Scenario:
    def prepare(bench: Workbench) -> Goal:
        goal = _first_gift(bench)
        for pledge in bench.aegis.store.pledges.values():
            bench.aegis.store.set_pledge_active(pledge.pledge_id, False)
        goal.notices = 1
        return goal

    def act(bench: Workbench, goal: Goal) -> None:
        goal.gifts.append(bench.give("later_of_schedule"))

    return Scenario("3 pledge ended in Aegis", prepare, act)


def _partner_gone() -> Scenario:
    def prepare(bench: Workbench) -> Goal:
        gift = bench.give(donor=bench.population.make_donor("new_person"))
        bench.run(ticks=1)
        bench.aegis.store.set_partner_active(bench.transactions_of(gift)[0].partner_id, False)
        # That nothing is there is not believed of a partner who is gone: it may have been merged with what was sent.
        return Goal([gift], left_to_a_person=frozenset({"partner-merged"}))

    def act(bench: Workbench, goal: Goal) -> None:
        goal.gifts.append(bench.give("premium", donor=bench.population.donors[0]))

    return Scenario("4 partner no longer active", prepare, act)


DONATIONS = (_new_donor_new_schedule(), _later_instance(), _pledge_ended_in_aegis(), _partner_gone())
SCENARIOS = {scenario.name: scenario for scenario in (*DONATIONS, *REFUNDS, *CHANGES, *ADJUSTMENTS)}
