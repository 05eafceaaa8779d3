"""Simulators with a contract check, in the process and at an address."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from ops.simulators.aegis import AegisSimulator
from ops.simulators.contract_check import TrafficCheck
from ops.simulators.population_codes import seed_aegis_codes
from ops.simulators.raisedonors import RaiseDonorsSimulator
from ops.simulators.server import SimulatorServer
from tests.simulators.clients import AegisClient, RaiseDonorsClient

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 15, 0, 0, 123456, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def aegis(clock: Clock) -> AegisSimulator:
    simulator = AegisSimulator(check=TrafficCheck(CONTRACTS / "aegis.openapi.yaml"), clock=clock, pause=clock.move)
    seed_aegis_codes(simulator.store)
    return simulator


@pytest.fixture
def raisedonors(clock: Clock) -> RaiseDonorsSimulator:
    return RaiseDonorsSimulator(
        check=TrafficCheck(CONTRACTS / "raisedonors.openapi.yaml"),
        clock=clock,
        pause=clock.move,
    )


@pytest.fixture
def crm(aegis: AegisSimulator) -> AegisClient:
    return AegisClient(aegis)


@pytest.fixture
def platform(raisedonors: RaiseDonorsSimulator) -> RaiseDonorsClient:
    return RaiseDonorsClient(raisedonors)


@pytest.fixture
def served_aegis() -> Iterator[tuple[AegisSimulator, SimulatorServer, requests.Session]]:
    """An Aegis at an address, on the real clock, with a session that carries the credentials."""
    simulator = AegisSimulator(check=TrafficCheck(CONTRACTS / "aegis.openapi.yaml"))
    seed_aegis_codes(simulator.store)
    with SimulatorServer(simulator) as server, requests.Session() as session:
        session.auth = (simulator.username, simulator.password)
        yield simulator, server, session
