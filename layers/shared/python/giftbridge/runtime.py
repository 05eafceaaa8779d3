"""What every Lambda function starts with: its log, its metrics, its parts."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from giftbridge.assembly import Assembly

if TYPE_CHECKING:
    from giftbridge.flows.delivery_worker import BatchOutcome


class Worker(Protocol):
    """What works through the messages of a destination's queue."""

    def work(self, records: Sequence[Mapping[str, Any]]) -> BatchOutcome:
        """Work through a batch."""


def keeping(message_ids: Iterable[str]) -> dict[str, Any]:
    """What tells the queue which messages of a batch to keep."""
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in message_ids]}


@dataclass(frozen=True, slots=True)
class Function:
    """One process of a function."""

    logger: Logger
    metrics: Metrics
    assembly: Assembly

    def work_off(self, worker: Worker, event: Mapping[str, Any]) -> dict[str, Any]:
        """Work through a batch of messages; the answer names those that stay in the queue."""
        outcome = worker.work(event["Records"])
        counts = {f"Deliveries-{state}": float(count) for state, count in outcome.counts.items()}
        self.tell("worked", outcome.counts, counts)
        return keeping(outcome.hand_back)

    def tell(self, what: str, outcome: Mapping[str, Any], counts: Mapping[str, float]) -> None:
        """One log line and the metrics of an invocation: ids and counts, never a name."""
        self.logger.info(what, extra={"outcome": dict(outcome)})
        for name, value in counts.items():
            unit = MetricUnit.Seconds if name.endswith("Seconds") else MetricUnit.Count
            self.metrics.add_metric(name=name, unit=unit, value=value)
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
