"""What need not have been sent: changes made while their destination was switched off, or before it was connected.

And what only staff can put in order: a pledge that they moved to the partner of another donor.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from ops.simulators.raisedonors_records import Entry
from ops.simulators.raisedonors_store import RaiseDonorsStore
from ops.simulators.raisedonors_time import ticks_of


@dataclass(frozen=True, slots=True)
class Span:
    """A time in which changes need not go to a destination."""

    destination: str
    begins: datetime
    ends: datetime


class Excuses:
    """Looks records up by kind and id."""

    def __init__(
        self,
        raisedonors: RaiseDonorsStore,
        spans: Sequence[Span],
        moved_pledges: Collection[str] = (),
        notices: Sequence[str] = (),
    ) -> None:
        self._raisedonors = raisedonors
        self._spans = spans
        self.left_to_staff = frozenset(one for one in moved_pledges if any(one in text for text in notices))
        """Pledges that staff moved with a merge, and that a notice names: Aegis does not tell us where they are now."""

    def excuse(self, destination: str, kind: str, record_id: int) -> bool:
        """Whether a record of RaiseDonors was made or changed in such a time."""
        records = self._raisedonors.records(kind)
        entry = next((one for one in records.all_entries() if one.record_id == record_id), None)
        return entry is not None and any(
            span.destination == destination and _touched(entry, span) for span in self._spans
        )


def _touched(entry: Entry, span: Span) -> bool:
    moments = [version.modified for version in entry.history if not version.via_api]
    # A record that shows late is as if it were made by then.
    moments += [version.visible_at for version in entry.history if not version.via_api]
    begins, ends = ticks_of(span.begins), ticks_of(span.ends)
    return any(begins <= moment <= ends for moment in moments)
