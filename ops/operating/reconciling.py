"""Reconciling from an operator's machine (requirement H1): estimated first, then the same flow as the daily run's."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from giftbridge.domain.delivery_ids import AEGIS, RAISEDONORS, VIRTUOUS
from giftbridge.domain.feed_steps import Steps
from giftbridge.domain.reconciliation import Difference, Period, Report, ReportHead, Sort
from giftbridge.domain.settings import Settings
from giftbridge.errors import GiftBridgeError
from giftbridge.flows.reconciliation import Reconciliation, estimate_calls
from giftbridge.flows.reconciliation_healing import Healing
from giftbridge.flows.reconciliation_plans import HealPlan, HealResult
from giftbridge.flows.reconciliation_plans import plan_heal as _plan_heal
from giftbridge.flows.reconciliation_reading import GiftWalk, Read, Sources, bounds, facts_in
from giftbridge.flows.reconciliation_run import Progress
from giftbridge.flows.reconciliation_states import with_states
from giftbridge.store.budgets import RateBudget
from giftbridge.store.reconciliations import Reconciliations
from ops.operating import reaching
from ops.operating.problems import Unreachable, WrongUsage
from ops.operating.stack import Stack

# What a call takes where nothing limits it, several being made side by side.
_SECONDS_A_CALL = 0.1
_PATIENCE = 3
_PAUSE = 5.0
_SECONDS_A_TURN = 500.0
CSV_COLUMNS = (
    "report", "row", "crm", "day", "side", "count", "amount", "currency", "fund", "sort", "state", "id", "donor",
    "donation", "kind", "numbers", "expected", "found", "difference", "words",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a reconciliation will take: calls to each system, seconds at today's budgets, donors concerned."""

    calls_to: dict[str, int]
    seconds: float
    donors: int

    @property
    def calls(self) -> int:
        """All calls together."""
        return sum(self.calls_to.values())


def default_period(stack: Stack) -> tuple[date, date]:
    """The days that the daily run looks at."""
    settings = stack.versions.current().settings
    today = stack.tools.now().astimezone(ZoneInfo(settings.time_zone)).date()
    return today - timedelta(days=max(1, settings.reconciliation.days)), today - timedelta(days=1)


def estimate(stack: Stack, first: date, last: date, progress: Callable[[int], None] = lambda _: None) -> Estimate:
    """How many calls and how long, from the gifts of the period, which are read for it. Raises WrongUsage."""
    settings = stack.versions.current().settings
    period = _period(settings, first, last)
    raisedonors, read, walk = reaching.raisedonors(stack), Read(), GiftWalk(Steps(bounds(period)[0]))
    while not walk.is_done:
        facts, _ = facts_in(walk.page(raisedonors), period)
        read.facts.update({fact.id: fact for fact in facts})
        progress(len(read.facts))
    calls = estimate_calls(stack.tools, settings, read, period)
    donors = calls.pop("donors")
    limits = {name: getattr(settings.limits, f"{name}_per_hour") for name in calls}
    # Some of what can be made at once is left to live work; the rest flows in with the hours.
    paced = [number * 3600 / limit for name, number in calls.items() if (limit := limits[name]) and number > limit / 20]
    return Estimate(dict(calls), max([sum(calls.values()) * _SECONDS_A_CALL, *paced]), donors)


def run(
    stack: Stack,
    first: date,
    last: date,
    progress: Callable[[Progress], None] = lambda _: None,
    resume: str | None = None,
) -> Report:
    """A reconciliation from beginning to end; it waits where live work needs the calls.

    Raises WrongUsage, and Unreachable when a system stays away: the run is kept, and `resume` goes on with it.
    """
    settings = stack.versions.current().settings
    _period(settings, first, last)
    who = stack.operator()
    run_id, failures = resume or "", 0
    while True:
        # Clients are made anew for each turn: theirs and the flow's time end together.
        stack.tools.time_left.restart(_SECONDS_A_TURN)
        reconciliation = Reconciliation(stack.tools, _sources(stack, settings), f"operator-{who}")
        run_id = run_id or reconciliation.begin(first, last, who)
        state = reconciliation.advance(run_id, progress)
        if state.is_done:
            break
        progress(state)
        failures = failures + 1 if isinstance(state.waits, GiftBridgeError) else 0
        if failures >= _PATIENCE and isinstance(state.waits, GiftBridgeError):
            raise Unreachable(
                f"The reconciliation cannot go on: {state.waits.explain()}", [f"Go on later: --resume {run_id}"]
            )
        stack.sleep(_PAUSE)
    return read(stack, run_id)


def _period(settings: Settings, first: date, last: date) -> Period:
    if first > last:
        raise WrongUsage("--from lies after --to: there is no such day.")
    return Period(first, last, ZoneInfo(settings.time_zone))


def _sources(stack: Stack, settings: Settings) -> Sources:
    """The systems that take gifts, each within the budget that all share."""
    has_aegis = settings.aegis.enabled and stack.is_connected(AEGIS)
    has_virtuous = settings.virtuous.enabled and stack.is_connected(VIRTUOUS)
    budgets = {name: _budget(stack, name) for name in (RAISEDONORS, AEGIS, VIRTUOUS)}
    return Sources(
        reaching.raisedonors(stack),
        reaching.aegis(stack) if has_aegis else None,
        reaching.virtuous(stack) if has_virtuous else None,
        lambda system: budgets[system].spare(),
    )


