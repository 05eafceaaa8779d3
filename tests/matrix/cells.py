"""One cell of the matrix: a scenario is prepared, happens while one call is broken, and is judged in the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.matrix.interception import Fault, Interceptor, ProcessDied
from tests.matrix.judgement import Goal
from tests.workbench import Workbench, workbench

MOST_TICKS = 40
# What was done once must not be done again when its record is seen once more.
TICKS_AFTER = 1


@dataclass(frozen=True)
class Scenario:
    """`prepare` runs before anything is watched and says what must be in the end; `act` may add to that."""

    name: str
    prepare: Callable[[Workbench], Goal]
    act: Callable[[Workbench, Goal], None]


def calls_of(scenario: Scenario) -> list[str]:
    """Every call and write of a run without faults, named with its ordinal."""
    with workbench() as bench:
        goal = scenario.prepare(bench)
        interceptor = Interceptor(bench)
        scenario.act(bench, goal)
        _until_settled(bench, interceptor, goal)
        return list(interceptor.seen)


def run_cell(scenario: Scenario, call: str, fault: Fault) -> list[str]:
    """One cell: what is wrong in the end; nothing is right."""
    with workbench() as bench:
        goal = scenario.prepare(bench)
        interceptor = Interceptor(bench, call, fault)
        scenario.act(bench, goal)
        _until_settled(bench, interceptor, goal)
        interceptor.restart()
        problems = [] if interceptor.fired == 1 else [f"the fault fired {interceptor.fired} times"]
        bench.run(ticks=TICKS_AFTER)
        return problems + goal.wrong(bench, interceptor)


def _until_settled(bench: Workbench, interceptor: Interceptor, goal: Goal) -> None:
    """Ticks of a minute until everything has ended as it must."""
    for _ in range(MOST_TICKS):
        for part in (bench.pickup, bench.drain, bench.sweep, bench.drain):
            interceptor.restart()
            try:
                part()
            except ProcessDied:
                continue
            except Exception as error:
                assert interceptor.fired, error
        interceptor.restart()
        bench.clock.advance(60)
        if goal.is_reached(bench):
            return
