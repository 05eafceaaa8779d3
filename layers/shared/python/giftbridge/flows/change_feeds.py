"""The feeds of schedules, donors and notes (requirements B2 to B5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.clients.raisedonors_sightings import read_donor_sighting, read_note_sighting, read_schedule_sighting
from giftbridge.clients.whole_answers import Page
from giftbridge.domain.agreed import Fields, base_of_first_sight
from giftbridge.domain.change_sightings import ChangeSighting, FirstSight, change_for, note_for
from giftbridge.domain.deliveries import OPEN_STATES, Delivery, State
from giftbridge.domain.delivery_ids import donor_noted_id
from giftbridge.domain.restores import COMPARED, Restore
from giftbridge.errors import LostRace
from giftbridge.flows.feed_walk import Turn
from giftbridge.flows.tools import Tools
from giftbridge.flows.virtuous_edits import VirtuousEdits
from giftbridge.store.restores import newest_restore
from giftbridge.store.rows import Write

DESTINATION = "aegis"
_MOST_PAGES = 10
_TRIES = 4


class _ChangeFeed:
    """Entities that change again and again: each sighting is told from what was last agreed on, and counted."""

    most_pages = _MOST_PAGES
    named_by: tuple[str, ...] = ()

    def __init__(self, tools: Tools, raisedonors: RaiseDonors, threads: int) -> None:
        self.tools = tools
        self.raisedonors = raisedonors
        self.threads = threads
        self._restore: Restore | None = None

    def sighting(self, raw: object, turn: Turn) -> ChangeSighting | None:
        """A record of the feed; None for one that is none of our business."""
        raise NotImplementedError

    def record(self, raws: list[Any], turn: Turn) -> list[Delivery]:
        """Count what changed, record what is seen for the first time; the deliveries that are now to be worked on."""
        sightings = [sighting for raw in raws if (sighting := self.sighting(raw, turn)) is not None]
        newest = {sighting.entity: sighting for sighting in sightings}
        # The deliveries first: one that ends meanwhile has moved what is agreed on by the time that is read.
        known = self.tools.deliveries.get_many(sighting.delivery_id for sighting in newest.values())
        agreed = self.tools.agreed.get_many(newest, DESTINATION)
        restore = self._restore = newest_restore(self.tools.state)
        if restore is not None:
            newest = {
                name: restore.of_life_before(sighting, known.get(sighting.delivery_id), turn.now)
                for name, sighting in newest.items()
            }
        written = self.tools.side_by_side(
            lambda s: self._count(s, known.get(s.delivery_id), agreed.get(s.entity), turn),
            list(newest.values()),
            self.threads,
        )
        turn.counts.update(became for became, _ in written if became is not None)
        return [delivery for _, delivery in written if delivery is not None]

    def _count(
        self, sighting: ChangeSighting, known: Delivery | None, agreed: Fields | None, turn: Turn
    ) -> tuple[str | None, Delivery | None]:
        """What one sighting became, tried again with fresh rows when somebody moved them; and the delivery to nudge."""
        for _ in range(_TRIES):
            after = change_for(sighting, known, agreed, turn.now)
            if after is None:
                return None, None
            if isinstance(after, FirstSight):
                is_first = self.tools.agreed.first_sight(sighting.entity, DESTINATION, sighting.fields or {}, turn.now)
                if is_first:
                    return "first sight", None
            elif known is not None and known.state in OPEN_STATES:
                if self.tools.deliveries.count_sighting(known, sighting.mark):
                    return "counted again", None
            elif (written := self._write(known, self._marked(after, sighting), sighting, agreed, turn)) is not None:
                return written.state.value, written
            known = self.tools.deliveries.get(sighting.delivery_id)
            agreed = self.tools.agreed.get(sighting.entity, DESTINATION)
        raise LostRace(f"{sighting.delivery_id} kept changing", (sighting.delivery_id,))

    def _base(self, sighting: ChangeSighting, agreed: Fields | None, turn: Turn) -> list[Write]:
        """What an edit that comes before the first turn of an old schedule is told from.

        What a restore has forgotten may be anything: all is compared.
        """
        if agreed is not None or sighting.fields is None:
            return []
        base = {} if sighting.is_forgotten else base_of_first_sight(sighting.fields)
        return [self.tools.agreed.first(sighting.entity, DESTINATION, base, turn.now)]

    def _marked(self, after: Delivery, sighting: ChangeSighting) -> Delivery:
        """What the life before a restore may have done is looked for; what it had agreed on is not known any more."""
        if not sighting.is_forgotten or self._restore is None:
            return after
        fresh = {name: value for name, value in after.result.items() if name != COMPARED}
        return self._restore.marked(replace(after, result=fresh), None)

    def _write(
        self, before: Delivery | None, after: Delivery, sighting: ChangeSighting, agreed: Fields | None, turn: Turn
    ) -> Delivery | None:
        base, nudged = self._base(sighting, agreed, turn), turn.nudged(after)
        if before is None:
            return nudged if self.tools.deliveries.add(nudged, *base) else None
        lines = base if sighting.is_forgotten else []
        if before.state is State.FAILED:
            line = self.tools.activity.line(
                after.donor_entity,
                now=turn.now,
                what="reopened",
                why="changed on RaiseDonors",
                delivery_id=after.id,
                details={"kind": after.kind.value},
            )
            lines.append(line)
        try:
            return self.tools.deliveries.save(before, nudged, *lines)
        except LostRace:
            return None


class ScheduleFeed(_ChangeFeed):
    """Schedules: people's changes and the gateway's arrive alike (requirement B5)."""

    name = "schedules"
    named_by: tuple[str, ...] = ("donorId",)

    def page(self, bound: datetime, skip: int) -> Page:
        """Schedules modified since then (queryRecurringGifts)."""
        return self.raisedonors.schedules_modified_since(bound, skip, with_unnamed=True)

    def sighting(self, raw: object, turn: Turn) -> ChangeSighting | None:
        """A schedule as the feed shows it."""
        return read_schedule_sighting(raw, turn.on_for(DESTINATION), with_tests=_with_tests(turn))


class DonorFeed(_ChangeFeed):
    """Donors: the first sight only records how they look (requirement B3)."""

    name = "donors"

    def page(self, bound: datetime, skip: int) -> Page:
        """Donors modified since then (queryDonors)."""
        return self.raisedonors.donors_modified_since(bound, skip, with_unnamed=True)

    def sighting(self, raw: object, turn: Turn) -> ChangeSighting | None:
        """A donor as the feed shows them."""
        return read_donor_sighting(raw, with_tests=_with_tests(turn))


class VirtuousDonorFeed:
    """Donors for Virtuous, with a cursor of their own: it may be connected years after Aegis."""

    name = "donors-virtuous"
    most_pages = _MOST_PAGES
    named_by: tuple[str, ...] = ()

    def __init__(self, tools: Tools, raisedonors: RaiseDonors, threads: int) -> None:
        self.raisedonors = raisedonors
        self.edits = VirtuousEdits(tools, threads)

    def page(self, bound: datetime, skip: int) -> Page:
        """Donors modified since then (queryDonors)."""
        return self.raisedonors.donors_modified_since(bound, skip, with_unnamed=True)

    def record(self, raws: list[Any], turn: Turn) -> list[Delivery]:
        """Nothing is to be nudged: it waits for the batch."""
        self.edits.record(raws, turn)
        return []


class NoteFeed:
    """Notes that people write about donors; walked only while the setting aegis.send_notes is on."""

    name = "notes"
    most_pages = _MOST_PAGES
    named_by: tuple[str, ...] = ("donorId",)

    def __init__(self, tools: Tools, raisedonors: RaiseDonors, threads: int) -> None:
        self.tools = tools
        self.raisedonors = raisedonors
        self.threads = threads

    def page(self, bound: datetime, skip: int) -> Page:
        """Entries modified since then (listDonorActivity)."""
        return self.raisedonors.notes_modified_since(bound, skip)

    def record(self, raws: list[Any], turn: Turn) -> list[Delivery]:
        """Write a delivery for each new note of a person."""
        sightings = [sighting for sighting in map(read_note_sighting, raws) if sighting is not None]
        planned = [
            note
            for sighting in sightings
            if (note := note_for(sighting, turn.on_for(DESTINATION), turn.now)) is not None
        ]
        known: Mapping[str, Delivery] = self.tools.deliveries.get_many(note.id for note in planned)
        new = {note.id: note for note in planned if note.id not in known}
        made = {donor_noted_id(sighting.note_id): sighting.created_at for sighting in sightings}
        written = self.tools.side_by_side(
            lambda note: self._write(note, made[note.id], turn), list(new.values()), self.threads
        )
        done = [note for note in written if note is not None]
        turn.counts.update(note.state.value for note in done)
        return done

    def _write(self, note: Delivery, written: datetime | None, turn: Turn) -> Delivery | None:
        """By when it was written: a note from before a restore may have been touched again since."""
        restore = newest_restore(self.tools.state)
        nudged = turn.nudged(restore.marked(note, written) if restore is not None else note)
        return nudged if self.tools.deliveries.add(nudged) else None


def _with_tests(turn: Turn) -> bool:
    return turn.settings.raisedonors.test_mode_gifts == "send"
