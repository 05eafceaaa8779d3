"""What every Lambda function starts with: its log, its metrics, its parts."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from giftbridge.assembly import Assembly


@dataclass(frozen=True, slots=True)
class Function:
    """One process of a function."""

    logger: Logger
    metrics: Metrics
    assembly: Assembly

    def tell(self, what: str, outcome: Mapping[str, Any], counts: Mapping[str, float]) -> None:
        """One log line and the metrics of an invocation: ids and counts, never a name."""
        self.logger.info(what, extra={"outcome": dict(outcome)})
        for name, value in counts.items():
            self.metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)
        self.metrics.flush_metrics()


def start() -> Function:
    """Build everything once, while the process starts at full speed."""
    logger = Logger()
    # Its warnings show whole addresses, names in their queries included.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    ours = logging.getLogger("giftbridge")
    ours.handlers = logger.handlers
    ours.setLevel(logger.log_level)
    return Function(logger, Metrics(), Assembly.of_function())
