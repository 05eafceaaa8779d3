"""The one moment of each local day at which the daily work is due, also where the clocks are changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_DAY, _MINUTE, _SECOND = timedelta(days=1), timedelta(minutes=1), timedelta(seconds=1)


def moment_on(day: date, zone: ZoneInfo, clock: time) -> datetime | None:
    """When the zone's clock reaches the time on that day, in UTC.

    The first of the two where the clock shows it twice. Where the clock skips it: the first moment after the gap, or
    the last minute before it where the gap takes the rest of the day. None for a day that the zone leaves out.
    """
    wanted = datetime.combine(day, clock)
    moment = wanted.replace(tzinfo=zone).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == wanted:
        return moment
    after = _end_of_gap(wanted, zone)
    return next((near for near in (after, after - _MINUTE) if near.astimezone(zone).date() == day), None)


def last_batch_time(now: datetime, time_zone: str, batch_at: str) -> datetime:
    """The newest moment, up to now, at which the daily work was due."""
    return max(moment for moment in _moments_around(now, time_zone, batch_at) if moment <= now)


def next_batch_time(now: datetime, time_zone: str, batch_at: str) -> datetime:
    """The first moment after now at which the daily work is due."""
    return min(moment for moment in _moments_around(now, time_zone, batch_at) if moment > now)


def _moments_around(now: datetime, time_zone: str, batch_at: str) -> Iterator[datetime]:
    """The moments of the days around now: more than one day to each side, for a zone may leave a day out."""
    zone, clock = ZoneInfo(time_zone), time.fromisoformat(batch_at)
    today = now.astimezone(zone).date()
    moments = (moment_on(today + days * _DAY, zone, clock) for days in range(-3, 4))
    return (moment for moment in moments if moment is not None)


def _end_of_gap(skipped: datetime, zone: ZoneInfo) -> datetime:
    """The first moment after the gap in which a local time lies, to the second."""
    # Read with the offset after the gap it lies before it, and the other way round.
    before = skipped.replace(tzinfo=zone, fold=1).astimezone(UTC)
    after = skipped.replace(tzinfo=zone, fold=0).astimezone(UTC)
    offset = after.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + (after - before) // _SECOND // 2 * _SECOND
        before, after = (before, middle) if middle.astimezone(zone).utcoffset() == offset else (middle, after)
    return after
