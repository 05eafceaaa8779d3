"""`giftbridge status`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from giftbridge.domain.deliveries import Kind
from giftbridge.domain.mailing import MailTrouble
from giftbridge.domain.times import format_moment
from ops.command.showing import age, moment, pairs, table
from ops.command.terminal import Terminal, verb
from ops.operating.import_tool import ImportStatus
from ops.operating.judging import judge
from ops.operating.problems import HEALTHY, PERSON_NEEDED
from ops.operating.status import MOST_COUNTED, DestinationStatus, FeedStatus, Status, SystemStatus, read_status
from ops.operating.systems import CRMS

_MOST_LINES = 5
_STYLES = {"open": "green", "not connected": "bold red", "paused": "bold yellow", "stopped": "bold red"}


@verb
def status(terminal: Terminal) -> int:
    """Show on one screen how a stack is doing.

    Exit code 0 when all is well, 1 when a person is needed, 3 when the stack cannot be reached.
    """
    stack = terminal.stack
    with terminal.busy("looking"):
        found = read_status(stack)
        judge(stack, found)
    verdict = (
        Text("All is well.", style="bold green") if found.is_healthy else Text("A person is needed:", style="bold red")
    )
    needed, noted = _first(found.needs_person), _first(found.notices)
    lines = [Text(f"  {line}") for line in needed] + [Text(f"Note: {line}", style="yellow") for line in noted]
    terminal.answer(_data(found), _heading(found), _systems(found), _deliveries(found), verdict, *lines)
    return HEALTHY if found.is_healthy else PERSON_NEEDED


def _first(lines: list[str]) -> list[str]:
    """As many as leave the rest of the screen in sight."""
    more = len(lines) - _MOST_LINES
    return lines if more <= 0 else [*lines[:_MOST_LINES], f"and {more} more: --json tells all"]


def _heading(found: Status) -> Table:
    version = found.settings
    settings = (
        f"version {version.number}, saved {version.saved_at[:16]} by {version.saved_by}"
        if version.number
        else "defaults"
    )
    schedules = {True: "on", False: "off", None: "unknown (no permission to look)"}[found.pickup.is_scheduled]
    feeds = ", ".join(_feed(feed, found.now) for feed in found.pickup.feeds)
    rows = [("Stack", found.stack), ("Settings", settings), ("Schedules", schedules), ("Newest change", feeds)]
    rows += [("Import tool", _imports(d.imports, found.now)) for d in found.destinations if d.imports and not d.is_idle]
    if found.mail.waiting:
        rows.append(("Notices to mail", _count(found.mail.waiting)))
    return pairs(rows)


def _imports(imports: ImportStatus, now: datetime) -> str:
    """What waits for the batch and for the import, and the batches."""
    held = f", held since {moment(imports.held_since)} ({age(imports.held_since, now)})" if imports.held_since else ""
    last = f"last batch {age(imports.last_batch, now)}" if imports.last_batch else "no batch yet"
    following = f", next {moment(imports.next_batch)} UTC" if imports.next_batch else ""
    return f"{_count(imports.outbox)} rows wait for the batch, {_count(imports.held)} held{held}; {last}{following}"


def _feed(feed: FeedStatus, now: datetime) -> str:
    """The newest change that was seen in a feed, and whether more of it is waiting to be read."""
    seen = age(feed.cursor, now) if feed.cursor else "not read yet"
    return f"{feed.name} {seen}" + (" (reading on)" if feed.goes_on else "")


def _systems(found: Status) -> Table:
    columns = ("system", "address", "condition", "last success")
    return table(columns, (_system_row(s, found.now) for s in found.systems), is_apart=False)


def _system_row(system: SystemStatus, now: datetime) -> tuple[str | Text, ...]:
    parts = [system.condition, f"({system.reason})" if system.reason else ""]
    parts.append(f"since {moment(system.since)}" if system.since else "")
    parts.append(f"next try {moment(system.next_try)}" if system.next_try else "")
    if system.waits_until is not None and system.waits_until != system.next_try:
        parts.append(f"asked for no calls before {moment(system.waits_until)}")
    style = _STYLES.get(system.condition, "yellow") if system.is_needed else "dim"
    condition = Text(" ".join(part for part in parts if part), style=style)
    return system.title, system.host or "", condition, age(system.last_success, now)


def _deliveries(found: Status) -> Table:
    columns = ("to", "open", "failed", "oldest", "in line", "dead letters")
    # A way that nobody uses takes no line of the screen.
    used = [d for d in found.destinations if not d.is_idle or (d.name == CRMS[0] and not found.uses_another_crm)]
    return table(columns, (_destination_row(d, found.now) for d in used), is_apart=False)


def _destination_row(destination: DestinationStatus, now: datetime) -> tuple[str | Text, ...]:
    by_state = ", ".join(f"{count} {state}" for state, count in destination.by_state.items())
    oldest = destination.oldest_undelivered
    name = Text(destination.name)
    return (
        name if destination.is_enabled else name.append(" (off)", style="bold red"),
        _count(destination.open) + (f" ({by_state})" if by_state else ""),
        Text(
            _count(destination.failed) + _kinds(destination.failed_by_kind),
            style="bold red" if destination.failed else "",
        ),
        age(oldest, now) if oldest else "none",
        str(destination.queue.waiting + destination.queue.in_hand),
        str(destination.dead_letters.waiting + destination.dead_letters.in_hand),
    )


def _kinds(by_kind: dict[str, int]) -> str:
    """Counts by kind of change, where it is not donations alone."""
    if set(by_kind) <= {Kind.DONATION_CREATED.value}:
        return ""
    return f" ({', '.join(f'{count} {kind}' for kind, count in by_kind.items())})"


def _count(number: int) -> str:
    return f"{number} or more" if number >= MOST_COUNTED else str(number)


def _data(found: Status) -> dict[str, Any]:
    version = found.settings
    return {
        "stack": found.stack,
        "at": format_moment(found.now),
        "healthy": found.is_healthy,
        "needs_a_person": found.needs_person,
        "notices": found.notices,
        "notices_waiting": found.mail.waiting,
        "notices_trouble": _trouble_data(found.mail.trouble),
        "settings": {"version": version.number, "saved_at": version.saved_at, "saved_by": version.saved_by},
        "pickup": {
            "cursor": _text(found.pickup.cursor),
            "scheduled": found.pickup.is_scheduled,
            "feeds": {feed.name: _feed_data(feed) for feed in found.pickup.feeds},
        },
        "systems": {system.name: _system_data(system) for system in found.systems},
        "destinations": {
            destination.name: _destination_data(destination, found.now) for destination in found.destinations
        },
    }


def _feed_data(feed: FeedStatus) -> dict[str, Any]:
    return {"cursor": _text(feed.cursor), "read_to_end_at": _text(feed.read_at), "goes_on": feed.goes_on}


def _trouble_data(trouble: MailTrouble | None) -> dict[str, Any] | None:
    if trouble is None:
        return None
    return {
        "cause": trouble.cause,
        "text": trouble.text,
        "remedy": trouble.remedy,
        "since": _text(trouble.since),
        "next_try": _text(trouble.not_before),
    }


def _system_data(system: SystemStatus) -> dict[str, Any]:
    return {
        "connected": system.condition != "not connected",
        "host": system.host,
        "condition": system.condition,
        "reason": system.reason,
        "since": _text(system.since),
        "next_try": _text(system.next_try),
        "waits_until": _text(system.waits_until),
        "last_success": _text(system.last_success),
    }


def _destination_data(destination: DestinationStatus, now: datetime) -> dict[str, Any]:
    oldest = destination.oldest_undelivered
    return {
        "connected": destination.is_connected,
        "enabled": destination.is_enabled,
        "condition": destination.condition,
        "open": destination.open,
        "open_by_state": destination.by_state,
        "open_by_kind": destination.open_by_kind,
        "failed": destination.failed,
        "failed_by_kind": destination.failed_by_kind,
        "oldest_undelivered_at": _text(oldest),
        "oldest_undelivered_seconds": (now - oldest).total_seconds() if oldest else None,
        "queue": {"waiting": destination.queue.waiting, "in_hand": destination.queue.in_hand},
        "dead_letters": {"waiting": destination.dead_letters.waiting, "in_hand": destination.dead_letters.in_hand},
        **(_imports_data(destination.imports, now) if destination.imports is not None else {}),
    }


def _imports_data(imports: ImportStatus, now: datetime) -> dict[str, Any]:
    since = imports.held_since
    return {
        "outbox": imports.outbox,
        "held": imports.held,
        "held_since": _text(since),
        "held_seconds": (now - since).total_seconds() if since else None,
        "last_batch": {"at": _text(imports.last_batch), **imports.last_counts} if imports.last_batch else None,
        "next_batch_at": _text(imports.next_batch),
        "missed_batch_at": _text(imports.missed_batch),
        "contacts_queried_at": _text(imports.queried_at),
        "switches": imports.switches,
    }


def _text(value: datetime | None) -> str | None:
    return format_moment(value) if value is not None else None
