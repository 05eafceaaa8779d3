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

DONATIONS = 400
KILLS_IN_SENDING = 20
LONGEST_SECONDS = 240


@pytest.mark.timeout(420)
def test_workers_killed_at_random_moments_lose_and_double_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hasty = {"base_seconds": 1, "max_seconds": 3, "unknown_wait_seconds": 2}
    with rig(tmp_path, visibility=4, retries=hasty) as running:
        # A slower Aegis: a kill is likely to fall between a request and its answer.
        running.aegis.faults.add(FaultRule(FaultKind.DELAY_BEFORE, "createTransaction", seconds=0.05))
        running.aegis.faults.add(FaultRule(FaultKind.DELAY_AFTER, "createTransaction", seconds=0.05))
        running.population.build(donors=100)
        gifts = [running.population.make_gift("one_time").gift_id for _ in range(DONATIONS)]
        kills, in_sending = _kill_while_working(running, gifts)
        settled = wait_until(lambda: not running.result(gifts).missing, LONGEST_SECONDS)
        result = running.result(gifts)
        calls = Counter(str(entry.operation_id) for entry in running.aegis.log)

    with capsys.disabled():
        print(
            f"\nkilled {kills} workers, {in_sending} kills hit a delivery in `sending`; "
            f"{result.found_count} of {result.expected_count} donations, money differs by "
            f"{result.aegis_total - result.raisedonors_total}; calls to Aegis, look-ups included: {dict(calls)}"
        )
    assert in_sending >= KILLS_IN_SENDING
    assert settled, result.describe()
    assert result.clean, result.describe()


def _kill_while_working(running: Rig, gifts: list[int]) -> tuple[int, int]:
    """Kill a worker every second or so until enough kills hit a delivery that was being sent."""
    chance = random.Random(5)
    kills = in_sending = 0
    deadline = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < deadline and in_sending < KILLS_IN_SENDING + 5:
        time.sleep(chance.uniform(0.2, 1.2))
        pids = running.stack.worker_pids()
        if not pids:
            continue
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        kills += len(pids)
        leased = [row for row in running.rows("DeliveriesTable") if row["state"]["S"] == "sending"]
        attempts = {row["attempt"]["M"]["id"]["S"] for row in leased}
        in_sending += bool(attempts - _seen)
        _seen.update(attempts)
        if not running.result(gifts).missing:
            running.population.make_gift("one_time")
    return kills, in_sending


_seen: set[str] = set()
