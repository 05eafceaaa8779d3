"""How things look on a terminal: tables, moments, ages. Nothing from outside is ever read as markup."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from giftbridge.domain.deliveries import Delivery, State

STATE_STYLES = {
    State.DELIVERED: "green",
    State.FAILED: "bold red",
    State.IGNORED: "dim",
    State.UNKNOWN: "yellow",
    State.WAITING: "yellow",
    State.SENT: "cyan",
}


def table(
    columns: Sequence[str], rows: Iterable[Sequence[str | Text]], *, title: str | None = None, is_apart: bool = True
) -> Table:
    """A table; long cells go on in the next line. One that stands apart has an empty line above and below."""
    shown = Table(*columns, box=SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False, show_edge=is_apart)
    for column in shown.columns:
        column.overflow = "fold"
    for row in rows:
        shown.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
    return shown


def pairs(rows: Iterable[tuple[str, str | Text]]) -> Table:
    """Names with values, one a line; a name without a value is left out."""
    shown = Table.grid(padding=(0, 2))
    shown.add_column(style="bold", no_wrap=True)
    shown.add_column(overflow="fold")
    for name, value in rows:
        if value:
            shown.add_row(Text(name), Text(value) if isinstance(value, str) else value)
    return shown


def moment(value: datetime | None) -> str:
    """A moment in UTC, to the second."""
    return value.strftime("%Y-%m-%d %H:%M:%S") if value is not None else ""


def age(value: datetime | None, now: datetime) -> str:
    """How long ago, in the largest unit that fits."""
    if value is None:
        return "never"
    seconds = max(0, int((now - value).total_seconds()))
    units = ((86_400, "d"), (3_600, "h"), (60, "min"))
    return next((f"{seconds // size} {unit} ago" for size, unit in units if seconds >= size), f"{seconds} s ago")


def duration(seconds: float) -> str:
    """A length of time, rounded up to whole minutes once it is more than one."""
    return f"{seconds:.0f} s" if seconds <= 60 else str(timedelta(minutes=-(-int(seconds) // 60)))[:-3] + " h"


def state_text(delivery: Delivery) -> Text:
    """A delivery's state in its colour."""
    return Text(delivery.state.value, style=STATE_STYLES.get(delivery.state, ""))


def sightings(delivery: Delivery) -> str:
    """How often something that can happen again was seen, and up to which sighting it was served; else nothing."""
    if not delivery.wanted:
        return ""
    return f"{delivery.wanted} seen, {delivery.served} served"
