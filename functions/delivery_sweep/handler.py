"""A tick in, what is due nudged, table and dead letters brought to agree."""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from giftbridge.assembly import Assembly

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
logging.getLogger("giftbridge").handlers = logger.handlers
logging.getLogger("giftbridge").setLevel(logger.log_level)
metrics = Metrics()
assembly = Assembly.of_function()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Sweep once; idle until Aegis is connected."""
    assembly.begin(context.get_remaining_time_in_millis() / 1000)
    sweep = assembly.delivery_sweep()
    if sweep is None:
        return {"why_idle": "Aegis is not connected"}
    outcome = sweep.run()
    answer = dataclasses.asdict(outcome)
    logger.info("swept", extra={"sweep": answer})
    metrics.add_metric(name="OldestOpenSeconds", unit=MetricUnit.Seconds, value=outcome.oldest_open)
    metrics.flush_metrics()
    return answer
