"""Bulk retries as runs: the planned set is written down, worked off a window at a time, can be cancelled and resumed.

A run is worked on by the process that holds its lease. It has a window of deliveries reopened and not settled: the
workers' rate budget sets the pace, and a cancel leaves little in flight. Reopening a delivery is conditional on its
revision as planned and leaves a line that names the run, so a process that dies at any instant has done nothing that
its successor does not recognise.
"""

from __future__ import annotations

from collections.abc import Iterator

from ops.operating import run_rows
from ops.operating.problems import NeedsPerson, WrongUsage
from ops.operating.retrying import Plan
from ops.operating.run_rows import Outcome, Run, RunItem, RunState, items_of, read, recent, row_name
from ops.operating.run_shift import LEASE_SECONDS, WINDOW, Progress, Shift
from ops.operating.stack import Stack

__all__ = [
    "WINDOW",
    "Outcome",
    "Progress",
    "Run",
    "RunItem",
    "RunState",
    "cancel",
    "items_of",
    "read",
    "recent",
    "start",
    "work",
]


def start(stack: Stack, plan: Plan, who: str) -> str:
    """Write the planned set down; the run's id. Nothing is retried before somebody works on it. Raises WrongUsage."""
    items = [
        RunItem(d.id, d.revision, item.way, d.state, d.trouble.cause if d.trouble is not None else "")
        for item in plan.to_do
        for d in (item.delivery,)
    ]
    if not items:
        raise WrongUsage("There is nothing to retry.")
    now = stack.tools.now()
    run = Run(stack.tools.token(4), who, now, len(items), RunState.RUNNING, run_rows.counted(items))
    run_rows.add(stack, run, items)
    return run.id


def cancel(stack: Stack, run_id: str, who: str) -> Run:
    """Stop a run. Whoever works on it puts back what was not tried; `work` does, when nobody else does.

    Raises WrongUsage when it is over.
    """
    run = read(stack, run_id)
    if run.is_over:
        raise WrongUsage(
            f"The run {run_id} is over.", [f"`giftbridge retry --runs {stack.hint}` shows what came of it."]
        )
    return run_rows.change(stack, run_id, state=RunState.CANCELLED, cancelled_by=run.cancelled_by or who)


def work(stack: Stack, run_id: str) -> Iterator[Progress]:
    """Work on a run until it is over, telling how it stands. Raises WrongUsage, NeedsPerson while another does."""
    run, owner = read(stack, run_id), stack.tools.token(6)
    if run.is_over:
        yield Progress(run)
        return
    if not stack.tools.state.take_lease(row_name(run_id), owner, stack.tools.now(), LEASE_SECONDS):
        raise NeedsPerson(
            f"Another process works on the run {run_id}.",
            [f"If it died, go on in {LEASE_SECONDS:.0f} s: giftbridge retry --continue {run_id} {stack.hint}"],
        )
    shift = Shift(stack, run, owner, items_of(stack, run_id))
    try:
        yield from shift.go()
    finally:
        shift.save()
        stack.tools.state.end_lease(row_name(run_id), owner)
