"""The servers start at free ports, stop by themselves, and run from the command line."""

import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import requests

from ops.simulators.aegis import AegisSimulator
from ops.simulators.raisedonors import RaiseDonorsSimulator
from ops.simulators.server import SimulatorServer

ROOT = Path(__file__).resolve().parents[2]


def test_a_server_stops_quickly_and_leaves_no_thread_behind() -> None:
    before = threading.active_count()
    simulator = RaiseDonorsSimulator()
    headers = {"Authorization": f"Bearer {simulator.token}"}
    with SimulatorServer(simulator) as server, requests.Session() as session:
        assert session.get(f"{server.url}/api/Gift/list", headers=headers, timeout=5).status_code == 200
        begun = time.monotonic()
    assert time.monotonic() - begun < 2
    assert threading.active_count() == before
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{server.url}/api/Gift/list", timeout=1)


def test_a_server_that_stops_cuts_off_waiting_callers() -> None:
    simulator = RaiseDonorsSimulator()
    simulator.faults.delay("*", 30)
    errors: list[Exception] = []

    def call(url: str) -> None:
        try:
            requests.get(f"{url}/api/Gift/list", timeout=20)
        except requests.RequestException as error:
            errors.append(error)

    with SimulatorServer(simulator) as server:
        caller = threading.Thread(target=call, args=(server.url,))
        caller.start()
        while not len(simulator.log):
            time.sleep(0.01)
        begun = time.monotonic()
    caller.join(5)
    assert time.monotonic() - begun < 4
    assert len(errors) == 1


def test_two_servers_run_side_by_side() -> None:
    with SimulatorServer(RaiseDonorsSimulator()) as first, SimulatorServer(AegisSimulator()) as second:
        assert first.port != second.port


def _command(*options: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "ops.simulators", *options], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )


def test_the_command_serves_both_until_it_is_told_to_stop() -> None:
    with _command("--population", "20", "--seed", "3") as process:
        assert process.stdout is not None
        first, second = process.stdout.readline(), process.stdout.readline()
        found = re.fullmatch(r"raisedonors (http://127\.0\.0\.1:\d+) token=(\S+)\n", first)
        assert found is not None
        assert re.fullmatch(r"aegis http://127\.0\.0\.1:\d+ context=\S+ username=\S+ password=\S+\n", second)
        headers = {"Authorization": f"Bearer {found[2]}"}
        page = requests.get(f"{found[1]}/api/Donor/list", headers=headers, timeout=5).json()
        assert page["total"] >= 20
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_the_command_stops_by_itself() -> None:
    with _command("--seconds", "0.2", "--no-check") as process:
        assert process.wait(15) == 0
