"""The mocked DynamoDB copies whole tables for each transaction, to undo it: here it copies the rows that it writes."""

from __future__ import annotations

import copy
from typing import Any

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table


def quicken_transactions() -> None:
    """Transactions whose cost does not grow with the tables, as in DynamoDB; for the whole process, once."""
    slow = DynamoDBBackend.transact_write_items
    mocked: Any = Table

    def transact(self: Any, transact_items: list[dict[str, Any]]) -> None:
        before = [_row(self, operation) for item in transact_items for operation in item.values()]
        try:
            slow(self, transact_items)
        except Exception:
            for rows, key, row in before:
                if row is None:
                    rows.pop(key, None)
                else:
                    rows[key] = row
            raise

    DynamoDBBackend.transact_write_items = transact  # type: ignore[method-assign]
    mocked.__deepcopy__ = lambda self, _: self


def _row(backend: Any, operation: dict[str, Any]) -> tuple[dict[Any, Any], Any, Any]:
    """Where a row of a transaction is, its key there, and a copy of it as it is before."""
    table = backend.tables[operation["TableName"]]
    values = operation.get("Item") or operation["Key"]
    rows, key = table.items, DynamoType(values[table.hash_key_attr])
    if table.has_range_key:
        rows, key = rows[key], DynamoType(values[table.range_key_attr])
    return rows, key, copy.deepcopy(rows.get(key))
