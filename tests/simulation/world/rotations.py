"""Credentials are changed at a system; its old ones are refused until staff has put the new ones into the secret."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import Any

from tests.simulation.world.machine import Machine

_SOONEST_SECONDS = 120.0
_LONGEST_SECONDS = (1200.0, 3600.0, 10_800.0)
STAFF = "staff"


@dataclass(frozen=True, slots=True)
class _Way:
    """How a system's credential is called: by the system itself, and in its secret."""

    system: str
    secret: str
    attribute: str
    member: str


WAYS = (
    _Way("raisedonors", "RaiseDonorsSecret", "token", "token"),
    _Way("aegis", "AegisSecret", "password", "password"),
    _Way("virtuous", "VirtuousSecret", "api_key", "api_key"),
)


class Rotations:
    """At most one rotation for each system. `ends_at` is when the last new credential is in its secret."""

    def __init__(self, seed: int, machine: Machine, first: float, last: float) -> None:
        self.machine = machine
        self._planned: list[tuple[float, _Way, Any]] = []
        self.ends_at = 0.0
        for way in WAYS:
            draw = random.Random(f"rotation {seed} {way.system}")
            at, gap = draw.uniform(first, last), draw.uniform(_SOONEST_SECONDS, draw.choice(_LONGEST_SECONDS))
            # Some put the new one into the secret first: then that is refused until the system knows it.
            begins, ends = (self._at_the_system, self._in_the_secret)
            if draw.random() < 0.3:
                begins, ends = ends, begins
            if f"{way.system}-rotated" in machine.weather.states:
                self._planned += [(at, way, begins), (at + gap, way, ends)]
                self.ends_at = max(self.ends_at, at + gap)

    def plan(self) -> None:
        """Lay them out on the world's clock."""
        for at, way, act in self._planned:
            self.machine.scheduler.at(at, lambda act=act, way=way: act(way))

    def _at_the_system(self, way: _Way) -> None:
        setattr(self.machine.services[way.system], way.attribute, _new(way))
        self.machine.weather.struck[f"{way.system}-rotated"] += 1
        self.machine.trace.line(STAFF, f"changes the credential of {way.system}")

    def _in_the_secret(self, way: _Way) -> None:
        secrets = self.machine.account.secrets
        values = json.loads(secrets.get_secret_value(SecretId=way.secret)["SecretString"])
        if not values:
            return
        secrets.put_secret_value(SecretId=way.secret, SecretString=json.dumps({**values, way.member: _new(way)}))
        self.machine.trace.line(STAFF, f"puts the new credential of {way.system} into its secret")


def _new(way: _Way) -> str:
    return f"rotated-{way.system}"
