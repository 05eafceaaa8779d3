"""What became of each delivery, as its row says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from tests.simulation.judge.excuses import Excuses

WAYS_OF_A_GIFT = ("created", "refunded", "adjusted")


class Fates:
    """The rows of deliveries, and what need not have been delivered."""

    def __init__(self, rows: Mapping[str, Mapping[str, Any]], noticed: Collection[str], excuses: Excuses) -> None:
        self._rows = rows
        self._noticed = noticed
        self._excuses = excuses

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def state(self, name: str) -> str:
        """A delivery's state; empty where there is none."""
        return str(self._rows[name]["state"]) if name in self._rows else ""

    def said(self, names: Iterable[str]) -> str:
        """In words, for those that there are."""
        found = [f"{name} is {self._told(self._rows[name])}" for name in names if name in self._rows]
        return ", ".join(found) or "there is no delivery"

    @staticmethod
    def _told(row: Mapping[str, Any]) -> str:
        trouble = row.get("trouble")
        return f"{row['state']} ({trouble['cause']}: {trouble['text']})" if trouble else str(row["state"])

    def waits_for_a_person(self, names: Iterable[str]) -> bool:
        """Whether one of these visibly waits for a person, or was ignored and people are told so by a notice."""
        states = ((name, self.state(name)) for name in names)
        return any(state == "failed" or (state == "ignored" and name in self._noticed) for name, state in states)

    def is_left_to_a_person(self, donor_id: int, values: Collection[str]) -> bool:
        """Whether all of these values of a donor are a person's to decide since a restore."""
        return all(self._excuses.is_left_to_a_person(donor_id, value) for value in values)

    def line_is_gone(self, name: str) -> bool:
        """Whether a restore may have taken the line that tells of a delivery's end."""
        row, forgotten = self._rows[name], self._excuses.forgotten
        # Its row may have been touched again since.
        moments = (row.get("updated_at"), row.get("attempt", {}).get("started_at"))
        found = [datetime.fromisoformat(moment) for moment in moments if moment]
        return forgotten is not None and any(map(forgotten.line_is_gone, found))

    def hold_is_left(self, name: str, held_at: datetime) -> bool:
        """Whether a hold is of the life before a restore, and its delivery was not begun since."""
        forgotten = self._excuses.forgotten
        return forgotten is not None and forgotten.hold_is_left(held_at) and self.state(name) == "ignored"

    def is_forgotten(self, kind: str, record_id: int) -> bool:
        """Whether a restore may have taken what was sent of a record: it was made before."""
        return self._excuses.may_be_forgotten(kind, record_id)

    def row_is_gone(self, held_at: datetime) -> bool:
        """Whether a restore may have taken what was handed to the import tool then."""
        return self._excuses.forgotten is not None and self._excuses.forgotten.row_is_gone(held_at)

    def is_excused(self, destination: str, kind: str, record_id: int) -> bool:
        """Whether a change of this record need not have been sent."""
        return self._excuses.excuse(destination, kind, record_id)

    def is_excused_then(self, destination: str, ticks: int) -> bool:
        """Whether a change made at that moment need not have travelled."""
        return self._excuses.excuse_then(destination, ticks)

    def is_overwritten(self, record: str, members: Collection[str]) -> bool:
        """Whether these members of a record were changed in the moment in which it was saved whole."""
        return self._excuses.is_overwritten(record, members)

    @property
    def pledges_left_to_staff(self) -> Collection[str]:
        """Pledges that are for staff to end or to correct, and that staff has been told of."""
        return self._excuses.left_to_staff

    def named(self, prefix: str) -> list[str]:
        """The deliveries whose id begins so."""
        return [name for name in self._rows if name.startswith(prefix)]

    def causes(self) -> Counter[str]:
        """What waits for a person, by kind and cause."""
        failed = (row for row in self._rows.values() if row["state"] == "failed")
        return Counter(f"{row['kind']}: {row.get('trouble', {}).get('cause')}" for row in failed)


def gift_deliveries(destination: str, gift_id: int | str | None) -> list[str]:
    """The ids of the deliveries of a gift."""
    return [f"{destination}/donation/{gift_id}/{way}" for way in WAYS_OF_A_GIFT]
