"""Lists of deliveries, page by page through the indexes, and failures grouped by cause. No table is ever scanned."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import islice

from giftbridge.domain.deliveries import OPEN_STATES, Delivery, Kind, State, Trouble
from giftbridge.domain.sightings import LEFT_BY_A_PERSON, REOPENABLE
from giftbridge.store.index_pages import Mark
from ops.operating.candidates import (
    TOP,
    Candidate,
    DonorTrail,
    StateTrail,
    StoryTrail,
    cursor_of,
    first_day,
    is_in_sight,
    read_cursor,
)
from ops.operating.stack import Stack
from ops.operating.systems import DESTINATIONS

MOST = 10_000
# So many rows are looked at for one page, however few of them are wanted.
MOST_LOOKED_AT = 300
_BATCH = 100
# Every cause a delivery can be ignored for has a partition of its own in the index.
IGNORED_CAUSES = tuple(
    sorted(
        {
            *REOPENABLE,
            LEFT_BY_A_PERSON,
            "cannot-erase",
            "contact-gone",
            "echo",
            "forgotten",
            "no-code",
            "no-donor",
            "not-eligible",
            "nothing-changed",
            "nothing-left",
            "nothing-to-adjust",
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
    """Which deliveries are wanted; None does not matter. `day` is a day in UTC, `text` is part of the trouble.

    Of failed and ignored ones, `day` is when they became so; of others, a day on which something happened to them.
    """

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
class Page:
    """Deliveries, last changed first. `next_cursor` leads to the next page, None at the end; `searched` says where.

    `looked_at` counts the rows read for it. A page may be short, or empty, though there are more.
    """

    deliveries: tuple[Delivery, ...]
    next_cursor: str | None
    searched: str
    looked_at: int


def page_of(stack: Stack, wanted: Filter, limit: int, cursor: str | None = None) -> Page:
    """One page of the wanted deliveries, newest first as far as an index is in that order. Raises WrongUsage.

    Rows that wait in one chunk stay together, and may go beyond the limit. What changes while somebody pages may be
    met twice, or not at all.
    """
    stages = _stages(stack, wanted)
    number, mark = read_cursor(cursor, len(stages))
    found: dict[str, Delivery] = {}
    looked_at = 0
    while True:
        stage = stages[number]
        looked_at += stage.fill(found, mark, limit, MOST_LOOKED_AT - looked_at)
        mark = stage.mark
        if mark is None and number + 1 < len(stages) and len(found) < limit:
            number += 1
            continue
        break
    if mark is None and number + 1 < len(stages):
        number, mark = number + 1, TOP
    shown = sorted(found.values(), key=lambda d: (d.updated_at, d.id), reverse=True)
    next_cursor = cursor_of(number, mark) if mark is not None else None
    return Page(tuple(shown), next_cursor, "; ".join(stage.words for stage in stages), looked_at)


@dataclass(frozen=True, slots=True)
class Listing:
    """What was found, last changed first. `searched` says where; `next_cursor` goes on after it."""

    deliveries: tuple[Delivery, ...]
    searched: str
    next_cursor: str | None

    @property
    def has_more(self) -> bool:
        return self.next_cursor is not None


def find(stack: Stack, wanted: Filter, limit: int, cursor: str | None = None, most_pages: int = 40) -> Listing:
    """The wanted deliveries, page after page until there are enough or enough was looked at. Raises WrongUsage."""
    found: dict[str, Delivery] = {}
    for _ in range(most_pages):
        page = page_of(stack, wanted, min(limit - len(found), _BATCH), cursor)
        found.update((delivery.id, delivery) for delivery in page.deliveries)
        cursor = page.next_cursor
        if cursor is None or len(found) >= limit:
            break
    shown = sorted(found.values(), key=lambda d: (d.updated_at, d.id), reverse=True)
    return Listing(tuple(shown), page.searched, cursor)


# --- stages: what is open, then what was told of ----------------------------------------------------------------


class _Stage:
    """A trail with the rows that it may show; `mark` is where it stopped, None at its end."""

    def __init__(self, stack: Stack, trail: StateTrail | DonorTrail | StoryTrail, wanted: Filter, words: str) -> None:
        self.stack = stack
        self.trail = trail
        self.wanted = wanted
        self.words = words
        self.mark: Mark | None = None
        self.picky = wanted != Filter()

    def fill(self, found: dict[str, Delivery], mark: Mark | None, limit: int, rows: int) -> int:
        """Add wanted deliveries after a mark up to the limit, looking at so many rows; how many were looked at."""
        begin = None if mark == TOP else mark
        size = _BATCH if self.picky else min(_BATCH, limit + 1)
        candidates = self.trail.after(begin, size)
        looked_at, self.mark = 0, begin or TOP
        if rows <= 0:
            return 0
        while batch := list(islice(candidates, min(size, max(1, rows - looked_at)))):
            if len(found) >= limit:
                return looked_at
            read = self.stack.tools.deliveries.get_many(name for one in batch for name in one.ids)
            looked_at += len(read)
            for one in batch:
                if len(found) >= limit:
                    return looked_at
                self.mark = one.mark
                found.update((d.id, d) for d in self._wanted(one, read, begin) if d.id not in found)
            if looked_at >= rows:
                return looked_at
        self.mark = self.trail.rested_at if isinstance(self.trail, StoryTrail) else None
        return looked_at

    def _wanted(self, one: Candidate, read: dict[str, Delivery], begin: Mark | None) -> Iterator[Delivery]:
        for name in one.ids:
            delivery = read.get(name)
            if delivery is not None and self.wanted.fits(delivery) and self._is_its_place(delivery, begin):
                yield delivery

    def _is_its_place(self, delivery: Delivery, begin: Mark | None) -> bool:
        """Of the day it is asked for; and not shown by the stage before, or by an earlier page."""
        day = self.wanted.day
        if isinstance(self.trail, StoryTrail):
            is_shown = self.wanted.state is None and is_in_sight(delivery)
            if is_shown and (day is None or delivery.created_at.date() == day):
                return False
            return not self.trail.was_met(delivery, begin)
        if day is None or (isinstance(self.trail, StateTrail) and self.trail.days != ("0", "9999")):
            return True
        if isinstance(self.trail, StateTrail) and self.wanted.state is None and self.wanted.cause is None:
            return delivery.created_at.date() == day
        return day in {delivery.created_at.date(), delivery.updated_at.date()}


def _stages(stack: Stack, wanted: Filter) -> list[_Stage]:
    """Where all wanted deliveries are, in the order in which they are shown."""
    if wanted.donor is not None:
        return [_Stage(stack, DonorTrail(stack, wanted.donor), wanted, f"donor {wanted.donor}")]
    destinations = [wanted.destination] if wanted.destination else list(DESTINATIONS)
    groups = _buckets(wanted)
    if groups is not None:
        ends_by_day = wanted.state in {State.FAILED, State.IGNORED} and wanted.day is not None
        days = (f"{wanted.day}T", f"{wanted.day}U") if ends_by_day else None
        named = [", ".join(dict.fromkeys(bucket.partition(":")[0] for bucket in group)) for group in groups]
        trails = [StateTrail(stack, group, destinations, days) for group in groups]
        return [_Stage(stack, trail, wanted, f"all {words}") for trail, words in zip(trails, named, strict=True)]
    if wanted.day is not None:
        story = _Stage(stack, StoryTrail(stack, wanted.day, wanted.day), wanted, f"what happened on {wanted.day} (UTC)")
    else:
        since = first_day(stack)
        told = StoryTrail(stack, stack.tools.now().date(), since)
        story = _Stage(stack, told, wanted, f"what happened since {since}, newest first")
    if wanted.state is State.DELIVERED:
        return [story]
    return [_Stage(stack, StateTrail(stack, ["open"], destinations), wanted, "what is open"), story]


def _buckets(wanted: Filter) -> list[list[str]] | None:
    """The partitions of the index that hold all wanted deliveries, in the order of search; None when none do."""
    ignored = [f"ignored:{cause}" for cause in ([wanted.cause] if wanted.cause else IGNORED_CAUSES)]
    if wanted.state is State.PENDING:
        # Those that go with a chunk that failed wait with it.
        return [["open", "failed"]]
    if wanted.state in OPEN_STATES:
        return [["open"]]
    if wanted.state in {State.FAILED, State.SENT}:
        return [[str(wanted.state)]]
    if wanted.state is State.IGNORED:
        return [ignored]
    if wanted.state is None and (wanted.cause is not None or wanted.text is not None) and wanted.day is None:
        return [["failed"], ["open"], ["sent"], ignored]
    return None


# --- by state ---------------------------------------------------------------------------------------------------


def in_bucket(stack: Stack, bucket: str, destination: str | None = None) -> list[Delivery]:
    """All deliveries in a bucket of the index (`failed`, `open`, `ignored:CAUSE`), MOST at most of each destination."""
    destinations = [destination] if destination else list(DESTINATIONS)
    read = stack.tools.deliveries
    ids = [name for d in destinations for name in read.ids_in(bucket, d, MOST)]
    parts = [ids[start : start + _BATCH] for start in range(0, len(ids), _BATCH)]
    found = {
        name: d
        for part in stack.tools.side_by_side(read.get_many, parts, stack.tools.threads)
        for name, d in part.items()
    }
    return [found[name] for name in ids if name in found]


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


def failures(stack: Stack, destination: str | None = None) -> list[FailureGroup]:
    """Failed deliveries, of one destination or all, grouped by cause, the most frequent first."""
    by_cause: dict[str, list[Delivery]] = defaultdict(list)
    for delivery in in_bucket(stack, "failed", destination):
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
