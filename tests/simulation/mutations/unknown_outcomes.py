"""Guards of answers that were lost: nothing is sent again before somebody waited and looked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.simulation.mutations.mutation import Mutation

LOST = ("http-lost-after", "http-5xx-after")


def _due_at_once(unknown: Callable[..., Any]) -> Callable[..., Any]:
    return lambda delivery, trouble, _due, now: unknown(delivery, trouble, now, now)


def _as_not_sent(_: Any) -> Callable[..., Any]:
    return lambda _carrier, work: work.surely_not_sent()


def _as_delivered(_: Any) -> Callable[..., Any]:
    return lambda _carrier, work: work.delivered({}, "believed", proven=False)


def _as_a_read(original: Callable[..., Any]) -> Callable[..., Any]:
    return lambda wire, operation, error, _writes: original(wire, operation, error, False)


def _without_writes(original: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *given, writes, **named: original(*given, writes=False, **named)


def _nothing_fits(_: Any) -> Callable[..., Any]:
    return lambda _attempt, _rows: []


def _same_to_the_microsecond(_: Any) -> Callable[..., Any]:
    return lambda sent, returned: sent.isoformat() == str(returned)


MUTATIONS = (
    Mutation(
        "no-wait-after-a-lost-answer",
        "after a lost answer the probe looks at once, not when the request can have landed",
        "giftbridge.domain.delivery_life:unknown",
        _due_at_once,
        ("http-late-landing",),
    ),
    Mutation(
        "no-probe-after-a-lost-answer",
        "what may have been sent to Aegis is sent again without looking for it",
        "giftbridge.flows.aegis_delivery:AegisDelivery.probe",
        _as_not_sent,
        LOST,
    ),
    Mutation(
        "lost-answer-believed",
        "a request without an answer counts as carried out",
        "giftbridge.flows.aegis_delivery:AegisDelivery._probe_transaction",
        _as_delivered,
        ("http-lost-before", "http-5xx-before"),
    ),
    Mutation(
        "dropped-write-sent-again",
        "a write whose connection dropped counts as never sent",
        "giftbridge.clients.http:Wire._transport_error",
        _as_a_read,
        LOST,
    ),
    Mutation(
        "failed-write-sent-again",
        "a write that was answered with a 5xx counts as never carried out",
        "giftbridge.clients.http:error_for",
        _without_writes,
        ("http-5xx-after",),
    ),
    Mutation(
        "unreadable-answer-sent-again",
        "a write whose answer cannot be read counts as never carried out",
        "giftbridge.clients.http:unreadable",
        _without_writes,
        ("http-body-cut",),
    ),
    Mutation(
        "dates-compared-too-finely",
        "a probe takes a date for another one where Aegis returns it with fewer digits",
        "giftbridge.domain.probing:could_be_same_moment",
        _same_to_the_microsecond,
        LOST,
    ),
    Mutation(
        "lost-pledge-not-looked-for",
        "a pledge whose creation was not answered is made again without looking for it",
        "giftbridge.flows.aegis_probes:fitting_pledges",
        _nothing_fits,
        (*LOST, "http-late-landing", "http-gateway-page", "http-slow", "http-body-cut"),
        donations=60,
    ),
)
