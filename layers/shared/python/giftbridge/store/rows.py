"""Rows and conditional writes, as DynamoDB takes them."""

from __future__ import annotations

import random
import time
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
_random = random.SystemRandom()
# Within an invocation, and longer than a burst of others' writes: a second and a half in all, in seconds.
_TRIES, _SHORTEST_WAIT, _LONGEST_WAIT = 6, 0.05, 0.8
# As single calls name it, and as the reasons of a cancelled transaction do.
_BUSY = frozenset(
    {
        "TransactionConflict",
        "TransactionConflictException",
        "TransactionInProgressException",
        "ThrottlingError",
        "ThrottlingException",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "InternalServerError",
        "ServiceUnavailable",
    }
)


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


class TableBusy(ClientError):
    """DynamoDB would not take a write, however often it was tried: throttled, or in conflict with another's.

    No error of ours: a fact that was to be written down may stand for a call that was made. The process gives up, and
    whoever comes next finds the intent and looks.
    """

    def __init__(self, refused: ClientError) -> None:
        super().__init__(refused.response, refused.operation_name)
        self.code = ", ".join(sorted({reason for reason in _reasons(refused) if reason != "None"}))

    @property
    def is_of_one_row(self) -> bool:
        """Whether it says nothing of other rows: somebody else was writing this one."""
        return self.code in {"TransactionConflict", "TransactionConflictException"}


def commit(client: DynamoDBClient, writes: Sequence[Write]) -> None:
    """Make all writes or none; again, after a wait, where DynamoDB was only busy.

    Raises LostRace naming the rows whose condition did not hold, TableBusy, and what else DynamoDB refuses.
    """
    for tries in range(_TRIES):
        try:
            _try(client, writes)
        except ClientError as error:
            lost = _lost(error, writes)
            if lost:
                raise LostRace(f"changed meanwhile: {', '.join(lost)}", lost) from error
            if not _is_busy(error):
                raise
            if tries == _TRIES - 1:
                raise TableBusy(error) from error
            wait_before(tries)
        else:
            return


def wait_before(tries: int) -> None:
    """Wait before a try that follows so many others: twice as long each time, and never two processes alike."""
    longest = min(_LONGEST_WAIT, _SHORTEST_WAIT * 2 ** min(tries, 10))
    time.sleep(longest * (0.5 + _random.random() / 2))


def _try(client: DynamoDBClient, writes: Sequence[Write]) -> None:
    if len(writes) != 1:
        items: Any = [{write.operation: write.arguments} for write in writes]
        client.transact_write_items(TransactItems=items)
        return
    single: dict[str, Callable[..., object]] = {
        "Put": client.put_item,
        "Update": client.update_item,
        "Delete": client.delete_item,
    }
    single[writes[0].operation](**writes[0].arguments)


def _lost(error: ClientError, writes: Sequence[Write]) -> tuple[str, ...]:
    """The rows whose condition did not hold: nothing else is a race that somebody else won."""
    if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
        return (writes[0].label,)
    reasons = zip(writes, _reasons(error), strict=False)
    return tuple(write.label for write, reason in reasons if reason == "ConditionalCheckFailed")


def _is_busy(error: ClientError) -> bool:
    """Whether the same writes may be taken a moment later."""
    reasons = [reason for reason in _reasons(error) if reason != "None"]
    return bool(reasons) and _BUSY.issuperset(reasons)


def _reasons(error: ClientError) -> list[str]:
    """Why it was refused: for a transaction by its writes, else the one code."""
    code = error.response["Error"]["Code"]
    if code != "TransactionCanceledException":
        return [code]
    reasons: list[dict[str, str]] = error.response.get("CancellationReasons", [])  # type: ignore[assignment]
    return [reason.get("Code", "None") for reason in reasons]


def read_one(client: DynamoDBClient, table: str, key: Mapping[str, object]) -> dict[str, Any] | None:
    """A row as it is now (a consistent read), or None."""
    item = client.get_item(TableName=table, Key=to_item(key), ConsistentRead=True).get("Item")
    return from_item(item) if item else None


def read_many(client: DynamoDBClient, table: str, keys: Iterable[Mapping[str, object]]) -> list[dict[str, Any]]:
    """The rows of these keys that exist, as they are now, in no order."""
    wanted = [to_item(key) for key in keys]
    rows: list[dict[str, Any]] = []
    tries = 0
    while wanted:
        asked, wanted = wanted[:_BATCH_GET], wanted[_BATCH_GET:]
        answer = client.batch_get_item(RequestItems={table: {"Keys": asked, "ConsistentRead": True}})
        rows += [from_item(item) for item in answer.get("Responses", {}).get(table, [])]
        unread: Any = answer.get("UnprocessedKeys", {}).get(table, {})
        left = unread.get("Keys", [])
        wanted += left
        if left:
            # Throttled, or more than a call can hold: some came each time, so this ends.
            wait_before(tries)
            tries += 1
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
