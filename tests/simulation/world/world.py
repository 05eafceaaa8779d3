"""One seeded world: the real assemblies on virtual time, in weather, with people around them."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from giftbridge.domain.reconciliation import Difference
from giftbridge.domain.settings import read_settings
from giftbridge.store.settings_versions import SettingsVersions
from ops.simulators.aegis import AegisSimulator
from ops.simulators.population import SETTINGS, Population
from ops.simulators.population_events import Events
from ops.simulators.raisedonors import RaiseDonorsSimulator
from tests.simulation.aws.template import Account
from tests.simulation.clock.scheduler import Scheduler
from tests.simulation.judge.calls import Asked, asked_of_aegis, asked_of_virtuous, count_calls
from tests.simulation.judge.excuses import Excuses, Forgotten, Overwritten, Span
from tests.simulation.judge.fates import Fates
from tests.simulation.judge.judge import judge
from tests.simulation.judge.reconciled import compare_verdicts
from tests.simulation.judge.tables import RawTables
from tests.simulation.judge.verdict import Verdict
from tests.simulation.world.acts import Acts
from tests.simulation.world.constants import drawn_small
from tests.simulation.world.lambdas import LambdaFunction
from tests.simulation.world.machine import Machine
from tests.simulation.world.operator import Operator
from tests.simulation.world.people import FIRST_GIFT_AT, PAST, People
from tests.simulation.world.replacements import edits_of_schedules
from tests.simulation.world.restore import RUNS_OUT_SECONDS, Restoration
from tests.simulation.world.rotations import Rotations
from tests.simulation.world.staff import Staff
from tests.simulation.world.trace import Trace
from tests.simulation.world.triggers import EventSource, Schedule
from tests.simulation.world.virtuous_side import SECRET, VirtuousSide, new_virtuous
from tests.simulation.world.weather import Weather, small_constants

DESTINATIONS = (("aegis",), ("aegis",), ("aegis", "virtuous"), ("aegis", "virtuous"), ("virtuous",))
BEGIN = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
MINUTE = 60.0
DAY = timedelta(days=1)
# A waiting delivery is due within a quarter of an hour, and what it waits for may wait as well.
_SETTLES_FOR_SECONDS = 1800.0
_LONGEST_SETTLING_SECONDS = 6 * 3600.0
_LOOKS_EVERY_SECONDS = 300.0
_PAUSE_AFTER_THE_LAST_ACT = 600.0
# A change of settings is live within a minute.
_LIVE_WITHIN_SECONDS = 62.0
SCHEDULES = ("DonationPickupFunction", "DeliverySweepFunction", "DailyBatchFunction")
SOURCES = {
    "AegisQueue": ("AegisDeliveryFunction", "AegisMaximumConcurrency"),
    "VirtuousQueue": ("VirtuousDeliveryFunction", "VirtuousMaximumConcurrency"),
    "RaiseDonorsQueue": ("RaiseDonorsDeliveryFunction", "RaiseDonorsMaximumConcurrency"),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a seed's world came to."""

    seed: int
    donations: int
    faults: int
    deaths: int
    verdict: Verdict
    digest: str
    seconds: float
    """Virtual time."""
    struck: Counter[str]
    errors: Counter[str]
    """What ended invocations, by the kind of error."""


