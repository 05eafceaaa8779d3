"""Batch, digest and reconciliation are made once in the nights in which the clocks are changed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from giftbridge.clients.aegis import Aegis
from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.flows.daily_digest import DailyDigest
from giftbridge.flows.reconciliation_daily import DailyReconciliation
from giftbridge.flows.reconciliation_reading import Sources
from giftbridge.flows.vitals import VitalSigns
from tests.virtuous_bench import VirtuousBench, virtuous_bench

LISTENERS = {"sender": "giftbridge@example.org", "recipients": ["ops@example.org"]}
# The noon (UTC) before each night, and how many hours around it are looked at every five minutes.
NIGHTS = [
    ("America/New_York", "02:30", datetime(2026, 3, 7, 18, tzinfo=UTC)),
    ("America/New_York", "01:30", datetime(2026, 10, 31, 18, tzinfo=UTC)),
    ("Europe/London", "01:30", datetime(2026, 3, 28, 18, tzinfo=UTC)),
    ("Africa/Cairo", "00:30", datetime(2026, 4, 23, 12, tzinfo=UTC)),
    ("Australia/Lord_Howe", "02:15", datetime(2026, 10, 3, 9, tzinfo=UTC)),
    ("America/Nuuk", "23:30", datetime(2026, 3, 28, 14, tzinfo=UTC)),
]


@pytest.fixture
def both() -> Iterator[VirtuousBench]:
    with virtuous_bench() as fresh:
        fresh.bench.population.build(donors=2)
        yield fresh


def ticks(both: VirtuousBench) -> tuple[bool, str | None, bool]:
    """One tick of the function behind all three: whether a batch was planned, a day told of, both sides reconciled."""
    bench = both.bench
    batch = both.plan(now_requested=False)
    digest = DailyDigest(bench.tools, ["aegis", "virtuous"]).run()
    aegis = Aegis(bench.wire("aegis"), bench.aegis.context)
    sources = Sources(RaiseDonors(bench.wire("raisedonors")), aegis, both.client())
    reconciled = DailyReconciliation(bench.tools, sources, "tick").run()
    return batch.why_idle is None, digest.day, reconciled.is_done


# Each takes some seconds: all of them with MATRIX=all.
@pytest.mark.parametrize(("zone", "at", "noon"), NIGHTS if os.environ.get("MATRIX") == "all" else NIGHTS[:2])
def test_each_is_made_once_in_such_a_night_and_none_is_missed(
    both: VirtuousBench, zone: str, at: str, noon: datetime
) -> None:
    both.bench.settings(time_zone=zone, batch_at=at, notifications=LISTENERS, reconciliation={"days": 1})
    both.bench.clock.now = noon
    ticks(both)
    made: list[tuple[bool, str | None, bool]] = []
    missed = 0
    for minutes in range(5, 22 * 60, 5):
        both.bench.clock.now = noon + timedelta(minutes=minutes)
        made.append(ticks(both))
        if minutes % 60 == 0:
            missed += VitalSigns(both.bench.tools, ["aegis", "virtuous"]).take().is_batch_missed

    assert [sum(bool(one[what]) for one in made) for what in range(3)] == [1, 1, 1]
    assert missed == 0
