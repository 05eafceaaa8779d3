"""Rate budgets: a token bucket for each system, shared by all processes, taken in blocks (limits.*_per_hour)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

from giftbridge.domain.times import format_moment, parse_moment
from giftbridge.errors import BudgetSpent, LostRace
from giftbridge.store.state import StateTable

_TRIES = 8


class RateBudget:
    """Tokens for calls to one system. `per_hour` None means no limit."""

    def __init__(
        self, state: StateTable, system: str, per_hour: Callable[[], int | None], now: Callable[[], datetime]
    ) -> None:
        self.state = state
        self.system = system
        self.per_hour = per_hour
        self.now = now
        self._tokens = 0
        self._lock = threading.Lock()

    def take(self, calls: int = 1) -> None:
        """Spend tokens for calls about to be made. Raises BudgetSpent with the moment when there will be some."""
        per_hour = self.per_hour()
        if per_hour is None:
            return
        with self._lock:
            if self._tokens < calls:
                self._tokens += self._block(per_hour, calls - self._tokens)
            self._tokens -= calls

    def _block(self, per_hour: int, needed: int) -> int:
        capacity = max(10, per_hour // 60)
        wanted = max(needed, capacity // 10)
        for _ in range(_TRIES):
            seen = self.state.get(f"budget#{self.system}")
            now = self.now()
            available = _available(seen, per_hour, capacity, now)
            if available < needed:
                missing = timedelta(hours=float((needed - available) / per_hour))
                raise BudgetSpent(
                    f"{per_hour} calls an hour are allowed",
                    cause="budget-spent",
                    not_before=now + missing,
                    system=self.system,
                )
            taken = min(wanted, int(available))
            row = {"tokens": str(available - taken), "at": format_moment(now)}
            try:
                self.state.put(f"budget#{self.system}", row, seen)
            except LostRace:
                continue
            return taken
        raise BudgetSpent(
            "the budget row is busy",
            cause="budget-busy",
            not_before=self.now() + timedelta(seconds=1),
            system=self.system,
        )


def _available(seen: dict[str, str] | None, per_hour: int, capacity: int, now: datetime) -> Decimal:
    if seen is None:
        return Decimal(capacity)
    elapsed = Decimal(max(0.0, (now - parse_moment(seen["at"])).total_seconds()))
    return min(Decimal(capacity), Decimal(seen["tokens"]) + elapsed * per_hour / 3600)