class World:
    """The world of one seed. `without` names kinds of weather that are left out, `forced` those it has in any case.

    `destinations` are drawn if empty. Of what people plan to do `only` these acts happen, by number.
    """

    def __init__(
        self,
        seed: int,
        donations: int,
        without: Collection[str] = (),
        forced: Collection[str] = (),
        *,
        destinations: tuple[str, ...] = (),
        only: Collection[int] | None = None,
        keeps_trace: bool = False,
    ) -> None:
        self.seed = seed
        self.weather = Weather.drawn(seed, without, forced)
        constants = small_constants(seed, self.weather.states)
        self.scheduler = Scheduler(BEGIN)
        self.trace = Trace(keeps=keeps_trace)
        self.trace.seconds = self.scheduler.monotonic
        self.account = Account(self.scheduler.monotonic, constants["parameters"])
        now = self.scheduler.now
        self.raisedonors = RaiseDonorsSimulator(clock=now, pause=_nobody_pauses, seed=seed)
        self.aegis = AegisSimulator(clock=now, pause=_nobody_pauses, seed=seed)
        self.destinations = destinations or random.Random(f"destinations {seed}").choice(DESTINATIONS)
        virtuous = new_virtuous(self.scheduler, seed)
        services = {"raisedonors": self.raisedonors, "aegis": self.aegis, "virtuous": virtuous}
        document = self._settings(constants["settings"])
        latest_landing = 0.9 * float(document["retries"]["unknown_wait_seconds"])
        acts = Acts(self.scheduler, only)
        self.machine = Machine(self.scheduler, self.account, services, self.weather, self.trace, latest_landing, acts)
        self._connect(document, virtuous.api_key)
        population = Population(seed, self.raisedonors.store, self.aegis.store)
        events = Events(seed, self.raisedonors.store, self.aegis.store)
        self.people = People(seed, donations, self.machine, population, events)
        self.virtuous: VirtuousSide | None = None
        if "virtuous" in self.destinations:
            self.virtuous = VirtuousSide(seed, virtuous, self.raisedonors.store, self.machine)
        self.operator = Operator(seed, self.machine, self.raisedonors.store, self.aegis.store)
        self.staff = Staff(seed, self.machine, self.raisedonors.store, self.aegis.store)
        self.tables = RawTables(self.account)
        self.restoration: Restoration | None = None
        if "restored" in self.weather.states:
            self.restoration = Restoration(seed, self.machine, self.operator, FIRST_GIFT_AT, self.people.ends_at)
        self.rotations = Rotations(seed, self.machine, FIRST_GIFT_AT, self.people.ends_at)
        self._lay_out_weather()
        self._wire_up()

    def _settings(self, drawn: dict[str, object]) -> dict[str, dict[str, object]]:
        document = read_settings({}).model_dump(mode="json")
        document["aegis"] |= {**SETTINGS["aegis"], "enabled": "aegis" in self.destinations}
        document["virtuous"] |= {"enabled": "virtuous" in self.destinations}
        document["limits"] |= {"virtuous_per_hour": None}
        for name, values in drawn.items():
            document[name] |= values
        return document  # type: ignore[no-any-return]

    def _connect(self, document: dict[str, dict[str, object]], api_key: str) -> None:
        aegis = self.aegis
        secrets: tuple[tuple[str, dict[str, str]], ...] = (
            ("RaiseDonorsSecret", {"url": "http://raisedonors.test", "token": self.raisedonors.token}),
            (
                "AegisSecret",
                {
                    "url": "http://aegis.test",
                    "context": aegis.context,
                    "username": aegis.username,
                    "password": aegis.password,
                },
            ),
            ("VirtuousSecret", {"url": "http://virtuous.test", "api_key": api_key, "webhook_secret": SECRET}),
        )
        for name, values in secrets:
            if name == "VirtuousSecret" and "virtuous" not in self.destinations:
                continue
            self.account.secrets.put_secret_value(SecretId=name, SecretString=json.dumps(values))
        versions = SettingsVersions(self.account.dynamodb, "StateTable", self.scheduler.now)  # type: ignore[arg-type]
        versions.save(document, by="simulation", note="")

    def _lay_out_weather(self) -> None:
        self.weather.plan_outages(self.people.ends_at)
        self.operator.plan(self.people.ends_at)
        self.staff.plan(FIRST_GIFT_AT, self.people.ends_at)
        self._plan_settings()
        self.rotations.plan()
        if self.restoration is not None:
            self.restoration.plan()
        self.weather.calms_at = self.weather_calms()
        self.operator.put_in_order(self.weather.calms_at + 60)
        if self.virtuous is not None:
            self.scheduler.at(self.weather.calms_at + 400, lambda: self._settle(self.virtuous))
        weather, scheduler = self.weather, self.scheduler

        def lag() -> float:
            struck = weather.strikes(scheduler.seconds, "index-lag")
            return weather.chance.uniform(0.05, 3.0) if struck else 0.0

        for table in self.account.dynamodb.tables.values():
            table.lag = lag

    def _plan_settings(self) -> None:
        draw, states = random.Random(f"settings {self.seed}"), self.weather.states
        if "settings-flips" in states:
            destination = draw.choice(self.destinations)
            at = draw.uniform(FIRST_GIFT_AT, self.people.ends_at)
            self.scheduler.at(at, lambda: self.operator.switch_off_for_a_while(destination))
        if "backfill" in states:
            for destination in self.destinations[:1]:
                ask = partial(self.operator.ask_for_backfill, destination, BEGIN - PAST - DAY, BEGIN)
                self.scheduler.at(draw.uniform(0, self.people.ends_at), ask)
                # Somebody who was cut off looks, and asks again.
                self.scheduler.at(self.weather_calms() + 90, ask)

    def weather_calms(self) -> float:
        """When nothing goes wrong any more."""
        last = max([self.people.ends_at, self.rotations.ends_at, *(outage.ends for outage in self.weather.outages)])
        if self.restoration is not None:
            last = max(last, self.restoration.ends_at)
        return last + _PAUSE_AFTER_THE_LAST_ACT

    def _wire_up(self) -> None:
        draw = random.Random(f"ticks {self.seed}")
        functions = {name: LambdaFunction(name, self.machine) for name in SCHEDULES}
        self.schedules = [Schedule(function, MINUTE, draw.uniform(0, MINUTE)) for function in functions.values()]
        if self.virtuous is not None:
            edits = int(self.people.given_in_all * draw.uniform(0.05, 0.4))
            self.virtuous.plan(functions["DailyBatchFunction"], edits, FIRST_GIFT_AT, self.people.ends_at)
        weather, scheduler = self.weather, self.scheduler
        for name, (function, parameter) in SOURCES.items():
            queue = self.account.sqs.queues[self.account.queue_urls[name]]
            queue.loses = lambda: weather.strikes(scheduler.seconds, "lost-message") is not None
            EventSource(queue, LambdaFunction(function, self.machine), int(self.account.parameters[parameter]))

    def _settle(self, virtuous: VirtuousSide) -> None:
        virtuous.put_in_order(self.scheduler.seconds)

    def run(self) -> Outcome:
        """Let everybody act, the weather calm down and all come to rest; then judge."""
        if "small-constants" in self.weather.states:
            with drawn_small(self.seed):
                self._play()
        else:
            self._play()
        verdict = self.judged()
        count_calls(self.asked(), self.weather.calls_struck, verdict)
        compare_verdicts(verdict, self._reconciled(), self._fates(), self.raisedonors.store)
        return Outcome(
            self.seed,
            self.people.given,
            self.weather.struck.total(),
            self.machine.deaths,
            verdict,
            self.trace.digest,
            self.scheduler.seconds,
            self.weather.struck,
            self.machine.errors,
        )

    def _play(self) -> None:
        self.scheduler.run(self.weather.calms_at)
        until = self.weather.calms_at + _SETTLES_FOR_SECONDS
        self.scheduler.run(until)
        latest = self.weather.calms_at + _LONGEST_SETTLING_SECONDS
        while until < latest and self.tables.unfinished():
            until += _LOOKS_EVERY_SECONDS
            self.scheduler.run(until)

    def _reconciled(self) -> list[Difference] | None:
        """The product's own verdict, of all days on which anything happened."""
        first = BEGIN - PAST - DAY if "backfill" in self.weather.states else BEGIN
        return self.operator.reconcile(first.date(), self.scheduler.now().date())

    def _fates(self) -> Fates:
        return Fates(self.tables.deliveries(), self.tables.noticed(), self._excuses())

    def judged(self) -> Verdict:
        """What the judge says of the world as it is now."""
        return judge(
            self.raisedonors.store,
            self.aegis.store if "aegis" in self.destinations else None,
            self.virtuous.simulator.store if self.virtuous is not None else None,
            self.tables,
            self._excuses(),
        )

    def asked(self) -> list[Asked]:
        """What the CRMs were asked so far."""
        raisedonors, was_restored = self.raisedonors.store, self.restoration is not None
        asked: list[Asked] = []
        if "aegis" in self.destinations:
            asked += asked_of_aegis(raisedonors, self.aegis.store, list(self.aegis.log), was_restored=was_restored)
        if self.virtuous is not None:
            virtuous = self.virtuous.simulator
            asked += asked_of_virtuous(raisedonors, virtuous.store, list(virtuous.log), was_restored=was_restored)
        return asked

    def _excuses(self) -> Excuses:
        """What happened while a destination was switched off, or just about then, need not have been sent."""
        spans = [
            Span(destination, self._moment(begins - _LIVE_WITHIN_SECONDS), self._moment(ends + _LIVE_WITHIN_SECONDS))
            for destination, begins, ends in self.operator.switched_off
        ]
        asked = self.destinations[:1] if "backfill" in self.weather.states else ()
        past = [Span(name, BEGIN - PAST - DAY, BEGIN) for name in self.destinations if name not in asked]
        moved = self.staff.moved_pledges
        notices, forgotten, overwritten = self.tables.notices(), self._forgotten(), [*self._overwritten()]
        return Excuses(self.raisedonors.store, [*spans, *past], moved, notices, forgotten, overwritten)

    def _overwritten(self) -> Iterator[Overwritten]:
        """What people changed between a caller's last look and the landing of its save."""
        edits = [*self.aegis.store.staff_edits, *edits_of_schedules(self.raisedonors.store)]
        for one in self.machine.connections.replacements.made:
            looked_at, landed_at = self._moment(one.looked_at), self._moment(one.landed_at)
            for record, edited_at, members in edits:
                if record == one.record and looked_at <= edited_at <= landed_at:
                    yield Overwritten(record, members)

    def _forgotten(self) -> Forgotten | None:
        one = self.restoration
        if one is None:
            return None
        restored = self._moment(one.at + RUNS_OUT_SECONDS)
        return Forgotten(one.tables, self._moment(one.to), restored, self._moment(one.told_at))

    @staticmethod
    def _moment(seconds: float) -> datetime:
        return BEGIN + timedelta(seconds=seconds)


def _nobody_pauses(_seconds: float) -> None:
    """The simulators have no faults of their own here."""
