"""The tables are restored to an earlier moment, and an operator does what the documents say then."""

from __future__ import annotations

import json
import random
from datetime import timedelta

from ops.operating import restoring, settings_actions
from tests.simulation.aws.template import resources
from tests.simulation.clock.scheduler import Process
from tests.simulation.world.machine import Machine
from tests.simulation.world.operator import NAME, Operator

TABLES = tuple(sorted(resources("AWS::DynamoDB::Table")))
# Until whatever runs has ended: the longest time-out of a function, and an operator's own turn.
RUNS_OUT_SECONDS = 16 * 60.0
_LONGEST_WORK_SECONDS = 1200.0
_TELLS_AGAIN_SECONDS = 30.0
_PATIENCE_SECONDS = 600.0
_LONGEST_IN_ALL_SECONDS = RUNS_OUT_SECONDS + _LONGEST_WORK_SECONDS + 1800.0


class Restoration:
    """One restore: the stack is stopped, tables go back, `giftbridge restored` is told, the stack runs again.

    `tables` went back to the second `to`; all of them most often, or one that somebody lost.
    """

    def __init__(self, seed: int, machine: Machine, operator: Operator, first: float, last: float) -> None:
        self.machine = machine
        self.operator = operator
        draw = random.Random(f"restore {seed}")
        self.at = draw.uniform(first, last)
        # To the second, as `--to` takes it; the settings were there by then.
        self.to = float(int(draw.uniform(1, self.at)))
        self.tables = TABLES if draw.random() < 0.6 else (draw.choice(TABLES),)
        self.is_adopted = draw.random() < 0.5
        self.works_for = draw.uniform(60, _LONGEST_WORK_SECONDS)
        self.undone = 0
        self.told_at = 0.0
        self.settings = ""
        for name in self.tables:
            machine.account.dynamodb.tables[name].keep_journal()

    @property
    def ends_at(self) -> float:
        """By when the stack runs again, unless telling of it fails again and again."""
        return self.at + _LONGEST_IN_ALL_SECONDS

    def plan(self) -> None:
        """Lay it out on the world's clock."""
        at = self.machine.scheduler.at
        at(self.at, self._stop)
        at(self.at + RUNS_OUT_SECONDS, self._restore)
        at(self.at + RUNS_OUT_SECONDS + self.works_for, self._tell)

    def _settings_now(self) -> str:
        """The document, as the state table holds it."""
        row = self.machine.account.dynamodb.tables["StateTable"].rows[("settings",)]
        return str(row["document"]["S"])

    def _stop(self) -> None:
        self.machine.trace.line(NAME, "stops the stack")
        self.machine.is_stopped = True

    def _restore(self) -> None:
        tables = self.machine.account.dynamodb.tables
        self.settings = self._settings_now()
        self.undone = sum(tables[name].restore(self.to) for name in self.tables)
        told = f"restores {', '.join(self.tables)} to {self.to:.0f} s: {self.undone} writes are gone"
        self.machine.trace.line(NAME, told)
        self.machine.weather.struck["restored"] += 1

    def _tell(self) -> None:
        scheduler, stack = self.machine.scheduler, self.operator.stack
        to = scheduler.begin + timedelta(seconds=self.to)

        def work() -> None:
            restoring.carry_out(stack, restoring.plan(stack, to, NAME))

        def ended(process: Process) -> None:
            if process.is_dead or process.error is not None:
                self.machine.trace.line(NAME, "tells of the restore once more")
                scheduler.after(_TELLS_AGAIN_SECONDS, self._tell)
                return
            self.told_at = scheduler.seconds
            self._run_again()

        self.machine.trace.line(NAME, "giftbridge restored")
        scheduler.start(f"{NAME}: restored", work, seconds=_PATIENCE_SECONDS, then=ended)

    def _run_again(self) -> None:
        wanted = json.loads(self.settings)
        for destination, is_on in self.operator.meant.items():
            # What was switched while the stack stood still is meant, too.
            wanted[destination]["enabled"] = is_on
        if json.loads(self._settings_now()) != wanted:
            settings_actions.save(self.operator.stack, wanted, by=NAME, note="lost by the restore")
            self.machine.trace.line(NAME, "saves the settings anew")
        self.machine.trace.line(NAME, "lets the stack run again")
        if self.is_adopted:
            # The functions are told of tables of another name: they start anew.
            self.machine.deployments += 1
        self.machine.is_stopped = False
