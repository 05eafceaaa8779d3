"""Running the pickup now, and what its run did."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ops.operating.invoking import invoke
from ops.operating.stack import Stack

# PickupOutcome.why_idle when the lease is taken: not a trouble, the other run does the same work.
ANOTHER_RUNS = "another pickup is running"
_TRIES = 20


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run of the pickup did; `why_idle` says why nothing was read.

    `feeds` counts the records seen in each feed, `troubles` says why a feed could not be read to its end.
    """

    why_idle: str | None
    seen: int
    counts: dict[str, int]
    nudged: int
    is_complete: bool
    feeds: dict[str, int] = field(default_factory=dict)
    troubles: dict[str, str] = field(default_factory=dict)


def run(stack: Stack) -> Outcome:
    """Run the pickup function now and wait for its outcome; one that runs already is waited for."""
    answer = _invoke(stack)
    for _ in range(_TRIES):
        if answer.get("why_idle") != ANOTHER_RUNS:
            break
        stack.sleep(1.0)
        answer = _invoke(stack)
    return Outcome(
        answer.get("why_idle"),
        int(answer.get("seen", 0)),
        {str(state): int(count) for state, count in (answer.get("counts") or {}).items()},
        int(answer.get("nudged", 0)),
        bool(answer.get("is_complete", True)),
        {str(feed): int(seen) for feed, seen in (answer.get("feeds") or {}).items()},
        {str(feed): str(why) for feed, why in (answer.get("troubles") or {}).items()},
    )


def _invoke(stack: Stack) -> dict[str, Any]:
    return invoke(stack, "DonationPickupFunction", "pickup")
