"""Daily work is due once on each local day, in any zone, at any minute, also where the clocks are changed."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from giftbridge.domain.daily_times import last_batch_time, moment_on, next_batch_time
from giftbridge.domain.digest import day_before, span_of

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
FIRST, LAST = datetime(2020, 1, 1, 12, tzinfo=UTC), datetime(2031, 1, 1, 12, tzinfo=UTC)

# Skipped and repeated hours, in the night and at midnight, half an hour alone, and a gap that ends a day.
NIGHTS = [
    ("America/New_York", date(2026, 3, 8), "02:30"),
    ("America/New_York", date(2026, 11, 1), "01:30"),
    ("Europe/London", date(2026, 3, 29), "01:30"),
    ("Europe/London", date(2026, 10, 25), "01:30"),
    ("America/Santiago", date(2026, 9, 6), "00:30"),
    ("America/Santiago", date(2026, 4, 4), "23:30"),
    ("Africa/Cairo", date(2026, 4, 24), "00:00"),
    ("Africa/Cairo", date(2026, 10, 29), "23:59"),
    ("Australia/Lord_Howe", date(2026, 10, 4), "02:15"),
    ("Australia/Lord_Howe", date(2026, 4, 5), "01:45"),
    ("America/Nuuk", date(2026, 3, 28), "23:30"),
    ("America/Nuuk", date(2026, 10, 24), "23:30"),
    ("America/Havana", date(2026, 3, 8), "00:15"),
    ("Asia/Beirut", date(2026, 3, 29), "00:30"),
    ("Africa/Casablanca", date(2026, 3, 22), "02:30"),
    ("Asia/Almaty", date(2024, 2, 29), "23:30"),
]


@cache
def changes(zone: ZoneInfo) -> list[datetime]:
    """The moments at which a zone's clocks are changed, to the minute."""
    found, at = [], FIRST
    while at < LAST:
        if at.astimezone(zone).utcoffset() != (at + DAY).astimezone(zone).utcoffset():
            before, after = at, at + DAY
            while after - before > MINUTE:
                middle = before + (after - before) // MINUTE // 2 * MINUTE
                same = middle.astimezone(zone).utcoffset() == after.astimezone(zone).utcoffset()
                before, after = (before, middle) if same else (middle, after)
            found.append(after)
        at += DAY
    return found


@cache
def zones() -> list[str]:
    return sorted(name for name in available_timezones() if changes(ZoneInfo(name)))


def nights(zone: ZoneInfo, around: datetime) -> dict[date, list[datetime]]:
    """Every minute of the days around a moment, by the day that the zone's clock shows."""
    found: dict[date, list[datetime]] = {}
    for minutes in range(-3 * 24 * 60, 3 * 24 * 60):
        at = around + minutes * MINUTE
        found.setdefault(at.astimezone(zone).date(), []).append(at)
    whole = sorted(found)[1:-1]
    return {day: found[day] for day in whole}


def runs(zone: str, at: str, begin: datetime, end: datetime, step: timedelta = MINUTE) -> Counter[date]:
    """What a function that is ticked does: on which local days it runs, and how often."""
    last, now, made = begin, begin, Counter[date]()
    newest = last_batch_time(begin, zone, at)
    while now < end:
        now += step
        due = last_batch_time(now, zone, at)
        assert newest <= due <= now
        newest = due
        if last < due:
            made[now.astimezone(ZoneInfo(zone)).date()] += 1
            last = now
    return made


@pytest.mark.parametrize(("zone", "night", "at"), NIGHTS)
def test_what_is_ticked_every_minute_runs_once_on_each_day_around_a_change_of_the_clocks(
    zone: str, night: date, at: str
) -> None:
    begin = datetime.combine(night - 2 * DAY, time(12), ZoneInfo(zone)).astimezone(UTC)
    end = datetime.combine(night + 2 * DAY, time(12), ZoneInfo(zone)).astimezone(UTC)

    made = runs(zone, at, begin, end)

    assert all(count == 1 for count in made.values())
    assert {night - DAY, night, night + DAY} <= set(made)


