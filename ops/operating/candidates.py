"""Which deliveries a list may show, out of the indexes, newest first and a part at a time: no table is ever scanned.

A candidate is found by an entry of an index; whether its delivery is wanted is looked at later. A trail goes through
one or several indexes; a mark of it says how far a reader has come.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from heapq import merge

from giftbridge.domain.deliveries import OPEN_STATES, Delivery, Kind
from giftbridge.domain.times import parse_moment
from giftbridge.store.delivery_rows import SHARDS, bucket_of
from giftbridge.store.index_pages import IndexPages, Mark, day_index, donor_index, state_index
from ops.operating.identifiers import kind_of
from ops.operating.problems import WrongUsage
from ops.operating.stack import Stack

# Newer than every entry: the beginning of a trail.
TOP = Mark("9999", "")
_PART = 100
_SHARDED = {"open": ("open", "later", "outbox"), "sent": ("sent",)}
_IN_SIGHT = frozenset({"open", "later", "outbox"})
# So many days without a line are passed over within one page.
_MOST_DAYS = 30


@dataclass(frozen=True, slots=True)
class Candidate:
    """Ids of deliveries that one entry leads to, and the mark to go on after it."""

    mark: Mark
    ids: tuple[str, ...]


class StateTrail:
    """Through partitions of the index by state, merged by moment: of failed and ignored ones when they became so."""

    def __init__(
        self, stack: Stack, buckets: Sequence[str], destinations: Sequence[str], days: tuple[str, str] | None = None
    ) -> None:
        self.stack = stack
        self.days = days or ("0", "9999")
        self.partitions = [
            partition
            for bucket in buckets
            for name in _SHARDED.get(bucket, (bucket,))
            for destination in destinations
            for partition in _shards(name, destination)
        ]

    def after(self, mark: Mark | None, part: int = _PART) -> Iterator[Candidate]:
        """The candidates after a mark. The index shows a chunk alone: what waits in it comes with it."""
        index = state_index(self.stack.tools.deliveries.client, self.stack.tools.deliveries.table)
        since, until = self.days
        first = self.stack.tools.side_by_side(
            lambda of: index.newest(of, part, mark, since, until), self.partitions, self.stack.tools.threads
        )
        streams = [
            _entries(index, of, part, read, self.days) for of, read in zip(self.partitions, first, strict=True) if read
        ]
        for one in merge(*streams, key=lambda mark: (mark.at, mark.id), reverse=True):
            yield Candidate(one, (one.id, *self._members(one.id)))

    def _members(self, delivery_id: str) -> tuple[str, ...]:
        if kind_of(delivery_id) is not Kind.IMPORT_CHUNK:
            return ()
        chunk = self.stack.tools.deliveries.get(delivery_id)
        return chunk.members if chunk is not None else ()


def _entries(
    index: IndexPages, of: str, part: int, read: tuple[list[Mark], bool], days: tuple[str, str]
) -> Iterator[Mark]:
    """A partition's entries: those read already, then more as they are asked for."""
    found, goes_on = read
    while True:
        yield from found
        if not goes_on or not found:
            return
        found, goes_on = index.newest(of, part, found[-1], *days)


def _shards(name: str, destination: str) -> list[str]:
    is_sharded = any(name in names for names in _SHARDED.values())
    return [f"{name}#{destination}#{shard}" for shard in range(SHARDS)] if is_sharded else [f"{name}#{destination}"]


class DonorTrail:
    """A donor's deliveries by the moment they were picked up."""

    def __init__(self, stack: Stack, donor: int) -> None:
        self.stack = stack
        self.of = f"donor#{donor}"

    def after(self, mark: Mark | None, part: int = _PART) -> Iterator[Candidate]:
        """The candidates after a mark."""
        index = donor_index(self.stack.tools.deliveries.client, self.stack.tools.deliveries.table)
        read = index.newest(self.of, part, mark)
        for one in _entries(index, self.of, part, read, ("0", "9999")):
            yield Candidate(one, (one.id,))


class StoryTrail:
    """Through the activity, day by day, by each delivery's newest line; `until` and `since` are days in UTC."""

    def __init__(self, stack: Stack, until: date, since: date) -> None:
        self.stack = stack
        self.until = until
        self.since = since
        # How far it came when it passed over too many days without a line.
        self.rested_at: Mark | None = None

    def after(self, mark: Mark | None, part: int = _PART) -> Iterator[Candidate]:
        """The candidates after a mark; ends early, at `rested_at`, where nothing happened for long."""
        activity = self.stack.tools.activity
        index = day_index(activity.client, activity.table)
        day = parse_moment(mark.at.partition("#")[0]).date() if mark is not None else self.until
        self.rested_at, quiet = None, 0
        while day >= self.since:
            if quiet >= _MOST_DAYS:
                self.rested_at = Mark(f"{day}T23:59:59.999999Z#~", "")
                return
            before, goes_on, quiet = mark, True, quiet + 1
            while goes_on:
                lines, goes_on = index.newest(day.isoformat(), part, before)
                before = lines[-1] if lines else before
                quiet = 0 if lines else quiet
                yield from self._told(lines)
                if not lines:
                    break
            day -= timedelta(days=1)

    def _told(self, lines: list[Mark]) -> Iterator[Candidate]:
        rows = self.stack.tools.activity.of_keys({"entity": line.entity, "at": line.at} for line in lines)
        named = {(row["entity"], row["at"]): str(row["delivery"]) for row in rows if row.get("delivery")}
        for line in lines:
            name = named.get((line.entity, line.at))
            if name is not None:
                yield Candidate(line, (name,))

    def was_met(self, delivery: Delivery, mark: Mark | None) -> bool:
        """Whether a newer line than those after the mark leads to a delivery: then an earlier page has shown it."""
        if mark is None or delivery.updated_at < parse_moment(mark.at.partition("#")[0]):
            return False
        lines = self.stack.tools.activity.since(delivery.donor_entity, mark.at)
        return any(line.get("delivery") == delivery.id for line in lines)


def is_in_sight(delivery: Delivery) -> bool:
    """Whether the trail of what is open shows a delivery."""
    bucket = bucket_of(delivery) or ""
    return bucket.partition("#")[0] in _IN_SIGHT or (bool(delivery.chunk) and delivery.state in OPEN_STATES)


def first_day(stack: Stack) -> date:
    """The first day of the story: that of the first settings, or the last from which lines are still kept."""
    today, first = stack.tools.now().date(), stack.versions.version(1)
    kept = today - timedelta(days=stack.tools.activity.keep_days())
    return max(kept, parse_moment(first.saved_at).date()) if first is not None else kept


def cursor_of(number: int, mark: Mark) -> str:
    """A place in a list as text that fits into an address: the stage, and the mark within it."""
    text = json.dumps([number, mark.at, mark.id], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(cursor: str | None, stages: int) -> tuple[int, Mark | None]:
    """The place that a text names. Raises WrongUsage."""
    if cursor is None:
        return 0, None
    try:
        number, at, name = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        parse_moment(str(at).partition("#")[0] if at != TOP.at else "2026-01-01")
        if not isinstance(name, str) or not 0 <= int(number) < stages:
            raise ValueError
    except (ValueError, TypeError):
        raise WrongUsage("This is no place in this list.", ["Begin again without it."]) from None
    return int(number), Mark(str(at), name)
