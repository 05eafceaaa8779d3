"""Records of one kind in the simulated RaiseDonors, with their modification times and their visibility."""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ops.simulators.raisedonors_time import coarsen, moment_of, ticks_of


@dataclass(slots=True)
class Version:
    """One state of a record: it carries a modification time and shows from some moment on."""

    members: dict[str, Any]
    modified: int
    visible_at: int
    via_api: bool = False
    """Written over the API, not by a person; never on the wire."""


@dataclass(slots=True)
class Entry:
    """One record: what is seen of it now, what is going to be seen, and what the simulator knows beside it."""

    record_id: int
    created: int
    seen: Version | None = None
    coming: list[Version] = field(default_factory=list)
    writes: int = 0
    kind: str | None = None
    """What the population made it as; never on the wire."""
    bad: bool = False
    """Made so that it cannot be delivered as it is."""
    first_members: dict[str, Any] = field(default_factory=dict)
    """The record as it was first added."""
    statuses: list[str] = field(default_factory=list)
    """All status texts it ever had."""
    history: list[Version] = field(default_factory=list)
    """All states it ever had, the last one included."""

    @property
    def latest(self) -> Version:
        """The last state written, seen or not."""
        if self.coming:
            return self.coming[-1]
        if self.seen is None:
            raise LookupError(f"record {self.record_id} has no state")
        return self.seen


def just_after(entry: Entry, moment: datetime) -> datetime:
    """The moment, or just after the record's last change if that is later."""
    return max(moment, moment_of(entry.latest.modified) + timedelta(microseconds=1))


def version_at(entry: Entry, moment: datetime) -> Version:
    """The state that a record was in at a moment, or its first one."""
    known = [version for version in entry.history if version.modified <= ticks_of(moment)]
    return known[-1] if known else entry.history[0]


class Records:
    """All records of one kind, by id and by modification time."""

    def __init__(self, kind: str, clock: Callable[[], datetime], first_id: int) -> None:
        self.kind = kind
        self._clock = clock
        self._next_id = first_id
        self._entries: dict[int, Entry] = {}
        self._by_modified: list[tuple[int, int]] = []
        self._unsettled: set[int] = set()

    def add(
        self,
        members: Mapping[str, Any],
        *,
        record_id: int | None = None,
        created: int | None = None,
        modified: int | None = None,
        visible_at: int | None = None,
        kind: str | None = None,
        bad: bool = False,
    ) -> int:
        """Add a record and return its id. Times are ticks; without them it happens now."""
        chosen = self._next_id if record_id is None else record_id
        if chosen in self._entries:
            raise ValueError(f"there is a {self.kind} {chosen} already")
        self._next_id = max(self._next_id, chosen + 1)
        now = ticks_of(self._clock())
        changed = modified if modified is not None else (created if created is not None else now)
        entry = Entry(chosen, created if created is not None else changed, kind=kind, bad=bad)
        entry.first_members = dict(members)
        self._entries[chosen] = entry
        self._write(entry, Version(dict(members), changed, changed if visible_at is None else visible_at), now)
        return chosen

    def edit(
        self,
        record_id: int,
        changes: Mapping[str, Any],
        *,
        modified: int | None = None,
        visible_at: int | None = None,
        replace: bool = False,
        via_api: bool = False,
    ) -> None:
        """Change members of a record, or all of them, and move its modification time."""
        entry = self._entries[record_id]
        now = ticks_of(self._clock())
        previous = entry.latest
        changed = self._moved(entry, previous.modified, now) if modified is None else modified
        members = dict(changes) if replace else {**previous.members, **changes}
        self._write(entry, Version(members, changed, now if visible_at is None else visible_at, via_api), now)

    def remove(self, record_id: int) -> None:
        """Take a record away altogether."""
        entry = self._entries.pop(record_id)
        self._unsettled.discard(record_id)
        if entry.seen is not None:
            self._unindex(entry.seen.modified, record_id)

    def get(self, record_id: int) -> Entry | None:
        """A record that can be seen now."""
        self._settle()
        entry = self._entries.get(record_id)
        return entry if entry is not None and entry.seen is not None else None

    def entry(self, record_id: int) -> Entry:
        """A record, seen or not; raises KeyError."""
        return self._entries[record_id]

    def all_entries(self) -> list[Entry]:
        """All records, seen or not, by id."""
        return [entry for _, entry in sorted(self._entries.items())]

    def visible(self) -> Iterator[Entry]:
        """The records that can be seen now, by id."""
        self._settle()
        return (entry for entry in self.all_entries() if entry.seen is not None)

    def modified_since(self, ticks: int | None) -> list[int]:
        """Ids of the records that can be seen now and were modified at or after an instant; by time, then by id."""
        self._settle()
        start = 0 if ticks is None else bisect_left(self._by_modified, (ticks, -1))
        return [record_id for _, record_id in self._by_modified[start:]]

    def page_since(self, ticks: int | None, skip: int, take: int) -> tuple[list[int], int]:
        """One page of `modified_since`, with the count of all."""
        self._settle()
        start = 0 if ticks is None else bisect_left(self._by_modified, (ticks, -1))
        rows = self._by_modified[start + skip : start + skip + take]
        return [record_id for _, record_id in rows], len(self._by_modified) - start

    def __len__(self) -> int:
        return len(self._entries)

    def _moved(self, entry: Entry, previous: int, now: int) -> int:
        changed = coarsen(now, f"{self.kind}:{entry.record_id}:{entry.writes}")
        if changed <= previous:
            changed = max(now, previous + 1)
        return changed

    def _write(self, entry: Entry, version: Version, now: int) -> None:
        entry.writes += 1
        entry.history.append(version)
        status = version.members.get("statusText")
        if isinstance(status, str) and (not entry.statuses or entry.statuses[-1] != status):
            entry.statuses.append(status)
        if version.visible_at <= now and not entry.coming:
            self._show(entry, version)
        else:
            entry.coming.append(version)
            self._unsettled.add(entry.record_id)

    def _settle(self) -> None:
        if not self._unsettled:
            return
        now = ticks_of(self._clock())
        for record_id in list(self._unsettled):
            entry = self._entries[record_id]
            while entry.coming and entry.coming[0].visible_at <= now:
                self._show(entry, entry.coming.pop(0))
            if not entry.coming:
                self._unsettled.discard(record_id)

    def _show(self, entry: Entry, version: Version) -> None:
        if entry.seen is not None:
            self._unindex(entry.seen.modified, entry.record_id)
        entry.seen = version
        insort(self._by_modified, (version.modified, entry.record_id))

    def _unindex(self, modified: int, record_id: int) -> None:
        del self._by_modified[bisect_left(self._by_modified, (modified, record_id))]
