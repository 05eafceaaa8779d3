"""Moments, whatever the sources write."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from giftbridge.domain.times import (
    could_be_recorded_since,
    could_be_same_moment,
    format_moment,
    instant_in,
    parse_moment,
    readable_moment,
)

SENT = datetime(2026, 3, 2, 14, 30, 5, 250000, tzinfo=UTC)
MOMENTS = st.integers(min_value=946_684_800_000_000, max_value=4_102_444_800_000_000).map(
    lambda microseconds: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
)


@pytest.mark.parametrize("zone", ["", "Z"])
@pytest.mark.parametrize("digits", range(8))
def test_a_timestamp_is_read_with_or_without_z_and_with_up_to_seven_digits(zone: str, digits: int) -> None:
    fraction = "1234567"[:digits]
    text = "2026-03-02T14:30:05" + (f".{fraction}" if digits else "") + zone
    microsecond = int(fraction.ljust(7, "0")[:6]) if digits else 0
    assert parse_moment(text) == datetime(2026, 3, 2, 14, 30, 5, microsecond, tzinfo=UTC)


def test_an_offset_is_turned_into_utc() -> None:
    assert parse_moment(" 2026-03-02T08:30:05-06:00 ") == datetime(2026, 3, 2, 14, 30, 5, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "2026-03-02T25:00:00"])
def test_what_is_no_timestamp_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_moment(text)


@settings(max_examples=100, deadline=None)
@given(MOMENTS, MOMENTS)
def test_stored_texts_sort_as_their_moments_do(one: datetime, other: datetime) -> None:
    assert (format_moment(one) < format_moment(other)) == (one < other)
    assert parse_moment(format_moment(one)) == one


def test_the_year_has_four_digits_also_before_the_year_1000() -> None:
    first = datetime(1, 1, 1, tzinfo=UTC)

    assert format_moment(first) == "0001-01-01T00:00:00.000000Z"
    assert parse_moment(format_moment(first)) == first


@settings(max_examples=100, deadline=None)
@given(MOMENTS, st.integers(min_value=-14, max_value=14))
def test_what_was_sent_is_recognised_at_every_precision_that_may_come_back(sent: datetime, offset: int) -> None:
    exact = parse_moment(instant_in("UTC", sent))
    local = exact.astimezone(timezone(timedelta(hours=offset)))
    for returned in (
        instant_in("UTC", sent),
        exact.isoformat(timespec="milliseconds"),
        exact.isoformat(timespec="seconds"),
        local.isoformat(timespec="seconds"),
        local.replace(tzinfo=None).isoformat(timespec="seconds"),
        local.date().isoformat(),
        f"{local.date().isoformat()}T00:00:00",
    ):
        assert could_be_same_moment(exact, returned), returned


@pytest.mark.parametrize(
    "returned",
    [
        "2026-03-02T14:30:08Z",
        "2026-03-02T14:30:02.252Z",
        "2026-03-02T08:32:00-06:00",
        "2026-03-02T14:31:05",
        "2026-03-03T14:30:05Z",
        "2026-03-03T05:30:05",
        "2026-03-04",
        "2026-02-28T00:00:00",
    ],
)
def test_another_moment_is_told_apart(returned: str) -> None:
    assert not could_be_same_moment(SENT, returned)


@pytest.mark.parametrize(
    "returned", ["2026-03-01", "2026-03-02", "2026-03-03", "2026-03-02T14:45:05", "2026-03-02T04:30:05"]
)
def test_a_day_or_a_local_time_fits_any_real_zone(returned: str) -> None:
    assert could_be_same_moment(SENT, returned)


@pytest.mark.parametrize(
    ("recorded", "possible"),
    [
        ("2026-03-02T14:30:06Z", True),
        ("2026-03-02T14:26:00Z", True),
        ("2026-03-02T14:25:00Z", False),
        ("2026-03-02T08:26:00-06:00", True),
        ("2026-03-02T08:20:00-06:00", False),
        ("2026-03-02T07:30:06", True),
        ("2026-03-02", True),
        ("2026-03-01", False),
        ("2026-02-28", False),
        (None, True),
        ("", True),
        ("unknown", True),
    ],
)
def test_a_row_recorded_before_the_first_attempt_is_none_of_ours(recorded: str | None, possible: bool) -> None:
    assert could_be_recorded_since(SENT, recorded) is possible


def test_a_moment_is_sent_in_its_shortest_exact_form() -> None:
    assert instant_in("UTC", SENT) == "2026-03-02T14:30:05.250Z"
    assert instant_in("UTC", SENT.replace(microsecond=0)) == "2026-03-02T14:30:05Z"
    assert (
        instant_in("UTC", datetime(2026, 3, 2, 8, 30, tzinfo=timezone(timedelta(hours=-6)))) == "2026-03-02T14:30:00Z"
    )


def test_a_moment_outside_all_years_is_unreadable_and_no_crash() -> None:
    with pytest.raises(ValueError, match="year"):
        parse_moment("0001-01-01T00:00:00+14:00")
    assert readable_moment("0001-01-01T00:00:00+14:00") is None
