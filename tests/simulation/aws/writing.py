"""One conditional write of a row: checked, and then made or refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from botocore.exceptions import ClientError

from tests.simulation.aws.errors import invalid, not_sent, refused
from tests.simulation.aws.expressions import Expressions
from tests.simulation.aws.table import Table
from tests.simulation.aws.values import MOST_BYTES, Item, copied_item, handed_out, item_bytes

_CONDITION = {
    "TableName",
    "ConditionExpression",
    "ExpressionAttributeNames",
    "ExpressionAttributeValues",
    "ReturnValuesOnConditionCheckFailure",
}
_TAKEN = {
    "Put": _CONDITION | {"Item"},
    "Update": _CONDITION | {"Key", "UpdateExpression"},
    "Delete": _CONDITION | {"Key"},
    "ConditionCheck": _CONDITION | {"Key"},
}


class Tables(Protocol):
    """Where a write finds its table."""

    def table(self, name: Any) -> Table:
        """The table of that name."""


class Change:
    """A write as it would be made now. `before` is the row as it is, `after` as it will be, None for no row."""

    __slots__ = ("after", "before", "expressions", "key", "operation", "shows_old", "table")

    def __init__(self, tables: Tables, operation: str, arguments: Mapping[str, Any]) -> None:
        self.operation = operation
        self.table = tables.table(arguments.get("TableName"))
        self.shows_old = arguments.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
        self.expressions = Expressions(
            arguments.get("ExpressionAttributeNames"),
            arguments.get("ExpressionAttributeValues"),
            condition=arguments.get("ConditionExpression"),
            update=arguments.get("UpdateExpression") if operation == "Update" else None,
        )
        schema = self.table.schema
        self.after: Item | None = None
        if operation == "Put":
            self.after = copied_item(arguments["Item"])
            self.key = schema.of_item(self.after)
            self._check(self.after)
            key: Item = {}
        else:
            key = copied_item(arguments["Key"])
            self.key = schema.of_key(key)
        self.before = self.table.rows.get(self.key)
        if operation == "Update":
            self._require_no_key(schema.attributes)
            self.after = key
        elif operation == "ConditionCheck":
            if "ConditionExpression" not in arguments:
                raise not_sent('Missing required parameter: "ConditionExpression"')
            self.after = self.before

    def _require_no_key(self, attributes: tuple[str, ...]) -> None:
        for path in self.expressions.update_paths:
            if path[0] in attributes:
                raise invalid(
                    f"One or more parameter values were invalid: Cannot update attribute {path[0]}. This attribute is "
                    "part of the key"
                )

    def _check(self, item: Item) -> None:
        if item_bytes(item) > MOST_BYTES:
            raise invalid("Item size has exceeded the maximum allowed size")
        self.table.require_index_keys(item)

    def require(self) -> None:
        """Refuse the write if its condition does not hold; else know what it will leave."""
        if not self.expressions.holds("condition", self.before or {}):
            more = {"Item": handed_out(self.before)} if self.shows_old and self.before else {}
            raise refused("ConditionalCheckFailedException", "The conditional request failed", **more)
        if self.operation == "Update":
            self.after = self.expressions.updated(self.before or {}, self.after or {})
            if item_bytes(self.after) > MOST_BYTES:
                raise invalid("Item size to update has exceeded the maximum allowed size")
            self.table.require_index_keys(self.after)

    def reason(self) -> dict[str, Any]:
        """What a transaction says of this write: `None` where nothing is against it."""
        try:
            self.require()
        except ClientError as error:
            code = error.response["Error"]["Code"]
            told: dict[str, Any] = {
                "Code": {
                    "ConditionalCheckFailedException": "ConditionalCheckFailed",
                    "ValidationException": "ValidationError",
                }[code],
                "Message": error.response["Error"]["Message"],
            }
            if "Item" in error.response:
                told["Item"] = error.response["Item"]
            return told
        return {"Code": "None"}

    def make(self) -> None:
        """Let it take effect."""
        if self.operation != "ConditionCheck":
            self.table.write(self.key, self.after)


def planned(tables: Tables, operation: str, arguments: Mapping[str, Any]) -> Change:
    """A write as a call gives it. Raises what boto3 and DynamoDB raise of a mistake."""
    unknown = arguments.keys() - _TAKEN[operation]
    if unknown:
        raise not_sent(f"Unknown parameter in input: {', '.join(sorted(unknown))}")
    needed = "Item" if operation == "Put" else "Key"
    if needed not in arguments:
        raise not_sent(f'Missing required parameter in input: "{needed}"')
    return Change(tables, operation, arguments)
