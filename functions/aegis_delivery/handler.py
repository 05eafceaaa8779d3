"""SQS messages in, deliveries to Aegis worked on, ids of the messages to keep out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from giftbridge.runtime import Function, keeping, start

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handle(function: Function, event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Work through a batch; without credentials the deliveries wait in their table."""
    function.assembly.begin(context.get_remaining_time_in_millis() / 1000)
    worker = function.assembly.aegis_worker()
    if worker is None:
        function.logger.warning("not connected: the deliveries wait")
        return keeping(())
    return function.work_off(worker, event)


function = start()


@function.logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """What Lambda calls."""
    return handle(function, event, context)
