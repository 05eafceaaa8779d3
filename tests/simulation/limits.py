"""How long a backlog takes under a limit of calls an hour, and how many calls, against the least that it can take.

A world without weather: all gifts are first gifts of new donors and come in one moment. The limited system alone is
limited. The least calls are those that the same backlog takes without a limit; the least hours are those that a limit
needs for them. Calls to RaiseDonors are counted without the reads of the feeds, which go on for ever.

Run: python -m tests.simulation.limits [--limits N,...] [--backlogs N,...] [--systems NAME,...]
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from giftbridge.store.settings_versions import SettingsVersions
from ops.simulators.service import SimulatedService
from ops.simulators.virtuous_settings import VirtuousSettings
from tests.simulation.world.weather import KINDS
from tests.simulation.world.world import BEGIN, MINUTE, World

SYSTEMS = ("aegis", "virtuous", "raisedonors")
LIMITS = (60, 120, 600, 2000)
BACKLOGS = (60, 200)
HOUR = timedelta(hours=1)
MOST_HOURS = 48
MOST_TIMES_THE_LEAST = 1.2
# Budgets are full by then, and what is to be read once is read.
_GIVEN_AFTER_SECONDS = 2 * 3600.0
_BATCH_AFTER_SECONDS = 180.0
# The pickup reads these for ever, whether there is a backlog or not.
_FEEDS = frozenset({"queryGifts", "queryDonors", "queryRecurringGifts", "queryProjects", "queryDonorNotes"})


@dataclass(frozen=True, slots=True)
class Drained:
    """What became of a backlog: the hours until its last gift arrived, the calls to the limited system until then."""

    arrived: int
    hours: float
    calls: int


class Backlog:
    """A world with so many first gifts of new donors, and one system that allows so many calls an hour."""

    def __init__(self, system: str, gifts: int, limit: int | None) -> None:
        destination = "virtuous" if system == "virtuous" else "aegis"
        self.world = World(1, 0, KINDS, destinations=(destination,))
        self.gifts = gifts
        self.destination = destination
        self.system: SimulatedService = self.world.machine.services[system]
        self._tell_no_limit()
        self._limit(system, limit)

    def drained(self) -> Drained:
        """Let all gifts come in one moment, and wait until they are in."""
        scheduler = self.world.scheduler
        scheduler.run(_GIVEN_AFTER_SECONDS)
        population = self.world.people.population
        donors = [population.make_donor("new_person") for _ in range(self.gifts)]
        for donor in donors:
            population.make_gift("one_time", scheduler.now(), donor=donor)
        wanted = {str(gift.gift_id) for gift in population.gifts[-self.gifts :]}
        if self.world.virtuous is not None:
            scheduler.run(scheduler.seconds + _BATCH_AFTER_SECONDS)
        began = scheduler.now()
        if self.world.virtuous is not None:
            self.world.virtuous.run_batch()
        while len(self._there() & wanted) < self.gifts and scheduler.now() - began < MOST_HOURS * HOUR:
            scheduler.run(scheduler.seconds + MINUTE / 12)
        return Drained(len(self._there() & wanted), (scheduler.now() - began) / HOUR, self._calls(began))

    def _there(self) -> set[str]:
        if self.world.virtuous is not None:
            return {number for _, number in self.world.virtuous.simulator.store.gift_rows}
        found = self.world.aegis.store.transactions.values()
        return {str(one.attribute("RaiseDonors.Donation.Id")) for one in found if one.via_api}

    def _calls(self, began: datetime) -> int:
        return sum(entry.at >= began and entry.operation_id not in _FEEDS for entry in self.system.log)

    def _tell_no_limit(self) -> None:
        """The setting alone counts."""
        if self.world.virtuous is not None:
            settings: VirtuousSettings = self.world.virtuous.simulator.store.settings
            settings.calls_per_hour, settings.rate_headers = None, ""

    def _limit(self, system: str, limit: int | None) -> None:
        state = self.world.account.dynamodb
        versions = SettingsVersions(state, "StateTable", lambda: BEGIN)  # type: ignore[arg-type]
        document = dict(versions.current().document)
        document["limits"] = {**document["limits"], f"{system}_per_hour": limit}
        versions.save(document, by="simulation", note="")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 0 only if every backlog drained within 1.2 times the least hours."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.limits", description=__doc__)
    parser.add_argument("--limits", type=_numbers, default=LIMITS, help="calls an hour")
    parser.add_argument("--backlogs", type=_numbers, default=BACKLOGS, help="gifts")
    parser.add_argument("--systems", type=lambda text: tuple(text.split(",")), default=SYSTEMS, help=", ".join(SYSTEMS))
    options = parser.parse_args(arguments)
    logging.disable(logging.CRITICAL)
    print("limited       gifts  an hour    calls    least  times    hours    least  times")
    is_well = True
    for system in options.systems:
        for gifts in options.backlogs:
            least = Backlog(system, gifts, None).drained()
            for limit in options.limits:
                is_well = _tell(system, gifts, limit, Backlog(system, gifts, limit).drained(), least) and is_well
    return 0 if is_well else 1


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(one) for one in text.split(","))


def _tell(system: str, gifts: int, limit: int, drained: Drained, least: Drained) -> bool:
    """A line of the table. What cannot be quicker for another reason than the limit is not the limit's doing."""
    hours = max(least.calls / limit, least.hours)
    times, more = drained.hours / hours, drained.calls / max(1, least.calls)
    is_well = drained.arrived == gifts and times <= MOST_TIMES_THE_LEAST
    print(
        f"{system:12} {gifts:6} {limit:8} {drained.calls:8} {least.calls:8} {more:6.2f} "
        f"{drained.hours:8.2f} {hours:8.2f} {times:6.2f}{'' if is_well else f'  {drained.arrived} arrived'}",
        flush=True,
    )
    return is_well


if __name__ == "__main__":
    sys.exit(main())
