"""A tick in, what is due nudged, table and dead letters brought to agree."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from giftbridge.runtime import start

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

function = start()


@function.logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Sweep once; idle until Aegis is connected."""
    function.assembly.begin(context.get_remaining_time_in_millis() / 1000)
    sweep = function.assembly.delivery_sweep()
    if sweep is None:
        return {"why_idle": "Aegis is not connected"}
    outcome = sweep.run()
    answer = dataclasses.asdict(outcome)
    function.tell("swept", answer, {"OldestOpenSeconds": outcome.oldest_open, "DeadLettersOfDeadWorkers": outcome.died})
    return answer
