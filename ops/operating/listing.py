"""Finding deliveries through the indexes, never by reading a whole table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from giftbridge.domain.deliveries import OPEN_STATES, Delivery, Kind, State, Trouble
from giftbridge.domain.sightings import REOPENABLE
from ops.operating.identifiers import kind_of
from ops.operating.stack import Stack
from ops.operating.systems import DESTINATIONS

MOST = 10_000
_LINES_OF_A_DAY = 5_000
_DAYS_BACK = 7
_UNSETTLED = ("open", "sent", "failed")
# Every cause a delivery can be ignored for has a partition of its own in the index.
IGNORED_CAUSES = tuple(
    sorted(
        {
            *REOPENABLE,
            "cannot-erase",
            "contact-gone",
            "echo",
            "no-code",
            "no-donor",
            "not-eligible",
            "nothing-changed",
            "nothing-left",
            "no-partner",
            "no-pledge",
            "not-refunded",
            "original-not-sent",
            "source-record-missing",
            "switched-off",
        }
    )
)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which deliveries are wanted; None does not matter. `day` is a day in UTC, `text` is part of the trouble."""

    state: State | None = None
    kind: Kind | None = None
    destination: str | None = None
    donor: int | None = None
    day: date | None = None
    cause: str | None = None
    text: str | None = None

    def fits(self, delivery: Delivery) -> bool:
        """Whether a delivery is wanted, its day apart: that is what it was found by."""
        trouble = delivery.trouble
        return (
            (self.state is None or delivery.state is self.state)
            and (self.kind is None or delivery.kind is self.kind)
            and (self.destination is None or delivery.destination == self.destination)
            and (self.donor is None or delivery.donor_id == self.donor)
            and (self.cause is None or (trouble is not None and trouble.cause == self.cause))
            and (self.text is None or (trouble is not None and self.text.lower() in trouble.explain().lower()))
        )


@dataclass(frozen=True, slots=True)
class Listing:
    """What was found, last changed first. `searched` says where; `has_more` whether there are others."""

    deliveries: tuple[Delivery, ...]
    has_more: bool
    searched: str


def find(stack: Stack, wanted: Filter, limit: int) -> Listing:
    """The wanted deliveries, last changed first."""
    if wanted.donor is not None:
        found: Iterable[Delivery] = stack.tools.deliveries.of_donor(wanted.donor, 1_000)
        if wanted.day is not None:
            found = [d for d in found if wanted.day in {d.created_at.date(), d.updated_at.date()}]
        searched = f"donor {wanted.donor}"
    else:
        ids, searched = _candidates(stack, wanted, limit)
        found = stack.tools.deliveries.get_many(ids).values()
        if wanted.day is not None and wanted.state not in {State.DELIVERED, None}:
            found = [d for d in found if wanted.day in {d.created_at.date(), d.updated_at.date()}]
    fitting = sorted(filter(wanted.fits, found), key=lambda d: (d.updated_at, d.id), reverse=True)
    return Listing(tuple(fitting[:limit]), len(fitting) > limit, searched)


def in_bucket(stack: Stack, bucket: str, destination: str | None = None) -> list[Delivery]:
    """All deliveries in a bucket of the index: `open`, `sent`, `failed` or `ignored:CAUSE`."""
    ids = _bucket_ids(stack, bucket, destination)
    found = stack.tools.deliveries.get_many(ids)
    return [found[name] for name in ids if name in found]


def _candidates(stack: Stack, wanted: Filter, limit: int) -> tuple[list[str], str]:
    """Ids among which all wanted ones are, and the words for where they come from."""
    buckets = _buckets(wanted)
    if buckets is not None:
        found = [name for bucket in buckets for name in _bucket_ids(stack, bucket, wanted.destination)]
        return _with_members(stack, found), f"all {', '.join(buckets)}"
    if wanted.day is not None:
        told = _told_of(stack, [wanted.day], MOST)
        quiet = [d.id for d in _unsettled(stack, wanted.destination) if d.created_at.date() == wanted.day]
        return [*told, *quiet], f"what happened on {wanted.day} (UTC)"
    today = stack.tools.now().date()
    days = [today - timedelta(days=back) for back in range(_DAYS_BACK)]
    told = _told_of(stack, days, limit + 1 if wanted == Filter() else MOST)
    if wanted.state is State.DELIVERED:
        return told, f"what happened in the last {_DAYS_BACK} days; --day looks at an older one"
    unsettled = [name for bucket in _UNSETTLED for name in _bucket_ids(stack, bucket, wanted.destination)]
    searched = f"open, held and failed ones, and what happened in the last {_DAYS_BACK} days"
    return _with_members(stack, [*told, *unsettled]), searched


