"""The tables of the template on a DynamoDB over HTTP, filled and counted, so that lists can be timed over a wire."""

from __future__ import annotations

from collections import Counter
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.deployment.template import resources

TABLES = {"deliveries": "DeliveriesTable", "activity": "ActivityTable"}
_AT_ONCE = 25


class ServedTables:
    """Empty tables of a DynamoDB at an address; one that is there already is deleted first."""

    def __init__(self, url: str) -> None:
        signature = boto3.Session(region_name="us-east-1", aws_access_key_id="nobody", aws_secret_access_key="nothing")  # noqa: S106
        self.client = signature.client("dynamodb", endpoint_url=url, config=Config(max_pool_connections=16))
        self.calls: Counter[str] = Counter()
        self._rows: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
        for name, logical in TABLES.items():
            self._make(name, resources("AWS::DynamoDB::Table")[logical]["Properties"])
        self.client.meta.events.register("before-call.dynamodb", self._count)

    def _make(self, name: str, properties: dict[str, Any]) -> None:
        try:
            self.client.delete_table(TableName=name)
            self.client.get_waiter("table_not_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
        except ClientError as refused:
            if refused.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
        self.client.create_table(
            TableName=name,
            AttributeDefinitions=properties["AttributeDefinitions"],
            KeySchema=properties["KeySchema"],
            GlobalSecondaryIndexes=properties["GlobalSecondaryIndexes"],
            BillingMode="PAY_PER_REQUEST",
        )
        self.client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})

    def add(self, table: str, item: dict[str, Any]) -> None:
        """Put a row into a table, a few at a time."""
        self._rows[table].append(item)
        if len(self._rows[table]) == _AT_ONCE:
            self._write(table)

    def ready(self) -> None:
        """Put what is left."""
        for table in self._rows:
            self._write(table)

    def _write(self, table: str) -> None:
        rows, self._rows[table] = self._rows[table], []
        while rows:
            answer: Any = self.client.batch_write_item(
                RequestItems={table: [{"PutRequest": {"Item": r}} for r in rows]}
            )
            rows = [one["PutRequest"]["Item"] for one in answer.get("UnprocessedItems", {}).get(table, [])]

    def _count(self, model: Any, **_: object) -> None:
        if model.name == "Scan":
            raise AssertionError("a list must not scan a table")
        self.calls[model.name] += 1
