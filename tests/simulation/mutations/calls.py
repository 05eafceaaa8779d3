"""Guards of thrift: what is known is not asked again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from tests.simulation.mutations.mutation import Mutation


def _for_no_time(_: Any) -> timedelta:
    return timedelta(0)


def _three_times(original: Callable[..., Any]) -> Callable[..., Any]:
    def call(wire: Any, *arguments: Any, **named: Any) -> Any:
        if not named.get("writes", True) and wire.system != "raisedonors":
            for _ in range(2):
                original(wire, *arguments, **named)
        return original(wire, *arguments, **named)

    return call


MUTATIONS = (
    Mutation(
        "codes-not-remembered",
        "Aegis is asked for its codes with each gift",
        "giftbridge.flows.aegis_codes:KNOWN_FOR",
        _for_no_time,
    ),
    Mutation(
        "asks-three-times",
        "what is read from a CRM is read three times",
        "giftbridge.clients.http:Wire.call",
        _three_times,
    ),
)
