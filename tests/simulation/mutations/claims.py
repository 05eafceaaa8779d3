"""Guards of who may work on what: intents, leases, conditional writes and what must be written as one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from giftbridge.domain import delivery_life as life
from giftbridge.domain.deliveries import Attempt, Trouble
from tests.simulation.mutations.mutation import Mutation

_NO_CONDITION = "(revision = :seen OR attribute_exists(revision))"


def _kept_in_mind(_: Any) -> Callable[..., None]:
    def begin(work: Any, step: Any, values: Any) -> None:
        attempt = Attempt(work.tools.token(6), step, work.now, work.now, values)
        work.delivery = life.sending(work.delivery, attempt, work.now + timedelta(minutes=1), work.now)

    return begin


def _whatever_the_revision(original: Callable[..., Any]) -> Callable[..., Any]:
    def change(deliveries: Any, before: Any, after: Any, mark: str) -> Any:
        write = original(deliveries, before, after, mark)
        condition = write.arguments["ConditionExpression"]
        write.arguments["ConditionExpression"] = condition.replace("revision = :seen", _NO_CONDITION)
        return write

    return change


def _one_by_one(commit: Callable[..., Any]) -> Callable[..., Any]:
    def pieces(client: Any, writes: Any) -> None:
        for write in writes:
            commit(client, [write])

    return pieces


def _without_lines(original: Callable[..., Any]) -> Callable[..., Any]:
    def save(deliveries: Any, before: Any, after: Any, *also: Any) -> Any:
        kept = [write for write in also if write.arguments["TableName"] != "ActivityTable"]
        return original(deliveries, before, after, *kept)

    return save


def _as_never_begun(_: Any) -> Callable[..., None]:
    return lambda worker, work: work.wait(Trouble("process-died", "begins anew"), worker.tools.now(), counts=False)


MUTATIONS = (
    Mutation(
        "intent-not-written",
        "the row does not say that something is being sent before it is",
        "giftbridge.flows.work:Work.begin",
        _kept_in_mind,
        ("death", "doubled-receive"),
        donations=40,
    ),
    Mutation(
        "dead-process-not-looked-after",
        "what a dead process was sending is sent again without looking for it",
        "giftbridge.flows.delivery_worker:DeliveryWorker._process_died",
        _as_never_begun,
        ("death",),
        donations=40,
    ),
    Mutation(
        "revision-not-compared",
        "a delivery's row is written whoever wrote it meanwhile",
        "giftbridge.store.deliveries:Deliveries._change",
        _whatever_the_revision,
        ("doubled-receive", "http-slow"),
    ),
    Mutation(
        "fact-in-pieces",
        "key, state and activity line are written one after the other, not as one transaction",
        "giftbridge.store.deliveries:commit",
        _one_by_one,
        ("death", "aws-throttled"),
        donations=40,
    ),
    Mutation(
        "line-left-out",
        "a step of a delivery writes no activity line",
        "giftbridge.store.deliveries:Deliveries.save",
        _without_lines,
    ),
)
