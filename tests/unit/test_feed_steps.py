"""The way through a list that changes while it is read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from giftbridge.domain.feed_steps import Steps, read_steps

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)


def moments(*seconds: float) -> list[datetime | None]:
    return [BEGIN + timedelta(seconds=one) for one in seconds]


def test_the_bound_follows_the_newest_record_seen() -> None:
    steps = Steps(BEGIN).after(moments(1, 2, 3), 10)
    assert (steps.bound, steps.skip, steps.is_unsorted) == (BEGIN + timedelta(seconds=3), 0, False)


def test_what_is_missing_beyond_the_new_bound_takes_the_walk_back_to_where_it_was() -> None:
    """By id, gifts 1 to 3 look sorted because the third was edited later than those behind it."""
    steps = Steps(BEGIN).after(moments(1, 2, 100), 10)
    assert steps.after(moments(100), 1) == Steps(BEGIN, 2, is_unsorted=True)


def test_a_walk_goes_on_from_its_row() -> None:
    for steps in (Steps(BEGIN, 7), Steps(BEGIN).after(moments(1, 2, 3), 10), Steps(BEGIN, 3, is_unsorted=True)):
        assert read_steps(steps.as_row()) == steps
    assert read_steps({"bound": "2026-03-02T00:00:00.000000Z", "skip": 4}) == Steps(BEGIN, 4)


def test_records_of_one_moment_are_counted_and_their_pages_overlap() -> None:
    assert Steps(BEGIN).after(moments(*[0] * 100), 300) == Steps(BEGIN, 75)


def test_a_short_page_is_not_the_end() -> None:
    assert not Steps(BEGIN).after(moments(1, 2), 3).is_done


def test_the_end_is_where_as_many_were_seen_as_there_are() -> None:
    assert Steps(BEGIN).after(moments(1, 2, 3), 3).is_done
    assert Steps(BEGIN).after([], 0).is_done


def test_records_in_another_order_are_walked_by_their_places() -> None:
    steps = Steps(BEGIN).after(moments(3, 2, 1, 0), 9)
    assert (steps.is_unsorted, steps.bound, steps.skip) == (True, BEGIN, 3)


def test_a_record_older_than_the_bound_tells_that_the_bound_is_not_heeded() -> None:
    assert Steps(BEGIN).after(moments(-5, 1), 9).is_unsorted


def test_a_record_whose_moment_cannot_be_read_changes_nothing() -> None:
    assert Steps(BEGIN).after([None, *moments(4)], 9).bound == BEGIN + timedelta(seconds=4)


@given(
    st.lists(st.integers(0, 40), max_size=60),
    st.integers(1, 12),
    st.sampled_from(["ascending", "descending", "by id"]),
)
def test_whatever_the_order_and_the_size_of_pages_every_record_is_seen(
    seconds: list[int], size: int, order: str
) -> None:
    records = [(BEGIN + timedelta(seconds=second), number) for number, second in enumerate(seconds)]
    if order != "by id":
        records.sort(reverse=order == "descending")
    steps, seen, pages = Steps(BEGIN), set[int](), 0
    while not steps.is_done:
        matching = [record for record in records if record[0] >= steps.bound]
        page = matching[steps.skip : steps.skip + size]
        seen |= {number for _, number in page}
        steps = steps.after([moment for moment, _ in page], len(matching))
        pages += 1
        assert pages <= 10 * len(records) + 2
    assert seen == set(range(len(seconds)))
