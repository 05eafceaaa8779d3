"""The parts of the webhook's function, and nothing else: whoever calls it waits for its start."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import boto3
from botocore.config import Config

from giftbridge.credentials import Credentials
from giftbridge.environment import Environment
from giftbridge.flows.pickup_hint import PickupHint
from giftbridge.store.pickup_hints import PickupHints


def _utc_now() -> datetime:
    return datetime.now(UTC)


class HintAssembly:
    """The flag, the pickup's start, and the token that proves who calls; built once a process."""

    def __init__(self) -> None:
        environment = Environment.read()
        # RaiseDonors waits for the answer: better an early 503 than a late one.
        config = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "max_attempts": 2})
        functions = boto3.client("lambda", config=config)
        self.credentials = Credentials(boto3.client("secretsmanager", config=config), environment.secret_ids, _utc_now)

        def start() -> None:
            functions.invoke(FunctionName=environment.pickup_function, InvocationType="Event")

        flags = PickupHints(boto3.client("dynamodb", config=config), environment.state_table)
        self.hint = PickupHint(flags, _utc_now, start)
        self.log = logging.getLogger("giftbridge")

    def token(self) -> str | None:
        """The token that RaiseDonors is to send; None while none is configured."""
        return self.credentials.of("raisedonors").values.get("webhook_token")
