"""Queries and scans, a page at a time."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tests.simulation.aws.errors import invalid
from tests.simulation.aws.expressions import Expressions
from tests.simulation.aws.keys import Key, KeySchema
from tests.simulation.aws.table import Entry, Index, Table, entry_of
from tests.simulation.aws.values import Item, copied_item, handed_out, item_bytes

PAGE_BYTES = 1024 * 1024
# Above every string that is a key, and every character that follows a prefix.
_AFTER_ALL = "\U0010ffff" * 4


def query(
    table: Table,
    *,
    KeyConditionExpression: str,
    IndexName: str | None = None,
    ExpressionAttributeNames: Mapping[str, str] | None = None,
    ExpressionAttributeValues: Mapping[str, Any] | None = None,
    FilterExpression: str | None = None,
    ProjectionExpression: str | None = None,
    ScanIndexForward: bool = True,
    ConsistentRead: bool = False,
    Limit: int | None = None,
    ExclusiveStartKey: Mapping[str, Any] | None = None,
    Select: str | None = None,
) -> dict[str, Any]:
    """A page of a partition, in the order of the sort key."""
    index = _index(table, IndexName, ConsistentRead)
    schema = index.schema if index is not None else table.schema
    expressions = Expressions(
        ExpressionAttributeNames,
        ExpressionAttributeValues,
        key=KeyConditionExpression,
        filter=FilterExpression,
        projection=ProjectionExpression,
    )
    for path in expressions.paths("filter"):
        if path[0] in schema.attributes:
            raise invalid(
                "Filter Expression can only contain non-primary key attributes: Primary key attribute: " + str(path[0])
            )
    partition, sign, compared = expressions.key_range.bounds(schema, expressions.values)
    entries = table.entries(partition, index)
    first, last = _bounds(entries, sign, compared)
    if ExclusiveStartKey is not None:
        start = _start(table, index, copied_item(ExclusiveStartKey), partition)
        if ScanIndexForward:
            first = max(first, bisect_right(entries, start))
        else:
            last = min(last, bisect_left(entries, start))
    within: Iterable[int] = range(first, last) if ScanIndexForward else range(last - 1, first - 1, -1)
    keys = [entries[at][2] for at in within]
    return _page(table, index, keys, expressions, Limit, Select)


def scan(
    table: Table,
    *,
    IndexName: str | None = None,
    ExpressionAttributeNames: Mapping[str, str] | None = None,
    ExpressionAttributeValues: Mapping[str, Any] | None = None,
    FilterExpression: str | None = None,
    ProjectionExpression: str | None = None,
    ConsistentRead: bool = False,
    Limit: int | None = None,
    ExclusiveStartKey: Mapping[str, Any] | None = None,
    Select: str | None = None,
) -> dict[str, Any]:
    """A page of the whole table or index."""
    index = _index(table, IndexName, ConsistentRead)
    names, values = ExpressionAttributeNames, ExpressionAttributeValues
    expressions = Expressions(names, values, filter=FilterExpression, projection=ProjectionExpression)
    keys = list(table.scanned(index))
    if ExclusiveStartKey is not None:
        start = table.schema.of_key(
            {n: v for n, v in copied_item(ExclusiveStartKey).items() if n in table.schema.attributes}
        )
        keys = keys[keys.index(start) + 1 :] if start in keys else keys
    return _page(table, index, keys, expressions, Limit, Select)


def _index(table: Table, name: str | None, is_consistent: bool) -> Index | None:
    if name is None:
        return None
    index = table.indexes.get(name)
    if index is None:
        raise invalid(f"The table does not have the specified index: {name}")
    if is_consistent:
        raise invalid("Consistent reads are not supported on global secondary indexes")
    return index


def _bounds(entries: Sequence[Entry], sign: str, compared: tuple[Any, ...]) -> tuple[int, int]:
    def before(value: Any) -> int:
        return bisect_left(entries, value, key=lambda entry: entry[0])

    def after(value: Any) -> int:
        return bisect_right(entries, value, key=lambda entry: entry[0])

    everything = len(entries)
    if not sign:
        return 0, everything
    value = compared[0]
    return {
        "=": lambda: (before(value), after(value)),
        "<": lambda: (0, before(value)),
        "<=": lambda: (0, after(value)),
        ">": lambda: (after(value), everything),
        ">=": lambda: (before(value), everything),
        "between": lambda: (before(value), after(compared[1])),
        "begins": lambda: (before(value), before(value + _AFTER_ALL)),
    }[sign]()


def _start(table: Table, index: Index | None, start: Item, partition: Any) -> Entry:
    """The entry after which a page begins; it need not exist any more."""
    wanted = set(table.schema.attributes) | set(index.schema.attributes if index is not None else ())
    if set(start) != wanted:
        raise invalid("The provided starting key is invalid")
    key = table.schema.of_key({name: start[name] for name in table.schema.attributes})
    if index is None:
        found = (key[1] if len(key) > 1 else 0, 0, key)
        own = key
    else:
        own = _content(index.schema, start)
        found = entry_of(own, key)
    if own[0] != partition:
        raise invalid("The provided starting key is outside query boundaries based on provided conditions")
    return found


def _content(schema: KeySchema, start: Item) -> Key:
    return schema.of_key({name: start[name] for name in schema.attributes})


def _page(
    table: Table,
    index: Index | None,
    keys: Sequence[Key],
    expressions: Expressions,
    limit: int | None,
    select: str | None,
) -> dict[str, Any]:
    if limit is not None and limit < 1:
        raise invalid("1 validation error detected: Value at 'limit' failed to satisfy constraint: must be at least 1")
    items: list[Item] = []
    looked_at, size, last = 0, 0, None
    for key in keys:
        item = table.shown(key, index)
        looked_at += 1
        size += item_bytes(item) if limit is None or limit > 100 else 0
        if expressions.holds("filter", item):
            items.append(item)
        if (limit is not None and looked_at >= limit) or size >= PAGE_BYTES:
            # Also where the page ends exactly at the last row: DynamoDB does not look beyond it.
            last = _position(table, index, item)
            break
    answer: dict[str, Any] = {"Count": len(items), "ScannedCount": looked_at}
    if select != "COUNT":
        answer["Items"] = [handed_out(expressions.projected(item)) for item in items]
    if last is not None:
        answer["LastEvaluatedKey"] = last
    return answer


def _position(table: Table, index: Index | None, item: Item) -> Item:
    names = dict.fromkeys((*table.schema.attributes, *(index.schema.attributes if index is not None else ())))
    return handed_out({name: item[name] for name in names})
