"""`giftbridge pickup`."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from giftbridge.domain.times import format_moment
from ops.command.showing import moment, table
from ops.command.terminal import Terminal, verb
from ops.operating import pickup, preview
from ops.operating.fates import Preview
from ops.operating.problems import HEALTHY, PERSON_NEEDED, WrongUsage

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Read what changed on RaiseDonors, now.",
)


@app.callback()
def group() -> None:
    """Verbs of the pickup."""


@app.command("run")
@verb
def run(
    terminal: Terminal,
    preview_only: Annotated[
        bool, typer.Option("--preview", help="Only say what would become of each record; write and send nothing.")
    ] = False,
    since: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"],
            help="Preview what changed since then (UTC), not since last time.",
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Preview at most so many records of each feed.")] = 500,
    row: Annotated[
        bool, typer.Option("--row", help="Preview gifts to Virtuous with the whole row, names and all.")
    ] = False,
) -> int:
    """Read what changed on RaiseDonors, now: schedules, gifts, donors, and notes where those are sent.

    It happens every minute by itself; this waits for one run and shows what it did. A preview maps each gift for
    Virtuous as its import row; of names and addresses nothing is shown without --row.
    """
    if preview_only:
        return _preview(terminal, since.replace(tzinfo=UTC) if since else None, limit, with_rows=row)
    if since is not None:
        raise WrongUsage("--since goes with --preview; the setting raisedonors.start_from says what is sent.")
    stack = terminal.stack
    with terminal.busy("reading from RaiseDonors"):
        outcome = pickup.run(stack)
    if outcome.why_idle is not None:
        terminal.answer(asdict(outcome), f"Nothing was read: {outcome.why_idle}.")
        return HEALTHY if outcome.why_idle == pickup.ANOTHER_RUNS else PERSON_NEEDED
    terminal.answer(asdict(outcome), *_told(outcome))
    return PERSON_NEEDED if outcome.troubles else HEALTHY


def _told(outcome: pickup.Outcome) -> list[str]:
    """What a run did: the records of each feed, what became of them, and which feed could not be read to its end."""
    seen = ", ".join(f"{count} {feed}" for feed, count in outcome.feeds.items()) or str(outcome.seen)
    new = ", ".join(f"{count} {state}" for state, count in outcome.counts.items()) or "nothing new"
    rest = "" if outcome.is_complete else "; there is more, the next run goes on"
    return [
        f"Seen: {seen}. {new}, {outcome.nudged} on their way{rest}.",
        *(f"The {feed} could not be read to the end: {why}." for feed, why in outcome.troubles.items()),
    ]


def _preview(terminal: Terminal, since: datetime | None, limit: int, *, with_rows: bool) -> int:
    stack = terminal.stack
    with terminal.busy("asking"):
        reach = preview.preview_range(stack, since)
    found: list[Preview] = []
    cut: list[str] = []
    with terminal.counting("records", None) as count:
        for record in preview.preview(stack, reach, limit, cut, with_rows=with_rows):
            found.append(record)
            count(len(found))
    by_sort = {sort: [record for record in found if record.sort == sort] for sort in _SORTS}
    counts = {sort: dict(Counter(record.fate for record in records)) for sort, records in by_sort.items()}
    data: dict[str, Any] = {
        "read_from": {feed: format_moment(bound) for feed, bound in reach.read_from.items()},
        "send_from": format_moment(reach.send_from),
        "starts": {crm: format_moment(start) for crm, start in reach.starts.items()},
        "assumption": reach.assumption,
        "counts": counts,
        "is_cut": bool(cut),
        **{sort: [_record(record) for record in records] for sort, records in by_sort.items()},
    }
    rows = [json.dumps(record.row, ensure_ascii=False) for record in found if with_rows and record.row]
    terminal.answer(data, *_shown(by_sort, counts, reach, cut), *rows)
    return HEALTHY


# The feeds' records in the order in which they are shown, and what one of them is called.
_SORTS = {
    "gifts": "donation",
    "refunds": "refund of",
    "schedules": "schedule",
    "donors": "donor",
    "notes": "note",
    "virtuous_gifts": "to Virtuous: donation",
    "virtuous_refunds": "to Virtuous: refund of",
    "virtuous_contacts": "to Virtuous: donor",
}
_OF_VIRTUOUS = ("row", "groups")


def _record(record: Preview) -> dict[str, Any]:
    told = {name: value for name, value in asdict(record).items() if name != "sort"}
    return {name: value for name, value in told.items() if name not in _OF_VIRTUOUS or value is not None}


def _shown(
    by_sort: dict[str, list[Preview]],
    counts: dict[str, dict[str, int]],
    reach: preview.PreviewRange,
    cut: list[str],
) -> list[Any]:
    """A table for each sort that has records, then all in numbers."""
    parts: list[Any] = []
    for sort, records in by_sort.items():
        told = [r for r in records if r.fate not in _QUIET]
        if told:
            rows = ((r.id, str(r.donor_id or ""), r.status, r.fate, r.why) for r in told)
            parts.append(table((_SORTS[sort], "donor", "status", "would be", "why"), rows))
    for sort, fates in counts.items():
        if fates:
            counted = ", ".join(f"{number} {fate}" for fate, number in fates.items())
            parts.append(f"{sort.replace('virtuous_', 'to Virtuous, ')}: {counted}")
    if not by_sort["gifts"] and not by_sort["virtuous_gifts"]:
        parts.append("no gifts")
    since = ", ".join(f"{feed} {moment(bound)}" for feed, bound in reach.read_from.items())
    parts.append(
        f"Changed since (UTC): {since}. Gifts created since {moment(reach.send_from)} are sent. Nothing was written."
    )
    parts += [f"Note: {reach.assumption}."] if reach.assumption else []
    parts += [f"There are more {', '.join(cut)}; --limit shows them."] if cut else []
    return parts


# Most of a table of schedules and donors would be these: they are counted, not listed, for people.
_QUIET = frozenset({"unchanged", "unsent"})
