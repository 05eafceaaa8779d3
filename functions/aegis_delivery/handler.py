"""SQS messages in, deliveries to Aegis worked on, ids of the messages to keep out."""

from __future__ import annotations

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
    """Work through a batch; without credentials the deliveries wait in their table."""
    assembly.begin(context.get_remaining_time_in_millis() / 1000)
    worker = assembly.aegis_worker()
    if worker is None:
        logger.warning("not connected: the deliveries wait")
        return {"batchItemFailures": []}
    outcome = worker.work(event["Records"])
    logger.info("worked", extra={"deliveries": dict(outcome.counts)})
    for state, count in outcome.counts.items():
        metrics.add_metric(name=f"Deliveries-{state}", unit=MetricUnit.Count, value=count)
    metrics.flush_metrics()
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in outcome.hand_back]}
