"""The functions as Lambda has them: each one's own handler, over parts that the world gives to a new process."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType
from typing import Any
from unittest.mock import patch

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

from giftbridge.contact_webhook_assembly import ContactWebhookAssembly
from giftbridge.runtime import Function
from ops.local_stack.paths import CHECKOUT
from tests.simulation.aws.template import template
from tests.simulation.world.machine import Machine

Parts = Function | ContactWebhookAssembly
Handle = Callable[[Parts, Mapping[str, Any], "Invocation"], Any]
_WEBHOOK = "ContactWebhookFunction"


@dataclass(frozen=True, slots=True)
class Invocation:
    """What Lambda tells a handler of an invocation; `ends` is when its time is over, by the seconds of `now`."""

    aws_request_id: str
    ends: float
    now: Callable[[], float]

    def get_remaining_time_in_millis(self) -> int:
        """In whole milliseconds, as Lambda says it."""
        return int(max(0.0, self.ends - self.now()) * 1000)


class _Unprinted(AmazonCloudWatchEMFProvider):
    """Metrics are written as for CloudWatch, and go nowhere."""

    def flush_metrics(self, raise_on_empty_metrics: bool = False) -> None:
        if self.metric_set:
            self.serialize_metric_set()
            self.clear_metrics()


def handle_of(name: str) -> Handle:
    """What a function does with an event, by the function's name in the template."""
    handle = loaded(name).handle
    if name == _WEBHOOK:
        return lambda parts, event, _invocation: handle(parts, event)
    return handle  # type: ignore[no-any-return]


def parts_of(name: str, machine: Machine) -> Parts:
    """What a new process of a function holds."""
    if name == _WEBHOOK:
        given = machine.surroundings()
        dynamodb, sqs, secrets = (machine.aws(name) for name in ("dynamodb", "sqs", "secretsmanager"))
        return ContactWebhookAssembly(machine.environment, dynamodb, sqs, secrets, given.now, given.token)  # type: ignore[arg-type]
    return Function(_logger(), _metrics(), machine.assembly())


@cache
def _logger() -> Logger:
    return Logger(service="simulation", level=logging.CRITICAL)


@cache
def _metrics() -> Metrics:
    return Metrics(provider=_Unprinted(service="simulation", namespace="simulation"))


@cache
def loaded(name: str) -> ModuleType:
    """A function's module, loaded once as Lambda loads it, and apart from the one that other tests know.

    What it builds for itself is not used: no client of it ever calls anybody.
    """
    definition = template()
    path = CHECKOUT / definition["Resources"][name]["Properties"]["CodeUri"] / "handler.py"
    spec = spec_from_file_location(f"simulated_{path.parent.name}", path)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    variables = definition["Globals"]["Function"]["Environment"]["Variables"]
    of_lambda = dict.fromkeys(("AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "none")
    environment = dict.fromkeys(variables, "1") | of_lambda | {"LOG_LEVEL": "INFO"}
    with patch.dict(os.environ, environment), _logging_as_before():
        spec.loader.exec_module(module)
    return module


@contextmanager
def _logging_as_before() -> Iterator[None]:
    """A function that starts has the product's log lines for itself."""
    ours = logging.getLogger("giftbridge")
    before = (ours.handlers, ours.level)
    try:
        yield
    finally:
        ours.handlers, ours.level = before[0], before[1]
