"""Worker processes killed at random moments: every donation exactly once all the same."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from ops.simulators.faults import FaultKind, FaultRule
from tests.e2e.rig import Rig, rig, wait_until

DONATIONS = 128
WAVES = 8
KILLS_IN_SENDING = 6
LONGEST_SECONDS = 120


@pytest.mark.timeout(300)
def test_workers_killed_at_random_moments_lose_and_double_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hasty = {"base_seconds": 1, "max_seconds": 3, "unknown_wait_seconds": 2}
    with rig(tmp_path, pickup_every=0.5, visibility=4, retries=hasty) as running:
        # A slower Aegis: a kill is likely to fall between a request and its answer.
        running.aegis.faults.add(FaultRule(FaultKind.DELAY_BEFORE, "createTransaction", seconds=0.2))
        running.aegis.faults.add(FaultRule(FaultKind.DELAY_AFTER, "createTransaction", seconds=0.2))
        running.population.build(donors=100)
        kills, in_sending = _give_and_kill(running)
        gifts = [gift.gift_id for gift in running.population.gifts]
        settled = wait_until(lambda: not running.result(gifts).missing, LONGEST_SECONDS)
        result = running.result(gifts)
        calls = Counter(str(entry.operation_id) for entry in running.aegis.log)
        states = Counter(row["state"]["S"] for row in running.rows("DeliveriesTable"))

    with capsys.disabled():
        print(
            f"\nkilled {kills} workers, {in_sending} kills hit a delivery in `sending`; "
            f"{result.found_count} of {result.expected_count} donations, money differs by "
            f"{result.aegis_total - result.raisedonors_total}; deliveries {dict(states)}; "
            f"calls to Aegis, look-ups included: {dict(calls)}"
        )
    assert settled, result.describe()
    assert result.clean, result.describe()
    assert in_sending >= KILLS_IN_SENDING


def _give_and_kill(running: Rig) -> tuple[int, int]:
    """Donations in waves; soon after Aegis hears of one, at a random moment, every worker process is killed."""
    chance = random.Random(5)
    kills = in_sending = 0
    hit: set[str] = set()
    for _ in range(WAVES):
        for _ in range(DONATIONS // WAVES):
            running.population.make_gift("one_time")
        heard = len(running.aegis.log.of("createTransaction"))
        wait_until(lambda heard=heard: len(running.aegis.log.of("createTransaction")) > heard, seconds=6)  # type: ignore[misc]
        time.sleep(chance.uniform(0.0, 0.4))
        for pid in running.stack.worker_pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                kills += 1
        leased = [row for row in running.rows("DeliveriesTable") if row["state"]["S"] == "sending"]
        attempts = {row["attempt"]["M"]["id"]["S"] for row in leased}
        in_sending += bool(attempts - hit)
        hit |= attempts
    return kills, in_sending
