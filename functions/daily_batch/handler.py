"""A tick in, the day's batch for Virtuous planned when it is due."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from giftbridge.runtime import start

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

function = start()


@function.logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Run the batch if it is due, or at once for {"run": "now"}; idle until Virtuous is connected."""
    function.assembly.begin(context.get_remaining_time_in_millis() / 1000)
    batch = function.assembly.daily_batch(owner=context.aws_request_id)
    if batch is None:
        return {"why_idle": "Virtuous is not connected"}
    outcome = batch.run(now_requested=event.get("run") == "now")
    answer = dataclasses.asdict(outcome)
    if outcome.why_idle is None:
        function.tell("planned the batch", answer, {"BatchesRun": 1.0})
    return answer
