"""A run of retries as the state table keeps it: what was planned, how far it came, and what became of each delivery."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from giftbridge.domain.deliveries import State
from giftbridge.domain.times import format_moment, parse_moment
from giftbridge.errors import LostRace
from giftbridge.store.rows import commit, delete, put, read_many
from ops.operating.problems import WrongUsage
from ops.operating.retrying import Way
from ops.operating.stack import Stack

ITEMS_A_ROW = 250
_RECENT = "retry#recent"
_KEPT = 20
_TRIES = 10


class RunState(StrEnum):
    """How a run stands. One that is running may have no process that works on it: it goes on when one does."""

    RUNNING = "running"
    CANCELLED = "cancelled"
    DONE = "done"


class Outcome(StrEnum):
    """What became of a planned delivery; `planned` and `under way` are not the end."""

    PLANNED = "planned"
    UNDER_WAY = "under way"
    DELIVERED = "delivered"
    SENT = "sent"
    IGNORED = "ignored"
    FAILED_AGAIN = "failed again"
    WAITING = "waiting"
    LEFT_ALONE = "left alone"
    CANCELLED = "cancelled"


_TEXTS = {
    Outcome.PLANNED: "not begun",
    Outcome.UNDER_WAY: "is worked on",
    Outcome.DELIVERED: "delivered",
    Outcome.SENT: "is held by the import tool",
    Outcome.IGNORED: "is not to be sent",
    Outcome.FAILED_AGAIN: "failed again",
    Outcome.WAITING: "was tried, and is tried again by itself",
    Outcome.LEFT_ALONE: "changed since the plan was made",
    Outcome.CANCELLED: "not tried; as it was before",
}


@dataclass(frozen=True, slots=True)
class RunItem:
    """A planned delivery: its revision, state and cause as planned, and what became of it."""

    id: str
    revision: int
    way: Way
    was: State
    cause: str
    outcome: Outcome = Outcome.PLANNED

    @property
    def text(self) -> str:
        """What became of it, in words."""
        told = self.outcome in {Outcome.FAILED_AGAIN, Outcome.WAITING, Outcome.IGNORED, Outcome.CANCELLED}
        return _TEXTS[self.outcome] + (f": {self.cause}" if told and self.cause else "")

    @property
    def is_settled(self) -> bool:
        return self.outcome not in {Outcome.PLANNED, Outcome.UNDER_WAY}


@dataclass(frozen=True, slots=True)
class Run:
    """The head of a run. `counts` are by outcome; `revision` is that of its row."""

    id: str
    who: str
    at: datetime
    total: int
    state: RunState
    counts: Mapping[str, int]
    cancelled_by: str | None = None
    ended_at: datetime | None = None

    @property
    def settled(self) -> int:
        """How many of the planned have an outcome."""
        return self.total - self.counts.get(Outcome.PLANNED, 0) - self.counts.get(Outcome.UNDER_WAY, 0)

    @property
    def is_over(self) -> bool:
        return self.ended_at is not None


def row_name(run_id: str) -> str:
    """The head's row, and the lease of who works on it."""
    return f"retry#{run_id}"


def add(stack: Stack, run: Run, items: list[RunItem]) -> None:
    """Write the planned set, then the head, then remember it among the recent ones."""
    parts = [items[start : start + ITEMS_A_ROW] for start in range(0, len(items), ITEMS_A_ROW)]
    for number, part in enumerate(parts):
        save_items(stack, run.id, number, part)
    stack.tools.state.put(row_name(run.id), _head_row(run), None)
    for _ in range(_TRIES):
        seen = stack.tools.state.get(_RECENT)
        known = [run.id, *(seen or {}).get("ids", [])]
        try:
            stack.tools.state.put(_RECENT, {"ids": known[:_KEPT]}, seen)
        except LostRace:
            continue
        for old in known[_KEPT:]:
            _forget(stack, old)
        return


