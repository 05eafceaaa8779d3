"""How long a page of deliveries takes at 100,000, by sort of filter, as a list and in the console, and its reads.

Without an address every read takes ANSWER_SECONDS, as DynamoDB's do, of tables in memory (benchmarks/sorted_tables.py).
With one, a DynamoDB over HTTP is filled and asked. It must keep its indexes sorted, as DynamoDB does: the mocked and
the emulated one of the tests go through a whole partition, or table, for each query. A scan is refused.

The rows are spread over a year: 5,000 failed, 3,000 ignored, 2,000 open, 1,000 held by the import tool, the rest
delivered, each with its lines. Exit code 1 when the slowest twentieth of the pages of any filter takes longer than
LONGEST_SECONDS.

Run: .venv/bin/python -m benchmarks.list_pages [--deliveries NUMBER] [--dynamodb URL]
"""

from __future__ import annotations

import random
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

import typer
from starlette.testclient import TestClient

from benchmarks.served_tables import ServedTables
from benchmarks.sorted_tables import SortedTables
from giftbridge.domain.deliveries import Delivery, Kind, State, Trouble
from giftbridge.domain.times import format_moment
from giftbridge.store.activity import Activity
from giftbridge.store.deliveries import Deliveries
from giftbridge.store.delivery_rows import row_of
from giftbridge.store.rows import to_item
from ops.console.app import console_app
from ops.operating.listing import Filter, failures, page_of
from ops.operating.stack import Stack
from tests.command.desk import desk

DELIVERIES = 100_000
LONGEST_SECONDS = 0.3
PAGES = 100
LIMIT = 50
CAUSES = ("unknown-fund:A", "several-partners", "sum-differs")


def main(
    deliveries: Annotated[int, typer.Option(help="How many there are.", min=1000)] = DELIVERIES,
    dynamodb: Annotated[str | None, typer.Option(help="Address of a DynamoDB whose tables may be replaced.")] = None,
) -> None:
    """Fill the tables, page through them and print the figures."""
    with desk() as at:
        tables = ServedTables(dynamodb) if dynamodb else SortedTables()
        rows, lines = Deliveries(tables.client, "deliveries"), Activity(tables.client, "activity")
        stack = replace(at.stack, tools=replace(at.stack.tools, deliveries=rows, activity=lines, threads=8))
        at.bench.clock.advance(365 * 86_400)
        for place in range(deliveries):
            for table, item in _rows(place, deliveries, at.bench.clock(), random.Random(place)):
                tables.add(table, item)
        tables.ready()
        slowest = 0.0
        with TestClient(console_app(lambda: stack), base_url="http://127.0.0.1") as browser:
            for wanted in _filters(stack):
                slowest = max(slowest, _measure(stack, wanted, tables.calls), _measure_console(browser, wanted))
        tables.calls.clear()
        began = time.monotonic()
        groups = failures(stack)
        print(f"failures: {sum(g.count for g in groups)} in {time.monotonic() - began:.2f} s, {dict(tables.calls)}")
    raise typer.Exit(0 if slowest <= LONGEST_SECONDS else 1)


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
    shown = looked_at = 0
    cursor: str | None = None

    def turn() -> None:
        nonlocal shown, looked_at, cursor
        page = page_of(stack, wanted, LIMIT, cursor)
        shown, looked_at, cursor = shown + len(page.deliveries), looked_at + page.looked_at, page.next_cursor

    p50, p95 = _times(turn)
    print(
        f"{_words(wanted)}: p50 {p50 * 1000:.0f} ms, p95 {p95 * 1000:.0f} ms; a page: "
        f"{shown / PAGES:.0f} shown of {looked_at / PAGES:.0f} rows, "
        + ", ".join(f"{count / PAGES:.1f} {name}" for name, count in sorted(calls.items())),
        flush=True,
    )
    return p95


def _measure_console(browser: TestClient, wanted: Filter) -> float:
    """The console's page of these deliveries, again and again, to the last byte."""
    asked = {name: str(getattr(value, "value", value)) for name, value in _set(wanted).items()}
    address = f"/console/deliveries?{urlencode(asked)}"

    def visit() -> None:
        answer = browser.get(address)
        if answer.status_code != 200:
            raise RuntimeError(f"{address} answered {answer.status_code}")

    visit()
    p50, p95 = _times(visit)
    print(f"    in the console: p50 {p50 * 1000:.0f} ms, p95 {p95 * 1000:.0f} ms", flush=True)
    return p95


def _times(act: Callable[[], None]) -> tuple[float, float]:
    """Seconds that half of the turns, and 95 of 100, keep below."""
    times: list[float] = []
    for _ in range(PAGES):
        began = time.monotonic()
        act()
        times.append(time.monotonic() - began)
    return statistics.median(times), statistics.quantiles(times, n=20)[-1]


def _set(wanted: Filter) -> dict[str, Any]:
    return {name: value for name in Filter.__slots__ if (value := getattr(wanted, name)) is not None}


def _words(wanted: Filter) -> str:
    return ", ".join(f"{name}={value}" for name, value in _set(wanted).items()) or "everything"


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
    typer.run(main)
