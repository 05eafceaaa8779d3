"""Running the daily batch now, and what its run did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ops.operating.invoking import invoke
from ops.operating.stack import Stack

# BatchOutcome.why_idle when the lease is taken: not a trouble, the other run does the same work.
ANOTHER_RUNS = "another batch is being planned"
_TRIES = 20
_NOW = b'{"run": "now"}'


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run planned; `why_idle` says why it planned nothing, `troubles` what it could not do.

    `gifts` and `contacts` count rows, `chunks` the calls they travel in, `projects` the changes of projects.
    """

    why_idle: str | None
    batch: str | None
    gifts: int
    contacts: int
    chunks: int
    projects: int
    troubles: tuple[str, ...]


def run(stack: Stack) -> Outcome:
    """Run the batch now, whatever the time of day, and wait for its outcome; one that runs already is waited for."""
    answer = _invoke(stack)
    for _ in range(_TRIES):
        if answer.get("why_idle") != ANOTHER_RUNS:
            break
        stack.sleep(3.0)
        answer = _invoke(stack)
    return Outcome(
        why_idle=answer.get("why_idle"),
        batch=answer.get("batch"),
        gifts=int(answer.get("gifts", 0)),
        contacts=int(answer.get("contacts", 0)),
        chunks=int(answer.get("chunks", 0)),
        projects=int(answer.get("projects", 0)),
        troubles=tuple(map(str, answer.get("troubles") or ())),
    )


def _invoke(stack: Stack) -> dict[str, Any]:
    return invoke(stack, "DailyBatchFunction", "batch", _NOW)
