"""When something was switched on: what happened then is to travel, what happened before or between stays."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime

# Before all records: since when a switch is on that was never turned.
EVER = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class OnPeriods:
    """The moments at which a switch was turned, the first time on, then off, and so by turns."""

    turns: tuple[datetime, ...] = ()

    @classmethod
    def since(cls, moment: datetime) -> OnPeriods:
        """On from a moment, and never turned since."""
        return cls((moment,))

    @property
    def is_on(self) -> bool:
        """Whether it is on after the last turn."""
        return len(self.turns) % 2 == 1

    @property
    def first(self) -> datetime | None:
        """When it went on for the first time."""
        return self.turns[0] if self.turns else None

    def holds(self, moment: datetime) -> bool:
        """Whether it was on at a moment."""
        return bisect_right(self.turns, moment) % 2 == 1

    def gap_around(self, moment: datetime) -> tuple[datetime | None, datetime | None]:
        """The last turn up to a moment and the first one after it."""
        at = bisect_right(self.turns, moment)
        return (self.turns[at - 1] if at else None, self.turns[at] if at < len(self.turns) else None)

    def turned(self, now: datetime, *, is_on: bool) -> OnPeriods:
        """With one more turn, if this is one. A clock that went back turns it at the last turn."""
        if self.is_on is is_on:
            return self
        return OnPeriods((*self.turns, max(now, self.turns[-1]) if self.turns else now))

    def both(self, other: OnPeriods) -> OnPeriods:
        """When both were on."""
        turns: list[datetime] = []
        for moment in sorted({*self.turns, *other.turns}):
            if (self.holds(moment) and other.holds(moment)) is not (len(turns) % 2 == 1):
                turns.append(moment)
        return OnPeriods(tuple(turns))
