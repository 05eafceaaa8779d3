"""Failures by cause: how many, since when, what to do, and a retry of all of one cause."""

from __future__ import annotations

from starlette.responses import Response

from ops.console.pages.delivery import runbook_name
from ops.console.visit import Visit, looks
from ops.operating import retry_runs
from ops.operating.listing import failures as grouped

_RUNS = 5


def failures(visit: Visit) -> Response:
    """All causes, the most frequent first, and the last retries."""
    groups = grouped(visit.stack)
    return visit.page(
        "failures.html",
        "Failures",
        groups=[(group, runbook_name(group.cause)) for group in groups],
        total=sum(group.count for group in groups),
        runs=retry_runs.recent(visit.stack)[:_RUNS],
    )


ROUTES = (looks("/failures", failures),)
