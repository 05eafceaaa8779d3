"""What goes wrong, drawn by seed: which faults exist at all, how dense they are, and how the constants are set."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

# By kind: how dense it may be at most, as a probability for each occasion.
DENSITIES: Mapping[str, float] = {
    # AWS, at each call
    "aws-throttled": 0.08,
    "aws-lost-before": 0.03,
    "aws-lost-after": 0.03,
    "aws-conflict": 0.05,
    "aws-transaction-throttled": 0.05,
    "aws-in-progress": 0.05,
    "aws-unprocessed": 0.2,
    "index-lag": 0.5,
    # processes
    "death": 0.01,
    "cold-start": 0.3,
    "slow-process": 0.003,
    # queues
    "swallowed-receive": 0.05,
    "doubled-receive": 0.3,
    "lost-message": 0.05,
    "undeleted-message": 0.1,
    # schedules
    "tick-missed": 0.3,
    "tick-doubled": 0.2,
    "tick-late": 0.3,
    # calls over HTTP
    "http-refused": 0.05,
    "http-lost-before": 0.05,
    "http-lost-after": 0.2,
    "http-late-landing": 0.2,
    "http-429": 0.05,
    "http-5xx-before": 0.08,
    "http-5xx-after": 0.2,
    "http-gateway-page": 0.05,
    "http-slow": 0.05,
    "http-body-cut": 0.05,
    "http-read-doubled": 0.1,
    # Virtuous' webhooks
    "webhook-lost": 0.2,
    "webhook-doubled": 0.2,
    "webhook-late": 0.2,
    "webhook-overtaken": 0.2,
    "webhook-refused": 0.1,
    "webhook-unanswered": 0.1,
    # RaiseDonors' feeds
    "late-visible": 0.2,
}
# Whole states of affairs, which are there or not.
STATES = (
    "outage-raisedonors", "outage-aegis", "outage-virtuous", "clock-skew", "small-constants", "operator",
    "staff-merges", "other-integration", "settings-flips", "backfill", "rate-limits",
    "restored", "raisedonors-rotated", "aegis-rotated", "virtuous-rotated",
)  # fmt: skip
KINDS = (*DENSITIES, *STATES)
# What befalls a call to another system, or the process that makes it.
_STRIKES_CALLS = ("http-", "outage-", "death", "slow-process", "cold-start")
_LEAST = 0.1
"""The thinnest weather, as a part of the densest."""


@dataclass(slots=True)
class Outage:
    """A system is away. `mode` is `status` (a gateway answers 503), `drop`, `refuse`, or `login` (401)."""

    system: str
    begins: float
    ends: float
    mode: str


@dataclass(slots=True)
class Weather:
    """The weather of one seed. After `calms_at` nothing goes wrong any more."""

    seed: int
    densities: dict[str, float]
    states: frozenset[str]
    chance: random.Random
    outages: list[Outage] = field(default_factory=list)
    calms_at: float = float("inf")
    struck: Counter[str] = field(default_factory=Counter)
    _dice: dict[tuple[str, ...], list[tuple[float, str]]] = field(default_factory=dict)

    @classmethod
    def drawn(cls, seed: int, without: Collection[str] = (), forced: Collection[str] = ()) -> Weather:
        """The weather of a seed. `without` leaves kinds out, `forced` brings them; all others stay as drawn."""
        roughness = random.Random(f"roughness {seed}").random()
        # Each kind has a draw of its own: a kind more changes nothing about the others.
        draws = {kind: random.Random(f"weather {seed} {kind}") for kind in KINDS}
        drawn = {kind for kind, draw in draws.items() if draw.random() < roughness}
        there = drawn.difference(without).union(forced)
        densities = {kind: most * _LEAST ** draws[kind].random() for kind, most in DENSITIES.items() if kind in there}
        states = frozenset(kind for kind in STATES if kind in there)
        return cls(seed, densities, states, random.Random(f"strikes {seed}"))

    def plan_outages(self, seconds: float) -> None:
        """Draw outages within the time in which people act."""
        draw = random.Random(f"outages {self.seed}")
        for system in ("raisedonors", "aegis", "virtuous"):
            count, longest = draw.choice((1, 1, 2)), draw.choice((120.0, 900.0, 3600.0, 14_400.0))
            for _ in range(count):
                begins, lasts = draw.uniform(0, seconds), draw.uniform(30, longest)
                mode = draw.choice(("status", "drop", "refuse", "login"))
                if f"outage-{system}" in self.states:
                    self.outages.append(Outage(system, begins, begins + lasts, mode))

    def strikes(self, seconds: float, *kinds: str) -> str | None:
        """Which of these happens now, if one does."""
        if seconds >= self.calms_at:
            return None
        dice = self._dice.get(kinds)
        if dice is None:
            dice = self._dice[kinds] = self._made(kinds)
        if not dice:
            return None
        drawn = self.chance.random()
        if drawn >= dice[-1][0]:
            return None
        found = next(kind for upper, kind in dice if drawn < upper)
        self.struck[found] += 1
        return found

    def _made(self, kinds: Sequence[str]) -> list[tuple[float, str]]:
        dice, upper = [], 0.0
        for kind in kinds:
            density = self.densities.get(kind, 0.0)
            if density:
                upper += density
                dice.append((upper, kind))
        return dice

    def outage(self, system: str, seconds: float) -> Outage | None:
        """The outage of a system now."""
        for outage in self.outages:
            if outage.system == system and outage.begins <= seconds < outage.ends:
                self.struck[f"outage-{system}"] += 1
                return outage
        return None

    @property
    def calls_struck(self) -> int:
        """How many faults there were that may cost a call to another system once more."""
        return sum(count for kind, count in self.struck.items() if kind.startswith(_STRIKES_CALLS))

    def told(self) -> list[str]:
        """The weather in words, a line for each kind."""
        lines = [f"{kind} {density:.4f}" for kind, density in self.densities.items()]
        lines += sorted(self.states)
        return [*lines, *(f"{o.system} away from {o.begins:.0f} to {o.ends:.0f} ({o.mode})" for o in self.outages)]


def small_constants(seed: int, states: Collection[str]) -> dict[str, Any]:
    """Parameters of the template and settings that are drawn small half the time."""
    draw = random.Random(f"constants {seed}")
    parameters: dict[str, Any] = {
        "MaxReceiveCount": draw.choice((1, 2, 3, 5)),
        "QueueVisibilitySeconds": draw.choice((20, 60, 120)),
        "DeliveryTimeoutSeconds": draw.choice((15, 20)),
        "AegisMaximumConcurrency": draw.choice((2, 3, 5)),
    }
    settings: dict[str, Any] = {
        "retries": {
            "base_seconds": draw.choice((1, 5)),
            "max_seconds": draw.choice((30, 300)),
            "unknown_wait_seconds": draw.choice((5, 20, 60)),
            "breaker_failures": draw.choice((1, 2, 3)),
            "breaker_probe_seconds": draw.choice((5, 30)),
        }
    }
    if "small-constants" not in states:
        parameters, settings = {}, {}
    if "rate-limits" in states:
        # Draws of their own: the others of this seed stay as they were.
        others = random.Random(f"limits {seed}")
        settings["limits"] = {
            "aegis_per_hour": draw.choice((120, 600, 2000)),
            "raisedonors_per_hour": others.choice((None, 600, 2000)),
            "virtuous_per_hour": others.choice((None, 600, 2000)),
        }
    return {"parameters": parameters, "settings": settings}
