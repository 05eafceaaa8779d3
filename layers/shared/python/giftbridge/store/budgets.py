"""Rate budgets: a token bucket for each system, shared by all processes, taken in blocks (limits.*_per_hour).

A turn reserves the calls it needs before it begins, so that none ends in the middle and throws its reads away. What
it did not use goes back. How many a turn needs is learned from the turns before it.

Where a system's answers tell the limit, and what is left of it, the budget follows them instead of the setting.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from giftbridge.domain.times import format_moment, parse_moment
from giftbridge.errors import BudgetSpent, LostRace
from giftbridge.store.budget_levels import CALLS_OF_A_GIFT, Level, Pace
from giftbridge.store.state import StateTable
from giftbridge.store.told_limits import ToldLimit

_TRIES = 8
# A token is used in the minute it was taken in, or the hour's calls would be counted wrongly.
_KEPT_FOR = timedelta(minutes=1)
_LOOKS_TAKE_ONE_IN = 6
# With each turn so much of what was reserved for nothing is forgotten: it holds others up.
_FORGOTTEN = 0.5
# Until the first turn of a kind has told how many calls it needs.
_FIRST_TURN_TAKES = timedelta(minutes=1)
log = logging.getLogger("giftbridge")
N = TypeVar("N", int, float)


@dataclass(slots=True)
class _Turn:
    """What a turn has left of the calls reserved for it, and how many it has made."""

    left: int
    used: int = 0
    ran_out: bool = False


# The turn that the present thread works on, for each budget.
_turns: ContextVar[Mapping[RateBudget, _Turn]] = ContextVar("turns")


class RateBudget:
    """Tokens for calls to one system. `per_hour` None means no limit, until an answer tells one."""

    def __init__(
        self,
        state: StateTable,
        system: str,
        per_hour: Callable[[], int | None],
        now: Callable[[], datetime],
        lock: Callable[[], AbstractContextManager[Any]] = threading.Lock,
    ) -> None:
        self.state = state
        self.system = system
        self.per_hour = per_hour
        self.now = now
        self._row = f"budget#{system}"
        self._tokens = 0
        self._taken_at: datetime | None = None
        self._needs: dict[str, float] = {}
        self._untold: set[str] = set()
        self._limit: int | None = None
        self._closed_until: datetime | None = None
        self._lock = lock()

    def take(self, calls: int = 1) -> None:
        """Spend tokens for calls about to be made: the turn's own, then others.

        Raises BudgetSpent with the moment when there will be some.
        """
        setting, turn = self.per_hour(), _turns.get({}).get(self)
        with self._lock:
            self._require_open(self.now())
            own = min(turn.left, calls) if turn is not None else 0
            if self._limit is not None or setting is not None:
                try:
                    self._fill(setting, calls - own)
                except BudgetSpent:
                    if turn is not None:
                        turn.ran_out = True
                    raise
                self._tokens -= calls - own
            if turn is not None:
                turn.left -= own
                turn.used += calls

    @contextmanager
    def reserved(self, kind: str) -> Iterator[None]:
        """A turn of this kind, with all the calls that such a turn needs. Raises BudgetSpent before it begins."""
        turn = self._reserve(kind)
        before = _turns.set({**_turns.get({}), self: turn})
        try:
            yield
        finally:
            _turns.reset(before)
            with self._lock:
                self._tokens += turn.left
                if turn.used:
                    self._learn_need(kind, turn)

    def _reserve(self, kind: str) -> _Turn:
        setting = self.per_hour()
        with self._lock:
            self._require_open(self.now())
            if self._limit is None and setting is None:
                return _Turn(0)
            if kind not in self._needs:
                self._learn(self.state.get(self._row))
            calls = self._need(kind, self._pace(setting))
            try:
                self._fill(setting, calls)
            except BudgetSpent as spent:
                if kind not in self._needs and spent.not_before is not None:
                    # Whoever has them reserved far too many, as nobody knew better, and gives them back at once.
                    spent.not_before = min(spent.not_before, self.now() + _FIRST_TURN_TAKES)
                raise
            self._tokens -= calls
            return _Turn(calls)

    def room(self, kinds: Sequence[str | None], seconds: float) -> int:
        """How many turns, in this order, can have their calls within so many seconds."""
        there = self.within(seconds)
        if there is None:
            return len(kinds)
        with self._lock:
            pace = self._pace(self.per_hour())
            for number, kind in enumerate(kinds):
                there -= self._need(kind, pace) if kind is not None else 1
                if there < 0:
                    return number
        return len(kinds)

    def within(self, seconds: float) -> int | None:
        """How many calls can be made within so many seconds, all processes together; None without a limit."""
        later = timedelta(seconds=seconds)
        # What comes while the bucket is used counts beside what is in it.
        return self._counted(
            lambda level: min(
                level.available + int(later / timedelta(hours=1) * level.pace.an_hour),
                level.by(level.at + later).left_of_the_hour,
            )
        )

    def spare(self) -> int | None:
        """How many calls can be made now by work that may wait; None without a limit.

        Live work keeps half of what can be made at once, at most what three minutes bring.
        """
        return self._counted(lambda level: max(0, level.available - level.pace.kept_for_live_work))

    def next_look(self, calls: int, last: datetime) -> datetime:
        """When so many calls may again be made to see what is new, since that was done: one call in six is for it.

        While work waits for calls it is one in thirty.
        """
        pace = self._counted(lambda level: level.calls_an_hour_to_look)
        return last + timedelta(hours=_LOOKS_TAKE_ONE_IN * calls / pace) if pace else last

    def _counted(self, count: Callable[[Level], N]) -> N | Literal[0] | None:
        """Calls, counted from what is there now; none while closed, None without a limit."""
        setting, row, now = self.per_hour(), self.state.get(self._row), self.now()
        with self._lock:
            self._learn(row)
            if self._closed_until is not None and now < self._closed_until:
                return 0
            if self._limit is None and setting is None:
                return None
            pace = self._pace(setting)
        return count(Level.of(row, pace, now))

    def give_back(self) -> None:
        """Leave to other processes what this one keeps beyond a block. Never raises: work was done, and it counts."""
        setting = self.per_hour()
        with self._lock:
            if self._limit is None and setting is None:
                return
            block = self._pace(setting).block
            if self._tokens <= block:
                return
            try:
                self._exchange(setting, 0, block)
            except (BudgetSpent, BotoCoreError, ClientError):
                log.warning("calls to %s that were not made could not be given back", self.system)

    def observe(self, headers: Mapping[str, str]) -> None:
        """Follow what an answer says of the limit.

        When hardly any calls remain, no process makes one until the reset. Never raises: the call was made, and its
        answer counts.
        """
        seen = ToldLimit.read(headers)
        with self._lock:
            now, changes = self.now(), dict[str, str]()
            if seen.limit is not None and seen.limit != self._limit:
                self._limit = seen.limit
                changes["limit"] = str(seen.limit)
            until = seen.reset(now)
            is_open = self._closed_until is None or self._closed_until <= now
            if is_open and until is not None and until > now and seen.is_nearly_spent(self._limit):
                self._closed_until = until
                changes["closed_until"] = format_moment(until)
        if changes:
            self._tell_others(changes)

    def _tell_others(self, changes: Mapping[str, str]) -> None:
        try:
            for _ in range(_TRIES):
                row = self.state.get(self._row)
                if row is not None and all(row.get(name) == value for name, value in changes.items()):
                    return
                try:
                    self.state.put(self._row, {**(row or {}), **changes}, row)
                except LostRace:
                    continue
                return
        except (BotoCoreError, ClientError):
            log.warning("what an answer of %s said of its rate limit could not be stored", self.system)

    def _require_open(self, now: datetime) -> None:
        if self._closed_until is not None and now < self._closed_until:
            raise BudgetSpent(
                f"the calls that {self.system} allows in this hour are nearly used up",
                cause="budget-spent",
                not_before=self._closed_until,
                system=self.system,
            )

    def _fill(self, setting: int | None, calls: int) -> None:
        """See to it that this process has so many tokens that are no turn's."""
        if calls == 0:
            return
        is_fresh = self._taken_at is not None and self.now() - self._taken_at < _KEPT_FOR
        if self._tokens < calls or not is_fresh:
            self._exchange(setting, calls, max(calls, self._pace(setting).block))

    def _exchange(self, setting: int | None, needed: int, wanted: int) -> None:
        """Put back what this process keeps, and take from all there is as many as wanted, or at least as needed."""
        for _ in range(_TRIES):
            seen, now = self.state.get(self._row), self.now()
            self._learn(seen)
            self._require_open(now)
            level = Level.of(seen, self._pace(setting), now).after(0, back=self._tokens)
            if level.available < needed:
                raise BudgetSpent(
                    f"{self._limit or setting} calls an hour are allowed",
                    cause="budget-spent",
                    not_before=level.when(needed),
                    system=self.system,
                )
            taken = min(wanted, level.available)
            needs = {kind: str(round(need, 1)) for kind, need in self._needs.items()}
            row = {**(seen or {}), **level.after(taken).row(), "needs": needs}
            try:
                self.state.put(self._row, row, seen)
            except LostRace:
                continue
            self._tokens, self._taken_at = taken, now
            self._untold.clear()
            return
        raise BudgetSpent(
            "the budget row is busy",
            cause="budget-busy",
            not_before=self.now() + timedelta(seconds=1),
            system=self.system,
        )

    def _pace(self, setting: int | None) -> Pace:
        return Pace.told(self._limit) if self._limit is not None else Pace.set(setting or 1)

    def _need(self, kind: str, pace: Pace) -> int:
        """The calls to reserve for a turn; one more for the harmless read that tells whose a trouble is."""
        if kind not in self._needs:
            # Not all there is: the look that found the first gift has just taken its calls.
            return min(CALLS_OF_A_GIFT + 1, max(1, pace.at_once * 3 // 4))
        return min(round(self._needs[kind]) + 1, pace.at_once)

    def _learn_need(self, kind: str, turn: _Turn) -> None:
        known = self._needs.get(kind, turn.used)
        self._untold.add(kind)
        if turn.ran_out:
            self._needs[kind] = max(1.5 * turn.used + 1, known)
        else:
            self._needs[kind] = max(turn.used, known - (known - turn.used) * _FORGOTTEN)

    def _learn(self, row: Mapping[str, Any] | None) -> None:
        """Take over what any process was told last, and how many calls its turns needed."""
        if row and row.get("limit"):
            self._limit = int(row["limit"])
        if row and row.get("closed_until"):
            self._closed_until = parse_moment(row["closed_until"])
        for kind, need in (row or {}).get("needs", {}).items():
            if kind not in self._untold:
                self._needs[kind] = float(need)


class Budgets:
    """The rate budgets of all systems, one of each in a process. `per_hour` tells a system's limit."""

    def __init__(
        self,
        state: StateTable,
        per_hour: Callable[[str], int | None],
        now: Callable[[], datetime],
        lock: Callable[[], AbstractContextManager[Any]] = threading.RLock,
    ) -> None:
        self.state = state
        self.per_hour = per_hour
        self.now = now
        self._lock = lock
        self._made: dict[str, RateBudget] = {}

    def of(self, system: str) -> RateBudget:
        """A system's budget."""
        made = self._made.get(system)
        if made is None:
            made = RateBudget(self.state, system, partial(self.per_hour, system), self.now, self._lock)
        # Whoever was faster has made the one for all.
        return self._made.setdefault(system, made)

    @contextmanager
    def reserved(self, systems: Sequence[str], kind: str | None) -> Iterator[None]:
        """A turn that calls these systems, with all its calls; None takes each when it is made.

        Raises BudgetSpent before it begins.
        """
        with ExitStack() as turn:
            if kind is not None:
                for system in systems:
                    turn.enter_context(self.of(system).reserved(kind))
            yield

    def room(self, systems: Sequence[str], kinds: Sequence[str | None], seconds: float) -> int:
        """How many turns, in this order, can have their calls of every system within so many seconds."""
        return min((self.of(system).room(kinds, seconds) for system in systems), default=len(kinds))

    def give_back(self) -> None:
        """Leave the calls that were not made to other processes."""
        for budget in list(self._made.values()):
            budget.give_back()
