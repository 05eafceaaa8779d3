"""One cell: a story is played while one operation answers oddly; then the answers are right again, and it is judged."""

from __future__ import annotations

from dataclasses import dataclass, field

from ops.simulators.faults import FaultKind, FaultRule
from ops.simulators.service import SimulatedService
from tests.boundary.answer_shapes import shapes
from tests.boundary.bystanders import READS, Bystanders, mixed_up
from tests.boundary.judging import Listener, failed, left_open, reopened_by_a_person, untold_feeds
from tests.boundary.odd_answers import OddAnswer, odd_answers
from tests.boundary.plays import Moment, Play, plays
from tests.matrix.judgement import Goal
from tests.matrix.virtuous_cells import MOST_TICKS, VirtuousScenario, in_order, play_a_minute, written_once_more
from tests.virtuous_bench import virtuous_bench
from tests.workbench import Workbench, workbench

FEEDS = frozenset({"queryGifts", "queryDonors", "queryRecurringGifts", "listDonorActivity"})
MOST_MINUTES = 60
FEWEST_MINUTES = 3


@dataclass(frozen=True)
class Cell:
    """One odd answer, so many times in a row."""

    play: Play
    odd: OddAnswer
    times: int

    @property
    def name(self) -> str:
        """As it is shown."""
        return f"{self.play.name}: {self.odd.name}, {self.times} in a row"

    @property
    def shows_another(self) -> bool:
        """Whether another record is shown in place of the one that was asked for."""
        return (self.play.system, self.play.operation) in READS and self.odd.name == "another record"


def all_cells() -> list[Cell]:
    """Every play with every odd answer of its operation."""
    found: list[Cell] = []
    for play in plays():
        shape = shapes()[play.system, play.operation]
        for odd in (*odd_answers(shape), *mixed_up(play.system, play.operation)):
            if odd.needs_record and play.finds_nothing:
                continue
            # A faulty record that is right again at once is nobody's trouble.
            found += [Cell(play, odd, times) for times in ((3,) if odd.of_record else (1, 3))]
            if shape.is_write and odd.bare is not None:
                instead = Play(play.system, play.operation, play.story, Moment.NOT_CARRIED_OUT)
                found += [Cell(instead, odd, times) for times in (1, 3)]
    return found


def run(cell: Cell) -> list[str]:
    """What is wrong in the end; nothing is right."""
    if isinstance(cell.play.story.scenario, VirtuousScenario):
        return _run_with_virtuous(cell)
    return _run_with_aegis(cell)


@dataclass
class Fault:
    """The rules that make one operation answer oddly."""

    cell: Cell
    service: SimulatedService
    rules: list[FaultRule] = field(default_factory=list)

    def begin(self, lost_at: SimulatedService | None, bystanders: Bystanders | None) -> None:
        """From now on."""
        play, odd = self.cell.play, self.cell.odd
        if lost_at is not None:
            is_landed = play.moment is Moment.AFTER_A_LANDED_WRITE
            write = play.lost.partition(".")[2]
            lost = lost_at.faults.drop(write, after_commit=is_landed, count=1, name="the lost write")
            # The rules of one service do not see another's: there the odd answers begin at once.
            self.rules.append(lost)
        after = "the lost write" if lost_at is self.service else None
        common = {"count": self.cell.times, "after": after, "name": "odd answers"}
        if play.moment is Moment.NOT_CARRIED_OUT:
            content_type = "text/html" if str(odd.bare).startswith("<") else None
            kind, more = FaultKind.STATUS_BEFORE, {"status": 200, "body": odd.bare, "content_type": content_type}
        elif odd.seconds:
            kind, more = FaultKind.DELAY_AFTER, {"seconds": odd.seconds}
        elif bystanders is not None:
            shown = bystanders.body(self.service, play.system, play.operation)
            kind, more = FaultKind.SPOIL, {"spoiling": shown}
        else:
            kind, more = FaultKind.SPOIL, {"spoiling": odd.spoiling}
        self.rules.append(self.service.faults.add(FaultRule(kind, play.operation, **common, **more)))

    @property
    def met(self) -> int:
        """How many odd answers were given."""
        return self.rules[-1].fired

    def not_met(self) -> list[str]:
        """A cell that did not meet its fault proves nothing."""
        return [f"{rule.name} fired {rule.fired} times" for rule in self.rules if not rule.fired]

    def end(self) -> None:
        """The answers are right again."""
        for rule in self.rules:
            rule.count = 0


def _run_with_aegis(cell: Cell) -> list[str]:
    with workbench() as bench:
        services: dict[str, SimulatedService] = {"aegis": bench.aegis, "raisedonors": bench.raisedonors}
        story = cell.play.story
        goal = story.scenario.prepare(bench)
        fault = Fault(cell, services[cell.play.system])
        listener = Listener(bench.aegis, {}, f"{cell.play.system}.{cell.play.operation} 1")
        bystanders = Bystanders(bench) if cell.shows_another else None
        fault.begin(services[cell.play.lost.partition(".")[0]] if cell.play.lost else None, bystanders)
        story.scenario.act(bench, goal)
        problems: list[str] = []
        for minute in range(MOST_MINUTES):
            problems += _minute(bench, fault, goal, listener)
            if minute + 1 >= FEWEST_MINUTES and goal.is_reached(bench):
                break
            if cell.odd.of_record:
                reopened_by_a_person(bench, bench.tools, goal.deliveries)
        problems += fault.not_met() + failed(bench, goal.deliveries)
        fault.end()
        bench.run()
        problems += bystanders.harmed() if bystanders is not None else []
        return problems + goal.wrong(bench, listener) + left_open(bench)


def _minute(bench: Workbench, fault: Fault, goal: Goal, listener: Listener) -> list[str]:
    """A minute of the whole, with what the story asks beside it."""
    met, problems = fault.met, []
    outcome = bench.pickup()
    if fault.cell.play.operation in FEEDS and fault.met - met > 1 and not fault.cell.odd.of_record:
        problems += untold_feeds(outcome, fault.cell.odd.name)
    for part in (bench.drain, bench.sweep, bench.drain):
        part()
    story = fault.cell.play.story
    problems += story.each_minute(bench, goal) if story.each_minute is not None else []
    bench.clock.advance(60)
    return problems


def _run_with_virtuous(cell: Cell) -> list[str]:
    with in_order(), virtuous_bench() as there:
        services: dict[str, SimulatedService] = {"virtuous": there.virtuous, "raisedonors": there.bench.raisedonors}
        scenario = cell.play.story.scenario
        goal = scenario.prepare(there)
        fault = Fault(cell, services[cell.play.system])
        listener = Listener(None, services, f"{cell.play.system}.{cell.play.operation} 1")
        bystanders = Bystanders(there.bench, there.virtuous) if cell.shows_another else None
        there.webhooks()
        fault.begin(services[cell.play.lost.partition(".")[0]] if cell.play.lost else None, bystanders)
        scenario.act(there, goal)
        for tick in range(MOST_TICKS):
            play_a_minute(there, listener)
            if tick % 2:
                there.virtuous.run_import()
            there.bench.clock.advance(60 if tick < 30 else 6 * 3600)
            if goal.is_reached(there) and fault.met:
                break
            if cell.odd.of_record:
                for tools in there.tools.values():
                    reopened_by_a_person(there.bench, tools, goal.deliveries)
        problems = fault.not_met() + failed(there.bench, goal.deliveries)
        fault.end()
        problems += written_once_more(there, listener) + goal.wrong(there)
        there.virtuous.check.clear()
        problems += bystanders.harmed() if bystanders is not None else []
        return problems
