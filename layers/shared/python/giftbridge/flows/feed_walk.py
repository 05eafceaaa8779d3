"""Walking one feed of RaiseDonors: from its cursor, page by page, each page written down before the cursor moves."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from giftbridge.clients.raisedonors_sightings import modified_at
from giftbridge.clients.whole_answers import Page, is_named
from giftbridge.delivery_queue import MOST_EDITS_IN_LINE, DeliveryQueue, new_nudge_name
from giftbridge.domain.deliveries import Delivery
from giftbridge.domain.feed_steps import Steps, read_steps
from giftbridge.domain.on_periods import OnPeriods
from giftbridge.domain.settings import Settings
from giftbridge.domain.times import format_moment, parse_moment
from giftbridge.errors import LostRace
from giftbridge.flows.tools import Tools
from giftbridge.flows.unnamed_records import UnnamedRecords

# A record can become visible later than its own modifiedDate: a short look back each time, a long one now and then.
LOOK_BACK = timedelta(minutes=2)
LONG_LOOK_BACK = timedelta(minutes=30)
LONG_LOOK_EVERY = timedelta(minutes=2)
_STOP_BEFORE_SECONDS = 8.0


class Line:
    """How many edits may still be nudged now: a flood of them must not stand in the queue before the next gift.

    The rest stays pending; the sweep nudges it as the queue empties.
    """

    def __init__(self, queue: DeliveryQueue, lock: Callable[[], AbstractContextManager[Any]] = threading.Lock) -> None:
        self.queue = queue
        self._room: int | None = None
        self._lock = lock()

    def take(self) -> bool:
        """Take one place, if there is one."""
        with self._lock:
            if self._room is None:
                self._room = MOST_EDITS_IN_LINE - self.queue.in_line()
            self._room -= 1
            return self._room >= 0


@dataclass(frozen=True, slots=True)
class Turn:
    """One run of the pickup, as its feeds see it. `start` is the moment before which nothing is to be sent.

    `on` says when each destination took gifts, of those that do. `nudge` names the messages of this run; None while the
    destination is closed and the rows wait for the sweep.
    """

    settings: Settings
    start: datetime
    now: datetime
    line: Line
    on: Mapping[str, OnPeriods]
    nudge: str | None = field(default_factory=new_nudge_name)
    counts: Counter[str] = field(default_factory=Counter)

    def on_for(self, destination: str) -> OnPeriods:
        """When a destination was on; of one that takes no gifts, from the start on."""
        return self.on.get(destination, OnPeriods.since(self.start))

    def nudged(self, delivery: Delivery) -> Delivery:
        """The delivery as it is written when a message is to be sent for it; as it is when none is."""
        if self.nudge is None or not (delivery.is_urgent or self.line.take()):
            return delivery
        return replace(delivery, nudge=self.nudge, nudged_at=self.now)


class Feed(Protocol):
    """Records of one sort. `most_pages` keeps a flood of one sort from delaying the others.

    `named_by` are the members beside the id without which nobody knows whose a record is.
    """

    name: str
    most_pages: int
    named_by: tuple[str, ...]

    def page(self, bound: datetime, skip: int) -> Page:
        """Raw records modified at or after `bound`, in the order of modification."""

    def record(self, raws: list[Any], turn: Turn) -> list[Delivery]:
        """Write down what a page means; the deliveries that are now to be worked on."""


def pages_since(read: Callable[[datetime, int], Page], since: datetime) -> Iterator[tuple[list[Any], bool]]:
    """All records modified since then, page by page, and whether more follow. Some may come twice."""
    steps = Steps(since)
    while not steps.is_done:
        page = read(steps.bound, steps.skip)
        steps = steps.after([modified_at(raw) for raw in page.rows], page.total)
        yield page.rows, not steps.is_done


@dataclass(frozen=True, slots=True)
class FeedOutcome:
    """How many records were seen and deliveries nudged; not complete when pages are left for the next run.

    `trouble` says what is wrong with the pages although each of them could be read.
    """

    seen: int = 0
    nudged: int = 0
    is_complete: bool = True
    trouble: str | None = None


class FeedWalk:
    """One walk. `keep_lease` says whether this process may still go on."""

    def __init__(self, tools: Tools, feed: Feed, turn: Turn, keep_lease: Callable[[], bool]) -> None:
        self.tools = tools
        self.feed = feed
        self.turn = turn
        self.keep_lease = keep_lease
        self._row_name = f"cursor#{feed.name}"

    def run(self) -> FeedOutcome:
        """Pick up what is new or changed, as far as time and pages reach. Raises LostRace, and what the calls raise."""
        now = self.turn.now
        row = self.tools.state.get(self._row_name)
        place = _place(row, self.turn.start, now)
        seen = nudged = pages = 0
        while pages < self.feed.most_pages and self.tools.time_left.seconds() >= _STOP_BEFORE_SECONDS:
            if not self.keep_lease():
                raise LostRace("another pickup took over")
            page = self.feed.page(place.steps.bound, place.steps.skip)
            seen, pages = seen + len(page.rows), pages + 1
            told = self._told(page.rows)
            nudged += self._nudge(self.feed.record(told, self.turn))
            place = replace(place, unnamed=place.unnamed + len(page.rows) - len(told))
            place = place.after([modified_at(raw) for raw in page.rows], page.total, now)
            row = self._move_cursor(row, place)
            if place.steps.is_done:
                return FeedOutcome(seen, nudged, trouble=place.trouble)
        return FeedOutcome(seen, nudged, is_complete=False, trouble=place.trouble)

    def _told(self, raws: list[Any]) -> list[Any]:
        """The records of a page that something is made of: one without an id is waited for, as later looks see it."""
        named, unnamed = list[Any](), list[Any]()
        for raw in raws:
            (named if is_named(raw, *self.feed.named_by) else unnamed).append(raw)
        return named + UnnamedRecords(self.tools, self.feed.name).lasting(unnamed, self.turn.now)

    def _nudge(self, deliveries: list[Delivery]) -> int:
        named = [delivery for delivery in deliveries if delivery.nudge == self.turn.nudge]
        if self.turn.nudge is None or not named:
            return 0
        return len(self.tools.queue.send(named, self.turn.nudge))

    def _move_cursor(self, seen: dict[str, Any] | None, place: Place) -> dict[str, Any]:
        values = {**place.as_row(), "start": format_moment(self.turn.start)}
        revision = int(seen["revision"]) if seen else 0
        if seen is None or {n: v for n, v in seen.items() if n not in {"name", "revision"}} != values:
            self.tools.state.put(self._row_name, values, seen)
            revision += 1
        return {**values, "revision": revision}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a walk is. `cursor` is the newest modification seen; one that is not done goes on at `steps`.

    `unnamed` counts the records without an id: they are looked for again, so such a look does not count as a long one.
    `began` is when it read its first page, `long_look_at` when the last long look that came to its end did. What became
    visible since may lie behind the bound of a walk that was broken off, however much later it goes on.
    """

    cursor: datetime
    long_look_at: datetime
    steps: Steps
    began: datetime
    is_long_look: bool = False
    unnamed: int = 0

    def after(self, moments: list[datetime | None], total: int, now: datetime) -> Place:
        """After a page of records modified at these moments, of so many in all."""
        # A record dated ahead of the clock must not carry the cursor past what is still to come.
        last = min(max((one for one in moments if one is not None), default=self.cursor), now)
        steps = self.steps.after(moments, total)
        is_whole_look = steps.is_done and self.is_long_look and self.unnamed == 0
        looked = self.began if is_whole_look else self.long_look_at
        return replace(self, cursor=max(self.cursor, last), long_look_at=looked, steps=steps)

    @property
    def trouble(self) -> str | None:
        """What is wrong with the pages, where something is."""
        if self.unnamed:
            return f"{self.unnamed} records have no id"
        return "the records do not come in the order asked for" if self.steps.is_unsorted else None

    def as_row(self) -> dict[str, Any]:
        """As the state table holds it. Where to go on is kept only while there is more to read."""
        row: dict[str, Any] = {"at": format_moment(self.cursor), "long_look_at": format_moment(self.long_look_at)}
        if not self.steps.is_done:
            row |= {**self.steps.as_row(), "is_long_look": self.is_long_look, "began": format_moment(self.began)}
            row["unnamed"] = self.unnamed
        return row


def _place(row: Mapping[str, Any] | None, start: datetime, now: datetime) -> Place:
    """In the middle of an unfinished walk, else a look back from the cursor. An earlier start begins anew."""
    cursor, long_look_at = start, start - LONG_LOOK_EVERY
    if row is not None and parse_moment(row["start"]) <= start:
        cursor, long_look_at = parse_moment(row["at"]), parse_moment(row["long_look_at"])
        if "bound" in row:
            # A walk of the version before began after the last long look.
            began = parse_moment(row.get("began", row["long_look_at"]))
            unnamed = int(row.get("unnamed", 0))
            return Place(cursor, long_look_at, read_steps(row), began, bool(row["is_long_look"]), unnamed)
    is_long_look = now - long_look_at >= LONG_LOOK_EVERY
    # A long look goes back from when the last one began: what it read first was read then.
    seen = min(cursor, now, long_look_at) if is_long_look else min(cursor, now)
    bound = max(start, seen) - (LONG_LOOK_BACK if is_long_look else LOOK_BACK)
    return Place(cursor, long_look_at, Steps(bound), now, is_long_look)
