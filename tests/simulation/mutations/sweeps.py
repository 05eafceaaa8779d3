"""Guards of what is on its way: found by the index, nudged until it ends, in agreement with the dead letters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from giftbridge.domain.deliveries import State
from tests.simulation.mutations.mutation import Mutation


def _without_unknown(original: Callable[..., Any]) -> Callable[..., Any]:
    return lambda delivery: None if delivery.state is State.UNKNOWN else original(delivery)


def _what_waits_is_left(original: Callable[..., bool]) -> Callable[..., bool]:
    return lambda sweep, delivery, lost_after, now: (
        delivery.state is not State.WAITING and original(sweep, delivery, lost_after, now)
    )


def _nudged_once(_: Any) -> Callable[..., bool]:
    return lambda _sweep, delivery, _lost_after, now: (
        not delivery.is_leased(now) and (delivery.nudged_at is None or delivery.nudged_at < delivery.due)
    )


MUTATIONS = (
    Mutation(
        "unknown-in-no-index",
        "a delivery whose outcome is not known stands in no index",
        "giftbridge.store.delivery_rows:_sharded_bucket",
        _without_unknown,
        ("http-lost-after", "http-lost-before"),
    ),
    Mutation(
        "waiting-not-nudged",
        "the sweep does not nudge what waited",
        "giftbridge.flows.delivery_sweep:DeliverySweep._needs_nudge",
        _what_waits_is_left,
        ("http-refused", "outage-aegis", "outage-virtuous"),
    ),
    Mutation(
        "lost-nudge-not-repeated",
        "a delivery is nudged once, although its message may be lost",
        "giftbridge.flows.delivery_sweep:DeliverySweep._needs_nudge",
        _nudged_once,
        ("lost-message",),
        donations=40,
    ),
)
