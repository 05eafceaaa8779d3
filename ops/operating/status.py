"""How a stack is doing, and whether a person is needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from giftbridge.domain.deliveries import Delivery, State
from giftbridge.domain.destinations import Destination
from giftbridge.domain.settings import Settings
from giftbridge.domain.times import parse_moment
from giftbridge.flows.change_feeds import DonorFeed, VirtuousDonorFeed
from giftbridge.store.settings_versions import SettingsVersion
from ops.operating.dead_letters import QueueDepth, depth
from ops.operating.identifiers import kind_of
from ops.operating.import_tool import ImportStatus, read_import_status
from ops.operating.notices import NoticeStatus, read_notices
from ops.operating.schedules import are_on
from ops.operating.stack import Stack
from ops.operating.systems import CRMS, SOURCE, SYSTEMS, VIRTUOUS, System

MOST_COUNTED = 10_000
GIFTS = "gifts"
_LOOKED_AT = 500
# The pickup runs every minute: so long without a success, and nothing known to be in its way, it does not run.
SILENT = timedelta(minutes=15)
# A wait that a system asked for is told as one when it is longer.
LONG_WAIT = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class SystemStatus:
    """An outside system; `condition` is not connected, paused, stopped, breaker open, asked to wait, or open.

    `waits_until` is what it asked for itself, whatever else is in the way, and `is_long_wait` whether that is long. One
    that is not needed may stay unconnected: RaiseDonors is, a CRM that is switched on, and one CRM in any case.
    """

    name: str
    title: str
    host: str | None
    condition: str
    reason: str | None
    since: datetime | None
    next_try: datetime | None
    last_success: datetime | None
    is_needed: bool = True
    waits_until: datetime | None = None
    is_long_wait: bool = False


@dataclass(frozen=True, slots=True)
class DestinationStatus:
    """The deliveries to one destination; counts by kind are told by the ids. A count stops at MOST_COUNTED.

    What waits for Virtuous' batch, or for its import, is told by `imports` alone: it is neither open nor late.
    """

    name: str
    condition: str
    is_connected: bool
    is_enabled: bool
    open: int
    by_state: dict[str, int]
    failed: int
    oldest_undelivered: datetime | None
    queue: QueueDepth
    dead_letters: QueueDepth
    open_by_kind: dict[str, int]
    failed_by_kind: dict[str, int]
    imports: ImportStatus | None = None

    @property
    def is_idle(self) -> bool:
        """Whether it is neither switched on nor holds anything."""
        counts = (self.open, self.failed, self.dead_letters.waiting, self.dead_letters.in_hand)
        held = self.imports.outbox + self.imports.held if self.imports is not None else 0
        return not self.is_enabled and not any(counts) and not held


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

    @property
    def uses_another_crm(self) -> bool:
        """Whether a CRM other than the first is switched on."""
        return any(destination.is_enabled for destination in self.destinations if destination.name in CRMS[1:])


def read_status(stack: Stack) -> Status:
    """Look at everything once; what that means is not judged yet."""
    version, now = stack.versions.current(), stack.tools.now()
    systems = tuple(_system(stack, system, version.settings, now) for system in stack.systems)
    conditions = {system.name: system.condition for system in systems}
    return Status(
        stack=stack.name,
        now=now,
        settings=version,
        systems=systems,
        destinations=tuple(
            _destination(stack, SYSTEMS[name], version.settings, conditions.get(name, ""))
            for name in stack.destinations
        ),
        pickup=_pickup(stack, version),
        mail=read_notices(stack, version),
    )


# --- looking ----------------------------------------------------------------------------------------------------


def _system(stack: Stack, system: System, settings: Settings, now: datetime) -> SystemStatus:
    credential = stack.credential(system.name)
    row = stack.tools.state.destination(system.name)
    host = _host(credential.values["url"]) if credential.is_complete else None
    waits_until = row.waits_until(now) if credential.is_complete else None
    condition, reason, since, next_try = _condition(row, credential.is_complete, waits_until)
    return SystemStatus(
        system.name,
        system.title,
        host,
        condition,
        reason,
        since,
        next_try,
        row.last_success_at,
        is_needed=_is_needed(stack, system, settings),
        waits_until=waits_until,
        is_long_wait=waits_until is not None and waits_until - (row.asked_at or now) > LONG_WAIT,
    )


def _host(url: str) -> str:
    """The host of an address, with its port; older versions stored some that are none, or that hold a password."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:
        return "no address"


