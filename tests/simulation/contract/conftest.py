"""The same assertions against the memory, against moto, and against a local AWS where one is named."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.simulation.aws.dynamodb import DynamoDB
from tests.simulation.aws.secrets import SecretsManager
from tests.simulation.aws.sqs import SQS
from tests.simulation.aws.table import made_table

# `giftbridge local` prints the address of its AWS; any other that needs no real account will do.
ENDPOINT = os.environ.get("SIMULATION_AWS_ENDPOINT", "")
TABLE = {
    "AttributeDefinitions": [
        {"AttributeName": name, "AttributeType": kind}
        for name, kind in (("id", "S"), ("at", "S"), ("shelf", "S"), ("due", "S"))
    ],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "open",
            "KeySchema": [
                {"AttributeName": "shelf", "KeyType": "HASH"},
                {"AttributeName": "due", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
    ],
}


@dataclass
class Aws:
    """One implementation. `wait` lets time pass."""

    name: str
    dynamodb: Any
    sqs: Any
    secrets: Any
    table: str
    wait: Callable[[float], None]

    def put(self, id: str, at: str = "1", **values: Any) -> None:
        """Put a row; values are as they travel."""
        self.dynamodb.put_item(TableName=self.table, Item={"id": {"S": id}, "at": {"S": at}, **values})

    def get(self, id: str, at: str = "1") -> dict[str, Any] | None:
        """A row, as it is now."""
        key = {"id": {"S": id}, "at": {"S": at}}
        found: dict[str, Any] | None = self.dynamodb.get_item(TableName=self.table, Key=key, ConsistentRead=True).get(
            "Item"
        )
        return found

    def queue(self, **attributes: str) -> str:
        """A new FIFO queue's address."""
        name = f"q-{secrets.token_hex(4)}.fifo"
        url: str = self.sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true", **attributes})["QueueUrl"]
        return url

    def arn(self, url: str) -> str:
        """A queue's ARN."""
        found: str = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        return found

    def is_wrong(self, *names: str, why: str) -> None:
        """Skip where an implementation is known not to do what AWS does."""
        if self.name in names:
            pytest.skip(f"{self.name}: {why}")


def _memory() -> Aws:
    now = [0.0]

    def wait(seconds: float) -> None:
        now[0] += seconds

    dynamodb = DynamoDB(lambda: now[0])
    dynamodb.tables["rows"] = made_table("rows", TABLE, lambda: now[0])
    return Aws("memory", dynamodb, SQS(lambda: now[0]), SecretsManager(), "rows", wait)


def _of_session(name: str, endpoint: str | None) -> Aws:
    import time  # noqa: PLC0415

    session: Any = boto3.Session(region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
    clients = [session.client(service, endpoint_url=endpoint) for service in ("dynamodb", "sqs", "secretsmanager")]
    table = f"rows-{secrets.token_hex(4)}"
    clients[0].create_table(TableName=table, BillingMode="PAY_PER_REQUEST", **TABLE)
    return Aws(name, *clients, table, time.sleep)


@pytest.fixture(params=["memory", "moto", "local"])
def aws(request: pytest.FixtureRequest) -> Iterator[Aws]:
    """Each implementation in turn."""
    if request.param == "memory":
        yield _memory()
    elif request.param == "moto":
        with mock_aws():
            yield _of_session("moto", None)
    elif ENDPOINT:
        yield _of_session("local", ENDPOINT)
    else:
        pytest.skip("SIMULATION_AWS_ENDPOINT names no local AWS")
