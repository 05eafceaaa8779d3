"""The feeds of a backfill: walked behind the live ones, a few pages a run, from where the last run ended (H3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.clients.raisedonors_sightings import created_at, modified_at, read_contact_sighting
from giftbridge.clients.whole_answers import Page
from giftbridge.domain import delivery_life as life
from giftbridge.domain.backfills import CONTACTS, GIFTS, Backfill, backfilled_contact, backfilled_gift, read_backfill
from giftbridge.domain.deliveries import Delivery, State
from giftbridge.domain.delivery_ids import AEGIS, donation_created_id
from giftbridge.domain.restores import Restore
from giftbridge.domain.sightings import Sighting
from giftbridge.errors import LostRace
from giftbridge.flows.feed_walk import Feed, FeedOutcome, FeedWalk, Turn
from giftbridge.flows.gift_feed import whole_sightings
from giftbridge.flows.tools import Tools
from giftbridge.store.crm_keys import invoice_claim
from giftbridge.store.restores import newest_restore
from giftbridge.store.rows import Write

ROW = "backfill"
_PAGES_A_RUN = 5
_TRIES = 4


class _Backfilled:
    """What both feeds of a backfill are made of; `sort` is what they bring."""

    most_pages = _PAGES_A_RUN
    named_by: tuple[str, ...] = ()
    sort: str

    def __init__(self, tools: Tools, raisedonors: RaiseDonors, backfill: Backfill, threads: int) -> None:
        self.tools = tools
        self.raisedonors = raisedonors
        self.backfill = backfill
        self.threads = threads
        self.name = f"{ROW}-{backfill.id}-{self.sort}" + (f"-{backfill.walk}" if backfill.walk else "")


class BackfilledGifts(_Backfilled):
    """Gifts of a period."""

    sort = GIFTS
    _restore: Restore | None = None

    def page(self, bound: datetime, skip: int) -> Page:
        """A gift was modified when it was created or later: the period's are all from here on (queryGifts)."""
        return self.raisedonors.gifts_modified_since(bound, skip)

    def record(self, raws: list[Any], turn: Turn) -> list[Delivery]:
        """Write the deliveries of the period's gifts; those that are to be nudged now."""
        destination = self.backfill.destination
        seen = whole_sightings(self.tools, self.raisedonors, raws, self.threads)
        newest = {sighting.donation_id: sighting for sighting in seen}
        known = self.tools.deliveries.get_many(donation_created_id(name, destination) for name in newest)
        self._restore = newest_restore(self.tools.state)
        sightings = list(newest.values())
        written = self.tools.side_by_side(lambda sighting: self._bring(sighting, known, turn), sightings, self.threads)
        done = [delivery for delivery in written if delivery is not None]
        turn.counts.update(f"{ROW}: {delivery.state.value}" for delivery in done)
        return [one for one in done if one.destination == AEGIS and one.state in {State.PENDING, State.UNKNOWN}]

    def _bring(self, sighting: Sighting, known: Mapping[str, Delivery], turn: Turn) -> Delivery | None:
        """The gift's row as written, made anew where somebody moved it; None where nothing is to be done."""
        destination = self.backfill.destination
        name = donation_created_id(sighting.donation_id, destination)
        before = known.get(name)
        for _ in range(_TRIES):
            after = backfilled_gift(sighting, before, self.backfill, turn.settings, turn.now)
            if after is None:
                return None
            if before is None and self._restore is not None:
                after = self._restore.marked(after, sighting.created_at)
            written = self._write(before, turn.nudged(after) if destination == AEGIS else after)
            if written is not None:
                return written
            before = self.tools.deliveries.get(name)
        raise LostRace(f"{name} kept changing", (name,))

    def _write(self, before: Delivery | None, after: Delivery) -> Delivery | None:
        lines: list[Write] = []
        if after.state is State.DELIVERED and before is None:
            claim = invoice_claim(after.result["invoice"])
            lines.append(self.tools.keys.claim(claim, AEGIS, after.id, after.updated_at, take_over=True))
        lines.append(_line(self.tools, after, self.backfill))
        return _put(self.tools, before, after, lines)


