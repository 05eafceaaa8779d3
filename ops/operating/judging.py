"""What a stack's status means: what a person must do, and what is worth knowing."""

from __future__ import annotations

from datetime import timedelta

from giftbridge.domain.settings import Settings
from giftbridge.store.switches import enabled_row, read_periods
from ops.operating import notices
from ops.operating.import_tool import QUERY_LATE
from ops.operating.stack import Stack
from ops.operating.status import SILENT, DestinationStatus, Status, SystemStatus
from ops.operating.systems import CRMS, SOURCE, SYSTEMS, VIRTUOUS

LATE = timedelta(minutes=3)
_SWITCHES = {"gifts": "gifts are not sent", "contacts": "contacts go their own ways", "projects": "projects stay"}


def judge(stack: Stack, status: Status) -> None:
    """Fill in what needs a person, and the notices that need nobody."""
    for system in status.systems:
        _judge_system(stack, system, status)
    for destination in status.destinations:
        _judge_destination(stack, destination, status)
    _judge_imports(stack, status)
    _judge_pickup(stack, status)
    status.notices.extend(notices.judge(status.mail, status.settings.settings.notifications, stack.hint))


def _judge_system(stack: Stack, system: SystemStatus, status: Status) -> None:
    connect = f"`giftbridge connect {system.name} {stack.hint}`"
    person = {
        "not connected": f"{system.title} is not connected: {connect}.",
        "paused": f"{system.title} is paused {system.reason}: `giftbridge resume {system.name} {stack.hint}`.",
        "stopped": f"{system.title} refuses the credentials ({system.reason}): {connect}.",
    }
    notice = {
        "breaker open": f"{system.title} does not work at the moment; all is made good by itself once it does.",
        "asked to wait": f"{system.title} asked for fewer calls; the rest goes out by itself.",
    }
    if system.condition == "not connected" and not system.is_needed:
        return
    if system.is_long_wait:
        status.needs_person.append(
            f"{system.title} asked for no calls before {system.waits_until:%Y-%m-%d %H:%M} UTC: "
            f"`giftbridge resume {system.name} {stack.hint}` ends the wait."
        )
    if system.condition in person:
        status.needs_person.append(person[system.condition])
    if system.condition in notice and not system.is_long_wait:
        status.notices.append(notice[system.condition])


def _judge_destination(stack: Stack, destination: DestinationStatus, status: Status) -> None:
    title = SYSTEMS[destination.name].title
    is_connected = destination.is_connected and stack.is_connected(SOURCE)
    if is_connected and not destination.is_enabled and destination.name in CRMS:
        switch_on = f"`giftbridge settings set {destination.name}.enabled=true {stack.hint}`"
        status.needs_person.append(f"Deliveries to {title} are switched off: {switch_on}.")
    if destination.failed:
        status.needs_person.append(
            f"{destination.failed} failed on the way to {title}: `giftbridge failures {stack.hint}` says why."
        )
    elif destination.dead_letters.waiting:
        status.notices.append(
            f"The dead-letter queue to {title} is not empty: `giftbridge dlq list {stack.hint}`. "
            "The sweep removes messages of settled deliveries."
        )
    oldest = destination.oldest_undelivered
    if oldest is not None and status.now - oldest > LATE:
        status.notices.append(
            f"The oldest undelivered one to {title} waits since {oldest:%Y-%m-%d %H:%M} UTC: "
            f"`giftbridge deliveries --state waiting {stack.hint}`."
        )


def _judge_imports(stack: Stack, status: Status) -> None:
    """Rows that are held need nobody, however long: the import is run by staff, in their own time."""
    found = next((d for d in status.destinations if d.imports is not None), None)
    if found is None or found.imports is None or not found.is_enabled:
        return
    imports, settings = found.imports, status.settings.settings
    status.notices.extend(_switched_off(settings))
    if imports.held and imports.held_since is not None:
        status.notices.append(
            f"Virtuous' import tool holds {imports.held} rows, the oldest since "
            f"{imports.held_since:%Y-%m-%d %H:%M} UTC: they land when somebody runs the import there."
        )
    if not found.is_connected:
        return
    if imports.missed_batch is not None:
        status.needs_person.append(
            f"The batch of {imports.missed_batch:%Y-%m-%d %H:%M} UTC did not run: "
            f"`giftbridge batch run {stack.hint}` runs it, the log of its function says why it did not."
        )
    queried = imports.queried_at
    if settings.virtuous.sync_contacts and queried is not None and status.now - queried > QUERY_LATE:
        status.notices.append(f"Modified contacts were not asked for since {queried:%Y-%m-%d %H:%M} UTC.")


def _switched_off(settings: Settings) -> list[str]:
    off = [
        f"{words} ({VIRTUOUS}.sync_{sort} is off)" for sort, words in _SWITCHES.items() if not _is_on(settings, sort)
    ]
    return [f"Virtuous: {', '.join(off)}."] if off else []


def _is_on(settings: Settings, sort: str) -> bool:
    return bool(getattr(settings.virtuous, f"sync_{sort}"))


def _judge_pickup(stack: Stack, status: Status) -> None:
    source = next(system for system in status.systems if system.name == SOURCE)
    enabled = [name for name in CRMS if getattr(status.settings.settings, name).enabled]
    if source.condition != "open" or not enabled:
        return
    if status.pickup.is_scheduled is False:
        status.needs_person.append(
            f"The schedules are off: `giftbridge connect {enabled[0]} {stack.hint}` turns them on."
        )
        return
    rows = [row for name in enabled if (row := stack.tools.state.get(enabled_row(name)))]
    last = source.last_success or min((turns[-1] for row in rows if (turns := read_periods(row).turns)), default=None)
    is_silent = last is not None and status.now - last > SILENT
    behind = [feed for feed in status.pickup.feeds if feed.is_behind(status.now)]
    if is_silent and len(behind) in {0, len(status.pickup.feeds)}:
        status.needs_person.append(
            f"Nothing was read from RaiseDonors since {last:%Y-%m-%d %H:%M} UTC: see the log of the pickup function."
        )
        return
    for feed in behind:
        since = f"The {feed.name} were not read to the end since {feed.read_at:%Y-%m-%d %H:%M} UTC"
        if not feed.goes_on:
            status.needs_person.append(f"{since}: `giftbridge pickup run {stack.hint}` says why.")
        else:
            status.notices.append(f"{since}: there are many, and each run takes its share.")
