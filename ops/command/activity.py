"""`giftbridge activity`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.table import Table

from ops.command.showing import table
from ops.command.terminal import Terminal, verb
from ops.operating import story
from ops.operating.identifiers import FORMS, deliveries_named, donor_id
from ops.operating.problems import HEALTHY, WrongUsage
from ops.operating.stack import Stack


@verb
def activity(
    terminal: Terminal,
    name: Annotated[
        str | None,
        typer.Argument(metavar="ID", help=f"Of the deliveries that this names: {FORMS}."),
    ] = None,
    donor: Annotated[str | None, typer.Option(metavar="ID", help="Of this donor, whatever was done.")] = None,
    day: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Of this day in UTC.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=5000, help="At most so many lines.")] = 50,
) -> int:
    """Show what was done to whom, why and with what result.

    Of one delivery, of one donor, of one day, or what happened lately; newest first.
    """
    if sum(value is not None for value in (name, donor, day)) > 1:
        raise WrongUsage("Give an ID, --donor or --day, not several.")
    stack = terminal.stack
    with terminal.busy("looking"):
        lines = _lines(stack, name, donor, day, limit)
    terminal.answer({"activity": lines}, lines_table(lines), f"{len(lines)} lines" if lines else "Nothing was done.")
    return HEALTHY


def _lines(stack: Stack, name: str | None, donor: str | None, day: datetime | None, limit: int) -> list[dict[str, Any]]:
    if name is not None:
        found = [
            line for delivery in deliveries_named(stack, name) for line in story.of_delivery(stack, delivery, limit)
        ]
        return sorted(found, key=lambda line: str(line["at"]), reverse=True)[:limit]
    if donor is not None:
        return story.of_donor(stack, donor_id(donor), limit)
    if day is not None:
        return story.of_day(stack, day.replace(tzinfo=UTC).date(), limit)
    return story.recent(stack, limit)


def lines_table(lines: list[dict[str, Any]]) -> Table:
    """Activity lines as a table."""
    columns = ("at (UTC)", "whom", "what", "why", "details", "by")
    return table(columns, (_row(line) for line in lines))


def _row(line: Mapping[str, Any]) -> tuple[str, ...]:
    at = str(line["at"])[:19].replace("T", " ")
    details = _details(dict(line.get("details") or {}))
    whom = str(line.get("delivery") or line.get("entity") or "")
    return at, whom, str(line.get("what", "")), str(line.get("why", "")), details, str(line.get("who", ""))


def _details(details: dict[str, Any]) -> str:
    """What is known beside, and last the fields that changed: field, old value, new value."""
    changes = details.pop("changes", None) or ()
    named = [f"{name} {_one_line(value)}" for name, value in details.items()]
    return ", ".join(
        [*named, *(f"{c['field']}: {_one_line(c.get('old'))} → {_one_line(c.get('new'))}" for c in changes)]
    )


def _one_line(value: Any) -> str:
    """A value without line breaks; what is absent or empty is said to be."""
    if value is None or value == "":
        return "(empty)"
    return ", ".join(map(str, value)) if isinstance(value, list) else " / ".join(str(value).split("\n"))