class BackfilledContacts(_Backfilled):
    """Donors who were created or changed in a period."""

    sort = CONTACTS

    def page(self, bound: datetime, skip: int) -> Page:
        """Donors modified since then (queryDonors)."""
        return self.raisedonors.donors_modified_since(bound, skip)

    def record(self, raws: list[Any], turn: Turn) -> list[Delivery]:
        """Put the period's donors into the outbox; none is nudged, the batch takes them."""
        with_tests = turn.settings.raisedonors.test_mode_gifts == "send"
        of_period = [raw for raw in raws if self._is_of_period(raw)]
        sightings = [one for raw in of_period if (one := read_contact_sighting(raw, with_tests=with_tests))]
        newest = {one.delivery_id: one for one in sightings if one.fields is not None}
        known = self.tools.deliveries.get_many(newest)

        def write(name: str) -> Delivery | None:
            new = life.new_donor_row(int(newest[name].entity_id), turn.now)
            before = known.get(name)
            for _ in range(_TRIES):
                if before is not None and before.result.get(ROW) == self.backfill.id:
                    return None
                after = backfilled_contact(before, new, turn.now)
                after = replace(after, result={**after.result, ROW: self.backfill.id})
                written = _put(self.tools, before, after, [_line(self.tools, after, self.backfill)])
                if written is not None:
                    return written
                before = self.tools.deliveries.get(name)
            raise LostRace(f"{name} kept changing", (name,))

        written = [one for one in self.tools.side_by_side(write, list(newest), self.threads) if one is not None]
        turn.counts.update(f"{ROW}: contact" for _ in written)
        return []

    def _is_of_period(self, raw: object) -> bool:
        return self.backfill.covers(created_at(raw)) or self.backfill.covers(modified_at(raw))


def walk_backfill(
    tools: Tools, raisedonors: RaiseDonors, turn: Turn, keep_lease: Callable[[], bool], threads: int
) -> dict[str, FeedOutcome]:
    """Some pages of the backfill that was asked for, if there is one. Raises what the calls raise."""
    row = tools.state.get(ROW)
    if row is None or row["is_done"]:
        return {}
    backfill = read_backfill(row)
    own = replace(turn, start=backfill.since, counts=Counter())
    feeds: list[Feed] = []
    if GIFTS in backfill.what:
        feeds.append(BackfilledGifts(tools, raisedonors, backfill, threads))
    if CONTACTS in backfill.what:
        feeds.append(BackfilledContacts(tools, raisedonors, backfill, threads))
    walked = {feed.name: FeedWalk(tools, feed, own, keep_lease).run() for feed in feeds if not _is_over(tools, feed)}
    turn.counts.update(own.counts)
    counts = Counter(backfill.counts)
    counts.update(own.counts)
    after = replace(backfill, counts=counts)
    if all(outcome.is_complete for outcome in walked.values()):
        after = after.ended(turn.now)
    try:
        tools.state.put(ROW, after.as_row(), row)
    except LostRace:
        # Cancelled, or asked for anew, meanwhile.
        return walked
    return walked


def _is_over(tools: Tools, feed: Feed) -> bool:
    """A feed that was walked to its end is not walked again while the other goes on."""
    row = tools.state.get(f"cursor#{feed.name}")
    return row is not None and "bound" not in row


def _line(tools: Tools, after: Delivery, backfill: Backfill) -> Write:
    return tools.activity.line(
        after.donor_entity,
        now=after.updated_at,
        what="backfilled" if after.state is not State.IGNORED else "ignored",
        why=after.trouble.explain() if after.trouble is not None else f"backfill {backfill.id}, asked for",
        delivery_id=after.id,
        who=backfill.by,
        details={"kind": after.kind.value},
    )


def _put(tools: Tools, before: Delivery | None, after: Delivery, lines: list[Write]) -> Delivery | None:
    """The row as written, None where somebody else moved it."""
    if before is None:
        return after if tools.deliveries.add(after, *lines) else None
    try:
        return tools.deliveries.save(before, after, *lines)
    except LostRace:
        return None
