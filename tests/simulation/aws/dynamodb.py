"""DynamoDB in memory, at the surface of boto3's client: what the product calls, as strictly as AWS takes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.simulation.aws.errors import invalid, not_sent, refused
from tests.simulation.aws.expressions import Expressions
from tests.simulation.aws.reading import query, scan
from tests.simulation.aws.table import Table, made_table
from tests.simulation.aws.transactions import Transactions
from tests.simulation.aws.values import Item, copied_item, handed_out
from tests.simulation.aws.writing import Change, planned

Answer = dict[str, Any]
MOST_READ_AT_ONCE = 100
MOST_WRITTEN_AT_ONCE = 25


class DynamoDB:
    """The tables of one account. Nothing here gives way: each call takes effect at once and as a whole."""

    def __init__(self, now: Callable[[], float] = lambda: 0.0) -> None:
        self.now = now
        self.tables: dict[str, Table] = {}
        self._transactions = Transactions(now)

    def table(self, name: Any) -> Table:
        """The table of that name. Raises ResourceNotFoundException."""
        if not isinstance(name, str):
            raise not_sent(f"Invalid type for parameter TableName, value: {name!r}")
        found = self.tables.get(name)
        if found is None:
            raise refused("ResourceNotFoundException", "Requested resource not found")
        return found

    def create_table(self, *, TableName: str, BillingMode: str, **definition: Any) -> Answer:
        if TableName in self.tables:
            raise refused("ResourceInUseException", f"Table already exists: {TableName}")
        self.tables[TableName] = made_table(TableName, definition, self.now)
        return {}

    def describe_table(self, *, TableName: str) -> Answer:
        schema = self.table(TableName).schema
        keys = [
            {"AttributeName": name, "KeyType": kind}
            for name, kind in zip(schema.attributes, ("HASH", "RANGE"), strict=False)
        ]
        return {"Table": {"TableName": TableName, "KeySchema": keys, "ItemCount": len(self.table(TableName).rows)}}

    # --- one row ------------------------------------------------------------------------------------------

    def get_item(
        self,
        *,
        TableName: str,
        Key: Mapping[str, Any],
        ConsistentRead: bool = False,
        ProjectionExpression: str | None = None,
        ExpressionAttributeNames: Mapping[str, str] | None = None,
    ) -> Answer:
        table = self.table(TableName)
        found = table.rows.get(table.schema.of_key(copied_item(Key)))
        if ProjectionExpression is None and ExpressionAttributeNames is None:
            return {} if found is None else {"Item": handed_out(found)}
        wanted = Expressions(ExpressionAttributeNames, None, projection=ProjectionExpression)
        return {} if found is None else {"Item": handed_out(wanted.projected(found))}

    def put_item(self, *, ReturnValues: str = "NONE", **arguments: Any) -> Answer:
        return self._write("Put", ReturnValues, arguments)

    def update_item(self, *, ReturnValues: str = "NONE", **arguments: Any) -> Answer:
        return self._write("Update", ReturnValues, arguments)

    def delete_item(self, *, ReturnValues: str = "NONE", **arguments: Any) -> Answer:
        return self._write("Delete", ReturnValues, arguments)

    def _write(self, operation: str, returned: str, arguments: Mapping[str, Any]) -> Answer:
        allowed = ("NONE", "ALL_OLD", "UPDATED_OLD", "ALL_NEW", "UPDATED_NEW") if operation == "Update" else None
        if returned not in (allowed or ("NONE", "ALL_OLD")):
            raise invalid("Return values set to invalid value")
        change = planned(self, operation, arguments)
        change.require()
        change.make()
        shown = _returned(change, returned)
        return {"Attributes": handed_out(shown)} if shown else {}

    # --- many rows ----------------------------------------------------------------------------------------

    def transact_write_items(
        self, *, TransactItems: Sequence[Mapping[str, Any]], ClientRequestToken: str | None = None
    ) -> Answer:
        self._transactions.write(self, TransactItems, ClientRequestToken)
        return {}

    def batch_get_item(self, *, RequestItems: Mapping[str, Any]) -> Answer:
        answers: dict[str, list[Item]] = {}
        counted = 0
        for name, asked in RequestItems.items():
            table = self.table(name)
            unknown = set(asked) - {"Keys", "ConsistentRead", "ProjectionExpression", "ExpressionAttributeNames"}
            if unknown or not asked.get("Keys"):
                raise not_sent(f"Unknown or missing parameter in RequestItems.{name}: {sorted(unknown) or 'Keys'}")
            keys = [table.schema.of_key(copied_item(key)) for key in asked["Keys"]]
            counted += len(keys)
            if len(set(keys)) < len(keys):
                raise invalid("Provided list of item keys contains duplicates")
            wanted = Expressions(
                asked.get("ExpressionAttributeNames"), None, projection=asked.get("ProjectionExpression")
            )
            found = [table.rows[key] for key in keys if key in table.rows]
            answers[name] = [handed_out(wanted.projected(item)) for item in found]
        if counted > MOST_READ_AT_ONCE:
            raise invalid("Too many items requested for the BatchGetItem call")
        if not counted:
            raise invalid("The requestItems parameter is required")
        return {"Responses": answers, "UnprocessedKeys": {}}

    def batch_write_item(self, *, RequestItems: Mapping[str, Any]) -> Answer:
        changes: list[Change] = []
        for name, requests in RequestItems.items():
            for request in requests:
                ((kind, given),) = request.items()
                operation, content = {"PutRequest": ("Put", "Item"), "DeleteRequest": ("Delete", "Key")}[kind]
                changes.append(planned(self, operation, {"TableName": name, content: given[content]}))
        if not 0 < len(changes) <= MOST_WRITTEN_AT_ONCE:
            raise invalid(
                f"1 validation error detected: Value at 'requestItems' failed to satisfy constraint: Map value must "
                f"satisfy constraint: [Member must have length less than or equal to {MOST_WRITTEN_AT_ONCE}]"
            )
        if len({(change.table.name, change.key) for change in changes}) < len(changes):
            raise invalid("Provided list of item keys contains duplicates")
        for change in changes:
            change.make()
        return {"UnprocessedItems": {}}

    # --- lists --------------------------------------------------------------------------------------------

    def query(self, *, TableName: str, **arguments: Any) -> Answer:
        return query(self.table(TableName), **arguments)

    def scan(self, *, TableName: str, **arguments: Any) -> Answer:
        return scan(self.table(TableName), **arguments)


def _returned(change: Change, which: str) -> Item:
    if which == "NONE":
        return {}
    before, after = change.before or {}, change.after or {}
    if which in ("ALL_OLD", "ALL_NEW"):
        return before if which == "ALL_OLD" else after
    touched = {str(path[0]) for path in change.expressions.update_paths}
    source = before if which == "UPDATED_OLD" else after
    return {name: value for name, value in source.items() if name in touched}
