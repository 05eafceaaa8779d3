"""Where the product runs: an account of AWS, the outside systems, and what each process is given."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

import requests

from giftbridge.assembly import Assembly
from giftbridge.environment import Environment
from giftbridge.surroundings import Surroundings
from ops.simulators.service import SimulatedService
from tests.simulation.aws.template import Account
from tests.simulation.clock.scheduler import Process, Scheduler
from tests.simulation.world.acts import Acts
from tests.simulation.world.aws_door import AwsDoor
from tests.simulation.world.connections import Connections
from tests.simulation.world.trace import Trace
from tests.simulation.world.weather import Weather

_MOST_SKEW_SECONDS = 2.0


@dataclass
class Machine:
    """All that processes share. `errors` counts what ended an invocation, by the kind of error."""

    scheduler: Scheduler
    account: Account
    services: dict[str, SimulatedService]
    weather: Weather
    trace: Trace
    latest_landing: float
    acts: Acts
    deaths: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    is_stopped: bool = False
    """Whether no function may be started: their reserved concurrency is 0."""
    deployments: int = 0
    """How often all containers were replaced, as when a function's environment changes."""

    def __post_init__(self) -> None:
        self.connections = Connections(
            self.services, self.scheduler, self.weather, self.trace, lambda: self.latest_landing
        )
        self.chance = random.Random(f"processes {self.weather.seed}")
        self.environment = Environment.read(self.account.environment())

    def aws(self, service: str) -> AwsDoor:
        """A process' client of a service of AWS."""
        memory = {
            "dynamodb": self.account.dynamodb,
            "sqs": self.account.sqs,
            "secretsmanager": self.account.secrets,
        }[service]
        return AwsDoor(service, memory, self.scheduler, self.weather, self.trace)

    def surroundings(self) -> Surroundings:
        """What a new process is given; its clock may be a little wrong."""
        skew = self.chance.uniform(-_MOST_SKEW_SECONDS, _MOST_SKEW_SECONDS)
        if "clock-skew" not in self.weather.states:
            skew = 0.0
        off, now = timedelta(seconds=skew), self.scheduler.now
        return Surroundings(
            now=(lambda: now() + off) if skew else now,
            monotonic=self.scheduler.monotonic,
            sleep=self.scheduler.pause,
            jitter=self.chance.random,
            token=lambda nbytes: self.chance.randbytes(nbytes).hex(),
            side_by_side=self.scheduler.side_by_side,
            lock=self.scheduler.lock,
            new_session=self.session,
        )

    def session(self) -> requests.Session:
        """A new session of a process."""
        return self.connections.session()

    def assembly(self) -> Assembly:
        """The parts of a new process."""
        dynamodb, sqs, secrets = self.aws("dynamodb"), self.aws("sqs"), self.aws("secretsmanager")
        return Assembly(self.environment, dynamodb, sqs, secrets, self.surroundings())  # type: ignore[arg-type]

    def died(self, process: Process) -> None:
        """A process is gone."""
        self.deaths += 1
        self.trace.line(process.name, "is dead")

    def failed(self, process: Process) -> None:
        """An invocation ended with an error."""
        self.errors[type(process.error).__name__] += 1
        self.trace.line(process.name, f"failed: {type(process.error).__name__}")
