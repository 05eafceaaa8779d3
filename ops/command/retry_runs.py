"""Runs of `giftbridge retry`: begun, gone on with, stopped, listed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from giftbridge.domain.times import format_moment
from ops.command.showing import moment, table
from ops.command.terminal import Terminal
from ops.operating import retry_runs
from ops.operating.problems import HEALTHY, PERSON_NEEDED, NeedsPerson, WrongUsage
from ops.operating.retry_runs import Outcome, Run, RunItem, RunState
from ops.operating.retrying import Plan

_SHOWN = 30
_WELL = frozenset({Outcome.DELIVERED, Outcome.SENT, Outcome.IGNORED, Outcome.WAITING})


def asked_for(terminal: Terminal, go_on: str | None, cancel: str | None, runs: bool) -> int | None:
    """What is asked of runs there are: the exit code; None when nothing is. Raises WrongUsage."""
    if sum((go_on is not None, cancel is not None, runs)) > 1:
        raise WrongUsage("Give --continue, --cancel or --runs, not several.")
    stack = terminal.stack
    if runs:
        return _listed(terminal, retry_runs.recent(stack))
    if go_on is not None:
        return _followed(terminal, go_on, {})
    if cancel is not None:
        return _cancelled(terminal, cancel)
    return None


def begun(terminal: Terminal, plan: Plan, plan_data: Mapping[str, Any]) -> int:
    """Start a run and follow it to its end."""
    run_id = retry_runs.start(terminal.stack, plan, terminal.stack.operator())
    return _followed(terminal, run_id, {"plan": dict(plan_data)})


def _followed(terminal: Terminal, run_id: str, data: dict[str, Any]) -> int:
    stack = terminal.stack
    run = retry_runs.read(stack, run_id)
    terminal.say(f"Run {run_id}. Ctrl-C leaves it: --continue {run_id} goes on with it, --cancel {run_id} stops it.")
    blocked: str | None = None
    try:
        with terminal.counting("retrying", run.total) as count:
            for progress in retry_runs.work(stack, run_id):
                run = progress.run
                count(run.settled)
                if progress.blocked is not None and progress.blocked != blocked:
                    terminal.say(f"Waits: {progress.blocked}.")
                blocked = progress.blocked
    except KeyboardInterrupt:
        terminal.say(f"The run {run_id} is left as it is; what was released already is worked on.")
        return PERSON_NEEDED
    return _told(terminal, run, data)


def _cancelled(terminal: Terminal, run_id: str) -> int:
    stack = terminal.stack
    run = retry_runs.cancel(stack, run_id, stack.operator())
    try:
        for progress in retry_runs.work(stack, run_id):
            run = progress.run
    except NeedsPerson:
        terminal.answer({"run": _data(run)}, f"The run {run_id} is stopped by the process that works on it.")
        return HEALTHY
    _told(terminal, run, {})
    return HEALTHY


def _told(terminal: Terminal, run: Run, data: dict[str, Any]) -> int:
    items = retry_runs.items_of(terminal.stack, run.id)
    results = [{"id": item.id, "outcome": item.outcome.value, "text": item.text} for item in items]
    amiss = [item for item in items if item.outcome not in _WELL]
    shown = [*amiss, *(item for item in items if item.outcome in _WELL)][:_SHOWN]
    more = [f"... and {len(items) - len(shown)} more; --json tells of all"] if len(items) > len(shown) else []
    words = f"{_counts(run.counts)}. What became of one: giftbridge deliveries ID {terminal.stack.hint}"
    terminal.answer({**data, "run": _data(run), "results": results}, _table(shown), *more, words)
    return PERSON_NEEDED if amiss or run.state is RunState.CANCELLED else HEALTHY


def _table(items: list[RunItem]) -> Any:
    return table(("delivery", "outcome", ""), ((item.id, item.outcome.value, item.text) for item in items))


def _listed(terminal: Terminal, runs: list[Run]) -> int:
    data = {"runs": [_data(run) for run in runs]}
    if not runs:
        terminal.answer(data, "There were no runs.")
        return HEALTHY
    columns = ("run", "begun (UTC)", "by", "state", "settled", "what became of them")
    rows = (
        (r.id, moment(r.at), r.who, _state(r), f"{r.settled} of {r.total}", _counts(r.counts)) for r in runs
    )  # fmt: skip
    hint = f"To go on with one: giftbridge retry --continue RUN {terminal.stack.hint}"
    terminal.answer(data, table(columns, rows), *([hint] if any(not run.is_over for run in runs) else []))
    return HEALTHY


def _state(run: Run) -> str:
    by = f" by {run.cancelled_by}" if run.cancelled_by else ""
    return f"{run.state.value}{by}" + ("" if run.is_over or run.state is RunState.RUNNING else ", not ended yet")


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))


def _data(run: Run) -> dict[str, Any]:
    return {
        "id": run.id,
        "by": run.who,
        "at": format_moment(run.at),
        "state": run.state.value,
        "total": run.total,
        "settled": run.settled,
        "counts": dict(run.counts),
        "cancelled_by": run.cancelled_by,
        "ended_at": format_moment(run.ended_at) if run.ended_at else None,
    }
