"""Finding deliveries through the indexes, never by reading a whole table; and explaining one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from giftbridge.domain.deliveries import OPEN_STATES, Delivery, State, Trouble
from giftbridge.domain.sightings import REOPENABLE
from giftbridge.domain.times import format_moment
from ops.operating.stack import Stack
from ops.operating.systems import DESTINATIONS

MOST = 10_000
_LINES_OF_A_DAY = 5_000
_DAYS_BACK = 7
# Every cause a delivery can be ignored for has a partition of its own in the index.
IGNORED_CAUSES = tuple(sorted(REOPENABLE))


@dataclass(frozen=True, slots=True)
class Filter:
    """Which deliveries are wanted; what is None does not matter. `day` is a day in UTC, `text` is part of the trouble."""

    state: State | None = None
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
    """All deliveries in a bucket of the index: `open`, `failed` or `ignored:CAUSE`."""
    ids = _bucket_ids(stack, bucket, destination)
    found = stack.tools.deliveries.get_many(ids)
    return [found[name] for name in ids if name in found]


def _candidates(stack: Stack, wanted: Filter, limit: int) -> tuple[list[str], str]:
    if wanted.state in OPEN_STATES:
        return _bucket_ids(stack, "open", wanted.destination), "all open deliveries"
    if wanted.state is State.FAILED:
        return _bucket_ids(stack, "failed", wanted.destination), "all failed deliveries"
    if wanted.state is State.IGNORED:
        causes = [wanted.cause] if wanted.cause else IGNORED_CAUSES
        kept = [name for cause in causes for name in _bucket_ids(stack, f"ignored:{cause}", wanted.destination)]
        return kept, f"deliveries ignored for {', '.join(causes)}"
    if wanted.day is not None:
        told = _told_of(stack, [wanted.day], MOST)
        unsettled = [d.id for d in _unsettled(stack, wanted.destination) if d.created_at.date() == wanted.day]
        return [*told, *unsettled], f"what happened on {wanted.day} (UTC)"
    today = stack.tools.now().date()
    days = [today - timedelta(days=back) for back in range(_DAYS_BACK)]
    told = _told_of(stack, days, limit + 1 if wanted == Filter() else MOST)
    if wanted.state is State.DELIVERED:
        return told, f"what happened in the last {_DAYS_BACK} days; --day looks at an older one"
    buckets = [name for b in ("open", "failed") for name in _bucket_ids(stack, b, wanted.destination)]
    return [*told, *buckets], f"open and failed ones, and what happened in the last {_DAYS_BACK} days"


def _unsettled(stack: Stack, destination: str | None) -> list[Delivery]:
    return [*in_bucket(stack, "open", destination), *in_bucket(stack, "failed", destination)]


def _bucket_ids(stack: Stack, bucket: str, destination: str | None) -> list[str]:
    destinations = [destination] if destination else DESTINATIONS
    return [name for d in destinations for name in stack.tools.deliveries.ids_in(bucket, d, MOST)]


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


def what_next(delivery: Delivery, now: datetime) -> str:
    """What becomes of a delivery by itself, or what a person has to do."""
    if delivery.state is State.FAILED:
        look = " The retry first looks whether an earlier request landed." if delivery.attempt else ""
        return f"Waits for you: put the cause right, then `giftbridge retry {delivery.id}`.{look}"
    if delivery.state is State.IGNORED:
        return f"Is not sent, and needs nothing. `giftbridge retry {delivery.id}` would take it up all the same."
    if delivery.state is State.DELIVERED:
        return "Done; its keys are still to be stored on RaiseDonors." if delivery.mirrors else "Done."
    if delivery.state is State.UNKNOWN:
        return f"Looks in {delivery.destination} whether the request landed, at {_at(delivery.due)}; sends only if not."
    if delivery.state is State.WAITING:
        return f"Is tried again by itself at {_at(delivery.due)}."
    if delivery.is_leased(now) and delivery.lease_until is not None:
        return f"Is being sent right now, until {_at(delivery.lease_until)} at the latest."
    if delivery.state is State.SENDING:
        return "The process that was sending it ended; the sweep takes it up within a minute."
    return "Is worked on by itself as soon as it is its turn."


def _at(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def as_json(delivery: Delivery) -> dict[str, Any]:
    """A delivery for machines: every value, moments as text, what is not set left out."""
    values: dict[str, Any] = {
        "id": delivery.id,
        "state": delivery.state.value,
        "kind": delivery.kind.value,
        "destination": delivery.destination,
        "donor": delivery.donor_id,
        "entity": delivery.entity_id,
        "created_at": delivery.created_at,
        "updated_at": delivery.updated_at,
        "due": delivery.due if delivery.state in OPEN_STATES else None,
        "attempts": delivery.attempts,
        "first_failed_at": delivery.first_failed_at,
        "trouble": _trouble_json(delivery.trouble),
        "attempt": _attempt_json(delivery),
        "lease_until": delivery.lease_until,
        "nudge": delivery.nudge,
        "nudged_at": delivery.nudged_at,
        "failed_nudge": delivery.failed_nudge,
        "result": dict(delivery.result) or None,
        "mirrors": list(delivery.mirrors) or None,
    }
    return {name: _plain(value) for name, value in values.items() if value is not None}


def _trouble_json(trouble: Trouble | None) -> dict[str, Any] | None:
    if trouble is None:
        return None
    named = {name: getattr(trouble, name) for name in ("cause", "text", "field", "remedy")}
    return {**named, "candidates": list(trouble.candidates)}


def _attempt_json(delivery: Delivery) -> dict[str, Any] | None:
    attempt = delivery.attempt
    if attempt is None:
        return None
    return {
        "step": attempt.step.value,
        "started_at": format_moment(attempt.started_at),
        "first_started_at": format_moment(attempt.first_started_at),
        "values": dict(attempt.values),
    }


def _plain(value: Any) -> Any:
    return format_moment(value) if isinstance(value, datetime) else value
