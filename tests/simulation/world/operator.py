"""An operator at a terminal: retries, redrives, pauses and resumes, with the command's own parts."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from giftbridge.domain.reconciliation import Difference
from ops.operating import backfilling, dead_letters, pausing, reconciling, retrying, settings_actions
from ops.operating.problems import NeedsPerson
from ops.operating.stack import Stack, assembled
from ops.operating.systems import SYSTEMS
from tests.simulation.aws.template import template
from tests.simulation.clock.scheduler import Process
from tests.simulation.world.machine import Machine

_LONGEST_PAUSE_SECONDS = 1200.0
_PATIENCE_SECONDS = 900.0
_LONGEST_RECONCILIATION_SECONDS = 2 * 3600.0
NAME = "operator"


class Operator:
    """Acts while others do; at the end puts everything in order that a person can."""

    def __init__(self, seed: int, machine: Machine) -> None:
        self.machine = machine
        self.switched_off: list[tuple[str, float, float]] = []
        """Destinations, with the seconds from which and to which they were switched off."""
        self._draw = random.Random(f"operator {seed}")
        outputs = {
            name: str(machine.account.value(one["Value"]))
            for name, one in template()["Outputs"].items()
            if set(one["Value"]) == {"Ref"}
        }
        outputs |= {system.secret_output: system.secret_output for system in SYSTEMS.values()}
        clients: dict[str, Any] = {name: machine.aws(name) for name in ("dynamodb", "sqs", "secretsmanager")}
        self.stack: Stack = assembled(
            "simulated", "", outputs, clients.__getitem__, is_local=True, surroundings=machine.surroundings()
        )

    def plan(self, until: float) -> None:
        """Draw what is done meanwhile, if this operator does anything."""
        if "operator" not in self.machine.weather.states:
            return
        for _ in range(self._draw.randint(1, 8)):
            act = self._draw.choice((self.retry_failed, self.redrive, self.pause_for_a_while))
            self.machine.scheduler.at(self._draw.uniform(0, until), act)

    def put_in_order(self, begins: float) -> None:
        """What is done once the weather is calm: resume all, then redrive and retry what failed, and once more."""
        scheduler = self.machine.scheduler
        scheduler.at(begins, self.resume_all)
        scheduler.at(begins + 300, self.redrive)
        scheduler.at(begins + 700, self.retry_failed)
        scheduler.at(begins + 1100, self.retry_failed)

    # --- acts ---------------------------------------------------------------------------------------------

    def retry_failed(self) -> None:
        """Everything that failed, planned and then tried anew."""

        def work() -> None:
            plan = retrying.plan_failed(self.stack)
            for _ in retrying.carry_out(self.stack, plan, NAME):
                pass

        self._act("retry", work)

    def redrive(self) -> None:
        """All dead letters back, with AWS' own tool."""

        def work() -> None:
            for destination in self.stack.destinations:
                begun = dead_letters.begin(self.stack, destination)
                if begun is not None:
                    for _ in dead_letters.follow(self.stack, destination, begun):
                        pass

        self._act("redrive", work)

    def pause_for_a_while(self) -> None:
        """One system paused, and resumed later."""
        system = SYSTEMS[self._draw.choice(("aegis", "raisedonors"))]
        self._act(f"pause {system.name}", lambda: pausing.pause(self.stack, system, NAME))
        later = self._draw.uniform(30, _LONGEST_PAUSE_SECONDS)
        self.machine.scheduler.after(
            later, lambda: self._act(f"resume {system.name}", lambda: pausing.resume(self.stack, system, NAME))
        )

    def switch_off_for_a_while(self, destination: str) -> None:
        """A destination is switched off, and on again some minutes later; what happens meanwhile is not sent."""
        lasts = self._draw.uniform(1, 600)
        seconds = self.machine.scheduler.seconds
        self.switched_off.append((destination, seconds, seconds + lasts))
        self._switch(destination, "false")
        self.machine.scheduler.after(lasts, lambda: self._switch(destination, "true"))

    def _switch(self, destination: str, value: str) -> None:
        # At once and surely: whether it was carried out decides what the judge expects.
        document = settings_actions.assign(self.stack, [f"{destination}.enabled={value}"])
        settings_actions.save(self.stack, document, by=NAME, note="")
        self.machine.trace.line(NAME, f"sets {destination}.enabled to {value}")

    def ask_for_backfill(self, destination: str, since: datetime, until: datetime) -> None:
        """The past is to be sent as well."""

        def work() -> None:
            known = backfilling.status(self.stack)
            if known is None or known.destination != destination:
                wanted = backfilling.new_backfill(self.stack, destination, since, until, (backfilling.GIFTS,), NAME)
                backfilling.ask(self.stack, wanted)

        self._act(f"backfill {destination}", work)

    def reconcile(self, first: date, last: date) -> list[Difference] | None:
        """What a reconciliation of these days finds open, when all has come to rest; None when it comes to no end."""
        found: list[Difference] = []

        def work() -> None:
            report = reconciling.run(self.stack, first, last)
            found.extend(one for one in report.differences if one.is_open)

        scheduler = self.machine.scheduler
        process = self._act("reconcile", work, _LONGEST_RECONCILIATION_SECONDS)
        while not process.is_over:
            scheduler.run(scheduler.seconds + 60)
        return None if process.is_dead or process.error is not None else found

    def resume_all(self) -> None:
        """Every system is to be called again."""

        def work() -> None:
            for system in SYSTEMS.values():
                pausing.resume(self.stack, system, NAME)

        self._act("resume all", work)

    def _act(self, what: str, work: Callable[[], Any], seconds: float = _PATIENCE_SECONDS) -> Process:
        self.machine.trace.line(NAME, what)

        def unless_stopped() -> None:
            # Whoever restores the tables does nothing else meanwhile.
            if self.machine.is_stopped:
                raise NeedsPerson("The tables are being restored.", [])
            work()

        return self.machine.scheduler.start(f"{NAME}: {what}", unless_stopped, seconds=seconds, then=self._ended)

    def _ended(self, process: Process) -> None:
        if process.is_dead:
            self.machine.died(process)
        elif process.error is not None:
            self.machine.failed(process)
