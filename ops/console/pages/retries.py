"""Retrying: a plan is shown, exactly it is carried out, and a page follows it; what became of each is kept."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from starlette.responses import Response

from giftbridge.domain.deliveries import State
from ops.console.jobs import Job
from ops.console.pages.deliveries import asked_day, asked_donor
from ops.console.visit import NoSuchPageError, Visit, acts, looks
from ops.operating import retry_runs, retrying
from ops.operating.identifiers import kind_of
from ops.operating.listing import Filter
from ops.operating.problems import NeedsPerson, WrongUsage
from ops.operating.retry_runs import Outcome, RunState
from ops.operating.retrying import Plan, Way
from ops.operating.systems import SYSTEMS

_SHOWN = 25
_ITEMS = 200
WAYS = {
    Way.SEND: "to send",
    Way.LOOK_FIRST: "to look for first, and send only if not found",
    Way.NOW: "to try now instead of later",
    Way.LEAVE: "to leave alone",
}
OUTCOME_TONES = {
    Outcome.DELIVERED: "good",
    Outcome.SENT: "info",
    Outcome.UNDER_WAY: "info",
    Outcome.FAILED_AGAIN: "bad",
    Outcome.WAITING: "warn",
    Outcome.LEFT_ALONE: "warn",
}


@dataclass(frozen=True, slots=True)
class Kept:
    """A plan that was shown, and the page it was asked for on."""

    plan: Plan
    back: str


def plan(visit: Visit) -> Response:
    """Plan a retry; nothing is done yet."""
    planned = _planned(visit)
    back = visit.own_address(visit.given("back")) or visit.url("/failures")
    return visit.go(f"/retry/{visit.session.keep(Kept(planned, back))}")


def _planned(visit: Visit) -> Plan:
    which = visit.needed("which", "What to retry")
    if which == "all":
        return retrying.plan_failed(visit.stack)
    if which == "cause":
        return retrying.plan_failed(visit.stack, visit.needed("cause", "The cause"))
    if which == "matching":
        return retrying.plan_matching(visit.stack, _filter(visit))
    names = visit.all_given("id")
    if not names:
        raise WrongUsage("Nothing is selected.", ["Tick the deliveries to retry, or take all of a cause."])
    if any(len(name) > 200 or kind_of(name) is None for name in names):
        raise WrongUsage("One of these is no delivery's id; nothing was planned.")
    return retrying.plan_named(visit.stack, names)


def _filter(visit: Visit) -> Filter:
    destination, donor, state = visit.given("destination"), visit.given("donor"), visit.given("state")
    if state != State.FAILED:
        raise WrongUsage("Only a list of failed ones can be retried as a whole.", ["Choose the state failed first."])
    return Filter(
        state=State.FAILED,
        destination=visit.stack.destinations_named(destination)[0] if destination is not None else None,
        donor=asked_donor(donor) if donor is not None else None,
        day=asked_day(visit.given("day")),
        cause=visit.given("cause"),
        text=visit.given("text"),
    )


def shown(visit: Visit) -> Response:
    """The plan: how many, in which way, what it costs, a sample."""
    kept = visit.session.kept(visit.part("plan"))
    if not isinstance(kept, Kept):
        raise NoSuchPageError("This plan is no longer there: plan it again.")
    counts = Counter(item.way for item in kept.plan.items)
    return visit.page(
        "retry_plan.html",
        "Plan of a retry",
        plan=kept.plan,
        key=visit.part("plan"),
        back=kept.back,
        ways=[(words, counts[way]) for way, words in WAYS.items() if counts[way]],
        way_words=WAYS,
        costs=[(SYSTEMS[name].title, calls) for name, calls in kept.plan.calls_to.items()],
        sample=kept.plan.items[:_SHOWN],
        blocked=_blocked(visit, kept.plan),
    )


def _blocked(visit: Visit, planned: Plan) -> list[str]:
    rows = (visit.stack.tools.state.destination(name).blocks("", visit.now) for name in planned.calls_to)
    return [reason[0] for reason in rows if reason is not None]


def start(visit: Visit) -> Response:
    """Carry out exactly the plan that was shown."""
    key = visit.part("plan")
    kept = visit.session.kept(key)
    if not isinstance(kept, Kept):
        raise WrongUsage("This plan was carried out, or is no longer there.", ["Plan it again."])
    run_id = retry_runs.start(visit.stack, kept.plan, visit.who())
    visit.session.drop(key)
    _work(visit, run_id)
    return visit.go(f"/run/{run_id}")


def go_on(visit: Visit) -> Response:
    """Go on with a run that nobody works on."""
    run_id = _run_id(visit)
    if retry_runs.read(visit.stack, run_id).is_over:
        raise WrongUsage("This run is over.")
    _work(visit, run_id)
    return visit.go(f"/run/{run_id}")


def _work(visit: Visit, run_id: str) -> None:
    stack = visit.stack

    def work(job: Job) -> None:
        try:
            for progress in retry_runs.work(stack, run_id):
                job.say(f"Nothing moves: {progress.blocked}." if progress.blocked else "")
        except NeedsPerson:
            # A cancel reaches the process that works on it.
            if retry_runs.read(stack, run_id).state is not RunState.CANCELLED:
                raise

    visit.office.jobs.start("Retrying", visit.url(f"/run/{run_id}"), work, key=f"run-{run_id}")


def run(visit: Visit) -> Response:
    """How far a run is, and what became of each delivery."""
    run_id = _run_id(visit)
    found = retry_runs.read(visit.stack, run_id)
    items = retry_runs.items_of(visit.stack, run_id)
    wanted = visit.asked("outcome")
    if wanted is not None and wanted not in list(Outcome):
        raise WrongUsage(f"{wanted[:40]!r} is no outcome.")
    fitting = [item for item in items if wanted is None or item.outcome == wanted]
    job = visit.office.jobs.get(f"run-{run_id}")
    is_worked_on = job is not None and not job.is_done
    return visit.page(
        "_run.html" if visit.asked("part") else "run.html",
        f"Retry {run_id}",
        run=found,
        counts=[(outcome, n) for outcome in Outcome if (n := sum(item.outcome is outcome for item in items))],
        tones_of=OUTCOME_TONES,
        wanted=wanted,
        items=fitting[:_ITEMS],
        hidden=max(0, len(fitting) - _ITEMS),
        settled=sum(item.is_settled for item in items),
        note=" ".join(job.lines) if job is not None else "",
        is_worked_on=is_worked_on,
        is_live=not found.is_over,
    )


def cancel(visit: Visit) -> Response:
    """Stop a run: what was not tried stays as it was."""
    run_id = _run_id(visit)
    job = visit.office.jobs.get(f"run-{run_id}")
    retry_runs.cancel(visit.stack, run_id, visit.who())
    if job is None or job.is_done:
        _work(visit, run_id)
    return visit.go(f"/run/{run_id}", "Cancelled: what was not tried yet is put back as it was.")


def _run_id(visit: Visit) -> str:
    run_id = visit.part("id")
    if not (run_id.isascii() and run_id.isalnum() and len(run_id) <= 32):
        raise NoSuchPageError("There is no such run.")
    try:
        retry_runs.read(visit.stack, run_id)
    except (WrongUsage, NeedsPerson) as missing:
        raise NoSuchPageError(missing.text) from missing
    return run_id


ROUTES = (
    acts("/retry/plan", plan),
    looks("/retry/{plan}", shown),
    acts("/retry/{plan}", start),
    looks("/run/{id}", run),
    acts("/run/{id}/cancel", cancel),
    acts("/run/{id}/continue", go_on),
)
