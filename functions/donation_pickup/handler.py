"""A tick in, what changed on RaiseDonors written down as deliveries."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from giftbridge.runtime import Function, start

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handle(function: Function, event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Pick up once; idle until RaiseDonors is connected."""
    function.assembly.begin(context.get_remaining_time_in_millis() / 1000)
    pickup = function.assembly.donation_pickup(owner=context.aws_request_id)
    if pickup is None:
        return {"why_idle": "RaiseDonors is not connected"}
    outcome = pickup.run()
    answer = dataclasses.asdict(outcome)
    function.tell("picked up", answer, {"DonationsSeen": outcome.feeds.get("gifts", 0)})
    return answer


function = start()


@function.logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """What Lambda calls."""
    return handle(function, event, context)
