"""Retries of many failed deliveries as an operator makes them: with the command, in processes of their own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ops.simulators.access_log import LogEntry
from ops.simulators.population_codes import UNKNOWN_FUND
from tests.e2e.rig import Rig, rig, wait_until

GIFTS = 90
CANCELLED_AT = 30
STOPS_WITHIN_SECONDS = 10.0
QUIET_SECONDS = 5.0
LONGEST_SECONDS = 120
FEWER_GIFTS, PER_HOUR, WATCHED_SECONDS = 60, 2000, 15.0
# A code that was unknown is asked for again after ten seconds.
ASKED_AGAIN_AFTER_SECONDS = 10.0
CAUSE = f"unknown-fund:{UNKNOWN_FUND}"
PERSON_NEEDED = 1


@dataclass(frozen=True)
class Row:
    """A delivery: its state, its trouble, and the part of the index that finds it."""

    state: str
    trouble: Any
    bucket: Any


@dataclass(frozen=True)
class Retry:
    """The command that retries all of the cause, as it works; `answer` is there when it has ended."""

    process: subprocess.Popen[str]
    answered: Path
    told: Path
    begun: datetime

    @property
    def run(self) -> str | None:
        """The run's id, once the command says it."""
        found = re.search(r"^Run (\w+)\.", self.told.read_text(), re.MULTILINE)
        return found[1] if found else None

    @property
    def answer(self) -> Any:
        return json.loads(self.answered.read_text())

    @property
    def planned(self) -> set[str]:
        """The planned set, as the command shows it."""
        return {item["id"] for item in self.answer["plan"]["items"]}

    def of(self, outcome: str) -> set[str]:
        """The deliveries that the command says ended so."""
        return {one["id"] for one in self.answer["results"] if one["outcome"] == outcome}


@dataclass(frozen=True)
class Stop:
    """How a run came to rest: moments of the cancel, of its confirmation and of the end of the run's process."""

    asked: datetime
    confirmed: datetime
    ended: datetime
    codes: tuple[int, int]
    """Of the run's process and of the one that cancelled it."""

    def after(self, moment: datetime) -> float:
        """Seconds from the cancel to a moment."""
        return (moment - self.asked).total_seconds()


@pytest.mark.timeout(300)
def test_a_cancelled_run_stops_within_seconds_and_the_next_one_delivers_the_rest_each_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with rig(tmp_path, pickup_every=1.0) as running:
        before = _failed(running, GIFTS)
        # A slower Aegis: the run is to last longer than a command takes to start.
        running.aegis.faults.delay("createTransaction", 0.3)
        with _retrying(running, tmp_path / "whole", "--follow") as first:
            assert wait_until(lambda: len(_sent(running)) >= CANCELLED_AT, LONGEST_SECONDS)
            stop = _cancel(running, first)
        time.sleep(QUIET_SECONDS)
        running.aegis.faults.clear()
        last = _sent(running)[-1].at
        late = sum(entry.at > stop.asked for entry in _sent(running))
        _assert_stopped(running, first, stop, before)

        rest = first.of("cancelled")
        with _retrying(running, tmp_path / "rest", "--follow") as second:
            code = second.process.wait(LONGEST_SECONDS)
        took = (datetime.now(UTC) - second.begun).total_seconds()
        reopened = _reopened(running, second)
        result = running.result([gift.gift_id for gift in running.population.gifts])
        open_ones = {name: row for name, row in _deliveries(running).items() if row.state != "delivered"}

    with capsys.disabled():
        print(
            f"\n{len(first.planned)} planned, cancelled at {CANCELLED_AT}; seconds from the cancel's start: last of "
            f"{late} more calls {stop.after(last):.1f}, confirmed {stop.after(stop.confirmed):.1f}, run over "
            f"{stop.after(stop.ended):.1f}; {len(first.of('delivered'))} delivered, {len(rest)} put back; "
            f"then {len(second.planned)} planned, {len(reopened)} executed in {took:.1f} s; "
            f"{result.found_count} of {GIFTS} in Aegis, {len(result.doubled)} doubled"
        )
    assert code == 0 and second.answer["run"]["state"] == "done"
    assert rest == second.planned == set(reopened) == second.of("delivered")
    assert set(reopened.values()) == {1}
    assert not open_ones
    assert result.clean and result.found_count == GIFTS, result.describe()


@pytest.mark.skipif(os.environ.get("RETRIES") != "all", reason="takes its time: RETRIES=all runs it")
@pytest.mark.timeout(300)
def test_a_run_keeps_to_the_rate_budget_and_a_cancel_leaves_the_rest_as_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with rig(tmp_path, pickup_every=1.0, limits={"aegis_per_hour": PER_HOUR}) as running:
        before = _failed(running, FEWER_GIFTS)
        calls_before = len(running.aegis.log)
        with _retrying(running, tmp_path / "limited", "--follow") as limited:

            def of_the_budget() -> float:
                return (len(running.aegis.log) - calls_before) / _given(limited)

            time.sleep(WATCHED_SECONDS)
            assert wait_until(lambda: of_the_budget() >= 0.9, LONGEST_SECONDS), of_the_budget()
            calls, given = len(running.aegis.log) - calls_before, _given(limited)
            stop = _cancel(running, limited)
        _assert_stopped(running, limited, stop, before)

    with capsys.disabled():
        print(
            f"\n{PER_HOUR} calls an hour: {calls} calls of {given:.0f} that a run is given until then; then cancelled: "
            f"over after {stop.after(stop.ended):.1f} s, {len(limited.of('delivered'))} delivered, "
            f"{len(limited.of('cancelled'))} put back"
        )
    assert calls <= 1.05 * given


