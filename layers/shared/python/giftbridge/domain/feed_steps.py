"""The way through a list that is asked for by the time of modification, while records are edited and more arrive.

A record that is edited moves to the end and shifts the rest by one place: so the lower bound follows the newest record
seen, and places are counted only within one moment, or where the other side does not sort.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

# A service may compare at whole seconds what it shows with fractions.
_OLDER_LEEWAY = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Steps:
    """Where to read next: records modified at or after `bound`, beyond the first `skip` of them.

    `is_unsorted` is set once a page was not in the order asked for, or held what is older than the bound: from then on
    the places alone are counted. `is_done` is set when as many were seen as there are.
    """

    bound: datetime
    skip: int = 0
    is_unsorted: bool = False
    is_done: bool = False

    def after(self, moments: Sequence[datetime | None], total: int) -> Steps:
        """After a page of records modified at these moments, None where it cannot be read, of so many in all."""
        length, known = len(moments), [moment for moment in moments if moment is not None]
        is_unsorted = self.is_unsorted or not self._are_in_order(known)
        last = max(known, default=self.bound)
        if self.skip + length >= total:
            return replace(self, is_unsorted=is_unsorted, is_done=True)
        if not is_unsorted and last > self.bound:
            return Steps(last)
        # Places shift when a record is edited meanwhile: the pages overlap.
        further = length - max(1, length // 4) if length > 1 else length
        return replace(self, skip=self.skip + further, is_unsorted=is_unsorted)

    def _are_in_order(self, moments: Sequence[datetime]) -> bool:
        is_ascending = all(earlier <= later for earlier, later in pairwise(moments))
        return is_ascending and all(moment >= self.bound - _OLDER_LEEWAY for moment in moments)
