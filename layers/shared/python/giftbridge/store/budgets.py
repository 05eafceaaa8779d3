"""Rate budgets: a token bucket for each system, shared by all processes, taken in blocks (limits.*_per_hour).

Where a system's answers tell the limit, and what is left of it, the budget follows them instead of the setting.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from giftbridge.domain.times import format_moment, parse_moment
from giftbridge.errors import BudgetSpent, LostRace
from giftbridge.store.state import StateTable

_TRIES = 8
_SMALLEST_REST = 10
_REST_PART = 50
# The windows are hours: a later end comes from a clock that is wrong.
_LONGEST_WAIT = timedelta(hours=1)
log = logging.getLogger("giftbridge")


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
        self._limit: int | None = None
        self._closed_until: datetime | None = None
        self._lock = lock()

    def take(self, calls: int = 1) -> None:
        """Spend tokens for calls about to be made. Raises BudgetSpent with the moment when there will be some."""
        setting = self.per_hour()
        with self._lock:
            self._require_open(self.now())
            if self._limit is None and setting is None:
                return
            if self._tokens < calls:
                self._tokens += self._block(setting, calls - self._tokens)
            self._tokens -= calls

    def within(self, seconds: float) -> int | None:
        """How many calls can be made within so many seconds, all processes together; None without a limit."""
        return self._counted(lambda pace, there: int(there + Decimal(seconds) * pace.an_hour / 3600))

    def spare(self) -> int | None:
        """How many calls can be made now by work that may wait; None without a limit.

        Live work keeps half of what can be made at once, at most what three minutes bring.
        """
        return self._counted(lambda pace, there: max(0, int(there) - pace.kept_for_live_work))

    def _counted(self, count: Callable[[_Pace, Decimal], int]) -> int | None:
        """Calls, counted from the pace and what is there of it now; none while closed, None without a limit."""
        setting, row, now = self.per_hour(), self.state.get(self._row), self.now()
        with self._lock:
            self._learn(row)
            if self._closed_until is not None and now < self._closed_until:
                return 0
            if self._limit is None and setting is None:
                return None
            pace = self._pace(setting)
        return count(pace, pace.available(row, now))

    def observe(self, headers: Mapping[str, str]) -> None:
        """Follow what an answer says of the limit: X-RateLimit-Limit, -Remaining, -Reset, or X-Rate-Limit-*.

        When hardly any calls remain, no process makes one until the reset. Never raises: the call was made, and its
        answer counts.
        """
        seen = _read_headers(headers)
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

    def _block(self, setting: int | None, needed: int) -> int:
        for _ in range(_TRIES):
            seen = self.state.get(self._row)
            now = self.now()
            self._learn(seen)
            self._require_open(now)
            pace = self._pace(setting)
            available = pace.available(seen, now)
            if available < needed:
                missing = timedelta(hours=float((needed - available) / pace.an_hour))
                raise BudgetSpent(
                    f"{self._limit or setting} calls an hour are allowed",
                    cause="budget-spent",
                    not_before=now + missing,
                    system=self.system,
                )
            taken = min(max(needed, pace.at_once // 10), int(available))
            row = {**(seen or {}), "tokens": str(available - taken), "at": format_moment(now)}
            try:
                self.state.put(self._row, row, seen)
            except LostRace:
                continue
            return taken
        raise BudgetSpent(
            "the budget row is busy",
            cause="budget-busy",
            not_before=self.now() + timedelta(seconds=1),
            system=self.system,
        )

    def _pace(self, setting: int | None) -> _Pace:
        return _Pace.told(self._limit) if self._limit is not None else _Pace.set(setting or 1)

    def _learn(self, row: Mapping[str, Any] | None) -> None:
        """Take over what any process was told last."""
        if row and row.get("limit"):
            self._limit = int(row["limit"])
        if row and row.get("closed_until"):
            self._closed_until = parse_moment(row["closed_until"])


@dataclass(frozen=True, slots=True)
class _Pace:
    """How many calls may be made at once, and how many more come back in an hour."""

    at_once: int
    an_hour: int

    @classmethod
    def set(cls, per_hour: int) -> _Pace:
        """By a setting nobody else watches over: in no hour are more calls made than it says."""
        at_once = max(1, min(max(10, per_hour // 10), per_hour // 2))
        return cls(at_once, max(1, per_hour - at_once))

    @classmethod
    def told(cls, limit: int) -> _Pace:
        """By a limit that the system counts itself: what remains of it is heeded besides."""
        return cls(max(10, limit // 4), limit)

    @property
    def kept_for_live_work(self) -> int:
        """Calls that work which may wait leaves alone."""
        return max(self.at_once // 10, min(self.at_once // 2, self.an_hour // 20))

    def available(self, seen: Mapping[str, Any] | None, now: datetime) -> Decimal:
        """The tokens there are now."""
        if seen is None or "tokens" not in seen:
            return Decimal(self.at_once)
        elapsed = Decimal(max(0.0, (now - parse_moment(seen["at"])).total_seconds()))
        return min(Decimal(self.at_once), Decimal(seen["tokens"]) + elapsed * self.an_hour / 3600)


@dataclass(frozen=True, slots=True)
class _Told:
    """What an answer says of the rate limit; None where it says nothing. `reset_at` is in Unix seconds."""

    limit: int | None
    remaining: int | None
    reset_at: int | None

    def is_nearly_spent(self, limit: int | None) -> bool:
        rest = max(_SMALLEST_REST, (limit or 0) // _REST_PART)
        return self.remaining is not None and self.remaining <= rest

    def reset(self, now: datetime) -> datetime | None:
        if self.reset_at is None:
            return None
        latest = now + _LONGEST_WAIT
        return latest if self.reset_at >= latest.timestamp() else datetime.fromtimestamp(self.reset_at, UTC)


def _read_headers(headers: Mapping[str, str]) -> _Told:
    plain = {name.casefold().replace("-", ""): value.strip() for name, value in headers.items()}
    limit, remaining, reset_at = (
        int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None
        for text in (plain.get(f"xratelimit{part}", "") for part in ("limit", "remaining", "reset"))
    )
    return _Told(limit or None, remaining, reset_at)
