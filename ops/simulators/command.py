"""The command `python -m ops.simulators`: all simulators at fixed ports, for a while."""

import signal
import threading
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from ops.simulators.aegis import AegisSimulator
from ops.simulators.contract_check import TrafficCheck
from ops.simulators.population import Population
from ops.simulators.raisedonors import RaiseDonorsSimulator
from ops.simulators.server import SimulatorServer
from ops.simulators.virtuous import VirtuousSimulator
from ops.simulators.virtuous_population import VirtuousPopulation

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"


def serve(
    *,
    raisedonors_port: Annotated[int, typer.Option(help="Port of RaiseDonors; 0 takes a free one.")] = 0,
    aegis_port: Annotated[int, typer.Option(help="Port of Aegis; 0 takes a free one.")] = 0,
    virtuous_port: Annotated[int, typer.Option(help="Port of Virtuous; 0 takes a free one.")] = 0,
    population: Annotated[int, typer.Option(min=0, help="So many donors to begin with.")] = 0,
    seed: Annotated[int, typer.Option(help="The same seed makes the same donors and gifts.")] = 1,
    seconds: Annotated[float, typer.Option(min=0.0, help="Stop by itself after so long.")] = 3600.0,
    check: Annotated[bool, typer.Option(help="Check all traffic against the contracts.")] = True,
) -> None:
    """Serve the simulated RaiseDonors, Aegis and Virtuous on 127.0.0.1."""
    stopped = threading.Event()

    def stop(_: int, __: FrameType | None) -> None:
        stopped.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    raisedonors = RaiseDonorsSimulator(check=_traffic_check("raisedonors", check))
    aegis = AegisSimulator(check=_traffic_check("aegis", check), seed=seed)
    virtuous = VirtuousSimulator(check=_traffic_check("virtuous", check), seed=seed)
    Population(seed, raisedonors.store, aegis.store).build(donors=population)
    VirtuousPopulation(seed, raisedonors.store, virtuous.store).build(strangers=population // 10)
    with (
        SimulatorServer(raisedonors, raisedonors_port) as first,
        SimulatorServer(aegis, aegis_port) as second,
        SimulatorServer(virtuous, virtuous_port) as third,
        virtuous.sender.running(),
    ):
        typer.echo(f"raisedonors {first.url} token={raisedonors.token}")
        typer.echo(f"aegis {second.url} context={aegis.context} username={aegis.username} password={aegis.password}")
        typer.echo(f"virtuous {third.url} api_key={virtuous.api_key}")
        stopped.wait(seconds)


def run() -> None:
    """Run the command."""
    typer.run(serve)


def _traffic_check(contract: str, wanted: bool) -> TrafficCheck | None:
    return TrafficCheck(CONTRACTS / f"{contract}.openapi.yaml") if wanted else None
