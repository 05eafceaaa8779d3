"""How a stack is doing, in numbers, once a minute: what the alarms and the dashboard watch (requirement G7).

Read through the indexes, never whole: what a minute costs is bounded, however much waits.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from giftbridge.domain.daily_times import last_batch_time
from giftbridge.domain.deliveries import OPEN_STATES, WAITS_FOR_ITS_GIFT, Delivery, State
from giftbridge.domain.delivery_ids import AEGIS, RAISEDONORS, VIRTUOUS
from giftbridge.domain.destinations import Destination
from giftbridge.domain.settings import Settings
from giftbridge.domain.times import parse_moment, readable_moment
from giftbridge.flows.daily_batch import LAST
from giftbridge.flows.tools import Tools
from giftbridge.flows.virtuous_imports import SENT_AT

SYSTEMS = (AEGIS, VIRTUOUS, RAISEDONORS)
TITLES = {AEGIS: "Aegis", VIRTUOUS: "Virtuous", RAISEDONORS: "RaiseDonors"}
# How long after its time a batch counts as missed: its function is ticked every minute.
MISSED_AFTER = timedelta(minutes=15)
# The state row that the newest reconciliation leaves behind.
RECONCILIATION = "reconciliation#latest"
MOST_FAILED = 1_000
MOST_HELD = 10_000
# Held rows are many and change once a day: they are counted less often.
HELD_EVERY_MINUTES = 10
_MOST_IDS = 1_000
_LOOKED_AT = 100


@dataclass(frozen=True, slots=True)
class Held:
    """Rows in Virtuous' import tool; the count stops at MOST_HELD."""

    count: int
    oldest_seconds: float


@dataclass(frozen=True, slots=True)
class Vitals:
    """What one look found. `failed` counts by destination, up to MOST_FAILED each; `held` is None between its counts.

    `oldest_undelivered_seconds` is the age of the oldest gift or refund on its way; what waits for the batch or for the
    import tool is not. `pickup_silent_seconds` is the time since the gifts of RaiseDonors were last read to the end.
    """

    oldest_undelivered_seconds: float = 0.0
    pickup_silent_seconds: float = 0.0
    open_breakers: int = 0
    stopped_systems: int = 0
    failed: dict[str, int] = field(default_factory=dict)
    is_batch_missed: bool = False
    open_differences: int = 0
    held: Held | None = None

    def metrics(self) -> dict[str, float]:
        """By the names that the alarms and the dashboard use."""
        found = {
            "OldestUndeliveredSeconds": self.oldest_undelivered_seconds,
            "PickupSilentSeconds": self.pickup_silent_seconds,
            "OpenBreakers": float(self.open_breakers),
            "StoppedSystems": float(self.stopped_systems),
            "BatchMissed": float(self.is_batch_missed),
            "ReconciliationDifferences": float(self.open_differences),
            **{f"FailedTo{TITLES[name]}": float(self.failed.get(name, 0)) for name in SYSTEMS},
        }
        if self.held is not None:
            found |= {"HeldRows": float(self.held.count), "OldestHeldSeconds": self.held.oldest_seconds}
        return found


class VitalSigns:
    """Looks at a stack; `destinations` are those that are connected."""

    def __init__(self, tools: Tools, destinations: Sequence[str]) -> None:
        self.tools = tools
        self.destinations = destinations

    def take(self) -> Vitals:
        """One look. A stack that is not connected is well: nothing can be wrong with it yet (requirement S1)."""
        if not self.destinations:
            return Vitals()
        now, (_, settings) = self.tools.now(), self.tools.settings()
        health = {name: self.tools.state.destination(name) for name in SYSTEMS}
        latest = self.tools.state.get(RECONCILIATION)
        return Vitals(
            oldest_undelivered_seconds=self._oldest_undelivered(now),
            pickup_silent_seconds=self._pickup_silent(now, settings, health[RAISEDONORS]),
            open_breakers=sum(system.opened_at is not None for system in health.values()),
            stopped_systems=sum(system.stopped_at is not None for system in health.values()),
            failed={name: self._failed(name) for name in self.destinations},
            is_batch_missed=self._is_batch_missed(now, settings),
            open_differences=int(latest.get("open", 0)) if latest is not None else 0,
            held=self.held(now) if now.minute % HELD_EVERY_MINUTES == 0 else None,
        )

    def _oldest_undelivered(self, now: datetime) -> float:
        ages = [(now - one.created_at).total_seconds() for name in self.destinations for one in self.undelivered(name)]
        return max(ages, default=0.0)

    def undelivered(self, destination: str) -> list[Delivery]:
        """Gifts and refunds on their way; of very many those that look oldest."""
        ids = self.tools.deliveries.ids_of("open", destination, _MOST_IDS)
        rows = self.tools.deliveries.get_many(_likely_oldest(ids)).values()
        return [row for row in rows if row.state in OPEN_STATES and not _waits_for_its_gift(row)]

    def _pickup_silent(self, now: datetime, settings: Settings, source: Destination) -> float:
        """0 while nothing is to be read: no CRM is switched on, RaiseDonors is paused, or nothing was read yet."""
        row = self.tools.state.get("cursor#gifts")
        is_on = settings.aegis.enabled or settings.virtuous.enabled
        if row is None or not is_on or source.paused_by is not None:
            return 0.0
        return max(0.0, (now - parse_moment(row["long_look_at"])).total_seconds())

    def _failed(self, destination: str) -> int:
        return len(self.tools.deliveries.ids_in("failed", destination, MOST_FAILED))

    def _is_batch_missed(self, now: datetime, settings: Settings) -> bool:
        last = self.tools.state.get(LAST) if settings.virtuous.enabled else None
        return last is not None and missed_batch(now, settings, parse_moment(last["at"])) is not None

    def held(self, now: datetime) -> Held:
        """What Virtuous' import tool holds, and since when."""
        ids = self.tools.deliveries.ids_in("sent", VIRTUOUS, MOST_HELD)
        rows = self.tools.deliveries.get_many(_likely_oldest(ids)).values()
        since = min((held_since(row) for row in rows if row.state is State.SENT), default=now)
        return Held(len(ids), max(0.0, (now - since).total_seconds()))


def missed_batch(now: datetime, settings: Settings, ticked: datetime | None) -> datetime | None:
    """The time of a batch that did not run although it was due; `ticked` is when one last ran."""
    due = last_batch_time(now, settings.time_zone, settings.batch_at)
    return due if ticked is not None and ticked < due and now - due > MISSED_AFTER else None


def held_since(delivery: Delivery) -> datetime:
    """When a held row was handed to the import tool."""
    return readable_moment(delivery.result.get(SENT_AT)) or delivery.created_at


def _likely_oldest(ids: Sequence[str]) -> list[str]:
    """Of ids in the order in which they are due, those due first and those with the lowest numbers: RaiseDonors counts
    its donations upwards."""
    by_number = sorted(ids, key=lambda name: int((re.findall(r"\d+", name) or ["0"])[0]))
    return list(dict.fromkeys([*ids[: _LOOKED_AT // 4], *by_number]))[:_LOOKED_AT]


def _waits_for_its_gift(delivery: Delivery) -> bool:
    return delivery.trouble is not None and delivery.trouble.cause in WAITS_FOR_ITS_GIFT
