"""One process' work on a run of retries: releasing, settling, and calling off what was not tried."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from giftbridge.domain.deliveries import WAITS_FOR_ANOTHER, Delivery, State
from giftbridge.domain.delivery_ids import destination_of
from giftbridge.domain.times import format_moment
from giftbridge.errors import LostRace
from giftbridge.store.budgets import RateBudget
from ops.operating import run_rows
from ops.operating.problems import NeedsPerson
from ops.operating.putting_back import is_untried, put_back
from ops.operating.retrying import CALLS_EACH, Way, nudge, reopen
from ops.operating.run_rows import ITEMS_A_ROW, Outcome, Run, RunItem, RunState, row_name
from ops.operating.stack import Stack
from ops.operating.systems import DESTINATIONS

WINDOW = 100
_SLICE = 25
LEASE_SECONDS = 30.0
# While nothing moves, the pauses grow: a whole number of short ones, so that a cancel is seen after one of them.
_SHORTEST_PAUSE, _LONGEST_PAUSE = 1.0, 4.0
_SAVED_EVERY = timedelta(seconds=3)
# Tried, and still not settled after this: it is tried again by itself, and the run goes on without it.
_PATIENCE = timedelta(minutes=10)
_LAST_POLLS = 10
_AT_LEAST_EVERY = timedelta(minutes=1)
_ENDS = {
    State.DELIVERED: Outcome.DELIVERED,
    State.SENT: Outcome.SENT,
    State.IGNORED: Outcome.IGNORED,
    State.FAILED: Outcome.FAILED_AGAIN,
}


@dataclass(frozen=True, slots=True)
class Progress:
    """How a run stands; `blocked` says why none of it moves at present."""

    run: Run
    blocked: str | None = None


@dataclass
class Shift:
    """One process' work on a run. `since` says when each delivery under way was reopened, as far as it knows."""

    stack: Stack
    run: Run
    owner: str
    items: list[RunItem]
    since: dict[str, datetime] = field(default_factory=dict)
    _unsaved: set[int] = field(default_factory=set)
    _saved_at: datetime | None = None
    _released_at: datetime | None = None
    _next: int = 0

    def go(self) -> Iterator[Progress]:
        """Release and settle in turns until nothing is left, or the run is cancelled."""
        under_way = [n for n, item in enumerate(self.items) if item.outcome is Outcome.UNDER_WAY]
        pause = _SHORTEST_PAUSE
        while True:
            self._keep_lease()
            self.run = run_rows.read(self.stack, self.run.id)
            if self.run.state is RunState.CANCELLED:
                yield from self._cancelled(under_way)
                return
            before, under_way = len(under_way), self._settle(under_way)
            has_moved = len(under_way) < before
            released = self._release(self._next_ones(under_way))
            under_way += released
            if self._saved_at is None or self.now - self._saved_at >= _SAVED_EVERY:
                self.save()
            if not under_way and not self._planned():
                self._end(RunState.DONE)
                yield Progress(self.run)
                return
            yield Progress(replace(self.run, counts=run_rows.counted(self.items)), self._blocked(under_way))
            pause = _SHORTEST_PAUSE if has_moved or released else pause
            if not released:
                self._rest(pause)
                pause = min(_LONGEST_PAUSE, pause * 2)

    def _rest(self, seconds: float) -> None:
        """Let time pass, a short pause at a time, unless the run is cancelled meanwhile."""
        for _ in range(round(seconds / _SHORTEST_PAUSE)):
            if run_rows.read(self.stack, self.run.id).state is RunState.CANCELLED:
                return
            self.stack.sleep(_SHORTEST_PAUSE)

    @property
    def now(self) -> datetime:
        return self.stack.tools.now()

    def save(self) -> None:
        """Write what changed: a head that lags behind is put right by the next shift."""
        for row in sorted(self._unsaved):
            run_rows.save_items(self.stack, self.run.id, row, self.items[row * ITEMS_A_ROW : (row + 1) * ITEMS_A_ROW])
        if self._unsaved:
            self.run = run_rows.change(self.stack, self.run.id, counts=run_rows.counted(self.items))
        self._unsaved.clear()
        self._saved_at = self.now

    def _keep_lease(self) -> None:
        if not self.stack.tools.state.take_lease(row_name(self.run.id), self.owner, self.now, LEASE_SECONDS):
            raise NeedsPerson(f"Another process works on the run {self.run.id} by now.")

    def _end(self, state: RunState) -> None:
        self.save()
        self.run = run_rows.change(self.stack, self.run.id, state=state, ended_at=self.now)
        if self.run.state is not state:
            # Cancelled in the last moment: there was nothing left to stop.
            self.run = replace(self.run, state=state)

    def _set(self, number: int, outcome: Outcome, cause: str | None = None) -> None:
        item = self.items[number]
        self.items[number] = replace(item, outcome=outcome, cause=item.cause if cause is None else cause)
        self._unsaved.add(number // ITEMS_A_ROW)

    # --- releasing ------------------------------------------------------------------------------------------

    def _planned(self) -> list[int]:
        """Those that nobody has begun."""
        while self._next < len(self.items) and self.items[self._next].outcome is not Outcome.PLANNED:
            self._next += 1
        rest = range(self._next, len(self.items))
        return [number for number in rest if self.items[number].outcome is Outcome.PLANNED]

    def _next_ones(self, under_way: list[int]) -> list[int]:
        """The next to be released: as many as the window takes, and as their destination's rate budget has calls for.

        Live work keeps its part of the budget. However small that is, one a minute is released.
        """
        busy = Counter(destination_of(self.items[number].id) for number in under_way)
        room = {name: self._calls_left(name) // CALLS_EACH - busy[name] for name in DESTINATIONS}
        if not under_way and (self._released_at is None or self.now - self._released_at >= _AT_LEAST_EVERY):
            room = {name: max(1, places) for name, places in room.items()}
        chosen: list[int] = []
        for number in self._planned():
            if len(chosen) >= min(_SLICE, WINDOW - len(under_way)):
                break
            name = destination_of(self.items[number].id)
            if room.get(name, 0) > 0:
                room[name] -= 1
                chosen.append(number)
        self._released_at = self.now if chosen else self._released_at
        return chosen

    def _calls_left(self, destination: str) -> int:
        _, settings = self.stack.tools.settings()
        per_hour: int | None = getattr(settings.limits, f"{destination}_per_hour")
        spare = RateBudget(self.stack.tools.state, destination, lambda: per_hour, self.stack.tools.now).spare()
        return spare if spare is not None else CALLS_EACH * WINDOW

    def _release(self, numbers: list[int]) -> list[int]:
        """Reopen those that are as planned; the numbers of those that are under way now."""
        rows = self.stack.tools.deliveries.get_many(self.items[number].id for number in numbers)
        found = self.stack.tools.side_by_side(
            lambda number: self._reopened(self.items[number], rows.get(self.items[number].id)),
            numbers,
            self.stack.tools.threads,
        )
        nudge(self.stack, [delivery for delivery in found if isinstance(delivery, Delivery)])
        for number, delivery in zip(numbers, found, strict=True):
            self._set(number, Outcome.UNDER_WAY if delivery else Outcome.LEFT_ALONE)
            self.since[self.items[number].id] = self.now
        return [number for number, delivery in zip(numbers, found, strict=True) if delivery]

    def _reopened(self, item: RunItem, delivery: Delivery | None) -> Delivery | bool:
        """The reopened delivery; else whether an earlier shift of this run has reopened it."""
        if delivery is None:
            return False
        if delivery.revision == item.revision:
            try:
                why = f"retried by {self.run.who}, {self._mark}"
                return reopen(self.stack, delivery, item.way, why, self.run.who, self.run.id)
            except LostRace:
                pass
        return self._is_ours(delivery)

    def _is_ours(self, delivery: Delivery) -> bool:
        """Whether a shift of this run reopened it, one that died before it noted that perhaps."""
        lines = self.stack.tools.activity.since(delivery.donor_entity, format_moment(self.run.at))
        told = [line.get("details") or {} for line in lines if line.get("delivery") == delivery.id]
        return any(details.get("run") == self.run.id for details in told)

    @property
    def _mark(self) -> str:
        return f"run {self.run.id}"

    # --- settling -------------------------------------------------------------------------------------------

    def _settle(self, under_way: list[int]) -> list[int]:
        """Note what became of those under way; the numbers of those that still are."""
        rows = self.stack.tools.deliveries.get_many(self.items[number].id for number in under_way)
        for number in under_way:
            self._note(number, rows.get(self.items[number].id))
        return [number for number in under_way if not self.items[number].is_settled]

    def _note(self, number: int, delivery: Delivery | None) -> None:
        item = self.items[number]
        if delivery is None:
            self._set(number, Outcome.LEFT_ALONE)
            return
        cause = delivery.trouble.cause if delivery.trouble is not None else ""
        was_worked_on = item.way is not Way.NOW or delivery.revision > item.revision + 1
        if delivery.state in _ENDS and was_worked_on:
            self._set(number, _ENDS[delivery.state], cause)
        elif self._is_left_to_itself(item, delivery, cause):
            self._set(number, Outcome.WAITING, cause)

    def _is_left_to_itself(self, item: RunItem, delivery: Delivery, cause: str) -> bool:
        """Whether it goes on without the run: behind another, in a chunk, or tried so long ago."""
        if delivery.state is State.WAITING and cause in WAITS_FOR_ANOTHER:
            return True
        if delivery.chunk and delivery.state is State.PENDING:
            return True
        was_tried = delivery.attempts > 0 or delivery.state is State.UNKNOWN
        return was_tried and self.now - self.since.setdefault(item.id, self.now) >= _PATIENCE

    def _blocked(self, under_way: list[int]) -> str | None:
        """Why a destination of those under way takes nothing."""
        names = {destination_of(self.items[number].id) for number in under_way}
        reasons = (self.stack.tools.state.destination(name).blocks("", self.now) for name in sorted(names))
        return next((reason[0] for reason in reasons if reason is not None), None)

    # --- cancelling -----------------------------------------------------------------------------------------

    def _cancelled(self, under_way: list[int]) -> Iterator[Progress]:
        """Put back what was not tried, wait a moment for what is being sent, and end."""
        under_way = self._call_off(under_way)
        under_way += self._call_off(self._drop_the_rest())
        self.save()
        for _ in range(_LAST_POLLS):
            if not under_way:
                break
            yield Progress(self.run)
            self._keep_lease()
            self.stack.sleep(_SHORTEST_PAUSE)
            under_way = self._call_off(under_way)
            self.save()
        for number in under_way:
            self._set(number, Outcome.WAITING)
        self._end(RunState.CANCELLED)
        yield Progress(self.run)

    def _call_off(self, under_way: list[int]) -> list[int]:
        """Put back those that nobody tried; the numbers of those that are in somebody's hands."""
        rows = self.stack.tools.deliveries.get_many(self.items[number].id for number in under_way)
        self.stack.tools.side_by_side(
            lambda number: self._called_off(number, rows.get(self.items[number].id)),
            under_way,
            self.stack.tools.threads,
        )
        return [number for number in under_way if not self.items[number].is_settled]

    def _called_off(self, number: int, delivery: Delivery | None) -> None:
        item, who = self.items[number], self.run.cancelled_by or self.run.who
        if delivery is not None and item.way is not Way.NOW and is_untried(delivery, item.revision + 1):
            try:
                put_back(self.stack, delivery, item.was, item.cause, f"the retry was cancelled, {self._mark}", who)
            except LostRace:
                return
            self._set(number, Outcome.CANCELLED)
            return
        self._note(number, delivery)
        if delivery is not None and not self.items[number].is_settled and delivery.state is not State.SENDING:
            self._set(number, Outcome.WAITING, delivery.trouble.cause if delivery.trouble is not None else "")

    def _drop_the_rest(self) -> list[int]:
        """Those not begun never are; the numbers of those that a shift that died had begun without noting it."""
        rest = self._planned()
        parts = [rest[start : start + WINDOW] for start in range(0, len(rest), WINDOW)]
        read = self.stack.tools.side_by_side(
            lambda part: self.stack.tools.deliveries.get_many(self.items[number].id for number in part),
            parts,
            self.stack.tools.threads,
        )
        rows: dict[str, Delivery] = {name: delivery for part in read for name, delivery in part.items()}
        begun: list[int] = []
        for number in rest:
            item, delivery = self.items[number], rows.get(self.items[number].id)
            is_ours = delivery is not None and delivery.revision != item.revision and self._is_ours(delivery)
            self._set(number, Outcome.UNDER_WAY if is_ours else Outcome.CANCELLED)
            begun += [number] if is_ours else []
        return begun
