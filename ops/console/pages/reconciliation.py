"""Reconciliation: the latest report and older ones, both sides a day, the differences; healing, accepting, running."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from starlette.responses import Response

from giftbridge.domain.reconciliation import Heal, Report, ReportHead, Side, Sort
from giftbridge.flows.reconciliation_plans import HealPlan
from giftbridge.flows.reconciliation_run import Progress
from ops.console import charts
from ops.console.jobs import Job
from ops.console.pages.deliveries import asked_day
from ops.console.rendering import money
from ops.console.visit import NoSuchPageError, Visit, acts, looks
from ops.operating import reconciling, story
from ops.operating.problems import WrongUsage
from ops.operating.reconciling import Estimate
from ops.operating.stack import Stack
from ops.operating.systems import SYSTEMS

_ID = re.compile(r"[\w.:+-]{1,80}")
_MOST_DIFFERENCES = 500
_LONGEST_DAYS = 366
_ENTITY = "reconciliation"
SORT_TONES = {Sort.HELD: "info", Sort.UNEXPLAINED: "warn", Sort.WRONG_DAY: "warn", Sort.WRONG_FUND: "warn"}


@dataclass(frozen=True, slots=True)
class OpenMoney:
    """The open difference of the last report, for the overview."""

    value: str
    tone: str
    beside: str


@dataclass(frozen=True, slots=True)
class SideView:
    """One CRM of a report, with its chart."""

    title: str
    side: Side
    chart: object
    funds: tuple[tuple[str, Decimal, Decimal], ...]


@dataclass(frozen=True, slots=True)
class Planned:
    """Days that a run was estimated for."""

    first: date
    last: date
    estimate: Estimate


def open_money(stack: Stack) -> OpenMoney:
    """What the newest report leaves open."""
    heads = reconciling.reports(stack, 1)
    if not heads:
        return OpenMoney("none", "", "not reconciled yet")
    report = reconciling.read(stack, heads[0].id)
    beside = f"{len(report.open)} open, {report.first} to {report.last}"
    tone = "bad" if report.open else "warn" if report.gaps else "good"
    return OpenMoney(money(report.open_money, report.currency), tone, beside)


def newest(visit: Visit) -> Response:
    """The newest report, or what one would tell."""
    heads = reconciling.reports(visit.stack)
    if not heads:
        return visit.page("reconciliation.html", "Reconciliation", report=None, heads=[])
    return _shown(visit, reconciling.read(visit.stack, heads[0].id), heads)


def older(visit: Visit) -> Response:
    """A report that was made before."""
    return _shown(visit, _report(visit, visit.part("id")), reconciling.reports(visit.stack))


def _report(visit: Visit, report_id: str) -> Report:
    if not _ID.fullmatch(report_id):
        raise NoSuchPageError("There is no such report.")
    try:
        return reconciling.read(visit.stack, report_id)
    except WrongUsage as missing:
        raise NoSuchPageError(missing.text) from missing


def _shown(visit: Visit, report: Report, heads: list[ReportHead]) -> Response:
    wanted = visit.asked("sort")
    if wanted is not None and wanted not in list(Sort):
        raise WrongUsage(f"{wanted[:40]!r} is no sort of difference.")
    differences = [one for one in report.differences if wanted is None or one.sort == wanted]
    return visit.page(
        "reconciliation.html",
        "Reconciliation",
        report=report,
        heads=heads,
        is_newest=bool(heads) and heads[0].id == report.id,
        sides=[_side(side) for side in report.sides],
        differences=sorted(differences, key=lambda one: (not one.is_open, one.sort == Sort.HELD))[:_MOST_DIFFERENCES],
        hidden=max(0, len(differences) - _MOST_DIFFERENCES),
        sorts=[(sort, n) for sort in Sort if (n := sum(one.sort is sort for one in report.differences))],
        wanted=wanted,
        sort_tones=SORT_TONES,
        by_hand=Heal.BY_HAND,
        healable=sum(one.state == "open" and one.heal is not Heal.BY_HAND for one in report.open),
    )


def _side(side: Side) -> SideView:
    title = SYSTEMS[side.crm].title if side.crm in SYSTEMS else side.crm
    days = [
        charts.DayBars(line.day.isoformat(), line.expected.money, line.found.money, line.difference)
        for line in side.days
    ]
    funds: dict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for fund in side.funds:
        funds[fund.fund][0] += fund.expected
        funds[fund.fund][1] += fund.found
    chart = charts.days_chart(days, "RaiseDonors", title)
    return SideView(title, side, chart, tuple((name, one, other) for name, (one, other) in sorted(funds.items())))


def as_csv(visit: Visit) -> Response:
    """A report for finance: ids and amounts, no names."""
    report = _report(visit, visit.part("id"))
    name = f"reconciliation-{report.first}-{report.last}.csv"
    headers = {"content-disposition": f"attachment; filename={name}"}
    return Response(reconciling.csv_of(report), media_type="text/csv", headers=headers)


def run_form(visit: Visit) -> Response:
    """Which days."""
    first, last = reconciling.default_period(visit.stack)
    return visit.page("reconciliation_run.html", "Run a reconciliation", first=first, last=last, planned=None, key=None)


def estimate(visit: Visit) -> Response:
    """Say what it will take, before it is done."""
    first, last = asked_day(visit.needed("first", "The first day")), asked_day(visit.needed("last", "The last day"))
    if first is None or last is None or first > last or (last - first).days > _LONGEST_DAYS:
        raise WrongUsage("The first day is to lie before the last, at most a year.")
    stack, session = visit.stack, visit.session

    def work(job: Job) -> None:
        found = reconciling.estimate(stack, first, last, lambda number: job.say(f"{number} gifts read."))
        job.link = visit.url(f"/reconciliation/plan/{session.keep(Planned(first, last, found))}")
        job.lines = [f"{found.calls} calls for {found.donors} donors."]

    job = visit.office.jobs.start("What a reconciliation will take", visit.url("/reconciliation/run"), work)
    return visit.go(f"/job/{job.id}")


def plan(visit: Visit) -> Response:
    """What it takes: calls and time."""
    found = visit.session.kept(visit.part("plan"))
    if not isinstance(found, Planned):
        raise NoSuchPageError("This estimate is no longer there: make it again.")
    costs = [(SYSTEMS[name].title, calls) for name, calls in found.estimate.calls_to.items() if calls]
    return visit.page(
        "reconciliation_run.html",
        "Run a reconciliation",
        first=found.first,
        last=found.last,
        planned=found.estimate,
        costs=costs,
        key=visit.part("plan"),
    )


def run(visit: Visit) -> Response:
    """Reconcile; it goes on when the page is left, and waits where live work needs the calls."""
    key = visit.needed("plan", "The estimate")
    found = visit.session.kept(key)
    if not isinstance(found, Planned):
        raise WrongUsage("The estimate is no longer there.", ["Make it again."])
    visit.session.drop(key)
    stack, who, days = visit.stack, visit.who(), f"{found.first} to {found.last}"

    def work(job: Job) -> None:
        def tell(progress: Progress) -> None:
            job.done, job.total = progress.done, progress.total or None
            job.say(f"{progress.stage}{f', waits: {progress.waits}' if progress.waits else ''}")

        story.record(stack, _ENTITY, what="reconciliation run", why=f"an operator asked for {days}", who=who)
        report = reconciling.run(stack, found.first, found.last, tell)
        job.link = visit.url(f"/reconciliation/report/{report.id}")
        job.say(f"{len(report.open)} differences are open, {money(report.open_money, report.currency)}.")
        visit.office.forget()

    job = visit.office.jobs.start("Reconciling", visit.url("/reconciliation"), work, key="reconciliation")
    return visit.go(f"/job/{job.id}")


def plan_heal(visit: Visit) -> Response:
    """What can be done about the chosen differences; nothing is done yet."""
    report = _report(visit, visit.needed("report", "The report"))
    chosen = visit.all_given("id") if visit.given("which") != "all" else None
    if chosen == []:
        raise WrongUsage("Nothing is chosen.", ["Tick the differences to heal."])
    planned = reconciling.plan_heal(visit.stack, report, chosen)
    return visit.go(f"/reconciliation/heal/{visit.session.keep(planned)}")


def heal_plan(visit: Visit) -> Response:
    """The plan of a heal."""
    found = visit.session.kept(visit.part("plan"))
    if not isinstance(found, HealPlan):
        raise NoSuchPageError("This plan is no longer there: plan it again.")
    back = visit.url(f"/reconciliation/report/{found.report_id}")
    return visit.page("heal_plan.html", "Plan of a heal", plan=found, key=visit.part("plan"), back=back)


def heal(visit: Visit) -> Response:
    """Exactly what was planned."""
    key = visit.part("plan")
    found = visit.session.kept(key)
    if not isinstance(found, HealPlan):
        raise WrongUsage("This plan was carried out, or is no longer there.", ["Plan it again."])
    visit.session.drop(key)
    stack, who = visit.stack, visit.who()

    def work(job: Job) -> None:
        results = reconciling.heal(stack, found, who)
        job.lines = [f"{one.delivery_id or one.id}: {one.outcome}, {one.text}" for one in results]
        visit.office.forget()

    back = visit.url(f"/reconciliation/report/{found.report_id}")
    return visit.go(f"/job/{visit.office.jobs.start('Healing', back, work).id}")


def accept_form(visit: Visit) -> Response:
    """Ask why a difference is right as it is."""
    report = _report(visit, visit.asked("report") or "")
    found = next((one for one in report.differences if one.id == visit.asked("difference")), None)
    if found is None:
        raise NoSuchPageError("The report has no such difference.")
    return visit.page(
        "confirm.html",
        "Accept a difference",
        lines=[
            f"{found.sort.value}, {money(found.money, found.currency)}: {found.words}.",
            "Later reports show it as accepted, with your reason, and no longer as open.",
        ],
        target=visit.url("/reconciliation/accept"),
        fields=[("report", report.id), ("difference", found.id)],
        reason="needed",
        button="Accept it",
        tone="primary",
        cancel=visit.url(f"/reconciliation/report/{report.id}"),
    )


def accept(visit: Visit) -> Response:
    """Say, with a reason, that a difference is right as it is."""
    report = _report(visit, visit.needed("report", "The report"))
    difference, why = visit.needed("difference", "The difference"), visit.needed("why", "A reason")
    reconciling.accept(visit.stack, report.id, difference, why, visit.who())
    return visit.go(f"/reconciliation/report/{report.id}", "Accepted.")


ROUTES = (
    looks("/reconciliation", newest),
    looks("/reconciliation/report/{id}", older),
    looks("/reconciliation/csv/{id}", as_csv),
    looks("/reconciliation/run", run_form),
    acts("/reconciliation/estimate", estimate),
    looks("/reconciliation/plan/{plan}", plan),
    acts("/reconciliation/run", run),
    acts("/reconciliation/heal", plan_heal),
    looks("/reconciliation/heal/{plan}", heal_plan),
    acts("/reconciliation/heal/{plan}", heal),
    looks("/reconciliation/accept", accept_form),
    acts("/reconciliation/accept", accept),
)
