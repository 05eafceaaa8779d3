"""Moments: zone-aware UTC inside, whatever the sources write."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

# Years outside these are what programs write for no date: 0001, 1753, 1899, 1900, 1970, 9999.
_FIRST_YEAR, _LAST_YEAR = 1971, 2199


def parse_moment(text: str) -> datetime:
    """A timestamp with or without Z, 0 to 7 fractional digits, as UTC. A missing zone means UTC (RaiseDonors contract).

    Raises ValueError.
    """
    moment = datetime.fromisoformat(_with_capitals(text))
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("lies before the first or after the last year") from error


def believable_moment(text: str) -> datetime:
    """A timestamp that another system wrote. Raises ValueError for what is none, and for what stands for no date."""
    moment = parse_moment(text)
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise ValueError(f"{text.strip()[:30]!r} stands for no date")
    return moment


def readable_moment(value: object) -> datetime | None:
    """The moment a value names, or None when it names none, or no believable one."""
    try:
        return believable_moment(value) if isinstance(value, str) else None
    except ValueError:
        return None


def is_day_or_moment(value: object) -> str | None:
    """A text that names a day or a moment; None for anything else, such as 03/02/2026, which could be two days."""
    return value.strip() if isinstance(value, str) and readable_moment(value) is not None else None


def day_in(zone: str, moment: datetime) -> str:
    """The day of a moment in a time zone, as YYYY-MM-DD."""
    return _local(zone, moment).date().isoformat()


def day_named(zone: str, text: str) -> str | None:
    """The day that a date or a timestamp names, in a time zone; None when it names none.

    Midnight in UTC to the second is how a day alone is written: it is that day everywhere.
    """
    moment = readable_moment(text)
    if moment is None:
        return None
    return moment.date().isoformat() if _is_day(moment) and _names_no_offset(text) else day_in(zone, moment)


def instant_in(zone: str, moment: datetime) -> str:
    """The shortest exact form for another system with the offset of a time zone: 2026-12-31T19:00:00-05:00."""
    local = _local(zone, moment)
    text = local.isoformat(timespec="milliseconds" if local.microsecond >= 1000 else "seconds")
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text


def _local(zone: str, moment: datetime) -> datetime:
    try:
        return moment.astimezone(ZoneInfo(zone))
    except OverflowError:
        # The first or the last day there is has no neighbour in another zone.
        return moment


def _names_no_offset(text: str) -> bool:
    offset = datetime.fromisoformat(_with_capitals(text)).utcoffset()
    return not offset


def _with_capitals(text: str) -> str:
    """A timestamp as Python reads it: RFC 3339 allows small letters too."""
    return text.strip().upper()


def format_moment(moment: datetime) -> str:
    """Fixed width, so that text order is time order: 2026-01-31T08:15:00.000000Z."""
    # Not strftime, which writes the years before 1000 with fewer digits.
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


_ZONE_STEP = timedelta(minutes=15)
_WIDEST_ZONE = timedelta(hours=14)
_ROUNDING = timedelta(seconds=2)
_MINUTE = timedelta(minutes=1)
_DAY_LEEWAY = timedelta(hours=38)
_CLOCK_LEEWAY = timedelta(minutes=5)


def could_be_same_moment(sent: datetime, returned: str) -> bool:
    """Whether a timestamp that came back can be the one that was sent, compared at the precision that came back.

    A day alone fits a day either side, a whole minute fits within a minute, anything finer within two seconds (servers
    cut or round). A time without a zone fits any real zone's offset. What cannot be read, or stands for no date, could
    be anything.
    """
    moment = moment_as_written(returned)
    if moment is None:
        return True
    sent = sent.astimezone(UTC)
    if _is_day(moment):
        return abs((moment.date() - sent.date()).days) <= 1
    slack = _MINUTE if (moment.second, moment.microsecond) == (0, 0) else _ROUNDING
    if moment.tzinfo is not None:
        return abs(moment.astimezone(UTC) - sent) <= slack
    apart = abs(moment - sent.replace(tzinfo=None))
    if apart > _WIDEST_ZONE + slack:
        return False
    rest = apart % _ZONE_STEP
    return min(rest, _ZONE_STEP - rest) <= slack


def could_be_recorded_since(first_attempt: datetime, recorded: str | None) -> bool:
    """Whether a row recorded then can come from an attempt that began at `first_attempt`.

    The other side's clock may lag ours by five minutes; a day alone or a time without a zone is read leniently.
    """
    moment = moment_as_written(recorded or "")
    if moment is None:
        return True
    leeway = _DAY_LEEWAY if moment.tzinfo is None or _is_day(moment) else _CLOCK_LEEWAY
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC) >= first_attempt.astimezone(UTC) - leeway


def moment_as_written(text: str) -> datetime | None:
    """As it is written, with or without a zone; None for what names no believable moment."""
    return None if readable_moment(text) is None else datetime.fromisoformat(_with_capitals(text))


def _is_day(moment: datetime) -> bool:
    return (moment.hour, moment.minute, moment.second, moment.microsecond) == (0, 0, 0, 0)
