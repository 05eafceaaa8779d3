"""A reconciliation from its first read to its report (requirement H1): resumable, and behind all live work.

What is read is kept slice by slice in the state table, so a run that was killed, or that has to wait for spare budget,
goes on where it was. Our deliveries and claims are read after the CRMs' records; what seems to be gone is looked for
once more, without a period, before it is called missing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, date, timedelta
from zoneinfo import ZoneInfo

from giftbridge.domain.delivery_ids import AEGIS, RAISEDONORS, VIRTUOUS
from giftbridge.domain.feed_steps import Steps
from giftbridge.domain.reconciliation import Period, Report
from giftbridge.domain.reconciliation_compare import Compared
from giftbridge.domain.reconciliation_rows import facts_text
from giftbridge.domain.settings import Settings
from giftbridge.errors import GiftBridgeError, LostRace, Rejected
from giftbridge.flows.reconciliation_aegis import AegisStage
from giftbridge.flows.reconciliation_reading import GiftWalk, Read, Sources, bounds, facts_in
from giftbridge.flows.reconciliation_run import GIFTS, LEASE_SECONDS, Desk, Pause, Progress, Run, run_of
from giftbridge.flows.reconciliation_sides import Sides
from giftbridge.flows.reconciliation_states import with_states
from giftbridge.flows.reconciliation_told import coverage_of, currency_of, gaps_of
from giftbridge.flows.reconciliation_virtuous import VirtuousStage
from giftbridge.flows.tools import Tools
from giftbridge.store.reconciliations import Reconciliations

# What a run that nobody ended has read goes with it.
_FORGOTTEN_AFTER = timedelta(days=7)
_STAMP = "%Y%m%dT%H%M%S"


class Reconciliation:
    """Runs of reconciliations. `owner` tells this process from others."""

    def __init__(self, tools: Tools, sources: Sources, owner: str) -> None:
        self.tools = tools
        self.sources = sources
        self.owner = owner
        self.kept = Reconciliations(tools.state)

    def begin(self, first: date, last: date, by: str) -> str:
        """Write down a new run over these days; its id."""
        _, settings = self.tools.settings()
        now = self.tools.now()
        run_id = now.strftime(_STAMP) + f"-{self.tools.token(2)}"
        period = Period(first, last, ZoneInfo(settings.time_zone))
        run = Run(run_id, period, by, now, GiftWalk(Steps(bounds(period)[0])))
        self.kept.enlist(run_id, (now - _FORGOTTEN_AFTER).strftime(_STAMP))
        self.kept.save_head(run_id, run.values(), None)
        return run_id

    def advance(self, run_id: str, told: Callable[[Progress], None] = lambda _: None) -> Progress:
        """Go on with a run as far as time and spare budget allow. Raises KeyError for an unknown one."""
        head = self.kept.head(run_id)
        if head is None:
            raise KeyError(run_id)
        if head["state"] == "done":
            return Progress("done", 1, 1, is_done=True)
        lease = f"reconciliation-{run_id}"
        if not self.tools.state.take_lease(lease, self.owner, self.tools.now(), LEASE_SECONDS):
            return Progress("waiting", 0, 1, waits="another process is at it")
        try:
            return _Turn(Desk(self.tools, self.sources, run_of(head), self.owner, lease, told)).go_on()
        finally:
            self.tools.state.end_lease(lease, self.owner)


class _Turn:
    """One process at one run, until it is done or has to stop."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.sides = Sides(desk.tools, desk.settings, desk.period, self._fund_of)
        self._funds: dict[int, str | None] = {}

    def go_on(self) -> Progress:
        """All stages, each from where it was."""
        desk = self.desk
        try:
            desk.load()
            self._read_gifts()
            desk.kept.keep(self._compared(), desk.run.row)
            desk.kept.drop_parts(desk.run.id, desk.run.parts)
        except Pause as pause:
            return self._waiting(str(pause))
        except LostRace:
            return Progress(desk.progress.stage, 0, 1, waits="another process is at it")
        except (Rejected, KeyError):
            desk.save()
            raise
        except GiftBridgeError as error:
            return self._waiting(error)
        return Progress("done", 1, 1, is_done=True)

    def _waiting(self, why: GiftBridgeError | str) -> Progress:
        self.desk.save()
        progress = self.desk.progress
        return Progress(progress.stage, progress.done, progress.total, waits=why)

    def _compared(self) -> Report:
        both: list[Compared] = []
        left_out: dict[str, Counter[str]] = {}
        unplaced = 0
        for crm, stage in self._stages().items():
            compared, expected = stage.compare()
            both.append(compared)
            unplaced += expected.unplaced
            left_out[crm] = expected.left_out
        report = self._report(both, left_out, unplaced)
        return with_states(self.desk.tools, self.desk.kept, report)

    def _stages(self) -> dict[str, AegisStage | VirtuousStage]:
        """Those of the CRMs that take gifts."""
        desk, stages = self.desk, dict[str, AegisStage | VirtuousStage]()
        aegis, virtuous = desk.sources.aegis, desk.sources.virtuous
        if aegis is not None and desk.settings.aegis.enabled:
            stages[AEGIS] = AegisStage(desk, self.sides, aegis)
        if virtuous is not None and desk.settings.virtuous.enabled and desk.settings.virtuous.sync_gifts:
            stages[VIRTUOUS] = VirtuousStage(desk, self.sides, virtuous)
        return stages

    def _read_gifts(self) -> None:
        while not self.desk.run.walk.is_done:
            self.desk.allowed(RAISEDONORS)
            page = self.desk.run.walk.page(self.desk.sources.raisedonors)
            self.desk.run.calls[RAISEDONORS] += 1
            facts, unreadable = facts_in(page, self.desk.period)
            self.desk.run.unreadable = self.desk.read.unreadable = self.desk.run.unreadable + unreadable
            self.desk.read.facts.update({fact.id: fact for fact in facts})
            self.desk.keep(GIFTS, facts_text(facts))
            self.desk.tell("reading RaiseDonors", len(self.desk.read.facts), len(self.desk.read.facts))

    def _fund_of(self, project_id: int) -> str | None:
        """The project's code, read once a turn."""
        if not self._funds:
            self.desk.allowed(RAISEDONORS)
            projects = self.desk.sources.raisedonors.projects()
            self._funds = {0: None, **{number: one.code for number, one in projects.items()}}
            self.desk.run.calls[RAISEDONORS] += 1
        return self._funds.get(project_id)

    def _report(self, both: list[Compared], left_out: Mapping[str, Counter[str]], unplaced: int) -> Report:
        sides = tuple(one.side for one in both)
        run, now = self.desk.run, self.desk.tools.now()
        worked = run.worked + (now - self.desk.began).total_seconds()
        return Report(
            id=run.id,
            first=run.period.first,
            last=run.period.last,
            time_zone=run.period.zone.key,
            made_at=now.astimezone(UTC),
            by=run.by,
            currency=currency_of(self.desk.settings, self.desk.read.facts.values()),
            coverage=coverage_of(self.desk.settings, run.period, self.desk.read, sides, left_out, run.query_gap),
            gaps=gaps_of(self.desk.read, both, unplaced),
            sides=sides,
            calls=dict(run.calls),
            seconds=max(1, round(worked)),
        )


def estimate_calls(tools: Tools, settings: Settings, read: Read, period: Period) -> Counter[str]:
    """The calls that a run over gifts already read will make of each system, and under `donors` how many concern it."""
    calls: Counter[str] = Counter({RAISEDONORS: len(read.facts) // 100 + 2})
    sides = Sides(tools, settings, period, lambda _: None)
    donors: set[int | None] = set()
    crms = [(AEGIS, settings.aegis.enabled), (VIRTUOUS, settings.virtuous.enabled and settings.virtuous.sync_gifts)]
    for crm in (name for name, is_on in crms if is_on):
        entries = [e for e in sides.expected(crm, read).entries if period.holds(e.day(period.zone))]
        calls[crm] = len({place for entry in entries for place in entry.places})
        donors |= {entry.donor_id for entry in entries}
        if crm == AEGIS and settings.aegis.reconciliation_query_id:
            calls[crm] += 1
    calls["donors"] = len(donors)
    return calls
