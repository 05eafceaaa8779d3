"""`giftbridge retry`."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any

import typer

from giftbridge.domain.deliveries import State
from ops.command import retry_runs
from ops.command.filters import InState, OfDay, OfDonor, OfKind, ToDestination, WithText, filter_of
from ops.command.showing import duration, state_text, table
from ops.command.terminal import Terminal, verb
from ops.operating.identifiers import FORMS
from ops.operating.listing import Filter
from ops.operating.problems import HEALTHY, PERSON_NEEDED, WrongUsage
from ops.operating.retry_runs import WINDOW
from ops.operating.retrying import Plan, Result, Way, carry_out, plan_failed, plan_matching, plan_named
from ops.operating.stack import Stack
from ops.operating.systems import SYSTEMS

_SHOWN = 10


@verb
def retry(
    terminal: Terminal,
    names: Annotated[list[str] | None, typer.Argument(metavar="ID...", help=f"{FORMS}.")] = None,
    cause: Annotated[str | None, typer.Option(help="All failed ones of this cause, as `failures` names it.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All failed ones.")] = False,
    state: InState = None,
    kind: OfKind = None,
    donor: OfDonor = None,
    day: OfDay = None,
    destination: ToDestination = None,
    text: WithText = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    plan_only: Annotated[bool, typer.Option("--plan", help="Show what would be done, and do nothing.")] = False,
    follow: Annotated[bool, typer.Option("--follow", help="As a run, however few: tell what becomes of each.")] = False,
    go_on: Annotated[str | None, typer.Option("--continue", metavar="RUN", help="Go on with a run.")] = None,
    cancel: Annotated[str | None, typer.Option("--cancel", metavar="RUN", help="Stop a run.")] = None,
    runs: Annotated[bool, typer.Option("--runs", help="List the last runs.")] = False,
) -> int:
    """Retry deliveries: one, several, all that match, or all failed.

    The plan is shown first, and exactly the planned ones are retried. Where an earlier request may have landed, the
    retry looks for it first and sends only if it is not there: a retry never posts a gift twice. Where only a person
    could look, the plan says so, and the retry is that person's word. A row that waits for Virtuous' batch goes to the
    import tool alone, at once; one that is held there is only looked up.

    The options of `giftbridge deliveries` choose among the failed ones, or with --state among others. More than 100 are
    a run: they are released as earlier ones settle, you see what becomes of each, and Ctrl-C leaves the run to be gone
    on with (--continue) or stopped (--cancel), which puts back what was not tried.
    """
    stack = terminal.stack
    told_runs = retry_runs.asked_for(terminal, go_on, cancel, runs)
    if told_runs is not None:
        return told_runs
    picked = filter_of(stack, state, kind, donor, day, destination, None, text)
    with terminal.busy("planning"):
        plan = _plan(stack, names or [], cause, picked, everything=everything)
    if plan_only:
        terminal.answer({"plan": _plan_data(plan)}, *_plan_shown(plan))
        return HEALTHY
    if not plan.to_do:
        terminal.answer({"plan": _plan_data(plan), "results": []}, *_plan_shown(plan))
        return HEALTHY
    if not terminal.as_json:
        for part in _plan_shown(plan):
            terminal.err.print(part, markup=False)
    if not terminal.agree(f"Retry {len(plan.to_do)}?", yes=yes):
        terminal.say("Nothing was changed.")
        return HEALTHY
    if follow or len(plan.to_do) > WINDOW:
        return retry_runs.begun(terminal, plan, _plan_data(plan))
    return _retried_at_once(terminal, plan)


def _retried_at_once(terminal: Terminal, plan: Plan) -> int:
    stack = terminal.stack
    results = _carried_out(terminal, stack, plan)
    data = {"plan": _plan_data(plan), "results": [{"id": r.id, "outcome": r.outcome, "text": r.text} for r in results]}
    counts = ", ".join(f"{count} {outcome}" for outcome, count in Counter(r.outcome for r in results).items())
    rows = table(("delivery", "outcome", ""), ((r.id, r.outcome, r.text) for r in results))
    terminal.answer(data, rows, f"{counts}. What became of one: giftbridge deliveries ID {stack.hint}")
    return HEALTHY if all(result.outcome == "retried" for result in results) else PERSON_NEEDED


def _plan(stack: Stack, names: list[str], cause: str | None, picked: Filter, *, everything: bool) -> Plan:
    is_picked = picked != Filter()
    if sum((bool(names), cause is not None or is_picked, everything)) != 1:
        raise WrongUsage(
            "Which ones?",
            [
                "Give IDs, --cause CAUSE, --all, or options of `giftbridge deliveries` such as --day.",
                "`giftbridge failures` lists the causes there are.",
            ],
        )
    if names:
        return plan_named(stack, names)
    if not is_picked:
        return plan_failed(stack, cause)
    return plan_matching(stack, Filter(**{**_values(picked), "state": picked.state or State.FAILED, "cause": cause}))


def _values(picked: Filter) -> dict[str, Any]:
    return {name: getattr(picked, name) for name in ("kind", "destination", "donor", "day", "text")}


def _carried_out(terminal: Terminal, stack: Stack, plan: Plan) -> list[Result]:
    results: list[Result] = []
    with terminal.counting("retrying", len(plan.to_do)) as count:
        for result in carry_out(stack, plan, stack.operator()):
            results.append(result)
            count(len(results))
    return results


def _plan_shown(plan: Plan) -> list[Any]:
    """The plan for people: a sample, how many in which way, and what it costs."""
    if not plan.items:
        return ["Nothing to retry."]
    sample = ((i.delivery.id, state_text(i.delivery), i.way.value, i.why) for i in plan.items[:_SHOWN])
    rows = table(("delivery", "state", "how", "why"), sample)
    more = len(plan.items) - _SHOWN
    counts = Counter(item.way for item in plan.items)
    ways = ", ".join(f"{counts[way]} {words}" for way, words in _WAYS.items() if counts[way])
    calls = " and ".join(f"{count} calls to {SYSTEMS[name].title}" for name, count in plan.calls_to.items())
    cost = f"; at most {calls}" if plan.to_do else ""
    if plan.seconds is not None and plan.to_do:
        cost += f", {duration(plan.seconds)} at the limit that is set"
    return [rows, *([f"... and {more} more"] if more > 0 else []), f"{ways}{cost}."]


_WAYS = {
    Way.SEND: "to send",
    Way.LOOK_FIRST: "to look for first, and send only if not found",
    Way.NOW: "to try now instead of later",
    Way.LEAVE: "to leave alone",
}


def _plan_data(plan: Plan) -> dict[str, Any]:
    return {
        "count": len(plan.to_do),
        "calls": plan.calls,
        "calls_to": dict(plan.calls_to),
        "seconds": plan.seconds,
        "items": [{"id": item.delivery.id, "how": item.way.value, "why": item.why} for item in plan.items],
    }
