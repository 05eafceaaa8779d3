"""How long a page of deliveries takes at 100,000, by sort of filter, and how many reads it costs.

Every read takes ANSWER_SECONDS, as DynamoDB's do, and an index is read as DynamoDB reads it, from its sorted end: the
mocked and the emulated one go through a whole partition, or table, for each query. A scan is refused. The rows are
spread over a year: 5,000 failed, 3,000 ignored, 2,000 open, 1,000 held by the import tool, the rest delivered, each
with its lines. Exit code 1 when the slowest twentieth of the pages of any filter takes longer than LONGEST_SECONDS.

Run: .venv/bin/python -m benchmarks.list_pages [DELIVERIES]
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from giftbridge.domain.deliveries import Delivery, Kind, State, Trouble
from giftbridge.domain.times import format_moment
from giftbridge.store.activity import Activity
from giftbridge.store.deliveries import Deliveries
from giftbridge.store.delivery_rows import row_of
from giftbridge.store.rows import to_item
from ops.operating.listing import Filter, failures, page_of
from ops.operating.stack import Stack
from tests.command.desk import desk

DELIVERIES = 100_000
LONGEST_SECONDS = 0.3
PAGES = 20
LIMIT = 50
CAUSES = ("unknown-fund:A", "several-partners", "sum-differs")
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


def main() -> int:
    """Fill the tables, page through them and print the figures."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else DELIVERIES
    with desk() as at:
        tables: Any = SortedTables()
        deliveries, activity = Deliveries(tables, "deliveries"), Activity(tables, "activity")
        tools = replace(at.stack.tools, deliveries=deliveries, activity=activity, threads=8)
        stack = replace(at.stack, tools=tools)
        at.bench.clock.advance(365 * 86_400)
        for place in range(number):
            for table, item in _rows(place, number, at.bench.clock(), random.Random(place)):
                tables.add(table, item)
        tables.ready()
        slowest = max(_measure(stack, wanted, tables.calls) for wanted in _filters(stack))
        tables.calls.clear()
        began = time.monotonic()
        groups = failures(stack)
        print(f"failures: {sum(g.count for g in groups)} in {time.monotonic() - began:.2f} s, {dict(tables.calls)}")
    return 0 if slowest <= LONGEST_SECONDS else 1


def _filters(stack: Stack) -> list[Filter]:
    day = (stack.tools.now() - timedelta(days=40)).date()
    return [
        Filter(),
        *(Filter(state=state) for state in (State.FAILED, State.DELIVERED, State.IGNORED, State.SENT, State.WAITING)),
        Filter(state=State.FAILED, destination="aegis"),
        Filter(kind=Kind.DONATION_CREATED),
        Filter(donor=77),
        Filter(day=day),
        Filter(state=State.FAILED, day=day),
        Filter(cause=CAUSES[0]),
        Filter(state=State.FAILED, text="fund of 17"),
        Filter(text="no such words"),
    ]


def _measure(stack: Stack, wanted: Filter, calls: Counter[str]) -> float:
    """Pages one after another, from the first on; the time that 95 of 100 keep below."""
    page_of(stack, wanted, LIMIT)
    calls.clear()
    times: list[float] = []
    shown = looked_at = 0
    cursor: str | None = None
    for _ in range(PAGES):
        began = time.monotonic()
        page = page_of(stack, wanted, LIMIT, cursor)
        times.append(time.monotonic() - began)
        shown, looked_at, cursor = shown + len(page.deliveries), looked_at + page.looked_at, page.next_cursor
    reads = dict(calls)
    p95 = statistics.quantiles(times, n=20)[-1]
    named = {name: value for name in Filter.__slots__ if (value := getattr(wanted, name)) is not None}
    told = ", ".join(f"{name}={value}" for name, value in named.items()) or "everything"
    print(
        f"{told}: p50 {statistics.median(times) * 1000:.0f} ms, p95 {p95 * 1000:.0f} ms; a page: "
        f"{shown / PAGES:.0f} shown of {looked_at / PAGES:.0f} rows, "
        + ", ".join(f"{count / PAGES:.1f} {name}" for name, count in sorted(reads.items())),
        flush=True,
    )
    return p95


def _rows(place: int, number: int, now: datetime, chance: random.Random) -> Iterator[tuple[str, dict[str, Any]]]:
    at = now - timedelta(days=365 * chance.random())
    state, cause, due = _state(place, number, at, now, chance)
    trouble = Trouble(cause, f"fund of {place} is not known", "fund", "add it") if cause else None
    delivery = Delivery(
        id=f"aegis/donation/{place}/created",
        kind=Kind.DONATION_CREATED,
        destination="aegis",
        donor_id=place % 5000,
        entity_id=str(place),
        state=state,
        created_at=at,
        updated_at=at,
        due=due,
        trouble=trouble,
        result={"invoice": str(place)} if state is State.DELIVERED else {},
    )
    yield "deliveries", to_item(row_of(delivery))
    if state in {State.WAITING, State.PENDING}:
        return
    line = {
        "entity": delivery.donor_entity,
        "at": f"{format_moment(at)}#{place:08x}",
        "day": at.strftime("%Y-%m-%d"),
        "what": state.value,
        "why": "",
        "who": "giftbridge",
        "delivery": delivery.id,
        "v": 1,
    }
    yield "activity", to_item(line)


def _state(place: int, number: int, at: datetime, now: datetime, chance: random.Random) -> tuple[State, str, datetime]:
    part = place / number
    if part < 0.05:
        return State.FAILED, chance.choice(CAUSES), at
    if part < 0.08:
        return State.IGNORED, chance.choice(("test-mode", "echo", "no-code")), at
    if part < 0.10:
        # Due long from now: nobody works on them meanwhile.
        return State.WAITING, "status-503", now + timedelta(days=1, seconds=place)
    if part < 0.11:
        return State.SENT, "", now + timedelta(days=1, seconds=place)
    return State.DELIVERED, "", at


if __name__ == "__main__":
    sys.exit(main())
