"""The local stack with both simulators beside it, for tests that need the whole."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.local_stack.options import LocalOptions
from ops.local_stack.runner import LocalStack
from ops.simulators.aegis import AegisSimulator
from ops.simulators.contract_check import TrafficCheck
from ops.simulators.population import SETTINGS, Population
from ops.simulators.raisedonors import RaiseDonorsSimulator
from ops.simulators.server import SimulatorServer
from ops.simulators.tally import tally
from ops.simulators.tally_result import Tally

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"


@dataclass
class Rig:
    """A running stack, the simulators it talks to, and their population."""

    stack: LocalStack
    raisedonors: RaiseDonorsSimulator
    aegis: AegisSimulator
    population: Population

    def result(self, expected: list[int] | None = None) -> Tally:
        """Both sides counted."""
        return tally(self.raisedonors.store, self.aegis.store, expected)

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All rows of a table, as DynamoDB gives them."""
        pages = self.stack.client("dynamodb").get_paginator("scan").paginate(TableName=self.stack.outputs[table])
        return [item for page in pages for item in page["Items"]]


@contextmanager
def rig(
    folder: Path, *, seed: int = 11, pickup_every: float = 1.0, visibility: float = 30, **settings: Any
) -> Iterator[Rig]:
    """A fresh stack on a folder, with the population's settings and those given."""
    raisedonors = RaiseDonorsSimulator(check=TrafficCheck(CONTRACTS / "raisedonors.openapi.yaml"))
    aegis = AegisSimulator(check=TrafficCheck(CONTRACTS / "aegis.openapi.yaml"))
    settings_file = folder / "settings.json"
    settings_file.write_text(json.dumps({**SETTINGS, **settings}))
    with SimulatorServer(raisedonors) as source, SimulatorServer(aegis) as destination:
        options = LocalOptions(
            port=0,
            state_dir=folder / "state",
            raisedonors_url=source.url,
            raisedonors_token=raisedonors.token,
            aegis_url=destination.url,
            aegis_context=aegis.context,
            aegis_username=aegis.username,
            aegis_password=aegis.password,
            settings_file=settings_file,
            pickup_every=pickup_every,
            visibility=visibility,
        )
        with LocalStack(options) as stack:
            yield Rig(stack, raisedonors, aegis, Population(seed, raisedonors.store, aegis.store))


def wait_until(ready: Callable[[], bool], seconds: float) -> bool:
    """Whether it became true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if ready():
            return True
        time.sleep(0.1)
    return ready()
