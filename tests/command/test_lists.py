"""Lists are read page by page through the indexes: each delivery once, in few reads, however many there are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from giftbridge.domain.deliveries import Delivery, Kind, State, Trouble
from giftbridge.store.delivery_rows import row_of
from giftbridge.store.index_pages import state_index
from giftbridge.store.rows import commit, put
from ops.operating import listing
from ops.operating.listing import Filter, page_of
from ops.operating.problems import WrongUsage
from ops.operating.stack import Stack
from tests.command.desk import Desk

TOLD = {State.DELIVERED: "delivered", State.FAILED: "failed", State.IGNORED: "ignored", State.SENT: "sent"}


def plant(
    stack: Stack, number: int, state: State, at: datetime, cause: str = "no-code", donor: int = 7, lines: int = 1
) -> Delivery:
    """A delivery as the product would have left it, with its activity."""
    delivery = Delivery(
        id=f"aegis/donation/{number}/created",
        kind=Kind.DONATION_CREATED,
        destination="aegis",
        donor_id=donor,
        entity_id=str(number),
        state=state,
        created_at=at,
        updated_at=at,
        due=at,
        trouble=Trouble(cause, f"trouble of {number}") if state in {State.FAILED, State.IGNORED} else None,
    )
    activity = stack.tools.activity
    told = [
        activity.line(
            f"donor#{donor}", now=at - timedelta(minutes=7 * back), what=what, why="", delivery_id=delivery.id
        )
        for back in range(lines)
        if (what := TOLD.get(state)) is not None
    ]
    commit(activity.client, [put(stack.tools.deliveries.table, row_of(delivery), delivery.id), *told])
    return delivery


def walk(stack: Stack, wanted: Filter, limit: int) -> list[list[str]]:
    """The ids of each page, to the end."""
    pages: list[list[str]] = []
    cursor: str | None = None
    while True:
        page = page_of(stack, wanted, limit, cursor)
        pages.append([delivery.id for delivery in page.deliveries])
        cursor = page.next_cursor
        assert len(pages) < 200
        if cursor is None:
            return pages


@pytest.fixture
def stocked(at: Desk) -> Iterator[tuple[Stack, list[Delivery]]]:
    """Forty deliveries of all states over three days; every third has several lines of activity."""
    states = [State.DELIVERED, State.FAILED, State.IGNORED, State.PENDING, State.DELIVERED, State.SENT]
    begin, made = at.bench.clock(), []
    at.bench.clock.advance(2 * 86_400)
    for number in range(40):
        moment = begin + timedelta(minutes=70 * number)
        lines = 4 if number % 3 == 0 else 1
        made.append(plant(at.stack, number, states[number % 6], moment, donor=number % 5, lines=lines))
    yield at.stack, made


@pytest.mark.parametrize(
    "wanted",
    [
        Filter(),
        Filter(state=State.DELIVERED),
        Filter(state=State.FAILED),
        Filter(state=State.IGNORED),
        Filter(state=State.PENDING),
        Filter(state=State.SENT),
        Filter(donor=3),
        Filter(cause="no-code"),
        Filter(text="trouble of 2"),
        Filter(kind=Kind.DONATION_CREATED, destination="aegis"),
        Filter(kind=Kind.DONOR_UPDATED),
    ],
    ids=str,
)
def test_pages_show_each_wanted_delivery_once(stocked: tuple[Stack, list[Delivery]], wanted: Filter) -> None:
    stack, made = stocked

    pages = walk(stack, wanted, 3)

    shown = [name for page in pages for name in page]
    assert sorted(shown) == sorted(delivery.id for delivery in made if wanted.fits(delivery))
    assert all(len(page) <= 3 for page in pages)


def test_failed_ones_come_newest_first_over_all_pages(stocked: tuple[Stack, list[Delivery]]) -> None:
    stack, made = stocked

    shown = [name for page in walk(stack, Filter(state=State.FAILED), 2) for name in page]

    assert shown == [delivery.id for delivery in reversed(made) if delivery.state is State.FAILED]


@pytest.mark.parametrize("state", [None, State.DELIVERED, State.FAILED, State.IGNORED, State.PENDING])
def test_a_day_shows_what_happened_on_it_page_by_page(
    stocked: tuple[Stack, list[Delivery]], state: State | None
) -> None:
    stack, made = stocked
    for day in (date(2026, 3, 2), date(2026, 3, 3)):
        shown = [name for page in walk(stack, Filter(state=state, day=day), 4) for name in page]

        expected = [d.id for d in made if d.updated_at.date() == day and state in {None, d.state}]
        assert sorted(shown) == sorted(expected)


def test_deliveries_of_one_moment_are_neither_lost_nor_doubled(at: Desk) -> None:
    moment = at.bench.clock()
    for number in range(25):
        plant(at.stack, number, State.FAILED, moment if number < 20 else moment + timedelta(seconds=1))

    shown = [name for page in walk(at.stack, Filter(state=State.FAILED), 4) for name in page]

    assert len(shown) == len(set(shown)) == 25


def test_a_page_costs_few_reads_and_says_how_to_go_on_when_few_are_wanted(
    at: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "MOST_LOOKED_AT", 20)
    moment = at.bench.clock()
    for number in range(60):
        plant(at.stack, number, State.FAILED, moment + timedelta(seconds=number))

    page = page_of(at.stack, Filter(state=State.FAILED, text="trouble of 5"), 50)
    pages = walk(at.stack, Filter(state=State.FAILED, text="trouble of 5"), 50)

    assert page.looked_at == 20 and page.next_cursor is not None
    assert len(page.deliveries) == 10
    assert sum(map(len, pages)) == 11


def test_the_command_goes_on_where_a_list_ended(connected: Desk) -> None:
    for number in range(5):
        plant(connected.stack, number, State.FAILED, connected.bench.clock() + timedelta(seconds=number))

    first = connected.json("deliveries", "--state", "failed", "--limit", "3")
    second = connected.json("deliveries", "--state", "failed", "--after", first["next"])

    assert [one["entity"] for one in first["deliveries"] + second["deliveries"]] == ["4", "3", "2", "1", "0"]
    assert (second["has_more"], second["next"]) == (False, None)


def test_a_place_that_is_none_is_wrong_usage(at: Desk) -> None:
    for cursor in ("nonsense", "", "WzksIjIwMjYiLCIiXQ", "e30"):
        with pytest.raises(WrongUsage):
            page_of(at.stack, Filter(state=State.FAILED), 5, cursor)


def test_what_failed_or_was_ignored_is_found_by_when_that_was(connected: Desk) -> None:
    bench = connected.bench
    gift = connected.fail_gift()
    bench.clock.advance(3 * 86_400)
    connected.run("retry", str(gift), "--yes")
    bench.run()

    index: Any = state_index(bench.tools.deliveries.client, bench.tools.deliveries.table)
    (mark,), _ = index.newest("failed#aegis", 5)

    assert mark.at >= "2026-03-05"
    assert connected.json("deliveries", "--state", "failed", "--day", "2026-03-02")["deliveries"] == []
    found = connected.json("deliveries", "--state", "failed", "--day", "2026-03-05")["deliveries"]
    assert [one["entity"] for one in found] == [str(gift)]
    assert bench.clock() > datetime(2026, 3, 5, tzinfo=UTC)
