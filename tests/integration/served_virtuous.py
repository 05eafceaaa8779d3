"""The real client against a simulated Virtuous at an address, on a clock that stands still."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from datetime import date, timedelta
from typing import Any

import requests

from giftbridge.clients.http import BearerToken, TimeLeft, Wire, new_session
from giftbridge.clients.virtuous import Virtuous
from ops.simulators.faults import FaultKind, FaultRule
from ops.simulators.server import SimulatorServer
from ops.simulators.virtuous_settings import VirtuousSettings
from tests.simulators.conftest import Clock
from tests.simulators.virtuous_world import VirtuousWorld

Auth = Callable[[requests.PreparedRequest], requests.PreparedRequest]
DAY = date(2026, 3, 2)


class ServedVirtuous:
    """A world, its address, and clients of it; `headers` are those of every answer the clients saw."""

    def __init__(self, world: VirtuousWorld, url: str) -> None:
        self.world = world
        self.url = url
        self.session = new_session()
        self.headers: list[Mapping[str, str]] = []
        self.client = self.client_with(BearerToken(world.simulator.api_key))

    def start_anew(self) -> None:
        """Forget all that happened, all settings and faults, and turn the clock back."""
        self.world.clock.now = Clock().now
        for setting in fields(VirtuousSettings):
            setattr(self.world.store.settings, setting.name, getattr(VirtuousSettings(), setting.name))
        self.world.simulator.reset()
        self.headers.clear()
        self.client = self.client_with(BearerToken(self.world.simulator.api_key))

    def client_with(
        self,
        auth: Auth,
        spend: Callable[[], None] = lambda: None,
        observe: Callable[[Mapping[str, str]], None] | None = None,
    ) -> Virtuous:
        """A client with these credentials."""
        seen = observe or self.headers.append
        return Virtuous(Wire("virtuous", self.url, self.session, TimeLeft(), spend, self.world.clock, auth, 0, seen))

    def answer(self, operation: str, status: int, body: str = "", **more: Any) -> None:
        """Let an operation be answered so, without being carried out."""
        rule = FaultRule(FaultKind.STATUS_BEFORE, operation, status=status, body=body, **more)
        self.world.simulator.faults.add(rule)

    def calls(self) -> list[str]:
        """Method and target of each call, in order."""
        return [f"{entry.method} {entry.path}" for entry in self.world.simulator.log]

    def operations(self) -> list[str]:
        """The operation of each call, in order."""
        return [str(entry.operation_id) for entry in self.world.simulator.log]

    def kept_the_contract(self) -> bool:
        """Whether there was traffic, and all of it kept the contract."""
        check = self.world.simulator.check
        assert self.world.violations() == []
        return check is not None and check.exchanges_checked > 0

    def wait(self, **span: float) -> None:
        """Let time pass."""
        self.world.clock.move(timedelta(**span).total_seconds())


@contextmanager
def served_virtuous() -> Iterator[ServedVirtuous]:
    """A fresh one; `kept_the_contract` is to be asked before it starts anew, and at its end."""
    world = VirtuousWorld(Clock())
    with SimulatorServer(world.simulator) as server:
        served = ServedVirtuous(world, server.url)
        yield served
        served.session.close()
