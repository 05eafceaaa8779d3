"""The day itself: donations come in, much of it changes, Aegis is away at noon, codes are added in the evening."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from ops.demo.changes import AFTERNOON, FORENOON, NOON, Act, Changes, spread
from ops.demo.product import Deliveries, Notices, read_deliveries, read_notices
from ops.local_stack.options import LocalOptions
from ops.local_stack.runner import LocalStack
from ops.simulators.aegis import AegisSimulator
from ops.simulators.contract_check import TrafficCheck
from ops.simulators.faults import FaultKind, FaultRule
from ops.simulators.population import BAD_KINDS, OFF_CONTRACT_KINDS, SETTINGS, Population
from ops.simulators.population_codes import UNKNOWN_APPEAL, UNKNOWN_FUND, UNKNOWN_PRODUCT
from ops.simulators.population_gifts import GOOD_KINDS, QUIET_KINDS
from ops.simulators.raisedonors import RaiseDonorsSimulator
from ops.simulators.server import SimulatorServer
from ops.simulators.tally import tally
from ops.simulators.tally_result import DIFFERENCES, Tally

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"
# Bad kinds whose cause lies in Aegis and is mended there during the day; the other bad ones must stay out.
MENDED_KINDS = ("unknown_fund", "unknown_appeal", "unknown_product")
LONGEST_WAIT_SECONDS = 60.0
MAILED = {"sender": "giftbridge@example.org", "recipients": ["office@example.org"]}
# A demo should not wait minutes for what a production stack waits minutes for.
HASTY = {"base_seconds": 1, "max_seconds": 5, "unknown_wait_seconds": 4, "breaker_probe_seconds": 2}


@dataclass
class Day:
    """Simulators, stack and population of one demo."""

    folder: Path
    console: Console
    donations: int
    seed: int
    port: int = 0
    phases: list[tuple[str, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.raisedonors = RaiseDonorsSimulator(check=TrafficCheck(CONTRACTS / "raisedonors.openapi.yaml"))
        self.aegis = AegisSimulator(check=TrafficCheck(CONTRACTS / "aegis.openapi.yaml"))
        self.population = Population(self.seed, self.raisedonors.store, self.aegis.store)
        self.changes = Changes(self.seed, self.raisedonors.store, self.aegis, self.population)
        self._servers = (SimulatorServer(self.raisedonors), SimulatorServer(self.aegis))
        self._stack: LocalStack | None = None
        self.redriven = 0
        self.spoilt: set[str] = set()

    def __enter__(self) -> Self:
        for server in self._servers:
            server.start()
        settings_file = self.folder / "settings.json"
        settings = {"aegis": {**SETTINGS["aegis"], "send_notes": True}, "retries": HASTY, "notifications": MAILED}
        settings_file.write_text(json.dumps(settings))
        options = LocalOptions(
            port=self.port,
            state_dir=self.folder / "state",
            raisedonors_url=self._servers[0].url,
            raisedonors_token=self.raisedonors.token,
            aegis_url=self._servers[1].url,
            aegis_context=self.aegis.context,
            aegis_username=self.aegis.username,
            aegis_password=self.aegis.password,
            settings_file=settings_file,
            pickup_every=1.0,
            visibility=30,
        )
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
        self.population.build(donors=max(30, self.donations // 4))
        self.changes.prepare(self.donations)
        gifts: list[Act] = [partial(self.population.make_gift, kind) for kind in self._plan()]
        morning, noon = len(gifts) * 2 // 5, len(gifts) * 3 // 5
        forenoon, midday, afternoon = (
            self.changes.plan(kinds, self.donations) for kinds in (FORENOON, NOON, AFTERNOON)
        )
        with Progress(
            TextColumn("{task.description:<32}"),
            BarColumn(bar_width=10),
            MofNCompleteColumn(),
            TextColumn("{task.fields[beside]}"),
            console=self.console,
        ) as progress:
            self._phase(progress, "morning: donations come in", lambda: self._act(gifts[:morning]))
            self._phase(progress, "forenoon: much of it changes", lambda: self._act(forenoon))
            self.aegis.faults.begin_outage()
            self._phase(progress, "noon: Aegis is away", lambda: self._act(spread(midday, gifts[morning:noon])))
            time.sleep(3)
            self.aegis.faults.end_outage()
            self._lose_some_answers()
            self._phase(progress, "afternoon: answers get lost", lambda: self._act(spread(afternoon, gifts[noon:])))
            self._phase(progress, "evening: unknown codes are added", self._mend)
            self._phase(progress, "night: all comes to rest", self._rest)

    def _plan(self) -> list[str]:
        """Every kind at least once, the rest by chance, in a shuffled order; schedules begin early, to change later."""
        chance = random.Random(self.seed)  # noqa: S311 - the same seed plays the same day
        everyday = {**GOOD_KINDS, **QUIET_KINDS}
        # A simulator that breaks its own contract would spoil the count of violations.
        kinds = [*everyday, *(kind for kind in BAD_KINDS if kind not in OFF_CONTRACT_KINDS)]
        kinds += chance.choices(list(everyday), list(everyday.values()), k=max(0, self.donations - len(kinds)))
        chance.shuffle(kinds)
        begun = self.changes.times(self.donations) * len([kind for kind in FORENOON if kind.startswith("schedule")])
        return ["first_of_schedule"] * begun + kinds

    def _act(self, acts: Sequence[Act]) -> None:
        for act in acts:
            act()
            time.sleep(0.004)

    def _lose_some_answers(self) -> None:
        """Each of these leaves an outcome unknown: the product must look before it sends again."""
        for operation in ("createTransaction", "createPartner", "createPledge", "savePartner", "savePledge"):
            self.aegis.faults.add(FaultRule(FaultKind.DROP_AFTER, operation, count=2, probability=0.2))
            self.aegis.faults.add(FaultRule(FaultKind.STATUS_AFTER, operation, count=1, status=502, probability=0.2))
        negative = '"TotalTransactionAmount":-'
        self.aegis.faults.add(FaultRule(FaultKind.DROP_AFTER, "createTransaction", count=1, body_contains=negative))
        self.aegis.faults.add(FaultRule(FaultKind.STATUS_AFTER, "createTransaction", count=2, status=502))
        self.aegis.faults.add(FaultRule(FaultKind.DROP_BEFORE, "savePartner", count=1))
        self.aegis.faults.add(FaultRule(FaultKind.DROP_BEFORE, "createTransaction", count=2, probability=0.2))
        throttled = FaultRule(FaultKind.STATUS_BEFORE, "createTransaction", count=2, status=429, probability=0.1)
        throttled.headers["Retry-After"] = "1"
        self.aegis.faults.add(throttled)

    def _mend(self) -> None:
        """The codes that were missing are added in Aegis; AWS' own message move task brings the failures back."""
        self._wait(lambda: self._dead_letters() >= len(self.failing(MENDED_KINDS)))
        self.aegis.store.add_code("Fund", UNKNOWN_FUND)
        self.aegis.store.add_code("Appeal", UNKNOWN_APPEAL)
        self.aegis.store.add_code("Product", UNKNOWN_PRODUCT)
        self.redriven = self._dead_letters()
        # A code that was unknown is asked for again after ten seconds.
        deadline = time.monotonic() + LONGEST_WAIT_SECONDS
        while self.result().missing and time.monotonic() < deadline:
            self._redrive()
            self._wait(lambda: not self.result().missing, longest=10)

    def _rest(self) -> None:
        """Until nothing is under way, every change has arrived, and the notification list was told."""
        self._wait(lambda: self.result().clean and not self._open_deliveries(), longest=60)
        self._wait(lambda: not self.untold(), longest=20)

    def _open_deliveries(self) -> int:
        return len(self.deliveries().still_open)

    def _redrive(self) -> None:
        if self._dead_letters():
            sqs = self.stack.client("sqs")
            url = self.stack.outputs["AegisDeadLetterQueueUrl"]
            answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
            sqs.start_message_move_task(SourceArn=answer["Attributes"]["QueueArn"])

    def _dead_letters(self) -> int:
        sqs = self.stack.client("sqs")
        answer = sqs.get_queue_attributes(
            QueueUrl=self.stack.outputs["AegisDeadLetterQueueUrl"], AttributeNames=["ApproximateNumberOfMessages"]
        )
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

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

    def deliveries(self) -> Deliveries:
        """What the product says of its deliveries."""
        return read_deliveries(self.stack)

    def notices(self) -> Notices:
        """What the product mailed."""
        return read_notices(self.stack)

    def untold(self) -> set[int]:
        """Edited donors without a partner of whom no e-mail tells."""
        return self.changes.strangers_to_tell_of() - self.notices().donors

    def unexpected_failures(self) -> list[tuple[str, str]]:
        """Failed deliveries, with their causes, that are not those of bad gifts."""
        bad = {f"aegis/donation/{gift_id}/created" for gift_id in self.failing()}
        return [failed for failed in self.deliveries().failed if failed[0] not in bad]

    def kinds(self) -> Counter[str]:
        """How many gifts of each kind the day had."""
        return self.population.counts

    def violations(self) -> list[Any]:
        """What broke a contract, in a request of the product or in an answer of a simulator."""
        found: list[Any] = []
        for check in (self.raisedonors.check, self.aegis.check):
            found += check.violations if check is not None else []
        return found

    def checked(self) -> int:
        """How many requests were held against the contracts, with their answers."""
        return sum(check.exchanges_checked for check in (self.raisedonors.check, self.aegis.check) if check is not None)

    def _phase(self, progress: Progress, name: str, act: Callable[[], None]) -> None:
        """Run a phase, then wait until what can arrive has arrived, unless Aegis is away."""
        began = time.monotonic()
        task = progress.add_task(name, total=None, beside="")
        act()
        away = self.aegis.faults.outage is not None
        if not away and act not in (self._mend, self._rest):
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
        beside = f"refunds {found.refunds_found}/{found.refunds_expected}"
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