def change(stack: Stack, run_id: str, **values: Any) -> Run:
    """Change values of a head as it is now. A run that was cancelled stays so. Raises WrongUsage, LostRace."""
    for _ in range(_TRIES):
        row = _head(stack, run_id)
        before = _run(row)
        after = replace(before, **values)
        if before.state is RunState.CANCELLED:
            after = replace(after, state=before.state, cancelled_by=before.cancelled_by)
        if after == before:
            return before
        try:
            stack.tools.state.put(row_name(run_id), _head_row(after), row)
        except LostRace:
            continue
        return after
    raise LostRace(f"the run {run_id} kept changing", (run_id,))


def read(stack: Stack, run_id: str) -> Run:
    """A run as it stands. Raises WrongUsage."""
    return _run(_head(stack, run_id))


def recent(stack: Stack) -> list[Run]:
    """The newest runs, newest first."""
    ids = (stack.tools.state.get(_RECENT) or {}).get("ids", [])
    rows = (stack.tools.state.get(row_name(name)) for name in ids)
    return [_run(row) for row in rows if row is not None]


def items_of(stack: Stack, run_id: str) -> list[RunItem]:
    """Every planned delivery of a run, in the plan's order, with what became of it. Raises WrongUsage."""
    total = read(stack, run_id).total
    names = [f"{row_name(run_id)}/{number}" for number in range(-(-total // ITEMS_A_ROW))]
    state = stack.tools.state
    rows = {row["name"]: row for row in read_many(state.client, state.table, [{"name": name} for name in names])}
    return [_item(values) for name in names for values in json.loads(rows[name]["items"])]


def save_items(stack: Stack, run_id: str, number: int, items: Iterable[RunItem]) -> None:
    """Write one row of items; only the process with the run's lease does."""
    values = [[i.id, i.revision, i.way.value, i.was.value, i.cause, i.outcome.value] for i in items]
    row = {"name": f"{row_name(run_id)}/{number}", "items": json.dumps(values, separators=(",", ":"))}
    commit(stack.tools.state.client, [put(stack.tools.state.table, row, row["name"])])


def counted(items: Iterable[RunItem]) -> dict[str, int]:
    """Items by outcome."""
    return {outcome.value: count for outcome, count in Counter(item.outcome for item in items).items()}


def _forget(stack: Stack, run_id: str) -> None:
    """Delete the rows of an old run."""
    state = stack.tools.state
    row = state.get(row_name(run_id))
    if row is None:
        return
    names = [f"{row_name(run_id)}/{number}" for number in range(-(-int(row["total"]) // ITEMS_A_ROW))]
    writes = [delete(state.table, {"name": name}, name) for name in [*names, row_name(run_id)]]
    stack.tools.side_by_side(lambda write: commit(state.client, [write]), writes, stack.tools.threads)


def _head(stack: Stack, run_id: str) -> dict[str, Any]:
    row = stack.tools.state.get(row_name(run_id))
    if row is None or "total" not in row:
        raise WrongUsage(
            f"There is no run {run_id}.", [f"`giftbridge retry --runs {stack.hint}` lists those there are."]
        )
    return row


def _head_row(run: Run) -> dict[str, object]:
    return {
        "run": run.id,
        "who": run.who,
        "at": format_moment(run.at),
        "total": run.total,
        "state": run.state.value,
        "counts": dict(run.counts),
        "cancelled_by": run.cancelled_by,
        "ended_at": format_moment(run.ended_at) if run.ended_at else None,
    }


def _run(row: Mapping[str, Any]) -> Run:
    return Run(
        id=str(row["run"]),
        who=str(row["who"]),
        at=parse_moment(row["at"]),
        total=int(row["total"]),
        state=RunState(row["state"]),
        counts={str(name): int(count) for name, count in row["counts"].items()},
        cancelled_by=row.get("cancelled_by"),
        ended_at=parse_moment(row["ended_at"]) if row.get("ended_at") else None,
    )


def _item(values: list[Any]) -> RunItem:
    name, revision, way, was, cause, outcome = values
    return RunItem(name, int(revision), Way(way), State(was), cause, Outcome(outcome))
