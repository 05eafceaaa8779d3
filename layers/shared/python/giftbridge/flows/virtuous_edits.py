"""Edits of donors, from their feed into Virtuous' outbox (requirements D1, D5)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from giftbridge.clients.raisedonors_sightings import read_contact_sighting
from giftbridge.domain import delivery_life as life
from giftbridge.domain.agreed import EMAIL, Fields, digest_of
from giftbridge.domain.change_sightings import ChangeSighting, FirstSight, change_for
from giftbridge.domain.contact_merging import groups_to_send
from giftbridge.domain.contact_rows import Base
from giftbridge.domain.deliveries import OPEN_STATES, Delivery, State, Trouble
from giftbridge.domain.delivery_ids import VIRTUOUS
from giftbridge.domain.on_periods import OnPeriods
from giftbridge.errors import LostRace
from giftbridge.flows.feed_walk import Turn
from giftbridge.flows.tools import Tools
from giftbridge.flows.virtuous_rows import DIGEST
from giftbridge.store.contact_snapshots import ContactSnapshot
from giftbridge.store.rows import Write, commit
from giftbridge.store.switches import enabled_periods, switch_periods

_TRIES = 4
# A donor who is being made may be modified by that.
_BEING_MADE = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class _Seen:
    """A sighting with what is known of the donor."""

    sighting: ChangeSighting
    fields: Fields
    known: Delivery | None
    snapshot: ContactSnapshot | None


class VirtuousEdits:
    """Counts what a person changed; our own writes are recognised by value, and shown."""

    def __init__(self, tools: Tools, threads: int) -> None:
        self.tools = tools
        self.threads = threads
        self._contacts_on = self._on = OnPeriods()

    def record(self, raws: list[Any], turn: Turn) -> None:
        """Record donors seen for the first time, count edits, show echoes."""
        is_on = turn.settings.virtuous.sync_contacts
        self._contacts_on = switch_periods(self.tools.state, "virtuous-contacts", turn.now, is_on=is_on)
        self._on = enabled_periods(self.tools.state, VIRTUOUS, turn.now)
        with_tests = turn.settings.raisedonors.test_mode_gifts == "send"
        sightings = [sighting for raw in raws if (sighting := read_contact_sighting(raw, with_tests=with_tests))]
        newest = {sighting.entity: sighting for sighting in sightings if sighting.fields is not None}
        # The deliveries first: one that ends meanwhile has moved what is agreed on by the time that is read.
        known = self.tools.deliveries.get_many(sighting.delivery_id for sighting in newest.values())
        snapshots = self.tools.snapshots.get_many(newest)
        became = self.tools.side_by_side(
            lambda s: self._count(_Seen(s, s.fields or {}, known.get(s.delivery_id), snapshots.get(s.entity)), turn),
            list(newest.values()),
            self.threads,
        )
        turn.counts.update(f"virtuous: {one}" for one in became if one is not None)

    def _count(self, seen: _Seen, turn: Turn) -> str | None:
        """What one sighting became, tried again with fresh rows when somebody moved them."""
        for _ in range(_TRIES):
            try:
                return self._count_once(seen, turn)
            except LostRace:
                known = self.tools.deliveries.get(seen.sighting.delivery_id)
                snapshot = self.tools.snapshots.get(seen.sighting.entity)
                seen = replace(seen, known=known, snapshot=snapshot)
        raise LostRace(f"{seen.sighting.delivery_id} kept changing", (seen.sighting.delivery_id,))

    def _count_once(self, seen: _Seen, turn: Turn) -> str | None:
        snapshot = seen.snapshot
        if snapshot is None:
            return self._first_sight(seen, turn)
        # No look at the contact tells that an e-mail address went back to what it was while a row held the other.
        is_held_otherwise = EMAIL in groups_to_send(snapshot.base, seen.fields)
        if snapshot.base.ours == seen.fields and not is_held_otherwise:
            return self._echo(seen, snapshot, turn)
        if not self._travels(seen, turn):
            # What happens while the switch is off is not sent, then or later.
            base = replace(snapshot.base, ours=seen.fields, theirs=snapshot.base.known_theirs)
            commit(self.tools.deliveries.client, [self._agreeing(seen, base, turn)])
            return "not sent, switched off"
        return self._edit(seen, {} if is_held_otherwise else snapshot.base.ours, turn)

    def _first_sight(self, seen: _Seen, turn: Turn) -> str:
        """Only recorded; but who was edited since the sync began goes out whole, for what changed is not known."""
        write = self._agreeing(seen, Base(seen.fields), turn)
        sighting = seen.sighting
        changed, made = sighting.modified_at, sighting.created_at
        is_edited = (
            changed is not None and made is not None and self._on.holds(changed) and changed - made > _BEING_MADE
        )
        if not is_edited or seen.known is not None or not self._travels(seen, turn):
            commit(self.tools.deliveries.client, [write])
            return "first sight"
        new = life.new_donor_row(int(sighting.entity_id), turn.now)
        return self._added(replace(new, wanted=1, seen=sighting.mark, is_backfill=True), write)

    def _travels(self, seen: _Seen, turn: Turn) -> bool:
        """Whether contacts were kept the same when this was edited, whatever the switch says by now."""
        changed = seen.sighting.modified_at
        return self._contacts_on.holds(changed) if changed is not None else turn.settings.virtuous.sync_contacts

    def _edit(self, seen: _Seen, agreed: Fields, turn: Turn) -> str | None:
        known = seen.known
        if known is not None and known.state is State.SENT and known.result.get(DIGEST) == digest_of(seen.fields):
            return None
        after = change_for(seen.sighting, known, agreed, turn.now)
        if after is None or isinstance(after, FirstSight):
            return None
        if known is None:
            return self._added(replace(after, destination=VIRTUOUS))
        if known.state in OPEN_STATES:
            if not self.tools.deliveries.count_sighting(known, seen.sighting.mark):
                raise LostRace("it ended meanwhile", (known.id,))
            return "counted again"
        return self.tools.deliveries.save(known, after).state.value

    def _added(self, new: Delivery, *also: Write) -> str:
        if not self.tools.deliveries.add(new, *also):
            raise LostRace("it was there already", (new.id,))
        return new.state.value

    def _echo(self, seen: _Seen, snapshot: ContactSnapshot, turn: Turn) -> str | None:
        """The donor says what was last agreed on. Where we wrote that, the sighting is shown as our echo, once."""
        if snapshot.echo_of is None:
            return None
        write = self._agreeing(seen, snapshot.base, turn)
        known = seen.known
        if known is not None and (known.state in OPEN_STATES or known.state in {State.SENT, State.FAILED}):
            commit(self.tools.deliveries.client, [write])
            return None
        echo = Trouble("echo", f"echo of {snapshot.echo_of}")
        line = self.tools.activity.line(
            seen.sighting.entity,
            now=turn.now,
            what="ignored",
            why=echo.text,
            delivery_id=seen.sighting.delivery_id,
            details={"kind": seen.sighting.kind.value, "cause": echo.cause},
        )
        if known is None:
            new = life.new_donor_row(int(seen.sighting.entity_id), turn.now)
            new = replace(life.ignored(new, echo, turn.now), wanted=1, served=1, seen=seen.sighting.mark)
            return self._added(new, write, line) and "echo"
        after = replace(life.ignored(known, echo, turn.now), seen=seen.sighting.mark)
        self.tools.deliveries.save(known, after, write, line)
        return "echo"

    def _agreeing(self, seen: _Seen, base: Base, turn: Turn) -> Write:
        before = seen.snapshot
        contact_type = before.contact_type if before is not None else None
        after = ContactSnapshot(seen.sighting.entity, base, contact_type)
        return self.tools.snapshots.write(before, after, turn.now)
