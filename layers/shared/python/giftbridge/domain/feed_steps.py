"""The way through a list that is asked for by the time of modification, while records are edited and more arrive.

A record that is edited moves to the end and shifts the rest by one place: so the lower bound follows the newest record
seen, and places are counted only within one moment. That loses nothing while the list is in the order of modification.
Whether it is shows in the count of what lies beyond the new bound: of the records not yet seen none may be missing
there. Where some are, the places alone are counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from giftbridge.domain.times import format_moment, parse_moment

# A service may compare at whole seconds what it shows with fractions.
_OLDER_LEEWAY = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Steps:
    """Where to read next: records modified at or after `bound`, beyond the first `skip` of them.

    `is_unsorted` is set once the records did not come in the order asked for: from then on the places alone are
    counted. `is_done` is set when as many were seen as there are. After the bound moved, at least `least` records must
    lie beyond it; if they do not, the walk goes on at `before` and `skip_before`, where it was.
    """

    bound: datetime
    skip: int = 0
    is_unsorted: bool = False
    is_done: bool = False
    before: datetime | None = None
    skip_before: int = 0
    least: int = 0

    def after(self, moments: Sequence[datetime | None], total: int) -> Steps:
        """After a page of records modified at these moments, None where it cannot be read, of so many in all."""
        if self.before is not None and total < self.least:
            return Steps(self.before, self.skip_before, is_unsorted=True)
        length, known = len(moments), [moment for moment in moments if moment is not None]
        is_unsorted = self.is_unsorted or not self._are_in_order(known)
        last = max(known, default=self.bound)
        here = replace(self, is_unsorted=is_unsorted, before=None, skip_before=0, least=0)
        if self.skip + length >= total:
            return replace(here, is_done=True)
        # Places shift when a record is edited meanwhile: the pages overlap.
        further = self.skip + (length - max(1, length // 4) if length > 1 else length)
        if is_unsorted or last <= self.bound:
            return replace(here, skip=further)
        seen = self.skip + length - sum(moment >= last for moment in known)
        return Steps(last, before=self.bound, skip_before=further, least=total - seen)

    def _are_in_order(self, moments: Sequence[datetime]) -> bool:
        is_ascending = all(earlier <= later for earlier, later in pairwise(moments))
        return is_ascending and all(moment >= self.bound - _OLDER_LEEWAY for moment in moments)

    def as_row(self) -> dict[str, Any]:
        """As a row holds it, to go on later."""
        row: dict[str, Any] = {"bound": format_moment(self.bound), "skip": self.skip, "is_unsorted": self.is_unsorted}
        if self.before is not None:
            row |= {"before": format_moment(self.before), "skip_before": self.skip_before, "least": self.least}
        return row


def read_steps(row: Mapping[str, Any], *, is_done: bool = False) -> Steps:
    """The steps that a row holds; one of the version before knows only `bound` and `skip`."""
    return Steps(
        bound=parse_moment(row["bound"]),
        skip=int(row["skip"]),
        is_unsorted=bool(row.get("is_unsorted", False)),
        is_done=is_done,
        before=parse_moment(row["before"]) if "before" in row else None,
        skip_before=int(row.get("skip_before", 0)),
        least=int(row.get("least", 0)),
    )
