"""Donors who give, change their minds and their details, and staff who work in Aegis: planned by seed."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta

from ops.simulators.population import BAD_KINDS, Population
from ops.simulators.population_edits import EDITS
from ops.simulators.population_events import Events
from ops.simulators.population_schedule_events import SCHEDULE_EVENTS
from tests.simulation.world.machine import Machine

FIRST_GIFT_AT = 200.0
PAST = timedelta(days=2)
_LATEST_VISIBLE_SECONDS = 25 * 60
_PARTS_OF_BAD = 0.04
CHANGES = (
    *("approve", "refund", "refund", "refund", "void") * 2,
    *(f"donor_{edit}" for edit in EDITS),
    *(f"schedule_{event}" for event in SCHEDULE_EVENTS),
    "partner_edited",
    "pledge_edited",
)


class People:
    """Everybody outside. `ends_at` is when the last of them has acted."""

    def __init__(self, seed: int, donations: int, machine: Machine, population: Population, events: Events) -> None:
        self.machine = machine
        self.population = population
        self.events = events
        self._draw = random.Random(f"people {seed}")
        self.given = 0
        self.given_in_all = donations
        population.build(donors=max(15, donations // 4))
        if "backfill" in machine.weather.states:
            self._give_before(max(3, donations // 10))
        gap = self._draw.choice((0.5, 5.0, 15.0, 30.0))
        moment = FIRST_GIFT_AT
        for _ in range(donations):
            moment += self._draw.expovariate(1 / gap)
            self._at(moment, self._give)
        last = moment + self._draw.choice((60.0, 600.0, 1800.0))
        for _ in range(int(donations * self._draw.uniform(0.1, 0.7))):
            kind = self._draw.choice(CHANGES)
            self._at(self._draw.uniform(FIRST_GIFT_AT, last), lambda kind=kind: self._change(kind))
        self.ends_at = last

    def _give_before(self, count: int) -> None:
        """Gifts of the days before anything was connected."""
        now = self.machine.scheduler.now()
        for number in range(count):
            self.population.make_gift("one_time", now - PAST + timedelta(hours=number % 40))

    def _at(self, seconds: float, act: Callable[[], None]) -> None:
        self.machine.acts.at(seconds, act)

    def _give(self) -> None:
        """One gift, now; it may become visible later than its own date."""
        scheduler, weather = self.machine.scheduler, self.machine.weather
        kind = self._draw.choice(BAD_KINDS) if self._draw.random() < _PARTS_OF_BAD else None
        late = timedelta(seconds=self._draw.uniform(1, _LATEST_VISIBLE_SECONDS))
        is_late = weather.strikes(scheduler.seconds, "late-visible") is not None
        made = self.population.make_gift(kind, scheduler.now(), visible_after=late if is_late else None)
        self.given += 1
        beside = f", visible after {late.total_seconds():.0f} s" if is_late else ""
        self.machine.trace.line("people", f"donor {made.donor_id} gives {made.gift_id} ({made.kind}){beside}")

    def _change(self, kind: str) -> None:
        made = self.events.happen(kind)
        if made.record_id is not None:
            self.machine.trace.line("people", f"{kind} {made.record_id}")
