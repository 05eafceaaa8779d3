"""The local stack with the simulators beside it, for tests that need the whole."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.local_stack.options import LocalOptions
from ops.local_stack.paths import CHECKOUT
from ops.local_stack.runner import LocalStack
from ops.simulators.aegis import AegisSimulator
from ops.simulators.contract_check import TrafficCheck
from ops.simulators.population import SETTINGS, Population
from ops.simulators.raisedonors import RaiseDonorsSimulator
from ops.simulators.server import SimulatorServer
from ops.simulators.tally import tally
from ops.simulators.tally_result import Tally
from ops.simulators.virtuous import VirtuousSimulator
from ops.simulators.virtuous_population import VirtuousPopulation
from ops.simulators.virtuous_settings import VirtuousSettings

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"
WEBHOOK_SECRET = "told to both sides"


@dataclass
class Rig:
    """A running stack, the simulators it talks to, and their population."""

    stack: LocalStack
    raisedonors: RaiseDonorsSimulator
    aegis: AegisSimulator
    virtuous: VirtuousSimulator
    population: Population
    contacts: VirtuousPopulation

    def result(self, expected: list[int] | None = None) -> Tally:
        """RaiseDonors and Aegis counted."""
        return tally(self.raisedonors.store, self.aegis.store, expected)

    def command(self, *arguments: str) -> list[str]:
        """The command, as an operator types it."""
        return [str(CHECKOUT / ".venv/bin/giftbridge"), *arguments, "--local", self.stack.front_url]

    def giftbridge(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The command, run to its end."""
        return subprocess.run(self.command(*arguments), capture_output=True, text=True, timeout=90, check=False)

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All rows of a table, as DynamoDB gives them."""
        pages = self.stack.client("dynamodb").get_paginator("scan").paginate(TableName=self.stack.outputs[table])
        return [item for page in pages for item in page["Items"]]


@contextmanager
def rig(
    folder: Path,
    *,
    seed: int = 11,
    pickup_every: float = 1.0,
    visibility: float = 30,
    with_aegis: bool = True,
    with_virtuous: bool = False,
    prepare: Callable[[Population, VirtuousPopulation], None] = lambda donors, contacts: None,
    **settings: Any,
) -> Iterator[Rig]:
    """A fresh stack on a folder, with the population's settings and those given.

    `prepare` makes what was there before the stack: a contact made later is an edit.
    """
    raisedonors = RaiseDonorsSimulator(check=TrafficCheck(CONTRACTS / "raisedonors.openapi.yaml"))
    aegis = AegisSimulator(check=TrafficCheck(CONTRACTS / "aegis.openapi.yaml"))
    virtuous = VirtuousSimulator(
        settings=VirtuousSettings(calls_per_hour=None), check=TrafficCheck(CONTRACTS / "virtuous.openapi.yaml")
    )
    population = Population(seed, raisedonors.store, aegis.store)
    contacts = VirtuousPopulation(seed, raisedonors.store, virtuous.store)
    prepare(population, contacts)
    settings_file = folder / "settings.json"
    settings_file.write_text(json.dumps({**SETTINGS, **settings}))
    with ExitStack() as running:
        source, *destinations = (running.enter_context(SimulatorServer(one)) for one in (raisedonors, aegis, virtuous))
        urls = dict(zip(("aegis", "virtuous"), (one.url for one in destinations), strict=True))
        options = LocalOptions(
            port=0,
            state_dir=folder / "state",
            raisedonors_url=source.url,
            raisedonors_token=raisedonors.token,
            **(_aegis(urls["aegis"], aegis) if with_aegis else {}),
            **(_virtuous(urls["virtuous"], virtuous) if with_virtuous else {}),
            settings_file=settings_file,
            pickup_every=pickup_every,
            visibility=visibility,
        )
        stack = running.enter_context(LocalStack(options))
        if with_virtuous:
            virtuous.subscribe(f"{stack.front_url}/webhooks/virtuous", WEBHOOK_SECRET)
            running.enter_context(virtuous.sender.running())
        yield Rig(stack, raisedonors, aegis, virtuous, population, contacts)


def wait_until(ready: Callable[[], bool], seconds: float) -> bool:
    """Whether it became true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if ready():
            return True
        time.sleep(0.1)
    return ready()


def _aegis(url: str, aegis: AegisSimulator) -> dict[str, str]:
    return {
        "aegis_url": url,
        "aegis_context": aegis.context,
        "aegis_username": aegis.username,
        "aegis_password": aegis.password,
    }


def _virtuous(url: str, virtuous: VirtuousSimulator) -> dict[str, str]:
    return {
        "virtuous_url": url,
        "virtuous_api_key": virtuous.api_key,
        "virtuous_webhook_secret": WEBHOOK_SECRET,
    }
