"""A tick in: the batch for Virtuous planned, the digest written, both sides reconciled, each when it is due."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from giftbridge.flows.daily_digest import DailyDigest
from giftbridge.runtime import Function, start

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handle(function: Function, event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Run the batch if it is due, or at once for {"run": "now"}; idle until Virtuous is connected."""
    function.assembly.begin(context.get_remaining_time_in_millis() / 1000)
    try:
        return _plan(function, event, context)
    finally:
        # Whatever becomes of the batch or of the digest, and without Virtuous too.
        try:
            _tell_of_yesterday(function)
        finally:
            _reconcile(function, context)


def _plan(function: Function, event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    batch = function.assembly.daily_batch(owner=context.aws_request_id)
    if batch is None:
        return {"why_idle": "Virtuous is not connected"}
    outcome = batch.run(now_requested=event.get("run") == "now")
    answer = dataclasses.asdict(outcome)
    if outcome.why_idle is None:
        function.tell("planned the batch", answer, {"BatchesRun": 1.0})
    return answer


def _tell_of_yesterday(function: Function) -> None:
    digest = DailyDigest(function.assembly.tools, function.assembly.destinations()).run()
    if digest.day is not None:
        function.tell("wrote the digest", dataclasses.asdict(digest), {"DigestsWritten": 1.0})


def _reconcile(function: Function, context: LambdaContext) -> None:
    """With the time that is left, and with Aegis alone too."""
    daily = function.assembly.daily_reconciliation(owner=context.aws_request_id)
    outcome = daily.run() if daily is not None else None
    if outcome is not None and outcome.why_idle is None:
        function.tell("reconciled", dataclasses.asdict(outcome), {"ReconciliationsMade": float(outcome.is_done)})


function = start()


@function.logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """What Lambda calls."""
    return handle(function, event, context)
