"""Virtuous' import tool: what waits for the batch, what is held and since when, the last chunks, run it now."""

from __future__ import annotations

from datetime import datetime

from starlette.responses import Response

from giftbridge.domain.deliveries import Delivery, Kind, State
from giftbridge.domain.delivery_ids import VIRTUOUS
from giftbridge.flows.vitals import held_since
from ops.console.jobs import Job
from ops.console.visit import Visit, acts, looks
from ops.operating import batch, story
from ops.operating.import_tool import read_import_status
from ops.operating.listing import Filter, page_of
from ops.operating.problems import WrongUsage

_SHOWN = 50
_CHUNKS = 20


def batches(visit: Visit) -> Response:
    """How the import tool stands."""
    stack = visit.stack
    if VIRTUOUS not in stack.destinations:
        return visit.page("batches.html", "Batches", imports=None, is_enabled=False, held=[], waiting=[], chunks=[])
    settings = stack.versions.current().settings
    held = stack.tools.deliveries.ids_in("sent", VIRTUOUS, _SHOWN)
    waiting = stack.tools.deliveries.ids_in("outbox", VIRTUOUS, _SHOWN)
    rows = stack.tools.deliveries.get_many([*held, *waiting])
    chunks = page_of(stack, Filter(kind=Kind.IMPORT_CHUNK, destination=VIRTUOUS), _CHUNKS).deliveries
    return visit.page(
        "batches.html",
        "Batches",
        imports=read_import_status(stack, settings),
        is_enabled=settings.virtuous.enabled,
        held=_oldest_first([row for name in held if (row := rows.get(name)) and row.state is State.SENT]),
        waiting=[row for name in waiting if (row := rows.get(name)) and row.is_in_outbox],
        chunks=chunks,
    )


def _oldest_first(rows: list[Delivery]) -> list[tuple[Delivery, datetime]]:
    return sorted(((row, held_since(row)) for row in rows), key=lambda pair: pair[1])


def confirm(visit: Visit) -> Response:
    """What a run does, before it does it."""
    return visit.page(
        "confirm.html",
        "Run the batch now",
        lines=[
            "All rows that wait in the outbox go to Virtuous' import tool, in calls of at most 100. They are held "
            "there until staff runs the import; nothing is sent twice.",
            "The batch of the day runs at its time all the same.",
        ],
        target=visit.url("/batches/run"),
        fields=[],
        reason=None,
        button="Run it now",
        tone="primary",
        cancel=visit.url("/batches"),
    )


def run(visit: Visit) -> Response:
    """Run the batch; it goes on when the page is left."""
    stack, who = visit.stack, visit.who()
    if VIRTUOUS not in stack.destinations:
        raise WrongUsage("This stack knows nothing of Virtuous.")

    def work(job: Job) -> None:
        story.record(stack, f"system#{VIRTUOUS}", what="batch run", why="an operator asked for it", who=who)
        outcome = batch.run(stack)
        job.lines = [
            f"{outcome.gifts} gifts, {outcome.contacts} contacts and {outcome.projects} projects are on their way, "
            f"in {outcome.chunks} calls."
        ]
        job.lines += [f"It did nothing: {outcome.why_idle}."] if outcome.why_idle else []
        job.lines += outcome.troubles
        job.has_failed = bool(outcome.troubles)

    return visit.go(f"/job/{visit.office.jobs.start('Running the batch', visit.url('/batches'), work, key='batch').id}")


ROUTES = (looks("/batches", batches), looks("/batches/run", confirm), acts("/batches/run", run))
