"""Guards of what happens once: a gift, and the reversal that follows its original."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from giftbridge.domain.deliveries import State
from giftbridge.domain.delivery_ids import donation_created_id
from tests.simulation.mutations.mutation import Mutation


def _whatever_became_of_it(original: Callable[..., Any]) -> Callable[..., Any]:
    def read(refunds: Any, work: Any) -> Any:
        found = refunds.tools.deliveries.get(donation_created_id(work.delivery.entity_id))
        return found if found is not None else original(refunds, work)

    return read


def _with_the_sign_of_the_gift(gathered: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *given, sign=1, **named: gathered(*given, sign=abs(sign), **named)


def _anew_when_delivered(original: Callable[..., Any]) -> Callable[..., Any]:
    def refund_for(sighting: Any, gift: Any, known: Any, now: Any, *, is_first_sight: bool) -> Any:
        if known is not None and known.state is State.DELIVERED and sighting.is_reversed:
            return replace(known, state=State.PENDING, attempt=None, due=now, updated_at=now)
        return original(sighting, gift, known, now, is_first_sight=is_first_sight)

    return refund_for


def _gift_anew(original: Callable[..., Any]) -> Callable[..., Any]:
    def delivery_for(sighting: Any, known: Any, *given: Any) -> Any:
        if known is not None and known.state is State.DELIVERED and sighting.status == "approved":
            return replace(known, state=State.PENDING, attempt=None, due=given[2], updated_at=given[2])
        return original(sighting, known, *given)

    return delivery_for


MUTATIONS = (
    Mutation(
        "gift-taken-up-at-each-sighting",
        "a gift that was delivered is sent again when its feed shows it again",
        "giftbridge.flows.gift_feed:delivery_for",
        _gift_anew,
    ),
    Mutation(
        "refund-taken-up-at-each-sighting",
        "a refund that was delivered is sent again when its feed shows it again",
        "giftbridge.flows.gift_feed:refund_for",
        _anew_when_delivered,
    ),
    Mutation(
        "refund-does-not-wait",
        "a refund is sent whatever became of its original",
        "giftbridge.flows.aegis_refunds:AegisRefunds._original",
        _whatever_became_of_it,
        ("outage-aegis", "http-lost-before"),
    ),
    Mutation(
        "refund-with-a-positive-amount",
        "a refund is recorded with the sign of the gift",
        "giftbridge.flows.aegis_refunds:Gathered",
        _with_the_sign_of_the_gift,
    ),
)
