"""An address-correction run over thousands of contacts at once: how fast it is taken in, and worked off."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from ops.simulators.access_log import LogEntry
from ops.simulators.population import Population
from ops.simulators.raisedonors_store import RaiseDonorsStore
from ops.simulators.virtuous import VirtuousSimulator
from ops.simulators.virtuous_events import VirtuousEvents
from ops.simulators.virtuous_outbox import DeliveryState
from ops.simulators.virtuous_population import OUR_SOURCE, VirtuousPopulation
from ops.simulators.virtuous_records import Contact
from ops.simulators.virtuous_tally_values import contact_home, donor_home

BUNDLE = 5
"""Contacts in one webhook: few, so that there are many webhooks."""
AGAIN = 4
"""Every so many contacts are corrected once more straight afterwards: one look is to serve both."""


@dataclass(frozen=True)
class StormResult:
    """What a storm did. Times are in seconds; `least` is what the budget of calls itself allows."""

    contacts: int
    arrived: int
    webhooks: int
    not_taken: int
    told: int
    p50: float
    p99: float
    reads: int
    refused: int
    took: float
    least: float

    @property
    def clean(self) -> bool:
        """Whether every address arrived, every webhook was taken, and no change was read more than once."""
        return self.arrived == self.contacts and self.not_taken == 0 and self.reads <= self.told

    def describe(self) -> str:
        """The figures in readable lines."""
        return (
            f"storm: {self.arrived:,} of {self.contacts:,} corrected addresses arrived after {self.took:.1f} s; "
            f"the budget of calls allows it in {self.least:.1f} s at best\n"
            f"storm: {self.webhooks:,} webhooks told of {self.told:,} changes, {self.not_taken} not taken, "
            f"answered after p50 {1000 * self.p50:.0f} ms, p99 {1000 * self.p99:.0f} ms; "
            f"contacts read {self.reads:,} times, {self.refused} calls answered 429"
        )


class Storm:
    """One run, from its beginning until the donors say what their contacts say. `per_hour` is the budget of calls."""

    def __init__(self, raisedonors: RaiseDonorsStore, virtuous: VirtuousSimulator, per_hour: int | None) -> None:
        self._raisedonors = raisedonors
        self._virtuous = virtuous
        self._per_hour = per_hour
        self._struck: list[int] = []
        self._log_begins = self._deliveries_begin = 0
        self._began = 0.0
        self._took: float | None = None

    def strike(self, events: VirtuousEvents, contact_ids: Sequence[int]) -> None:
        """Correct the addresses of these contacts, of every fourth one twice."""
        with self._virtuous.store.lock:
            self._log_begins = len(self._virtuous.log)
            self._deliveries_begin = len(self._virtuous.store.outbox.deliveries)
            self._struck = list(contact_ids)
            events.correct(self._struck, bundle=BUNDLE)
            events.correct(self._struck[::AGAIN], bundle=BUNDLE)
        self._began = time.monotonic()

    @property
    def is_raging(self) -> bool:
        """Whether it began and has not converged yet."""
        return bool(self._struck) and self._took is None

    def arrived(self) -> int:
        """How many of the contacts agree with all of their donors; the first time all do, it is over."""
        with self._raisedonors.lock, self._virtuous.store.lock:
            count = sum(self._agrees(self._virtuous.store.survivor(number)) for number in self._struck)
        if count == len(self._struck) and self._took is None:
            self._took = time.monotonic() - self._began
        return count

    def result(self) -> StormResult:
        """What it came to, as far as it is over."""
        struck = set(self._struck)
        with self._virtuous.store.lock:
            since = self._virtuous.store.outbox.deliveries[self._deliveries_begin :]
            calls = list(self._virtuous.log)[self._log_begins :]
        sent = [one for one in since if one.took and one.event == "ContactUpdate" and struck & set(one.record_ids)]
        waited = sorted(seconds for one in sent for seconds in one.took) or [0.0]
        reads = sum(call.operation_id == "getContact" and _record_of(call) in struck for call in calls)
        arrived = self.arrived()
        return StormResult(
            contacts=len(self._struck),
            arrived=arrived,
            webhooks=len(sent),
            not_taken=sum(one.state is not DeliveryState.DELIVERED for one in sent),
            told=sum(len(one.record_ids) for one in sent),
            p50=statistics.median(waited),
            p99=waited[min(len(waited) - 1, int(len(waited) * 0.99))],
            reads=reads,
            refused=sum(call.status == 429 for call in calls),
            took=self._took if self._took is not None else time.monotonic() - self._began,
            least=self._least_seconds(len(self._struck)),
        )

    def _least_seconds(self, reads: int) -> float:
        """One read for each contact: a tenth of the hour's calls are there at once, the others at the rest's rate."""
        if self._per_hour is None:
            return 0.0
        at_once = self._per_hour // 10
        return max(0.0, (reads - at_once) * 3600 / (self._per_hour - at_once))

    def _agrees(self, contact: Contact | None) -> bool:
        if contact is None:
            return True
        homes = [
            donor_home(self._raisedonors.donors.entry(int(one.id)).latest.members)
            for one in contact.references
            if one.source == OUR_SOURCE
        ]
        return all(home == contact_home(contact) for home in homes)


def _record_of(call: LogEntry) -> int:
    """The id at the end of the path; 0 for none."""
    number = call.path.partition("?")[0].rpartition("/")[2]
    return int(number) if number.isdecimal() else 0


def populate(population: Population, contacts: VirtuousPopulation, number: int) -> list[int]:
    """Donors who never give, each with a contact that says the same; the contacts."""
    donors = (population.make_donor("new_person", gives=False).donor_id for _ in range(number))
    return [contacts.make_contact_of(donor_id, "linked").contact_id for donor_id in donors]