def _given(retry: Retry) -> float:
    """Calls that the rate budget has for a run until now.

    A tenth of the limit is there at once, the rest flows in over the hour; live work keeps what three minutes bring.
    """
    at_once, an_hour = PER_HOUR // 10, PER_HOUR - PER_HOUR // 10
    hours = (datetime.now(UTC) - retry.begun).total_seconds() / 3600
    return at_once - an_hour / 20 + an_hour * hours


def _failed(running: Rig, number: int) -> dict[str, Row]:
    """Deliveries that failed for want of a fund, which is added to Aegis by now, as they stand."""
    assert wait_until(lambda: "cursor#gifts" in {row["name"]["S"] for row in running.rows("StateTable")}, 60)
    for _ in range(number):
        running.population.make_gift("unknown_fund")
    assert wait_until(lambda: _states(running) == {"failed": number}, LONGEST_SECONDS), _states(running)
    running.aegis.store.add_code("Fund", UNKNOWN_FUND)
    time.sleep(ASKED_AGAIN_AFTER_SECONDS)
    return _deliveries(running)


@contextmanager
def _retrying(running: Rig, folder: Path, *options: str) -> Iterator[Retry]:
    """All of the cause retried, once the run has an id; the process does not outlive the block."""
    folder.mkdir()
    answered, told = folder / "answer.json", folder / "told.txt"
    command = running.command("retry", "--cause", CAUSE, "--yes", "--json", *options)
    with answered.open("w") as stdout, told.open("w") as stderr:
        retry = Retry(
            subprocess.Popen(command, stdout=stdout, stderr=stderr, text=True), answered, told, datetime.now(UTC)
        )
    try:
        assert wait_until(lambda: retry.run is not None, LONGEST_SECONDS), told.read_text()
        yield retry
    finally:
        retry.process.kill()
        retry.process.wait()


def _cancel(running: Rig, retry: Retry) -> Stop:
    """Cancel a run with another process, and wait until its own has ended."""
    asked = datetime.now(UTC)
    cancelled = running.giftbridge("retry", "--cancel", str(retry.run), "--json")
    confirmed = datetime.now(UTC)
    code = retry.process.wait(LONGEST_SECONDS)
    return Stop(asked, confirmed, datetime.now(UTC), (code, cancelled.returncode))


def _assert_stopped(running: Rig, retry: Retry, stop: Stop, before: dict[str, Row]) -> None:
    """Nothing was sent once the run was over; each planned one was delivered, or is as it was before."""
    last = max(entry.at for entry in _sent(running))
    assert stop.codes == (PERSON_NEEDED, 0)
    assert stop.after(last) < STOPS_WITHIN_SECONDS and stop.after(stop.ended) < 2 * STOPS_WITHIN_SECONDS
    assert last < stop.ended
    delivered, put_back = retry.of("delivered"), retry.of("cancelled")
    after = _deliveries(running)
    assert delivered and put_back and delivered.isdisjoint(put_back)
    assert delivered | put_back == retry.planned == set(before) == set(after)
    assert {name for name, row in after.items() if row.state == "delivered"} == delivered
    assert {name: after[name] for name in put_back} == {name: before[name] for name in put_back}
    assert delivered <= set(_reopened(running, retry)) and set(_reopened(running, retry).values()) == {1}
    result = running.result([int(name.split("/")[2]) for name in delivered])
    assert result.clean, result.describe()
    _assert_told(running, retry)


def _assert_told(running: Rig, retry: Retry) -> None:
    """What the command says of the run afterwards."""
    listed = running.giftbridge("retry", "--runs", "--json")
    run = json.loads(listed.stdout)["runs"][0]
    assert (run["id"], run["state"], run["settled"]) == (retry.run, "cancelled", len(retry.planned))
    assert run["ended_at"] and run["cancelled_by"]
    assert run["counts"] == {"delivered": len(retry.of("delivered")), "cancelled": len(retry.of("cancelled"))}


def _sent(running: Rig) -> list[LogEntry]:
    return running.aegis.log.of("createTransaction")


def _deliveries(running: Rig) -> dict[str, Row]:
    """Every delivery by its id."""
    return {
        row["id"]["S"]: Row(row["state"]["S"], row.get("trouble"), row.get("open"))
        for row in running.rows("DeliveriesTable")
    }


def _states(running: Rig) -> Counter[str]:
    return Counter(row.state for row in _deliveries(running).values())


def _reopened(running: Rig, retry: Retry) -> Counter[str]:
    """How often the run reopened each delivery, by the activity."""
    return Counter(
        line["delivery"]["S"]
        for line in running.rows("ActivityTable")
        if line.get("what", {}).get("S") == "reopened" and line["why"]["S"].endswith(f"run {retry.run}")
    )
