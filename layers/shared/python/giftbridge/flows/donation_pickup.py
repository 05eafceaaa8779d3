"""Every minute: what changed on RaiseDonors becomes deliveries, and each gets a nudge."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from giftbridge.clients.raisedonors import PAGE_SIZE, RaiseDonors
from giftbridge.clients.raisedonors_sightings import read_sighting
from giftbridge.delivery_queue import new_nudge_name
from giftbridge.domain.deliveries import Delivery, State, donation_created_id
from giftbridge.domain.destinations import Destination
from giftbridge.domain.settings import Settings
from giftbridge.domain.sightings import Sighting, delivery_for
from giftbridge.domain.times import format_moment, parse_moment
from giftbridge.errors import GiftBridgeError, LostRace
from giftbridge.flows.health import Health
from giftbridge.flows.tools import Tools
from giftbridge.store.rows import side_by_side
from giftbridge.store.state import enabled_since

log = logging.getLogger("giftbridge")
# A record can become visible later than its own modifiedDate: a short look back each time, a long one now and then.
LOOK_BACK = timedelta(minutes=2)
LONG_LOOK_BACK = timedelta(minutes=30)
LONG_LOOK_EVERY = timedelta(minutes=2)
LEASE_SECONDS = 20.0
_STOP_BEFORE_SECONDS = 8.0
_CURSOR = "cursor#gifts"
SOURCE = "raisedonors"


@dataclass(frozen=True, slots=True)
class PickupOutcome:
    """`why_idle` says why nothing was read; else how many gifts were seen and what became of the new ones."""

    why_idle: str | None = None
    seen: int = 0
    counts: Mapping[str, int] | None = None
    nudged: int = 0
    is_complete: bool = True


class DonationPickup:
    """Reads the gifts feed. One process at a time; the cursor moves after the rows are written."""

    def __init__(self, tools: Tools, raisedonors: RaiseDonors, owner: str, threads: int = 8) -> None:
        self.tools = tools
        self.raisedonors = raisedonors
        self.owner = owner
        self.threads = threads
        self.health = Health(tools)

    def run(self) -> PickupOutcome:
        """Pick up what is new or changed, page by page, as far as the time reaches."""
        _, settings = self.tools.settings()
        if not settings.aegis.enabled:
            return PickupOutcome("no destination is enabled; `giftbridge connect aegis` enables one")
        self.health.forget()
        why_not = self._why_not(self.health.of(SOURCE))
        if why_not is not None:
            return PickupOutcome(why_not)
        if not self._take_lease():
            return PickupOutcome("another pickup is running")
        try:
            outcome = self._walk(settings)
        except LostRace:
            return PickupOutcome("another pickup moved the cursor", is_complete=False)
        except GiftBridgeError as error:
            log.warning("RaiseDonors could not be read", extra={"cause": error.cause})
            self.health.note_trouble(error, SOURCE, "pickup")
            return PickupOutcome(f"RaiseDonors: {error.text}", is_complete=False)
        finally:
            self.tools.state.end_lease("donation_pickup", self.owner)
        self.health.note_success(SOURCE)
        return outcome

    def _take_lease(self) -> bool:
        """Short, and taken anew for each page: a pickup that died holds up the next one for seconds only.

        A page that takes longer than the lease does no harm: rows are put if absent, the cursor is compared and set.
        """
        return self.tools.state.take_lease("donation_pickup", self.owner, self.tools.now(), LEASE_SECONDS)

    def _why_not(self, source: Destination) -> str | None:
        """The pickup itself probes RaiseDonors' breaker: only a pause, a 429 or refused credentials stop it."""
        now = self.tools.now()
        if source.paused_by is not None:
            return f"paused by {source.paused_by}"
        if source.not_before is not None and source.not_before > now:
            return "RaiseDonors asked for a pause (429)"
        is_old_news = source.stopped_versions == self.health.versions(SOURCE) and (source.probe_at or now) > now
        if source.stopped_at is not None and is_old_news:
            return "RaiseDonors refused the credentials; `giftbridge connect raisedonors` stores new ones"
        return None

    def _walk(self, settings: Settings) -> PickupOutcome:
        now = self.tools.now()
        start = settings.raisedonors.start_from or enabled_since(self.tools.state, "aegis", now)
        cursor_row = self.tools.state.get(_CURSOR)
        cursor, long_look_at = _cursor(cursor_row, start)
        is_long_look = now - long_look_at >= LONG_LOOK_EVERY
        bound = max(start, min(cursor, now)) - (LONG_LOOK_BACK if is_long_look else LOOK_BACK)
        skip, seen, nudged = 0, 0, 0
        counts: Counter[str] = Counter()
        can_nudge = self._can_nudge()
        while True:
            if self.tools.time_left.seconds() < _STOP_BEFORE_SECONDS:
                return PickupOutcome(None, seen, dict(counts), nudged, is_complete=False)
            if seen and not self._take_lease():
                raise LostRace("another pickup took over")
            page = self.raisedonors.gifts_modified_since(bound, skip)
            sightings = [read_sighting(raw) for raw in page]
            seen += len(sightings)
            added = self._record(sightings, settings, start, counts, can_nudge)
            nudged += self._nudge(added) if can_nudge else 0
            moments = [s.modified_at for s in sightings if s.modified_at is not None]
            last = max(moments, default=bound)
            is_last_page = len(page) < PAGE_SIZE
            looked = now if is_last_page and is_long_look else long_look_at
            # A record dated ahead of the clock must not carry the cursor past what is still to come.
            cursor_row = self._move_cursor(cursor_row, min(max(cursor, last), now), looked, start)
            if is_last_page:
                return PickupOutcome(None, seen, dict(counts), nudged)
            # A record edited during the walk shifts the rest by one place: the bound moves, skip serves one moment.
            bound, skip = (last, 0) if last > bound else (bound, skip + len(page))
            cursor = max(cursor, last)

    def _record(
        self,
        sightings: list[Sighting],
        settings: Settings,
        start: datetime,
        counts: Counter[str],
        can_nudge: bool,
    ) -> list[Delivery]:
        """Write what the sightings mean; the deliveries that are now to be worked on."""
        newest = {sighting.donation_id: sighting for sighting in sightings}
        known = self.tools.deliveries.get_many(donation_created_id(donation_id) for donation_id in newest)
        now = self.tools.now()
        name = new_nudge_name()
        planned: list[tuple[Delivery | None, Delivery]] = []
        for sighting in newest.values():
            before = known.get(donation_created_id(sighting.donation_id))
            after = delivery_for(sighting, before, settings, start, now)
            if after is not None:
                planned.append((before, replace(after, nudge=name, nudged_at=now) if can_nudge else after))
        written = side_by_side(self._write, planned, self.threads)
        done = [delivery for delivery in written if delivery is not None]
        counts.update(delivery.state.value for delivery in done)
        return [delivery for delivery in done if delivery.state in {State.PENDING, State.UNKNOWN}]

    def _write(self, plan: tuple[Delivery | None, Delivery]) -> Delivery | None:
        before, after = plan
        lines = []
        if after.state is not State.PENDING or before is not None:
            why = (
                after.trouble.explain()
                if after.trouble and before is None
                else after.result.get("how", "changed on RaiseDonors")
            )
            what = after.state.value if before is None or after.state is State.IGNORED else "reopened"
            lines.append(
                self.tools.activity.line(
                    after.donor_entity,
                    now=after.updated_at,
                    what=what,
                    why=why,
                    delivery_id=after.id,
                    details={"kind": after.kind.value},
                )
            )
        if before is None:
            if after.state is State.DELIVERED:
                claim = f"aegis-invoice#{after.result['invoice']}"
                lines.append(self.tools.keys.claim(claim, "aegis", after.id, after.updated_at, take_over=True))
            return after if self.tools.deliveries.add(after, *lines) else None
        try:
            return self.tools.deliveries.save(before, after, *lines)
        except LostRace:
            return None

    def _nudge(self, deliveries: list[Delivery]) -> int:
        taken = self.tools.queue.send(deliveries, deliveries[0].nudge or new_nudge_name()) if deliveries else []
        return len(taken)

    def _can_nudge(self) -> bool:
        """While the destination is closed, the rows wait for the sweep."""
        destination = self.tools.state.destination("aegis")
        now = self.tools.now()
        return destination.is_healthy and (destination.not_before is None or destination.not_before <= now)

    def _move_cursor(
        self, seen: dict[str, Any] | None, cursor: datetime, long_look_at: datetime, start: datetime
    ) -> dict[str, Any]:
        values = {
            "at": format_moment(cursor),
            "long_look_at": format_moment(long_look_at),
            "start": format_moment(start),
        }
        revision = int(seen["revision"]) if seen else 0
        if seen is None or any(seen.get(name) != value for name, value in values.items()):
            self.tools.state.put(_CURSOR, values, seen)
            revision += 1
        return {**values, "revision": revision}


def _cursor(row: Mapping[str, Any] | None, start: datetime) -> tuple[datetime, datetime]:
    """Where to go on, and when the last long look back was. An earlier start begins anew."""
    long_ago = start - LONG_LOOK_EVERY
    if row is None:
        return start, long_ago
    if parse_moment(row["start"]) > start:
        return start, long_ago
    return parse_moment(row["at"]), parse_moment(row["long_look_at"])
