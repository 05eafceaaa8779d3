"""Rows and conditional writes, as DynamoDB takes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from giftbridge.errors import LostRace

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Item = Mapping[str, Any]
_to_wire = TypeSerializer()
_from_wire = TypeDeserializer()
_BATCH_GET = 100


def to_item(values: Mapping[str, object]) -> dict[str, Any]:
    """Values as a DynamoDB item; what is None is left out."""
    return {name: _to_wire.serialize(value) for name, value in values.items() if value is not None}


def from_item(item: Item) -> dict[str, Any]:
    """A DynamoDB item as plain values."""
    return {name: _from_wire.deserialize(value) for name, value in item.items()}


@dataclass(frozen=True, slots=True)
class Write:
    """One conditional write of a row; `label` says which row, for the loser of a race."""

    operation: Literal["Put", "Update", "Delete", "ConditionCheck"]
    arguments: dict[str, Any]
    label: str


def put(table: str, values: Mapping[str, object], label: str, condition: str = "", **names: object) -> Write:
    """Put a row. `names` are the condition's values: `:me` is given as me=…"""
    return Write("Put", _conditional({"TableName": table, "Item": to_item(values)}, condition, names), label)


def delete(table: str, key: Mapping[str, object], label: str, condition: str = "", **names: object) -> Write:
    """Delete a row."""
    return Write("Delete", _conditional({"TableName": table, "Key": to_item(key)}, condition, names), label)


def update(
    table: str,
    key: Mapping[str, object],
    values: Mapping[str, object | None],
    label: str,
    condition: str,
    **names: object,
) -> Write:
    """Set the given values of a row and remove those that are None."""
    sets = [f"#{n} = :set_{n}" for n, value in values.items() if value is not None]
    removes = [f"#{n}" for n, value in values.items() if value is None]
    expression = (f"SET {', '.join(sets)}" if sets else "") + (f" REMOVE {', '.join(removes)}" if removes else "")
    arguments = _conditional({"TableName": table, "Key": to_item(key)}, condition, names)
    arguments["UpdateExpression"] = expression.strip()
    arguments.setdefault("ExpressionAttributeNames", {}).update({f"#{n}": n for n in values})
    new = to_item({f":set_{n}": value for n, value in values.items() if value is not None})
    if new:
        arguments.setdefault("ExpressionAttributeValues", {}).update(new)
    return Write("Update", arguments, label)


def _conditional(arguments: dict[str, Any], condition: str, names: Mapping[str, object]) -> dict[str, Any]:
    if condition:
        arguments["ConditionExpression"] = condition
    if names:
        arguments["ExpressionAttributeValues"] = to_item({f":{name}": value for name, value in names.items()})
    return arguments


def commit(client: DynamoDBClient, writes: Sequence[Write]) -> None:
    """Make all writes or none. Raises LostRace naming the rows whose condition did not hold."""
    if len(writes) == 1:
        _commit_one(client, writes[0])
        return
    try:
        items: Any = [{write.operation: write.arguments} for write in writes]
        client.transact_write_items(TransactItems=items)
    except ClientError as error:
        if error.response["Error"]["Code"] != "TransactionCanceledException":
            raise
        reasons: list[dict[str, str]] = error.response.get("CancellationReasons", [])  # type: ignore[assignment]
        lost = tuple(w.label for w, r in zip(writes, reasons, strict=False) if r.get("Code", "None") != "None")
        raise LostRace(f"changed meanwhile: {', '.join(lost)}", lost) from error


def _commit_one(client: DynamoDBClient, write: Write) -> None:
    single: dict[str, Callable[..., object]] = {
        "Put": client.put_item,
        "Update": client.update_item,
        "Delete": client.delete_item,
    }
    try:
        single[write.operation](**write.arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        raise LostRace(f"changed meanwhile: {write.label}", (write.label,)) from error


def read_one(client: DynamoDBClient, table: str, key: Mapping[str, object]) -> dict[str, Any] | None:
    """A row as it is now (a consistent read), or None."""
    item = client.get_item(TableName=table, Key=to_item(key), ConsistentRead=True).get("Item")
    return from_item(item) if item else None


def read_many(client: DynamoDBClient, table: str, keys: Iterable[Mapping[str, object]]) -> list[dict[str, Any]]:
    """The rows of these keys that exist, as they are now, in no order."""
    wanted = [to_item(key) for key in keys]
    rows: list[dict[str, Any]] = []
    while wanted:
        asked, wanted = wanted[:_BATCH_GET], wanted[_BATCH_GET:]
        answer = client.batch_get_item(RequestItems={table: {"Keys": asked, "ConsistentRead": True}})
        rows += [from_item(item) for item in answer.get("Responses", {}).get(table, [])]
        unread: Any = answer.get("UnprocessedKeys", {}).get(table, {})
        wanted += unread.get("Keys", [])
    return rows


class SideBySide(Protocol):
    """How a piece of work is done on several things at once."""

    def __call__(self, work: Callable[[Any], Any], things: Sequence[Any], threads: int = 8, /) -> list[Any]:
        """The results in the things' order."""


def side_by_side(work: Callable[[Any], Any], things: Sequence[Any], threads: int = 8) -> list[Any]:
    """The results of a piece of work on each thing, a few at a time, in the things' order."""
    if len(things) <= 1 or threads <= 1:
        return [work(thing) for thing in things]
    with ThreadPoolExecutor(min(threads, len(things))) as pool:
        return list(pool.map(work, things))
