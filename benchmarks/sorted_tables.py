"""Tables that answer as DynamoDB does, from the sorted end of an index, so that lists can be timed without AWS."""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from types import SimpleNamespace
from typing import Any

ANSWER_SECONDS = 0.01
_KEYS = {"deliveries": ("id",), "activity": ("entity", "at")}
_INDEXES = {
    "deliveries": {"open": ("open", "due"), "by-donor": ("donor", "created_at")},
    "activity": {"by-day": ("day", "at")},
}


class SortedTables:
    """The reads of DynamoDB that lists need, over rows in memory: by key, and from the sorted end of an index."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[tuple[str, ...], dict[str, Any]]] = defaultdict(dict)
        self.parts: dict[tuple[str, str, str], list[tuple[str, str, dict[str, Any]]]] = defaultdict(list)
        self.calls: Counter[str] = Counter()
        self.client: Any = self

    def add(self, table: str, item: dict[str, Any]) -> None:
        """Put a row into its table and its indexes."""
        self.rows[table][tuple(item[name]["S"] for name in _KEYS[table])] = item
        for index, (partition, moment) in _INDEXES[table].items():
            if partition in item:
                names = {partition, moment, *_KEYS[table]}
                entry = (item[moment]["S"], item[_KEYS[table][0]]["S"], {name: item[name] for name in names})
                self.parts[table, index, item[partition]["S"]].append(entry)

    def ready(self) -> None:
        """Sort what was added."""
        for part in self.parts.values():
            part.sort(key=lambda entry: entry[:2])

    def query(self, **asked: Any) -> dict[str, Any]:
        """One page of an index between two moments, newest first."""
        self._answer("Query")
        values = {name: value["S"] for name, value in asked["ExpressionAttributeValues"].items()}
        part = self.parts[asked["TableName"], asked["IndexName"], values.get(":of") or values[":bucket"]]
        low = bisect_left(part, (values.get(":since", ""),))
        high = bisect_right(part, (values.get(":until", "~"), "~"))
        start = asked.get("ExclusiveStartKey")
        if start is not None:
            high = bisect_left(part, (start["moment"]["S"], start["id"]["S"]))
        first = max(low, high - asked.get("Limit", len(part)))
        found = part[first:high][::-1]
        more = {"LastEvaluatedKey": {"moment": {"S": found[-1][0]}, "id": {"S": found[-1][1]}}} if first > low else {}
        return {"Items": [entry[2] for entry in found], **more}

    def get_paginator(self, _: str) -> Any:
        """All pages as one."""
        return SimpleNamespace(paginate=lambda PaginationConfig, **asked: [self.query(**asked)])

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:
        """The rows of these keys."""
        self._answer("BatchGetItem")
        ((table, asked),) = RequestItems.items()
        keys = [tuple(key[name]["S"] for name in _KEYS[table]) for key in asked["Keys"]]
        return {"Responses": {table: [self.rows[table][key] for key in keys if key in self.rows[table]]}}

    def _answer(self, operation: str) -> None:
        self.calls[operation] += 1
        time.sleep(ANSWER_SECONDS)