def _buckets(wanted: Filter) -> list[str] | None:
    """The partitions of the index that hold all wanted deliveries; None when no partition does."""
    if wanted.state is State.PENDING:
        # Those that go with a chunk that failed wait with it.
        return ["open", "failed"]
    if wanted.state in OPEN_STATES:
        return ["open"]
    if wanted.state in {State.FAILED, State.SENT}:
        return [str(wanted.state)]
    if wanted.state is State.IGNORED:
        return [f"ignored:{cause}" for cause in ([wanted.cause] if wanted.cause else IGNORED_CAUSES)]
    if wanted.state is None and wanted.cause is not None:
        return [*_UNSETTLED, f"ignored:{wanted.cause}"]
    return None


def _unsettled(stack: Stack, destination: str | None) -> list[Delivery]:
    return [delivery for bucket in _UNSETTLED for delivery in in_bucket(stack, bucket, destination)]


def _bucket_ids(stack: Stack, bucket: str, destination: str | None) -> list[str]:
    destinations = [destination] if destination else DESTINATIONS
    return [name for d in destinations for name in stack.tools.deliveries.ids_in(bucket, d, MOST)]


def _with_members(stack: Stack, ids: list[str]) -> list[str]:
    """The index shows a chunk alone: rows that wait in it are found through it."""
    chunks = stack.tools.deliveries.get_many(name for name in ids if kind_of(name) is Kind.IMPORT_CHUNK)
    return list(dict.fromkeys([*ids, *(member for chunk in chunks.values() for member in chunk.members)]))


def _told_of(stack: Stack, days: Iterable[date], enough: int) -> list[str]:
    """Ids of deliveries that the activity of these days tells of, the latest first."""
    ids: dict[str, None] = {}
    for day in days:
        lines = stack.tools.activity.of_day(day.isoformat(), min(_LINES_OF_A_DAY, max(enough * 3, 100)))
        ids.update(dict.fromkeys(str(line["delivery"]) for line in lines if line.get("delivery")))
        if len(ids) >= enough:
            break
    return list(ids)


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Failed deliveries of one cause. `text` and `remedy` are the latest's."""

    cause: str
    count: int
    first_seen: datetime
    last_seen: datetime
    text: str
    remedy: str | None
    destinations: tuple[str, ...]
    sample: tuple[str, ...]


def failures(stack: Stack) -> list[FailureGroup]:
    """Failed deliveries grouped by cause, the most frequent first."""
    by_cause: dict[str, list[Delivery]] = defaultdict(list)
    for delivery in in_bucket(stack, "failed"):
        by_cause[_trouble_of(delivery).cause].append(delivery)
    groups = [_group(cause, sorted(them, key=lambda d: d.updated_at)) for cause, them in by_cause.items()]
    return sorted(groups, key=lambda group: (-group.count, group.cause))


def _group(cause: str, them: list[Delivery]) -> FailureGroup:
    latest = _trouble_of(them[-1])
    return FailureGroup(
        cause=cause,
        count=len(them),
        first_seen=them[0].updated_at,
        last_seen=them[-1].updated_at,
        text=replace(latest, remedy=None).explain(),
        remedy=latest.remedy,
        destinations=tuple(sorted({d.destination for d in them})),
        sample=tuple(d.id for d in them[-3:]),
    )


def _trouble_of(delivery: Delivery) -> Trouble:
    return delivery.trouble or Trouble("unnamed", "failed without a recorded reason")
