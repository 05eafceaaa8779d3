"""Once a day, or on demand: what waits in the outbox is cut into chunks for the import tool (requirement D1).

Planning writes one row a chunk; the members are claimed by whoever carries it. So two runs at once, or one that died,
plan a chunk too many at worst, and it finds nothing left to send.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.delivery_queue import new_nudge_name
from giftbridge.domain import delivery_life as life
from giftbridge.domain.daily_times import last_batch_time
from giftbridge.domain.deliveries import OPEN_STATES, Delivery, Kind
from giftbridge.domain.delivery_ids import VIRTUOUS, chunk_id
from giftbridge.domain.settings import Settings
from giftbridge.domain.times import format_moment, parse_moment
from giftbridge.errors import GiftBridgeError, LostRace
from giftbridge.flows.tools import Tools
from giftbridge.flows.virtuous_project_scan import ProjectScan

log = logging.getLogger("giftbridge")
ROWS_A_CALL = 100
MOST_ROWS = 20_000
LAST = "batch#last"
_LEASE = "daily_batch"
_LEASE_SECONDS = 120.0
_GIFTS, _CONTACTS = "gifts", "contacts"


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """What a run planned; `why_idle` says why it planned nothing. `troubles` are what it could not do."""

    why_idle: str | None = None
    batch: str | None = None
    gifts: int = 0
    contacts: int = 0
    chunks: int = 0
    projects: int = 0
    troubles: tuple[str, ...] = ()


@dataclass(slots=True)
class _Plan:
    """Members by what a call takes: gifts and contacts go in calls of their own."""

    members: dict[str, list[str]] = field(default_factory=lambda: {_GIFTS: [], _CONTACTS: []})

    @property
    def count(self) -> int:
        return sum(map(len, self.members.values()))


class DailyBatch:
    """Plans chunks and nudges them. One process at a time; a second one does no harm."""

    def __init__(self, tools: Tools, raisedonors: RaiseDonors, owner: str) -> None:
        self.tools = tools
        self.raisedonors = raisedonors
        self.owner = owner

    def run(self, *, now_requested: bool) -> BatchOutcome:
        """Plan at once when asked to, else when the time of the day has come."""
        _, settings = self.tools.settings()
        if not settings.virtuous.enabled:
            return BatchOutcome("Virtuous is not enabled; `giftbridge connect virtuous` enables it")
        last = self.tools.state.get(LAST)
        if not now_requested and not self._is_due(settings, last):
            return BatchOutcome("not due")
        if not self.tools.state.take_lease(_LEASE, self.owner, self.tools.now(), _LEASE_SECONDS):
            return BatchOutcome("another batch is being planned")
        try:
            return self._plan(settings)
        finally:
            self.tools.state.end_lease(_LEASE, self.owner)

    def _is_due(self, settings: Settings, last: dict[str, Any] | None) -> bool:
        """Whether the set time of the day has passed since the last run. The first run waits for its time, too."""
        now = self.tools.now()
        if last is None:
            self._remember({"at": format_moment(now)}, None)
            return False
        return parse_moment(last["at"]) < last_batch_time(now, settings.time_zone, settings.batch_at)

    def _remember(self, values: dict[str, object], last: dict[str, Any] | None) -> None:
        try:
            self.tools.state.put(LAST, values, last)
        except LostRace:
            log.info("another batch was remembered meanwhile")

    def _plan(self, settings: Settings) -> BatchOutcome:
        now = self.tools.now()
        troubles: list[str] = []
        projects = self._scan_projects(settings, troubles)
        plan = self._outbox(settings)
        batch = now.strftime("%Y%m%dT%H%M%S") + f"-{new_nudge_name(self.tools.token)[:4]}"
        chunks = self._chunks(plan, batch, now)
        self._send([*projects, *chunks])
        outcome = BatchOutcome(
            batch=batch,
            gifts=len(plan.members[_GIFTS]),
            contacts=len(plan.members[_CONTACTS]),
            chunks=len(chunks),
            projects=len(projects),
            troubles=tuple(troubles),
        )
        counts = {"gifts": outcome.gifts, "contacts": outcome.contacts, "chunks": outcome.chunks}
        self._remember({"at": format_moment(now), "batch": batch, **counts}, self.tools.state.get(LAST))
        return outcome

    def _scan_projects(self, settings: Settings, troubles: list[str]) -> list[Delivery]:
        """New and changed projects go first: gifts name their codes. Their trouble does not hold the gifts up."""
        if not settings.virtuous.sync_projects:
            return []
        try:
            return ProjectScan(self.tools).run(self.raisedonors.projects().values(), self.tools.now())
        except GiftBridgeError as error:
            log.warning("projects could not be read", extra={"cause": error.cause})
            troubles.append(f"projects: {error.cause}")
            return []

    def _outbox(self, settings: Settings) -> _Plan:
        """What waits and is in no open chunk, the oldest first."""
        taken = self._in_open_chunks()
        waiting = [name for name in self.tools.deliveries.ids_in("outbox", VIRTUOUS, MOST_ROWS) if name not in taken]
        rows = self.tools.deliveries.get_many(waiting)
        chunks = self.tools.deliveries.get_many(row.chunk for row in rows.values() if row.chunk)
        plan = _Plan()
        for name in waiting:
            row = rows.get(name)
            if row is None or not row.waits_for_a_batch:
                continue
            if row.chunk in chunks and chunks[row.chunk].may_still_send:
                continue
            if row.kind is Kind.DONATION_CREATED and settings.virtuous.sync_gifts:
                plan.members[_GIFTS].append(name)
            elif row.kind is Kind.DONOR_UPDATED and settings.virtuous.sync_contacts:
                plan.members[_CONTACTS].append(name)
        return plan

    def _in_open_chunks(self) -> set[str]:
        ids = [name for name in self.tools.deliveries.ids_in("open", VIRTUOUS, MOST_ROWS) if "/chunk/" in name]
        chunks = self.tools.deliveries.get_many(ids)
        return {member for chunk in chunks.values() if chunk.state in OPEN_STATES for member in chunk.members}

    def _chunks(self, plan: _Plan, batch: str, now: datetime) -> list[Delivery]:
        """One row for each call: contacts first, as the import tool works through them."""
        made: list[Delivery] = []
        for what in (_CONTACTS, _GIFTS):
            for members in _cut(plan.members[what]):
                new = life.new_delivery(
                    id=chunk_id(batch, len(made) + 1),
                    kind=Kind.IMPORT_CHUNK,
                    donor_id=None,
                    entity_id=what,
                    now=now,
                    destination=VIRTUOUS,
                )
                chunk = replace(new, members=tuple(members))
                if self.tools.deliveries.add(chunk):
                    made.append(chunk)
        return made

    def _send(self, deliveries: Sequence[Delivery]) -> None:
        if deliveries:
            name = new_nudge_name(self.tools.token)
            noted = self.tools.deliveries.note_nudges(deliveries, name, self.tools.now())
            self.tools.queue.send(noted, name)


def _cut(members: Sequence[str]) -> list[Sequence[str]]:
    return [members[start : start + ROWS_A_CALL] for start in range(0, len(members), ROWS_A_CALL)]