@pytest.mark.parametrize(
    ("zone", "day", "at", "due"),
    [
        ("America/New_York", date(2026, 3, 8), time(2, 30), datetime(2026, 3, 8, 7, 0, tzinfo=UTC)),
        ("America/New_York", date(2026, 11, 1), time(1, 30), datetime(2026, 11, 1, 5, 30, tzinfo=UTC)),
        ("Africa/Cairo", date(2026, 4, 24), time(0, 0), datetime(2026, 4, 23, 22, 0, tzinfo=UTC)),
        ("America/Nuuk", date(2026, 3, 28), time(23, 30), datetime(2026, 3, 29, 0, 59, tzinfo=UTC)),
        ("Pacific/Apia", date(2011, 12, 30), time(12, 0), None),
        ("Pacific/Apia", date(2011, 12, 31), time(0, 0), datetime(2011, 12, 30, 10, 0, tzinfo=UTC)),
    ],
)
def test_a_time_that_is_skipped_is_made_up_for_on_the_same_day_and_one_shown_twice_counts_once(
    zone: str, day: date, at: time, due: datetime | None
) -> None:
    assert moment_on(day, ZoneInfo(zone), at) == due


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_in_every_zone_the_moment_is_the_first_minute_of_the_day_at_or_after_the_time(data: st.DataObject) -> None:
    zone = ZoneInfo(data.draw(st.sampled_from(zones())))
    for day, minutes in nights(zone, data.draw(st.sampled_from(changes(zone)))).items():
        shown = [(at.astimezone(zone).time(), at) for at in minutes]
        for minute in range(0, 24 * 60, 7):
            wanted = time(minute // 60, minute % 60)
            first = next((at for clock, at in shown if clock >= wanted), shown[-1][1])
            assert moment_on(day, zone, wanted) == first, (zone, day, wanted)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_in_every_zone_ticks_make_one_run_on_each_local_day(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(zones()))
    zone = ZoneInfo(name)
    change = data.draw(st.sampled_from(changes(zone)))
    # Half of the tries near the change, where it matters.
    near = (change.astimezone(zone) + data.draw(st.integers(-90, 90)) * MINUTE).time()
    at = data.draw(st.one_of(st.just(near), st.times())).strftime("%H:%M")

    made = runs(name, at, change - 2 * DAY, change + 2 * DAY, timedelta(minutes=data.draw(st.sampled_from([1, 3]))))

    days = nights(zone, change)
    whole = [day for day, minutes in days.items() if change - 36 * HOUR < minutes[0] < change + 18 * HOUR]
    assert whole and all(made[day] == 1 for day in whole), (name, at, change, made)


def test_where_a_day_has_twenty_three_hours_the_next_time_is_not_the_one_after_it() -> None:
    night = datetime(2026, 3, 8, 3, 59, tzinfo=UTC)

    assert next_batch_time(night, "America/Chicago", "22:00") == night + MINUTE
    assert next_batch_time(night + MINUTE, "America/Chicago", "22:00") == night + MINUTE + 23 * HOUR
    turned_back = datetime(2026, 11, 1, 3, 30, tzinfo=UTC)
    assert next_batch_time(turned_back, "America/Chicago", "22:00") == datetime(2026, 11, 2, 4, 0, tzinfo=UTC)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_next_time_is_the_one_after_the_last_and_each_day_has_its_own(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(zones()))
    change = data.draw(st.sampled_from(changes(ZoneInfo(name))))
    at = data.draw(st.times()).strftime("%H:%M")
    now, told = change - 2 * DAY, list[date]()
    for _ in range(4):
        following = next_batch_time(now, name, at)
        assert last_batch_time(now, name, at) <= now < following
        assert last_batch_time(following, name, at) == following
        now = following
        told.append(day_before(now, name))

    assert [day - told[0] for day in told] == [days * DAY for days in range(4)]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_every_minute_belongs_to_the_digest_of_its_own_day(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(zones()))
    for day, minutes in nights(ZoneInfo(name), data.draw(st.sampled_from(changes(ZoneInfo(name))))).items():
        first, end = span_of(day, name)
        assert (first.astimezone(UTC), end.astimezone(UTC)) == (minutes[0], minutes[-1] + MINUTE), (name, day)
