"""Whole records that callers saved over what was there, each with its caller's last look before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from weakref import WeakKeyDictionary

from greenlet import getcurrent, greenlet

from ops.simulators.raisedonors_store import RaiseDonorsStore
from ops.simulators.raisedonors_time import moment_of
from tests.simulation.clock.scheduler import Scheduler

_SCHEDULE = "/api/RecurringGift/"
_SAVES = {"partner/Save": "partner", "pledge/Save": "pledge"}


@dataclass(frozen=True, slots=True)
class Replacement:
    """A record that was saved whole at `landed_at`, by a caller that looked last at `looked_at`; in seconds."""

    record: str
    looked_at: float
    landed_at: float


@dataclass(frozen=True, slots=True)
class Look:
    """What a thread read last of a system, and when."""

    target: str
    at: float

    def shows(self, record: str) -> bool:
        """Whether it shows a record; a partner's pledges are read as one list."""
        kind, _, number = record.partition(" ")
        target = self.target.partition("?")[0]
        return "/PledgeHistory/" in target if kind == "pledge" else target.endswith(f"/{number}")


class Replacements:
    """Notes the last look of each thread of a process, and what it then saved whole.

    Who read anything else of the system in between did not look right before.
    """

    def __init__(self, scheduler: Scheduler) -> None:
        self.made: list[Replacement] = []
        self._scheduler = scheduler
        self._looks: WeakKeyDictionary[greenlet, dict[str, Look]] = WeakKeyDictionary()

    def last_look(self, system: str) -> Look | None:
        """What this thread read last of a system."""
        return self._looks.get(getcurrent(), {}).get(system)

    def carried_out(
        self, system: str, method: str, target: str, body: bytes | str | None, looked_before: Look | None
    ) -> None:
        """A request is carried out now; `looked_before` is given for one that lands late."""
        now = self._scheduler.seconds
        if method == "GET":
            self._looks.setdefault(getcurrent(), {})[system] = Look(target, now)
            return
        record, look = _replaced(method, target, body), looked_before or self.last_look(system)
        if record is not None and look is not None and look.shows(record):
            self.made.append(Replacement(record, look.at, now))


def edits_of_schedules(raisedonors: RaiseDonorsStore) -> Iterator[tuple[str, datetime, frozenset[str]]]:
    """The schedules that people changed on RaiseDonors, when, and which members of them."""
    for schedule in raisedonors.schedules.all_entries():
        for before, after in pairwise(schedule.history):
            if not after.via_api:
                names = before.members.keys() | after.members.keys()
                changed = frozenset(one for one in names if before.members.get(one) != after.members.get(one))
                yield f"schedule {schedule.record_id}", moment_of(after.modified), changed


def _replaced(method: str, target: str, body: bytes | str | None) -> str | None:
    """The record that a request saves whole, as the judge names it."""
    if method == "PUT" and target.startswith(_SCHEDULE):
        return f"schedule {target.removeprefix(_SCHEDULE)}"
    for path, kind in _SAVES.items():
        if target.endswith(path):
            return f"{kind} {json.loads(body or b'{}')['ID']}"
    return None
