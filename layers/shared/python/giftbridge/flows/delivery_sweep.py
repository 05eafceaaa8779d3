"""Every minute: whatever is due gets a nudge, whatever else is broken; the table and the dead letters agree."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from giftbridge.delivery_queue import MOST_EDITS_IN_LINE, Nudge, new_nudge_name
from giftbridge.domain.deliveries import OPEN_STATES, Delivery, State, Trouble
from giftbridge.domain.delivery_ids import AEGIS, RAISEDONORS, VIRTUOUS
from giftbridge.domain.delivery_life import retry_delay
from giftbridge.domain.destinations import Destination
from giftbridge.domain.settings import Settings
from giftbridge.errors import GiftBridgeError, LostRace
from giftbridge.flows.health import Health
from giftbridge.flows.tools import Tools
from giftbridge.flows.work import Work
from giftbridge.store.rows import TableBusy

log = logging.getLogger("giftbridge")
MOST_NUDGES = 500
MOST_DEAD_LETTERS = 100
_UNTIL_THE_NEXT_SWEEP = 60.0
# A nudge that led to nothing: lost when the queue is empty, else probably still in line.
LOST_AFTER = timedelta(seconds=15)
LOST_IN_LINE_AFTER = timedelta(minutes=15)
_DEATHS_BEFORE_A_PERSON = 3
_MOST_REOPENED = 1000
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SweepOutcome:
    """What one sweep did."""

    nudged: int
    dead_letters_deleted: int
    died: int
    reopened: int
    stopped: bool


class DeliverySweep:
    """Keeps one destination's deliveries moving."""

    def __init__(
        self,
        tools: Tools,
        destination: str,
        renudge_after: timedelta = LOST_IN_LINE_AFTER,
        take_in: Callable[[Mapping[str, Any]], bool] = lambda _: False,
        ping: Callable[[], None] | None = None,
    ) -> None:
        self.tools = tools
        self.destination = destination
        self.renudge_after = renudge_after
        self.take_in = take_in
        self.ping = ping
        self.health = Health(tools)

    def run(self) -> SweepOutcome:
        """One sweep."""
        number, settings = self.tools.settings()
        # Whatever the table takes no write for now is left to the next sweep: what is due is nudged all the same.
        reopened = self._unless_busy(lambda: self._reopen_ignored(number, settings), 0)
        deleted, died = self._unless_busy(lambda: self._agree_with_dead_letters(settings), (0, 0))
        destination = self._reopened_destination()
        in_line = self.tools.queue.in_line()
        money, edits = self._due("open"), self._due("later") + self._due("sent")
        nudged = self._nudge_due(money, edits, destination, settings, in_line)
        return SweepOutcome(nudged, deleted, died, reopened, destination.stopped_at is not None)

    def _unless_busy(self, part: Callable[[], T], otherwise: T) -> T:
        try:
            return part()
        except TableBusy as busy:
            log.warning("a part of the sweep is left to the next", extra={"code": busy.code})
            return otherwise

    # --- nudging ------------------------------------------------------------------------------------------

    def _due(self, bucket: str) -> list[Delivery]:
        """The longest due first: one that waits again and again takes its turns, and does not stand before the rest."""
        ids = self.tools.deliveries.due_ids(self.destination, self.tools.now(), MOST_NUDGES, bucket)
        rows = self.tools.deliveries.get_many(ids)
        return sorted(rows.values(), key=lambda delivery: (delivery.due, delivery.created_at, delivery.id))

    def _nudge_due(
        self,
        money: list[Delivery],
        edits: list[Delivery],
        destination: Destination,
        settings: Settings,
        in_line: int,
    ) -> int:
        """Oldest first, of the edits only as many as there is room for in the queue.

        While the breaker is open one delivery tries; while paused or asked to wait, none does.
        """
        now = self.tools.now()
        if destination.paused_by is not None or destination.waits_until(now) is not None:
            return 0
        if not destination.is_healthy:
            return self._nudge_trial(money, edits, destination, settings)
        lost_after = LOST_AFTER if in_line == 0 else self.renudge_after
        wanted = [delivery for delivery in money if self._needs_nudge(delivery, lost_after, now)]
        room = max(0, MOST_EDITS_IN_LINE - in_line)
        # Longest due first: what waits again and again leaves room for what was not tried since.
        waiting = sorted(edits, key=lambda edit: edit.due)
        wanted += [edit for edit in waiting if self._needs_nudge(edit, lost_after, now)][:room]
        # No more than the rate budgets have calls for until the next sweep: the rest would only wait again.
        turns = self._room(wanted)
        if turns < len(wanted):
            wanted = self._needed_first(wanted)
            turns = self._room(wanted)
        return self._send(wanted[:turns])

    def _room(self, wanted: list[Delivery]) -> int:
        systems = (RAISEDONORS, AEGIS if self.destination == AEGIS else VIRTUOUS)
        return self.tools.budgets.room(systems, [delivery.turn for delivery in wanted], _UNTIL_THE_NEXT_SWEEP)

    def _needed_first(self, wanted: list[Delivery]) -> list[Delivery]:
        """What others wait for stands in their place, and they go last: else they take its calls, again and again."""
        names = {delivery.id: trouble.waits_for for delivery in wanted if (trouble := delivery.trouble) is not None}
        others = self.tools.deliveries.get_many({name for name in names.values() if name is not None})
        due = {delivery.id: delivery for delivery in wanted}
        first: dict[str, Delivery] = {}
        last: dict[str, Delivery] = {}
        for delivery in wanted:
            needed = delivery
            while (other := others.get(names.get(needed.id) or "")) is not None and other.state in OPEN_STATES:
                last[needed.id] = needed
                if other.id not in due or other.id in last:
                    break
                needed = due[other.id]
            else:
                first[needed.id] = needed
        return list((first | last).values())

    def _nudge_trial(
        self, money: list[Delivery], edits: list[Delivery], destination: Destination, settings: Settings
    ) -> int:
        now = self.tools.now()
        if destination.probe_at is not None and destination.probe_at > now:
            return 0
        candidates = _to_be_tried(money, now) or _to_be_tried(edits, now)
        if not candidates:
            self._ping()
            return 0
        # Each in its turn: one record that fails for a reason of its own must not keep the breaker open.
        trial = min(candidates, key=lambda delivery: delivery.nudged_at or delivery.created_at)
        pause = timedelta(seconds=settings.retries.breaker_probe_seconds)
        self.tools.state.change_destination(
            self.destination, lambda d: replace(d, trial=trial.id, probe_at=now + max(pause, timedelta(seconds=1)))
        )
        return self._send([trial])

    def _ping(self) -> None:
        """Others may wait for the destination while nothing is due for it: a harmless read tells how it is."""
        if self.ping is None:
            return
        try:
            self.ping()
        except GiftBridgeError as error:
            self.health.note_trouble(error, self.destination, "sweep")
        else:
            self.health.note_success(self.destination)

    def _needs_nudge(self, delivery: Delivery, lost_after: timedelta, now: datetime) -> bool:
        if delivery.is_leased(now):
            return False
        if delivery.nudged_at is None or delivery.nudged_at < delivery.due:
            return True
        lease_ended = delivery.lease_until is not None and delivery.nudged_at < delivery.lease_until
        return lease_ended or now - delivery.nudged_at >= lost_after

    def _send(self, deliveries: list[Delivery]) -> int:
        if not deliveries:
            return 0
        name = new_nudge_name(self.tools.token)
        noted = self.tools.deliveries.note_nudges(deliveries, name, self.tools.now())
        return len(self.tools.queue.send(noted, name))

    # --- the destination ----------------------------------------------------------------------------------

    def _reopened_destination(self) -> Destination:
        """Refused credentials: a new secret or settings version is worth a try at once."""
        destination = self.tools.state.destination(self.destination)
        if destination.stopped_at is None:
            return destination
        versions = Health(self.tools).versions(self.destination)
        if versions == destination.stopped_versions:
            return destination
        now = self.tools.now()
        return self.tools.state.change_destination(
            self.destination, lambda d: replace(d, probe_at=now, stopped_versions=versions)
        )

    def _reopen_ignored(self, number: int, settings: Settings) -> int:
        """After a settings change, what was ignored for a setting that changed is worked on again."""
        name = f"sweep#settings#{self.destination}"
        row = self.tools.state.get(name)
        if row is not None and int(row["number"]) == number:
            return 0
        reopened = 0
        if settings.raisedonors.test_mode_gifts == "send":
            ids = self.tools.deliveries.ids_in("ignored:test-mode", self.destination, _MOST_REOPENED)
            for delivery in self.tools.deliveries.get_many(ids).values():
                reopened += self._change(
                    delivery, lambda work: work.reopen("setting raisedonors.test_mode_gifts is send")
                )
            if len(ids) == _MOST_REOPENED:
                # There may be more of them: the next sweep goes on.
                return reopened
        try:
            self.tools.state.put(name, {"number": number}, row)
        except LostRace:
            log.info("another sweep runs too")
        return reopened

    # --- dead letters -------------------------------------------------------------------------------------

    def _agree_with_dead_letters(self, settings: Settings) -> tuple[int, int]:
        """Delete dead letters whose trouble has ended; fail deliveries whose worker died again and again."""
        deleted = died = 0
        letters = self.tools.queue.dead_letters(MOST_DEAD_LETTERS, self.take_in)
        known = self.tools.deliveries.get_many(letter.delivery_id for letter in letters)
        for letter in letters:
            delivery = known.get(letter.delivery_id)
            is_of_before = delivery is not None and delivery.failed_nudge == letter.name
            if delivery is not None and not is_of_before and _is_stuck(delivery, self.tools.now()):
                died += 1
                delivery = self._worker_died(delivery, letter, settings)
            if delivery is not None and delivery.state is State.FAILED and delivery.failed_nudge == letter.name:
                self.tools.queue.keep_dead_letter(letter)
            else:
                self.tools.queue.delete_dead_letter(letter)
                deleted += 1
        return deleted, died

    def _worker_died(self, delivery: Delivery, letter: Nudge, settings: Settings) -> Delivery | None:
        """Its batch may have died for another's sake: only the last of several dead letters is a person's business."""
        trouble = Trouble(
            "worker-died",
            f"its worker died {letter.receives} times, {delivery.deaths + 1} times over",
            remedy="see the function's log for the delivery's id, then retry",
        )
        work = Work(self.tools, delivery, message=letter.message_id)
        work.delivery = replace(delivery, deaths=delivery.deaths + 1, nudge=letter.name)
        is_last = work.delivery.deaths >= _DEATHS_BEFORE_A_PERSON
        now = self.tools.now()
        try:
            if delivery.state is State.SENDING:
                work.unknown(trouble, now, fail_after_probe=trouble if is_last else None)
            elif is_last:
                work.fail(trouble)
            else:
                retries = settings.retries
                delay = retry_delay(delivery.deaths, retries.base_seconds, retries.max_seconds, self.tools.jitter())
                work.wait(trouble, now + delay, counts=True)
        except LostRace:
            return self.tools.deliveries.get(delivery.id)
        return work.delivery

    def _change(self, delivery: Delivery, change: Callable[[Work], None]) -> int:
        try:
            change(Work(self.tools, delivery))
        except LostRace:
            return 0
        return 1


def _to_be_tried(due: list[Delivery], now: datetime) -> list[Delivery]:
    return [delivery for delivery in due if not delivery.is_leased(now) and delivery.state is not State.DELIVERED]


def _is_stuck(delivery: Delivery, now: datetime) -> bool:
    """Whether nobody got anywhere with it: not begun, sending in a dead process, or due and nudged to no effect."""
    if delivery.state is State.SENDING:
        return not delivery.is_leased(now)
    if delivery.state in {State.WAITING, State.UNKNOWN}:
        return delivery.due <= now and delivery.nudged_at is not None and delivery.nudged_at >= delivery.due
    return delivery.state is State.PENDING
