"""How a stack is doing, and whether a person is needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from giftbridge.domain.deliveries import Delivery, State
from giftbridge.domain.destinations import Destination
from giftbridge.domain.times import parse_moment
from giftbridge.store.settings_versions import SettingsVersion
from ops.operating.dead_letters import QueueDepth, depth
from ops.operating.identifiers import kind_of
from ops.operating.notices import NoticeStatus, judge, read_notices
from ops.operating.stack import Stack
from ops.operating.systems import DESTINATIONS, SOURCE, SYSTEMS, System

MOST_COUNTED = 10_000
GIFTS = "gifts"
_LOOKED_AT = 500
LATE = timedelta(minutes=3)
# The pickup runs every minute: so long without a success, and nothing known to be in its way, it does not run.
SILENT = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class SystemStatus:
    """An outside system; `condition` is not connected, paused, stopped, breaker open, asked to wait, or open."""

    name: str
    title: str
    host: str | None
    condition: str
    reason: str | None
    since: datetime | None
    next_try: datetime | None
    last_success: datetime | None


@dataclass(frozen=True, slots=True)
class DestinationStatus:
    """The deliveries to one destination; counts by kind are told by the ids. A count stops at MOST_COUNTED."""

    name: str
    is_enabled: bool
    open: int
    by_state: dict[str, int]
    failed: int
    oldest_undelivered: datetime | None
    queue: QueueDepth
    dead_letters: QueueDepth
    open_by_kind: dict[str, int]
    failed_by_kind: dict[str, int]


@dataclass(frozen=True, slots=True)
class FeedStatus:
    """How far one feed has been read: `cursor` is the newest change seen, `read_at` its last reading to the end.

    `read_at` is exact to LONG_LOOK_EVERY. One that `goes_on` has pages left for the next run.
    """

    name: str
    cursor: datetime | None
    read_at: datetime | None
    goes_on: bool

    def is_behind(self, now: datetime) -> bool:
        """Whether it was not read to its end for so long that something is in the way."""
        return self.read_at is not None and now - self.read_at > SILENT


@dataclass(frozen=True, slots=True)
class PickupStatus:
    """How far each feed has been read. `is_scheduled` is None where that could not be found out."""

    feeds: tuple[FeedStatus, ...]
    is_scheduled: bool | None

    @property
    def cursor(self) -> datetime | None:
        """The newest change of a gift that was seen."""
        return next((feed.cursor for feed in self.feeds if feed.name == GIFTS), None)


@dataclass(frozen=True, slots=True)
class Status:
    """Everything one screen holds. `needs_person` is empty when all is well; `notices` need nobody."""

    stack: str
    now: datetime
    settings: SettingsVersion
    systems: tuple[SystemStatus, ...]
    destinations: tuple[DestinationStatus, ...]
    pickup: PickupStatus
    mail: NoticeStatus
    needs_person: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    @property
    def is_healthy(self) -> bool:
        return not self.needs_person


def read_status(stack: Stack) -> Status:
    """Look at everything once."""
    version, now = stack.versions.current(), stack.tools.now()
    status = Status(
        stack=stack.name,
        now=now,
        settings=version,
        systems=tuple(_system(stack, system, now) for system in SYSTEMS.values()),
        destinations=tuple(_destination(stack, SYSTEMS[name], version) for name in DESTINATIONS),
        pickup=_pickup(stack, version),
        mail=read_notices(stack, version),
    )
    _judge(stack, status)
    return status


# --- looking ----------------------------------------------------------------------------------------------------


def _system(stack: Stack, system: System, now: datetime) -> SystemStatus:
    credential = stack.credentials.of(system.name)
    row = stack.tools.state.destination(system.name)
    host = urlsplit(credential.values["url"]).netloc if credential.is_complete else None
    condition, reason, since, next_try = _condition(row, credential.is_complete, now)
    return SystemStatus(system.name, system.title, host, condition, reason, since, next_try, row.last_success_at)


def _condition(
    row: Destination, is_connected: bool, now: datetime
) -> tuple[str, str | None, datetime | None, datetime | None]:
    if not is_connected:
        return "not connected", None, None, None
    if row.paused_by is not None:
        return "paused", f"by {row.paused_by}", None, None
    if row.stopped_at is not None:
        return "stopped", row.stopped_why, row.stopped_at, row.probe_at
    if row.opened_at is not None:
        failed = len(row.failed_donors)
        return "breaker open", f"{failed} failures in a row" if failed else None, row.opened_at, row.probe_at
    if row.not_before is not None and row.not_before > now:
        return "asked to wait", "answered with 429", None, row.not_before
    return "open", None, None, None


def _destination(stack: Stack, system: System, version: SettingsVersion) -> DestinationStatus:
    ids = stack.tools.deliveries.ids_in("open", system.name, MOST_COUNTED)
    looked_at = list(stack.tools.deliveries.get_many(ids[:_LOOKED_AT]).values())
    undelivered = [delivery for delivery in looked_at if delivery.state is not State.DELIVERED]
    only_mirrored = {delivery.id for delivery in looked_at} - {delivery.id for delivery in undelivered}
    failed = stack.tools.deliveries.ids_in("failed", system.name, MOST_COUNTED)
    return DestinationStatus(
        name=system.name,
        is_enabled=bool(getattr(version.settings, system.name).enabled),
        open=len(ids) - len(only_mirrored),
        by_state=_by_state(undelivered) if len(ids) <= _LOOKED_AT else {},
        failed=len(failed),
        oldest_undelivered=min((delivery.created_at for delivery in undelivered), default=None),
        queue=depth(stack, system.queue_output),
        dead_letters=depth(stack, system.dead_letter_output),
        open_by_kind=_by_kind(name for name in ids if name not in only_mirrored),
        failed_by_kind=_by_kind(failed),
    )


def _by_state(deliveries: list[Delivery]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for delivery in deliveries:
        counts[delivery.state.value] = counts.get(delivery.state.value, 0) + 1
    return counts


def _by_kind(ids: Iterable[str]) -> dict[str, int]:
    counts = Counter(kind.value for kind in map(kind_of, ids) if kind is not None)
    return dict(counts.most_common())


def _pickup(stack: Stack, version: SettingsVersion) -> PickupStatus:
    names = [GIFTS, "schedules", "donors", *(["notes"] if version.settings.aegis.send_notes else [])]
    return PickupStatus(tuple(_feed(stack, name) for name in names), _is_scheduled(stack))


def _feed(stack: Stack, name: str) -> FeedStatus:
    row = stack.tools.state.get(f"cursor#{name}")
    if row is None:
        return FeedStatus(name, None, None, goes_on=False)
    return FeedStatus(name, parse_moment(row["at"]), parse_moment(row["long_look_at"]), goes_on="bound" in row)


def _is_scheduled(stack: Stack) -> bool | None:
    """Whether all schedules are on; a local stack ticks by itself."""
    if stack.is_local:
        return True
    rules = [value for name, value in stack.outputs.items() if name.endswith("Rule")]
    try:
        states: list[Any] = [stack.client("events").describe_rule(Name=rule)["State"] for rule in rules]
    except ClientError:
        return None
    return all(state == "ENABLED" for state in states)


# --- judging ----------------------------------------------------------------------------------------------------


def _judge(stack: Stack, status: Status) -> None:
    for system in status.systems:
        _judge_system(stack, system, status)
    for destination in status.destinations:
        _judge_destination(stack, destination, status)
    _judge_pickup(stack, status)
    status.notices.extend(judge(status.mail, status.settings.settings.notifications, stack.hint))


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
    if system.condition in person:
        status.needs_person.append(person[system.condition])
    if system.condition in notice:
        status.notices.append(notice[system.condition])


def _judge_destination(stack: Stack, destination: DestinationStatus, status: Status) -> None:
    title = SYSTEMS[destination.name].title
    is_connected = all(system.condition != "not connected" for system in status.systems)
    if is_connected and not destination.is_enabled:
        switch_on = f"`giftbridge settings set {destination.name}.enabled=true {stack.hint}`"
        status.needs_person.append(f"Deliveries to {title} are switched off: {switch_on}.")
    if destination.failed:
        status.needs_person.append(f"{destination.failed} failed: `giftbridge failures {stack.hint}` says why.")
    elif destination.dead_letters.waiting:
        status.notices.append("The dead-letter queue holds messages of settled deliveries; the sweep removes them.")
    oldest = destination.oldest_undelivered
    if oldest is not None and status.now - oldest > LATE:
        status.notices.append(
            f"The oldest undelivered one to {title} waits since {oldest:%Y-%m-%d %H:%M} UTC: "
            f"`giftbridge deliveries --state waiting {stack.hint}`."
        )


def _judge_pickup(stack: Stack, status: Status) -> None:
    source = next(system for system in status.systems if system.name == SOURCE)
    if source.condition != "open" or not any(destination.is_enabled for destination in status.destinations):
        return
    if status.pickup.is_scheduled is False:
        status.needs_person.append(f"The schedules are off: `giftbridge connect aegis {stack.hint}` turns them on.")
        return
    enabled = stack.tools.state.get("enabled#aegis")
    last = source.last_success or (parse_moment(enabled["at"]) if enabled else None)
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
