"""Moments: zone-aware UTC inside, whatever the sources write."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def parse_moment(text: str) -> datetime:
    """A timestamp with or without Z, 0 to 7 fractional digits, as UTC. A missing zone means UTC (RaiseDonors contract).

    Raises ValueError.
    """
    moment = datetime.fromisoformat(text.strip())
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("lies before the first or after the last year") from error


def readable_moment(value: object) -> datetime | None:
    """The moment a value names, or None when it names none."""
    try:
        return parse_moment(value) if isinstance(value, str) else None
    except ValueError:
        return None


def format_moment(moment: datetime) -> str:
    """Fixed width, so that text order is time order: 2026-01-31T08:15:00.000000Z."""
    # Not strftime, which writes the years before 1000 with fewer digits.
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def format_instant(moment: datetime) -> str:
    """The shortest exact form for another system: whole seconds, or milliseconds when there are any."""
    utc = moment.astimezone(UTC).replace(tzinfo=None)
    return utc.isoformat(timespec="milliseconds" if utc.microsecond >= 1000 else "seconds") + "Z"


_ZONE_STEP = timedelta(minutes=15)
_WIDEST_ZONE = timedelta(hours=14)
_ROUNDING = timedelta(seconds=2)
_MINUTE = timedelta(minutes=1)
_DAY_LEEWAY = timedelta(hours=38)
_CLOCK_LEEWAY = timedelta(minutes=5)


def could_be_same_moment(sent: datetime, returned: str) -> bool:
    """Whether a timestamp that came back can be the one that was sent, compared at the precision that came back.

    A day alone fits a day either side, a whole minute fits within a minute, anything finer within two seconds (servers
    cut or round). A time without a zone fits any real zone's offset. What cannot be read could be anything.
    """
    moment = _read(returned)
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
    moment = _read(recorded or "")
    if moment is None:
        return True
    leeway = _DAY_LEEWAY if moment.tzinfo is None or _is_day(moment) else _CLOCK_LEEWAY
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC) >= first_attempt.astimezone(UTC) - leeway


def _read(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        return None


def _is_day(moment: datetime) -> bool:
    return (moment.hour, moment.minute, moment.second, moment.microsecond) == (0, 0, 0, 0)
