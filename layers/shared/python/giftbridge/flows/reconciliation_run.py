"""A reconciliation under way: how far it is, and what it has read, kept so that any process can go on with it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from giftbridge.domain.feed_steps import read_steps
from giftbridge.domain.reconciliation import Entry, Period, Standing
from giftbridge.domain.reconciliation_rows import read_facts, read_history
from giftbridge.domain.times import format_moment, parse_moment
from giftbridge.errors import GiftBridgeError, LostRace
from giftbridge.flows.giving_sources import require_open
from giftbridge.flows.reconciliation_reading import GiftWalk, Read, Sources, read_contacts, read_query
from giftbridge.flows.tools import Tools
from giftbridge.store.reconciliations import Reconciliations

LEASE_SECONDS = 120.0
STOP_BEFORE_SECONDS = 15.0
SLICE = 24
GIFTS, DONORS, LOOKED, QUERY, CONTACTS = "gifts", "donors", "looked", "query", "contacts"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: `done` of `total` look-ups of its stage. `waits` says why it does not go on at once."""

    stage: str
    done: int
    total: int
    is_done: bool = False
    waits: GiftBridgeError | str | None = None


class Pause(Exception):
    """No time or no spare budget is left: the run goes on later."""


@dataclass(slots=True)
class Run:
    """A run under way, as its head row holds it."""

    id: str
    period: Period
    by: str
    started_at: datetime
    walk: GiftWalk
    unreadable: int = 0
    is_query_read: bool = False
    query_gap: str = ""
    parts: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    worked: float = 0.0
    row: Mapping[str, Any] | None = None

    def values(self) -> dict[str, object]:
        """As a row."""
        return {
            "id": self.id,
            "state": "reading",
            "first": self.period.first.isoformat(),
            "last": self.period.last.isoformat(),
            "zone": self.period.zone.key,
            "by": self.by,
            "started_at": format_moment(self.started_at),
            **self.walk.steps.as_row(),
            "walked": self.walk.is_done,
            "unreadable": self.unreadable,
            "queried": self.is_query_read,
            "query_gap": self.query_gap,
            "parts": dict(self.parts),
            "calls": dict(self.calls),
            "worked": str(round(self.worked, 1)),
        }


def run_of(row: Mapping[str, Any]) -> Run:
    """The run in a head row."""
    period = Period(date.fromisoformat(row["first"]), date.fromisoformat(row["last"]), ZoneInfo(row["zone"]))
    return Run(
        id=str(row["id"]),
        period=period,
        by=str(row["by"]),
        started_at=parse_moment(row["started_at"]),
        walk=GiftWalk(read_steps(row, is_done=bool(row["walked"]))),
        unreadable=int(row["unreadable"]),
        is_query_read=bool(row["queried"]),
        query_gap=str(row["query_gap"]),
        parts=Counter({name: int(number) for name, number in row["parts"].items()}),
        calls=Counter({name: int(number) for name, number in row["calls"].items()}),
        worked=float(row["worked"]),
        row=row,
    )


class Desk:
    """One process at one run: what was read before, room for more, and leave to make calls."""

    def __init__(
        self, tools: Tools, sources: Sources, run: Run, owner: str, lease: str, told: Callable[[Progress], None]
    ) -> None:
        self.tools = tools
        self.sources = sources
        self.run = run
        self.owner = owner
        self.lease = lease
        self.told = told
        self.kept = Reconciliations(tools.state)
        self.read = Read()
        self.progress = Progress("reading RaiseDonors", 0, 1)
        self.began = tools.now()
        _, self.settings = tools.settings()

    @property
    def period(self) -> Period:
        return self.run.period

    def judged(self, entries: list[Entry]) -> list[Entry]:
        """Those of the period itself."""
        return [entry for entry in entries if self.period.holds(entry.day(self.period.zone))]

    def places(self, entries: list[Entry]) -> list[str]:
        """The partners, or contacts, under which what is judged stands."""
        judged = (entry for entry in self.judged(entries) if entry.standing is not Standing.KNOWN)
        return sorted({place for entry in judged for place in entry.places})

    def load(self) -> None:
        """All that was read before."""
        read, parts = self.read, self.run.parts
        for text in self._texts(GIFTS, parts):
            read.facts.update({fact.id: fact for fact in read_facts(text)})
        for text in self._texts(LOOKED, parts):
            read.histories.update(read_history(text))
        for text in self._texts(CONTACTS, parts):
            read.contacts.update(read_contacts(text))
        for text in self._texts(DONORS, parts):
            read.donors.update({int(donor): key for donor, key in json.loads(text).items()})
        if self.run.is_query_read and not self.run.query_gap:
            read.query = {}
            for text in self._texts(QUERY, parts):
                read.query.update(read_query(text))
        read.unreadable = self.run.unreadable

    def _texts(self, what: str, parts: Mapping[str, int]) -> list[str]:
        return self.kept.parts(self.run.id, what, parts.get(what, 0))

    def keep(self, what: str, text: str) -> None:
        """One slice more; its head is written with it, so that it counts."""
        self.run.parts[what] = self.kept.add_part(self.run.id, what, self.run.parts[what], text)
        self.save()

    def save(self) -> None:
        """Write down how far it is. Raises LostRace."""
        now = self.tools.now()
        self.run.worked += (now - self.began).total_seconds()
        self.began = now
        self.run.row = self.kept.save_head(self.run.id, self.run.values(), self.run.row)

    def allowed(self, system: str) -> int | None:
        """How many calls may be made now. Raises Pause for none, and RetryLater while the system is closed."""
        if self.tools.time_left.seconds() < STOP_BEFORE_SECONDS:
            raise Pause("the run's time is over")
        if not self.tools.state.take_lease(self.lease, self.owner, self.tools.now(), LEASE_SECONDS):
            raise LostRace("another process took over", (self.lease,))
        require_open(self.tools.state.destination(system), self.tools.now())
        allowed = self.sources.spare(system)
        if allowed is not None and allowed < 1:
            raise Pause(f"live work needs the calls that {system} allows")
        return allowed

    def tell(self, stage: str, done: int, total: int) -> None:
        """Say how far it is."""
        self.progress = Progress(stage, done, max(done, total))
        self.told(self.progress)
