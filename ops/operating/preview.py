"""What the next pickup would take, record by record, without writing or sending anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.clients.raisedonors_sightings import read_note_sighting, read_sighting
from giftbridge.domain.agreed import Fields
from giftbridge.domain.change_sightings import ChangeSighting, FirstSight, change_for, note_for
from giftbridge.domain.deliveries import Delivery
from giftbridge.domain.delivery_ids import AEGIS, VIRTUOUS, donation_created_id, donation_refunded_id
from giftbridge.domain.on_periods import EVER, OnPeriods
from giftbridge.domain.settings import Settings
from giftbridge.domain.sightings import Sighting, delivery_for, refund_for
from giftbridge.domain.times import parse_moment
from giftbridge.flows.change_feeds import DESTINATION, DonorFeed, NoteFeed, ScheduleFeed, VirtuousDonorFeed
from giftbridge.flows.feed_walk import LOOK_BACK, Feed, Line, Turn, pages_since
from giftbridge.flows.gift_feed import GiftFeed
from giftbridge.store.switches import enabled_row, gift_periods, read_periods
from ops.operating import fates
from ops.operating.fates import Preview
from ops.operating.reaching import raisedonors
from ops.operating.stack import Stack
from ops.operating.systems import SYSTEMS
from ops.operating.virtuous_preview import VirtuousLook

_BEFORE_GO_LIVE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class PreviewRange:
    """From which modification time each feed is read, and when each CRM took gifts, by their creation time.

    `assumption` says what is not so yet.
    """

    read_from: dict[str, datetime]
    on: dict[str, OnPeriods]
    assumption: str | None

    @property
    def starts(self) -> dict[str, datetime]:
        """The earliest creation time of a gift that would be sent to each CRM."""
        return {name: periods.first for name, periods in self.on.items() if periods.first is not None}

    @property
    def send_from(self) -> datetime:
        """The earliest creation time of a gift that would be sent."""
        return min(self.starts.values())


def preview_range(stack: Stack, since: datetime | None) -> PreviewRange:
    """What the next pickup would read, or everything changed since a moment."""
    settings, now = stack.versions.current().settings, stack.tools.now()
    known = {name: _known_periods(stack, name, settings) for name in _shown_crms(stack, settings)}
    on = {name: known[name] or OnPeriods.since(since or now - _BEFORE_GO_LIVE) for name in known}
    starts = {name: periods.turns[0] for name, periods in on.items()}
    unknown = " and ".join(SYSTEMS[name].title for name, periods in known.items() if periods is None)
    assumption = f"deliveries to {unknown} are not enabled yet: shown is what a start from there would take"
    feeds = ["gifts", *(["schedules"] if AEGIS in starts else []), "donors"]
    feeds += ["notes"] if AEGIS in starts and settings.aegis.send_notes else []
    start = starts.get(AEGIS, min(starts.values()))
    begins = {**dict.fromkeys(feeds, start), "gifts": min(starts.values()), "donors": min(start, EVER)}
    read_from = {feed: since or _cursor(stack, feed, begins[feed]) for feed in feeds}
    if since is None and VIRTUOUS in starts:
        # One look serves both: it begins where the one that is further behind does.
        behind = _cursor(stack, VirtuousDonorFeed.name, begins["donors"])
        read_from["donors"] = min(read_from["donors"], behind) if AEGIS in starts else behind
    return PreviewRange(read_from, on, assumption if unknown else None)


def _shown_crms(stack: Stack, settings: Settings) -> list[str]:
    """The CRMs that are connected or switched on; Aegis where there is none."""
    shown = [VIRTUOUS] if stack.is_connected(VIRTUOUS) else []
    return [AEGIS, *shown] if not shown or stack.is_connected(AEGIS) or settings.aegis.enabled else shown


def _known_periods(stack: Stack, crm: str, settings: Settings) -> OnPeriods | None:
    """When a CRM took gifts, as the pickup sees it; None where that is not decided yet."""
    start_from = settings.raisedonors.start_from
    known = gift_periods(stack.tools.state, crm, start_from)
    return known if known.turns and (start_from is not None or getattr(settings, crm).enabled) else None


def _cursor(stack: Stack, feed: str, start: datetime) -> datetime:
    row = stack.tools.state.get(f"cursor#{feed}")
    cursor = parse_moment(row["at"]) if row is not None and parse_moment(row["start"]) <= start else start
    return max(start, cursor) - LOOK_BACK


def preview(
    stack: Stack, reach: PreviewRange, limit: int, cut: list[str], *, with_rows: bool = False
) -> Iterator[Preview]:
    """At most `limit` records of each feed, in the order of modification, with what the pickup would do.

    `cut` is told the feeds that hold more. `with_rows` shows import rows whole, names and all.
    """
    source = raisedonors(stack)
    settings = stack.versions.current().settings
    start = reach.starts.get(AEGIS, reach.send_from)
    turn = Turn(settings, start, stack.tools.now(), Line(stack.tools.queue), reach.on, nudge=None)
    look = _Look(stack, source, turn, with_rows=with_rows)
    feeds: tuple[tuple[Feed, Callable[[Feed, list[Any]], Iterator[Preview]]], ...] = (
        (GiftFeed(stack.tools, source, 1), look.gifts),
        (look.schedules, look.changes),
        (look.donors, look.edits),
        (NoteFeed(stack.tools, source, 1), look.notes),
    )
    for feed, judge in feeds:
        if feed.name not in reach.read_from:
            continue
        seen = 0
        for page, goes_on in pages_since(feed.page, reach.read_from[feed.name]):
            yield from judge(feed, page[: limit - seen])
            seen += len(page)
            if seen > limit or (seen == limit and goes_on):
                cut.append(feed.name)
            if seen >= limit:
                break


class _Look:
    """One preview: the rows are read as the pickup reads them, and nothing is written."""

    def __init__(self, stack: Stack, source: RaiseDonors, turn: Turn, *, with_rows: bool) -> None:
        self.stack = stack
        is_shown = VIRTUOUS in turn.on
        self.virtuous = VirtuousLook(stack, source, turn, with_rows=with_rows) if is_shown else None
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
        for sighting in fresh if AEGIS in self.turn.on else ():
            yield from self._gift(sighting, known)
        if self.virtuous is not None:
            yield from self.virtuous.gifts(fresh)

    def _gift(self, sighting: Sighting, known: dict[str, Delivery]) -> Iterator[Preview]:
        turn = self.turn
        before = known.get(donation_created_id(sighting.donation_id))
        after = delivery_for(sighting, before, turn.settings, turn.on[AEGIS], turn.now)
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

    def edits(self, feed: Feed, raws: list[Any]) -> Iterator[Preview]:
        """Donors, on their way to each CRM."""
        if AEGIS in self.turn.on:
            yield from self.changes(feed, raws)
        if self.virtuous is not None:
            yield from self.virtuous.contacts(raws)

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
        known = read_periods(self.stack.tools.state.get(enabled_row("aegis-notes")))
        notes_on = known if known.turns else OnPeriods.since(self.turn.now)
        on = self.turn.on_for(AEGIS).both(notes_on)
        sightings = [s for s in map(read_note_sighting, raws) if s is not None]
        planned = {s.note_id: note_for(s, on, self.turn.now) for s in sightings}
        existing = self.stack.tools.deliveries.get_many(note.id for note in planned.values() if note is not None)
        for sighting in {s.note_id: s for s in sightings}.values():
            fate, why = fates.of_note(planned[sighting.note_id], existing)
            yield Preview("notes", sighting.note_id, sighting.donor_id, sighting.type, fate, why)