def _budget(stack: Stack, system: str) -> RateBudget:
    per_hour: int | None = getattr(stack.versions.current().settings.limits, f"{system}_per_hour")
    return RateBudget(stack.tools.state, system, lambda: per_hour, stack.tools.now, stack.tools.lock)


def latest(stack: Stack) -> Report | None:
    """The newest report, with what became of its differences since."""
    heads = reports(stack, 1)
    return read(stack, heads[0].id) if heads else None


def reports(stack: Stack, limit: int = 90) -> list[ReportHead]:
    """The reports that are kept, newest first."""
    return Reconciliations(stack.tools.state).heads()[:limit]


def read(stack: Stack, report_id: str) -> Report:
    """A report, with what became of its differences since. Raises WrongUsage."""
    kept = Reconciliations(stack.tools.state)
    found = kept.read(report_id)
    if found is None:
        raise WrongUsage(f"There is no reconciliation {report_id}.", ["`giftbridge reconcile --list` lists them."])
    return with_states(stack.tools, kept, found)


# --- healing ------------------------------------------------------------------------------------------------


def plan_heal(stack: Stack, report: Report, difference_ids: Collection[str] | None = None) -> HealPlan:
    """What can be done about these differences, or about all that are open. Raises WrongUsage."""
    unknown = [name for name in difference_ids or () if name not in {one.id for one in report.differences}]
    if unknown:
        raise WrongUsage(f"Report {report.id} has no difference {', '.join(unknown)}.")
    return _plan_heal(read(stack, report.id), difference_ids)


def heal(stack: Stack, plan: HealPlan, who: str) -> list[HealResult]:
    """Exactly what was planned."""
    stack.tools.time_left.restart(600.0)
    return _healing(stack, who).heal(plan)


def accept(stack: Stack, report_id: str, difference_id: str, why: str, who: str) -> Difference:
    """A person says, with a reason, that a difference is right as it is. Raises WrongUsage."""
    report = read(stack, report_id)
    found = next((one for one in report.differences if one.id == difference_id), None)
    if found is None:
        raise WrongUsage(f"Report {report_id} has no difference {difference_id}.")
    if found.sort is Sort.HELD or found.state in {"healing", "healed"}:
        state = "held" if found.sort is Sort.HELD else found.state
        raise WrongUsage(f"{difference_id} is {state}: there is nothing to accept.")
    if not why.strip():
        raise WrongUsage("Why? --why is missing: others will read it.")
    _healing(stack, who, with_systems=False).accept(found, report_id, why.strip())
    return found


def _healing(stack: Stack, who: str, *, with_systems: bool = True) -> Healing:
    has_aegis = with_systems and stack.is_connected(AEGIS)
    aegis = reaching.aegis(stack) if has_aegis else None
    raisedonors = reaching.raisedonors(stack) if with_systems else None
    return Healing(stack.tools, raisedonors, aegis, stack.queues, who)


# --- for finance --------------------------------------------------------------------------------------------


def csv_of(report: Report) -> str:
    """The report for finance: a row for each day and side, fund and difference. Ids and amounts, no names."""
    text = io.StringIO()
    writer = csv.DictWriter(text, CSV_COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for row in _csv_rows(report):
        writer.writerow({"report": report.id, "currency": report.currency, **row})
    return text.getvalue()


def _csv_rows(report: Report) -> Iterable[dict[str, str | int]]:
    for side in report.sides:
        for line in side.days:
            sums = (("raisedonors", line.expected), (side.crm, line.found), ("held", line.held), ("other", line.other))
            for name, total in sums:
                yield {
                    "row": "day",
                    "crm": side.crm,
                    "day": line.day.isoformat(),
                    "side": name,
                    "count": total.count,
                    "amount": f"{total.money:.2f}",
                    "difference": f"{line.difference:.2f}" if name == side.crm else "",
                }
        for fund in side.funds:
            yield {
                "row": "fund",
                "crm": side.crm,
                "day": fund.day.isoformat(),
                "side": side.funds_are,
                "fund": _plain(fund.fund),
                "expected": f"{fund.expected:.2f}",
                "found": f"{fund.found:.2f}",
                "difference": f"{fund.found - fund.expected:.2f}",
            }
        for one in side.differences:
            yield _difference_row(one)


def _difference_row(one: Difference) -> dict[str, str | int]:
    return {
        "row": "difference",
        "crm": one.crm,
        "day": one.day.isoformat() if one.day is not None else "",
        "sort": one.sort.value,
        "state": one.state,
        "id": one.id,
        "donor": one.donor_id if one.donor_id is not None else "",
        "donation": one.donation_id or "",
        "kind": one.kind,
        "numbers": " ".join(one.numbers),
        "expected": _amount(one.expected),
        "found": _amount(one.found),
        "difference": f"{one.money:.2f}",
        "words": _plain(one.words),
    }


def _amount(value: Decimal | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _plain(text: str) -> str:
    """A text that a spreadsheet takes for a formula would be one."""
    return f"'{text}" if text[:1] in "=+-@\t\r" and text else text


def totals(differences: Iterable[Difference]) -> Counter[str]:
    """How many there are of each sort."""
    return Counter(one.sort.value for one in differences)
