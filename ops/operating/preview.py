"""What the next pickup would take, record by record, without writing or sending anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from giftbridge.clients.raisedonors import PAGE_SIZE, RaiseDonors
from giftbridge.clients.raisedonors_sightings import read_note_sighting, read_sighting
from giftbridge.domain.agreed import Fields
from giftbridge.domain.change_sightings import ChangeSighting, FirstSight, change_for, note_for
from giftbridge.domain.deliveries import Delivery, donation_created_id, donation_refunded_id
from giftbridge.domain.sightings import Sighting, delivery_for, refund_for
from giftbridge.domain.times import parse_moment
from giftbridge.flows.change_feeds import DESTINATION, DonorFeed, NoteFeed, ScheduleFeed
from giftbridge.flows.donation_pickup import EVER
from giftbridge.flows.feed_walk import LOOK_BACK, Feed, Line, Turn
from giftbridge.flows.gift_feed import GiftFeed
from ops.operating import fates
from ops.operating.reaching import raisedonors
from ops.operating.stack import Stack

_BEFORE_GO_LIVE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Preview:
    """What would become of one record. `sort` is gifts, refunds, schedules, donors or notes; `fate` is a word."""

    sort: str
    id: str
    donor_id: int | None
    status: str
    fate: str
    why: str


@dataclass(frozen=True, slots=True)
class PreviewRange:
    """From which modification time each feed is read, from which creation time gifts are sent, on what assumption."""

    read_from: dict[str, datetime]
    send_from: datetime
    assumption: str | None


def preview_range(stack: Stack, since: datetime | None) -> PreviewRange:
    """What the next pickup would read, or everything changed since a moment."""
    settings, now = stack.versions.current().settings, stack.tools.now()
    enabled = stack.tools.state.get("enabled#aegis")
    start, assumption = settings.raisedonors.start_from, None
    if start is None and enabled is not None and settings.aegis.enabled:
        start = parse_moment(enabled["at"])
    if start is None:
        start = since or now - _BEFORE_GO_LIVE
        assumption = "deliveries to Aegis are not enabled yet: shown is what a start from there would take"
    feeds = ["gifts", "schedules", "donors", *(["notes"] if settings.aegis.send_notes else [])]
    begins = {feed: min(start, EVER) if feed == "donors" else start for feed in feeds}
    return PreviewRange({feed: since or _cursor(stack, feed, begins[feed]) for feed in feeds}, start, assumption)


def _cursor(stack: Stack, feed: str, start: datetime) -> datetime:
    row = stack.tools.state.get(f"cursor#{feed}")
    cursor = parse_moment(row["at"]) if row is not None and parse_moment(row["start"]) <= start else start
    return max(start, cursor) - LOOK_BACK


def preview(stack: Stack, reach: PreviewRange, limit: int, cut: list[str]) -> Iterator[Preview]:
    """At most `limit` records of each feed, in the order of modification, with what the pickup would do.

    `cut` is told the feeds that hold more.
    """
    source = raisedonors(stack)
    settings = stack.versions.current().settings
    turn = Turn(settings, reach.send_from, stack.tools.now(), Line(stack.tools.queue), nudge=None)
    look = _Look(stack, source, turn)
    feeds: tuple[tuple[Feed, Callable[[Feed, list[Any]], Iterator[Preview]]], ...] = (
        (GiftFeed(stack.tools, source, 1), look.gifts),
        (look.schedules, look.changes),
        (look.donors, look.changes),
        (NoteFeed(stack.tools, source, 1), look.notes),
    )
    for feed, judge in feeds:
        if feed.name not in reach.read_from:
            continue
        seen = 0
        for page in _pages(feed, reach.read_from[feed.name]):
            yield from judge(feed, page[: limit - seen])
            seen += len(page)
            if seen > limit or (seen == limit and len(page) == PAGE_SIZE):
                cut.append(feed.name)
            if seen >= limit:
                break


def _pages(feed: Feed, bound: datetime) -> Iterator[list[Any]]:
    skip = 0
    while True:
        page = feed.page(bound, skip)
        yield page
        if len(page) < PAGE_SIZE:
            return
        skip += len(page)


class _Look:
    """One preview: the rows are read as the pickup reads them, and nothing is written."""

    def __init__(self, stack: Stack, source: RaiseDonors, turn: Turn) -> None:
        self.stack = stack
        self.turn = turn
        self.schedules = ScheduleFeed(stack.tools, source, 1)
        self.donors = DonorFeed(stack.tools, source, 1)
        self._seen: set[str] = set()

    def gifts(self, feed: Feed, raws: list[Any]) -> Iterator[Preview]:
        """Donations, each with its refund where there is one."""
        fresh = [s for s in map(read_sighting, raws) if s.donation_id not in self._seen]
        self._seen.update(sighting.donation_id for sighting in fresh)
        ids = [make(s.donation_id) for s in fresh for make in (donation_created_id, donation_refunded_id)]
        known = self.stack.tools.deliveries.get_many(ids)
        for sighting in fresh:
            yield from self._gift(sighting, known)

    def _gift(self, sighting: Sighting, known: dict[str, Delivery]) -> Iterator[Preview]:
        turn = self.turn
        before = known.get(donation_created_id(sighting.donation_id))
        after = delivery_for(sighting, before, turn.settings, turn.start, turn.now)
        gift = Preview("gifts", sighting.donation_id, sighting.donor_id, sighting.status, "", "")
        fate, why = fates.of_gift(sighting, before, after)
        yield replace(gift, fate=fate, why=why)
        if not sighting.is_reversed:
            return
        refunded = known.get(donation_refunded_id(sighting.donation_id))
        original = after or before
        refund = refund_for(sighting, original, refunded, turn.now, is_first_sight=before is None)
        fate, why = fates.of_refund(original, refunded, refund)
        yield replace(gift, sort="refunds", fate=fate, why=why)

    def changes(self, feed: Feed, raws: list[Any]) -> Iterator[Preview]:
        """Schedules or donors: what changed by the names of the fields, and where that would go."""
        changing = self.schedules if feed.name == self.schedules.name else self.donors
        sightings = [s for raw in raws if (s := changing.sighting(raw, self.turn)) is not None]
        newest = {sighting.entity: sighting for sighting in sightings}
        known = self.stack.tools.deliveries.get_many(sighting.delivery_id for sighting in newest.values())
        agreed = self.stack.tools.agreed.get_many(newest, DESTINATION)
        for sighting in newest.values():
            before, base = known.get(sighting.delivery_id), agreed.get(sighting.entity)
            fate, why = self._change(sighting, before, base)
            status = (sighting.fields or {}).get("status", "")
            yield Preview(feed.name, sighting.entity_id, sighting.donor_id, status, fate, why)

    def _change(self, sighting: ChangeSighting, before: Delivery | None, base: Fields | None) -> tuple[str, str]:
        after = change_for(sighting, before, base, self.turn.now)
        if after is None:
            return fates.of_no_change(sighting, before, base)
        if isinstance(after, FirstSight):
            return "first sight", "only recorded, so that later edits can be told"
        keys = self.stack.tools.keys
        own = keys.get(sighting.entity, DESTINATION)
        donor = keys.get(f"donor#{sighting.donor_id}", DESTINATION)
        partner = donor.key if donor is not None else None
        return fates.of_change(sighting, before, base, own.key if own is not None else None, partner)

    def notes(self, feed: Feed, raws: list[Any]) -> Iterator[Preview]:
        """Notes of people."""
        since = self.stack.tools.state.get("enabled#aegis-notes")
        start = max(self.turn.start, parse_moment(since["at"]) if since else self.turn.now)
        sightings = [s for s in map(read_note_sighting, raws) if s is not None]
        planned = {s.note_id: note_for(s, start, self.turn.now) for s in sightings}
        known = self.stack.tools.deliveries.get_many(note.id for note in planned.values() if note is not None)
        for sighting in {s.note_id: s for s in sightings}.values():
            fate, why = fates.of_note(planned[sighting.note_id], known)
            yield Preview("notes", sighting.note_id, sighting.donor_id, sighting.type, fate, why)
