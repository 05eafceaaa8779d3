"""A tick in, what changed on RaiseDonors written down as deliveries."""

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
    """Pick up once; idle until RaiseDonors is connected."""
    assembly.begin(context.get_remaining_time_in_millis() / 1000)
    pickup = assembly.donation_pickup(owner=context.aws_request_id)
    if pickup is None:
        return {"why_idle": "RaiseDonors is not connected"}
    outcome = pickup.run()
    answer = dataclasses.asdict(outcome)
    logger.info("picked up", extra={"pickup": answer})
    metrics.add_metric(name="DonationsSeen", unit=MetricUnit.Count, value=outcome.seen)
    metrics.flush_metrics()
    return answer
