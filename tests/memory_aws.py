"""DynamoDB and SQS in memory behind boto3's own clients: a call is checked and laid out as always, only not sent.

The mocked AWS takes five times as long for each call, nearly all of it to read and write HTTP. That both answer alike
is what `tests/simulation/contract` shows. `TEST_AWS=moto` in the environment lets every test use the mocked AWS.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.handlers import BUILTIN_HANDLERS

from tests.simulation.aws.dynamodb import DynamoDB
from tests.simulation.aws.sqs import SQS

USES_MOTO = os.environ.get("TEST_AWS") == "moto"
Answer = tuple[SimpleNamespace, dict[str, Any]]


class _Account:
    """What is open now; None where calls go to the mocked AWS."""

    def __init__(self) -> None:
        self.services: dict[str, Any] | None = None
        # Unlike AWS itself, the memory cannot take two calls at a time.
        self.lock = threading.RLock()

    def answer(self, model: Any, params: dict[str, Any], **_: Any) -> Answer | None:
        """What a service in memory answers; None leaves the call to be sent."""
        services = self.services
        if services is None or not params["url"].endswith(".amazonaws.com/"):
            return None
        service = services.get(model.service_model.service_name)
        if service is None:
            return None
        act: Callable[..., dict[str, Any]] = getattr(service, xform_name(model.name))
        with self.lock:
            try:
                answer = act(**json.loads(params["body"]))
            except ClientError as refusal:
                refused = {**refusal.response, "ResponseMetadata": {"HTTPStatusCode": 400}}
                return SimpleNamespace(status_code=400), refused
        return SimpleNamespace(status_code=200), {**answer, "ResponseMetadata": {"HTTPStatusCode": 200}}


_account = _Account()


def install() -> None:
    """For the whole process, once, before the first session is made; a test's own hooks are asked first."""
    BUILTIN_HANDLERS.append(("before-call", _account.answer))


@contextmanager
def memory_aws() -> Iterator[None]:
    """An empty account in memory while this is open, unless the tests are asked to use the mocked AWS."""
    if USES_MOTO:
        yield
        return
    before = _account.services
    _account.services = {"dynamodb": DynamoDB(time.time), "sqs": SQS(time.time)}
    try:
        yield
    finally:
        _account.services = before
