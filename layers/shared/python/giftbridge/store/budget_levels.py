"""How many calls a system allows, and how full its budget is: at once, in a minute, in an hour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from giftbridge.domain.times import format_moment, parse_moment

# The first gift of a new donor with a pledge needs fewer: whoever may call at all can bring a gift in one turn.
CALLS_OF_A_GIFT = 20
# The minute that has begun, the sixty before it, and one for calls made a moment after their token was taken.
_MINUTES = 62
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Pace:
    """How many calls may be made at once, how many more come back in an hour, and how many any hour may see.

    `in_any_hour` is None where the system counts the hour itself.
    """

    at_once: int
    an_hour: int
    in_any_hour: int | None

    @classmethod
    def set(cls, per_hour: int) -> Pace:
        """By a setting nobody else watches over: in no hour are more calls made than it says."""
        return cls(min(max(CALLS_OF_A_GIFT, per_hour // 10), per_hour), per_hour, per_hour)

    @classmethod
    def told(cls, limit: int) -> Pace:
        """By a limit that the system counts itself: what remains of it is heeded besides."""
        return cls(min(max(CALLS_OF_A_GIFT, limit // 4), limit), limit, None)

    @property
    def block(self) -> int:
        """Calls that a process takes at once, so that not every call is a write."""
        return self.at_once // 50

    @property
    def kept_for_live_work(self) -> int:
        """Calls that work which may wait leaves alone."""
        return max(self.at_once // 10, min(self.at_once // 2, self.an_hour // 20))


@dataclass(frozen=True, slots=True)
class Level:
    """What is left at a moment. `made` counts the calls of each minute, the newest first."""

    pace: Pace
    tokens: Decimal
    at: datetime
    made: tuple[int, ...] = ()

    @classmethod
    def of(cls, row: Mapping[str, Any] | None, pace: Pace, now: datetime) -> Level:
        """The level that a row tells, as it is by now; full where it tells none."""
        if row is None or "tokens" not in row:
            return cls(pace, Decimal(pace.at_once), now)
        made = tuple(int(count) for count in str(row.get("made", "")).split())
        return cls(pace, Decimal(row["tokens"]), parse_moment(row["at"]), made).by(now)

    def by(self, moment: datetime) -> Level:
        """The level at a later moment, if nobody calls."""
        elapsed = max(timedelta(), moment - self.at)
        come = Decimal(elapsed.total_seconds()) * self.pace.an_hour / 3600
        tokens = min(Decimal(self.pace.at_once), self.tokens + come)
        passed = (self.at + elapsed - _begin(self.at)) // _MINUTE
        made = ((0,) * min(passed, _MINUTES) + self.made)[:_MINUTES]
        return replace(self, tokens=tokens, at=self.at + elapsed, made=made)

    @property
    def available(self) -> int:
        """The calls that can be made now."""
        return min(int(self.tokens), self.left_of_the_hour)

    @property
    def left_of_the_hour(self) -> int:
        """The calls that can be made before the hour has seen all it may see."""
        limit = self.pace.in_any_hour
        return max(0, limit - sum(self.made)) if limit is not None else self.pace.at_once + self.pace.an_hour

    @property
    def calls_an_hour_to_look(self) -> float:
        """The calls of which one in six is for looking at what is new: a fifth of all while work takes what comes.

        What was found then would only wait behind that work.
        """
        return self.pace.an_hour / 5 if self.available < self.pace.at_once // 2 else self.pace.an_hour

    def after(self, taken: int, back: int = 0) -> Level:
        """The level when so many tokens were taken, and so many given back that were taken before."""
        made, rest = [*self.made] or [0], back
        for number, count in enumerate(made):
            given = min(count, rest)
            made[number] -= given
            rest -= given
        made[0] += taken
        tokens = min(Decimal(self.pace.at_once), self.tokens + back) - taken
        return replace(self, tokens=tokens, made=tuple(made))

    def when(self, calls: int) -> datetime:
        """When so many calls can be made, if nobody calls before."""
        missing = max(Decimal(0), calls - self.tokens)
        moment = self.at + timedelta(hours=float(missing / self.pace.an_hour))
        if self.pace.in_any_hour is None:
            return moment
        over = sum(self.made) + calls - self.pace.in_any_hour
        for ago in range(len(self.made) - 1, -1, -1):
            if over <= 0:
                break
            over -= self.made[ago]
            moment = max(moment, _begin(self.at) + _MINUTE * (_MINUTES - ago))
        return moment

    def row(self) -> dict[str, str]:
        """As the state table holds it."""
        made = " ".join(str(count) for count in self.made)
        return {"tokens": str(self.tokens), "at": format_moment(self.at), "made": made}


def _begin(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)
