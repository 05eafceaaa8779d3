"""The day itself: donations come in, much changes on all sides, Aegis is away at noon, then a storm comes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from ops.demo import product
from ops.demo.beginning import CONTRACTS, local_options
from ops.demo.changes import AFTERNOON, FORENOON, NOON, Act, Changes, gift_kinds, spread
from ops.demo.product import Deliveries, Notices, count_open, dead_letters, redrive
from ops.demo.troubles import lose_some_answers
from ops.demo.virtuous_changes import AFTERNOON as VIRTUOUS_AFTERNOON
from ops.demo.virtuous_changes import FORENOON as VIRTUOUS_FORENOON
from ops.demo.virtuous_changes import NOON as VIRTUOUS_NOON
from ops.demo.virtuous_side import VirtuousSide
from ops.local_stack.runner import LocalStack
from ops.simulators.aegis import AegisSimulator
from ops.simulators.contract_check import TrafficCheck
from ops.simulators.population import BAD_KINDS, Population
from ops.simulators.population_codes import UNKNOWN_APPEAL, UNKNOWN_FUND, UNKNOWN_PRODUCT
from ops.simulators.population_gifts import GOOD_KINDS
from ops.simulators.raisedonors import RaiseDonorsSimulator
from ops.simulators.server import SimulatorServer
from ops.simulators.tally import tally
from ops.simulators.tally_result import DIFFERENCES, Tally
from ops.simulators.virtuous_tally_result import VirtuousTally

# Bad kinds whose cause lies in Aegis and is mended there during the day; the other bad ones must stay out.
MENDED_KINDS = ("unknown_fund", "unknown_appeal", "unknown_product")
LONGEST_WAIT_SECONDS = 60.0
LONGEST_STORM_SECONDS = 400.0
LONGEST_REST_SECONDS = 240.0
MOST_LAST_IMPORTS = 5
SEEN_AFTER_SECONDS = 3.5
"""After so long a pickup and a webhook have seen what was done."""


@dataclass
class Day:
    """Simulators, stack and population of one demo."""

    folder: Path
    console: Console
    donations: int
    seed: int
    storm: int
    port: int = 0
    phases: list[tuple[str, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.raisedonors = RaiseDonorsSimulator(check=TrafficCheck(CONTRACTS / "raisedonors.openapi.yaml"))
        self.aegis = AegisSimulator(check=TrafficCheck(CONTRACTS / "aegis.openapi.yaml"))
        self.population = Population(self.seed, self.raisedonors.store, self.aegis.store)
        self.changes = Changes(self.seed, self.raisedonors.store, self.aegis, self.population)
        contract = CONTRACTS / "virtuous.openapi.yaml"
        self.virtuous = VirtuousSide(self.seed, contract, self.raisedonors, self.aegis.store, self.population)
        self._services = (self.raisedonors, self.aegis, self.virtuous.simulator)
        self._servers = tuple(SimulatorServer(one) for one in self._services)
        self._stack: LocalStack | None = None
        self.redriven = 0
        self.spoilt: set[str] = set()

    def __enter__(self) -> Self:
        for server in self._servers:
            server.start()
        self._populate()
        options = local_options(self.folder, self.port, self._servers, self.raisedonors, self.aegis, self.virtuous)
        self._stack = LocalStack(options, progress=lambda text: self.console.print(f"[dim]{text}[/dim]"))
        try:
            self._stack.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._stack is not None:
            self._stack.stop()
        for server in self._servers:
            server.stop()

    @property
    def stack(self) -> LocalStack:
        """The running stack."""
        if self._stack is None:
            raise RuntimeError("the day has not begun")
        return self._stack

    @property
    def front_url(self) -> str:
        """What `--local` takes."""
        return self.stack.front_url

    def is_alive(self) -> bool:
        """Whether the stack still serves."""
        return self.stack.alive()

    def play(self) -> None:
        """The whole day, with its progress shown."""
        columns = (TextColumn("{task.description:<32}"), BarColumn(bar_width=10), MofNCompleteColumn())
        with (
            Progress(*columns, TextColumn("{task.fields[beside]}"), console=self.console) as progress,
            self.virtuous.at_work(self.stack),
        ):
            self._play(progress)

    def _play(self, progress: Progress) -> None:
        gifts: list[Act] = [partial(self.population.make_gift, kind) for kind in gift_kinds(self.seed, self.donations)]
        morning, noon = len(gifts) * 2 // 5, len(gifts) * 3 // 5
        forenoon, midday, afternoon = (
            [*self.changes.plan(kinds, self.donations), *self.virtuous.changes.plan(virtuous, self.donations)]
            for kinds, virtuous in (
                (FORENOON, VIRTUOUS_FORENOON), (NOON, VIRTUOUS_NOON), (AFTERNOON, VIRTUOUS_AFTERNOON),
            )
        )  # fmt: skip
        self._wait(lambda: product.has_begun(self.stack))
        self._phase(progress, "early: all donors are recorded", self._record)
        self._phase(progress, "morning: donations come in", lambda: self._act(gifts[:morning]))
        self._phase(progress, "forenoon: much of it changes", lambda: self._act(forenoon))
        self.aegis.faults.begin_outage()
        self._phase(progress, "noon: Aegis is away", lambda: self._act(spread(midday, gifts[morning:noon])))
        time.sleep(3)
        self.aegis.faults.end_outage()
        lose_some_answers(self.aegis)
        self.virtuous.lose_some_answers()
        afternoon.insert(len(afternoon) // 2, self._strike)
        self._phase(progress, "afternoon: a storm, lost answers", lambda: self._act(spread(afternoon, gifts[noon:])))
        self._phase(progress, "evening: unknown codes are added", self._mend)
        self._phase(progress, "late: the storm abates", self._outlast)
        self._phase(progress, "night: all comes to rest", self._rest)

    def _record(self) -> None:
        """An edit is told from how the donor was first seen: of the newest, after thousands of older ones."""
        newest = self.changes.prepare(self.donations)
        self._wait(lambda: product.are_recorded(self.stack, newest), LONGEST_STORM_SECONDS)

    def _populate(self) -> None:
        """All that is there before the day begins."""
        self.population.build(donors=max(30, self.donations // 4))
        self.virtuous.populate(self.storm)

    def _strike(self) -> None:
        """Thousands of addresses are corrected in Virtuous at once."""
        self.virtuous.storm.strike(self.virtuous.changes.events, self.virtuous.storm_contacts)

    def _act(self, acts: Sequence[Act]) -> None:
        for act in acts:
            act()
            time.sleep(0.004)

    def _mend(self) -> None:
        """The codes that were missing are added in Aegis; AWS' own message move task brings the failures back."""
        self._wait(lambda: dead_letters(self.stack) >= len(self.failing(MENDED_KINDS)))
        self.aegis.store.add_code("Fund", UNKNOWN_FUND)
        self.aegis.store.add_code("Appeal", UNKNOWN_APPEAL)
        self.aegis.store.add_code("Product", UNKNOWN_PRODUCT)
        self.redriven = dead_letters(self.stack)
        # A code that was unknown is asked for again after ten seconds.
        deadline = time.monotonic() + LONGEST_WAIT_SECONDS
        while self.result().missing and time.monotonic() < deadline:
            redrive(self.stack)
            self._wait(lambda: not self.result().missing, longest=10)

    def _outlast(self) -> None:
        """Until every donor has the address of their contact."""
        self._wait(
            lambda: bool(self.virtuous.storm.arrived()) and not self.virtuous.storm.is_raging, LONGEST_STORM_SECONDS
        )

    def _rest(self) -> None:
        """Until nothing is under way, every change has arrived on every side, and the notification list was told."""
        self.virtuous.end_desk()
        self._wait(self.virtuous.is_quiet, longest=20)
        self.virtuous.let_an_hour_pass(self.stack)
        for act in (self.virtuous.changes.move_away, self.virtuous.changes.move_back):
            self.virtuous.close_the_day(self.stack)
            self._wait(self._is_worked_off, longest=LONGEST_WAIT_SECONDS)
            act()
            time.sleep(SEEN_AFTER_SECONDS)
            self._wait(self._is_worked_off, longest=20)
        for _ in range(MOST_LAST_IMPORTS):
            self.virtuous.close_the_day(self.stack)
            self._wait(self._is_worked_off, longest=LONGEST_WAIT_SECONDS)
            self._wait(lambda: not count_open(self.stack, "virtuous", ("sent",)), longest=5)
            self.virtuous.let_a_day_pass(self.stack)
            self._wait(lambda: not count_open(self.stack, "virtuous", ("sent",)), longest=20)
            if self.virtuous_result().clean and not count_open(self.stack, "virtuous"):
                break
        self._wait(lambda: self.result().clean and not self.deliveries().still_open, longest=LONGEST_REST_SECONDS)
        self._wait(lambda: not self.untold(), longest=20)

    def _is_worked_off(self) -> bool:
        """Whether all that Virtuous told of has been looked at."""
        return self.virtuous.is_quiet() and not self.virtuous.is_reading(self.stack)

    def failing(self, kinds: tuple[str, ...] = BAD_KINDS) -> list[int]:
        """Gifts of bad kinds."""
        return [gift.gift_id for gift in self.population.gifts if gift.kind in kinds]

    def expected(self) -> list[int]:
        """Gifts that must be in Aegis at the end: all that are to be sent, and the bad ones that were mended.

        Not those that were given back: their refunds are looked for instead.
        """
        wanted = {*GOOD_KINDS, *MENDED_KINDS, "pending"}
        gifts = self.raisedonors.store.gifts
        return [
            made.gift_id
            for made in self.population.gifts
            if made.kind in wanted and gifts.entry(made.gift_id).latest.members["statusText"] == "Approved"
        ]

    def result(self) -> Tally:
        """Both sides counted, from the simulators' own stores."""
        with self.raisedonors.store.lock:
            return tally(self.raisedonors.store, self.aegis.store, self.expected(), with_notes=True)

    def virtuous_result(self, *, is_whole: bool = False) -> VirtuousTally:
        """RaiseDonors and Virtuous compared; the whole result judges each single edit too."""
        if is_whole:
            return self.virtuous.whole_result(self.stack, self.expected())
        return self.virtuous.result(self.expected())

    def deliveries(self) -> Deliveries:
        """What the product says of its deliveries."""
        return product.read_deliveries(self.stack)

    def notices(self) -> Notices:
        """What the product mailed."""
        return product.read_notices(self.stack)

    def untold(self) -> set[int]:
        """Edited donors without a partner of whom no e-mail tells."""
        return self.changes.strangers_to_tell_of() - self.notices().donors

    def unexpected_failures(self) -> list[tuple[str, str]]:
        """Failed deliveries, with their causes, that are not those of bad gifts."""
        names = ("aegis", "virtuous")
        bad = {f"{name}/donation/{gift_id}/created" for gift_id in self.failing() for name in names}
        return [failed for failed in self.deliveries().failed if failed[0] not in bad]

    def violations(self) -> list[Any]:
        """What broke a contract, in a request of the product or in an answer of a simulator."""
        found: list[Any] = []
        for service in self._services:
            found += service.check.violations if service.check is not None else []
        return found

    def checked(self) -> int:
        """How many requests were held against the contracts, with their answers."""
        return sum(service.check.exchanges_checked for service in self._services if service.check is not None)

    def _phase(self, progress: Progress, name: str, act: Callable[[], None]) -> None:
        """Run a phase, then wait until what can arrive has arrived, unless Aegis is away."""
        began = time.monotonic()
        task = progress.add_task(name, total=None, beside="")
        act()
        away = self.aegis.faults.outage is not None
        if not away and act not in (self._mend, self._outlast, self._rest):
            self._wait(lambda: self._show(progress, task))
        self._show(progress, task)
        progress.stop_task(task)
        self.phases.append((name, time.monotonic() - began))

    def _show(self, progress: Progress, task: Any) -> bool:
        """Update the bar; whether nothing that can arrive yet is missing."""
        found = self.result()
        mended = set(self.failing(MENDED_KINDS))
        missing = [finding for finding in found.missing if finding.gift_id not in mended]
        behind = sum(len(getattr(found, name)) for name in DIFFERENCES if name != "missing")
        storm = self.virtuous.storm
        beside = f"refunds {found.refunds_found}/{found.refunds_expected}"
        if storm.is_raging:
            beside += f", storm {storm.arrived():,}/{self.storm:,}"
        progress.update(
            task,
            total=found.expected_count,
            completed=found.found_count,
            beside=f"{beside}, {behind} behind" if behind else beside,
        )
        return not missing and not behind

    def _wait(self, ready: Callable[[], bool], longest: float = LONGEST_WAIT_SECONDS) -> None:
        deadline = time.monotonic() + longest
        while not ready() and time.monotonic() < deadline:
            time.sleep(0.25)