def _is_needed(stack: Stack, system: System, settings: Settings) -> bool:
    if not system.is_crm or getattr(settings, system.name).enabled:
        return True
    return system.name == CRMS[0] and not any(stack.is_connected(name) for name in CRMS)


def _condition(
    row: Destination, is_connected: bool, waits_until: datetime | None
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
    if waits_until is not None:
        return "asked to wait", "answered with 429", row.asked_at, waits_until
    return "open", None, None, None


def _is_enabled(name: str, settings: Settings) -> bool:
    """What goes back to RaiseDonors goes while contacts are kept the same."""
    if name == SOURCE:
        return settings.virtuous.enabled and settings.virtuous.sync_contacts
    return bool(getattr(settings, name).enabled)


def _destination(stack: Stack, system: System, settings: Settings, condition: str) -> DestinationStatus:
    outbox = set(stack.tools.deliveries.ids_in("outbox", system.name, MOST_COUNTED))
    found = stack.tools.deliveries.ids_in("open", system.name, MOST_COUNTED + len(outbox))
    ids = [name for name in found if name not in outbox]
    looked_at = list(stack.tools.deliveries.get_many(ids[:_LOOKED_AT]).values())
    undelivered = [delivery for delivery in looked_at if delivery.state is not State.DELIVERED]
    only_mirrored = {delivery.id for delivery in looked_at} - {delivery.id for delivery in undelivered}
    failed = stack.tools.deliveries.ids_in("failed", system.name, MOST_COUNTED)
    queue = stack.queue_of(system.name)
    return DestinationStatus(
        name=system.name,
        condition=condition,
        is_connected=stack.is_connected(VIRTUOUS if system.name == SOURCE else system.name),
        is_enabled=_is_enabled(system.name, settings),
        open=len(ids) - len(only_mirrored),
        by_state=_by_state(undelivered) if len(ids) <= _LOOKED_AT else {},
        failed=len(failed),
        oldest_undelivered=min((d.created_at for d in undelivered if not _waits_for_the_import(d)), default=None),
        queue=depth(stack, queue.url),
        dead_letters=depth(stack, queue.dead_letter_url),
        open_by_kind=_by_kind(name for name in ids if name not in only_mirrored),
        failed_by_kind=_by_kind(failed),
        imports=read_import_status(stack, settings) if system.name == VIRTUOUS else None,
    )


def _waits_for_the_import(delivery: Delivery) -> bool:
    """A refund whose gift is held: only staff, who run the import, can speed that up."""
    return delivery.trouble is not None and delivery.trouble.cause == "original-held"


def _by_state(deliveries: list[Delivery]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for delivery in deliveries:
        counts[delivery.state.value] = counts.get(delivery.state.value, 0) + 1
    return counts


def _by_kind(ids: Iterable[str]) -> dict[str, int]:
    counts = Counter(kind.value for kind in map(kind_of, ids) if kind is not None)
    return dict(counts.most_common())


def _pickup(stack: Stack, version: SettingsVersion) -> PickupStatus:
    settings = version.settings
    # Without Aegis nobody needs to know of schedules and notes; before anything is enabled all are shown.
    with_aegis = settings.aegis.enabled or not settings.virtuous.enabled
    names = [GIFTS, *(["schedules", DonorFeed.name] if with_aegis else [])]
    names += [VirtuousDonorFeed.name] if settings.virtuous.enabled else []
    names += ["notes"] if with_aegis and settings.aegis.send_notes else []
    return PickupStatus(
        tuple(_feed(stack, name) for name in names), are_on(stack, with_batch=settings.virtuous.enabled)
    )


def _feed(stack: Stack, name: str) -> FeedStatus:
    row = stack.tools.state.get(f"cursor#{name}")
    if row is None:
        return FeedStatus(name, None, None, goes_on=False)
    return FeedStatus(name, parse_moment(row["at"]), parse_moment(row["long_look_at"]), goes_on="bound" in row)
