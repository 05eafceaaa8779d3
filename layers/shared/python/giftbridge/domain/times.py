"""Moments: zone-aware UTC inside, whatever the sources write."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def parse_moment(text: str) -> datetime:
    """A timestamp with or without Z, 0 to 7 fractional digits, as UTC. A missing zone means UTC (RaiseDonors contract).

    Raises ValueError.
    """
    moment = datetime.fromisoformat(text.strip())
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def format_moment(moment: datetime) -> str:
    """Fixed width, so that text order is time order: 2026-01-31T08:15:00.000000Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def format_instant(moment: datetime) -> str:
    """The shortest exact form for another system: whole seconds, or milliseconds when there are any."""
    utc = moment.astimezone(UTC)
    return utc.strftime("%Y-%m-%dT%H:%M:%S") + (f".{utc.microsecond // 1000:03d}Z" if utc.microsecond >= 1000 else "Z")


_ZONE_STEP = timedelta(minutes=15)
_WIDEST_ZONE = timedelta(hours=14)


def could_be_same_moment(sent: datetime, returned: str) -> bool:
    """Whether a timestamp that came back can be the one that was sent, compared at the precision that came back.

    A day alone fits a day either side; a time without a zone fits any real zone's offset; a time with an offset must
    agree to the second (or to the fraction it carries).
    """
    try:
        moment = datetime.fromisoformat(returned.strip())
    except ValueError:
        return False
    sent = sent.astimezone(UTC)
    if len(returned.strip()) == len("2026-01-31") or (moment.hour, moment.minute, moment.second) == (0, 0, 0):
        day_only = abs((moment.date() - sent.date()).days) <= 1
        return day_only
    exact = moment.microsecond != 0
    sent_cut = sent if exact else sent.replace(microsecond=0)
    slack = timedelta(milliseconds=1) if exact else timedelta(seconds=1)
    if moment.tzinfo is not None:
        return abs(moment.astimezone(UTC) - sent_cut) < slack
    apart = abs(moment - sent_cut.replace(tzinfo=None))
    if apart > _WIDEST_ZONE:
        return False
    rest = apart % _ZONE_STEP
    return min(rest, _ZONE_STEP - rest) < slack


def could_be_recorded_since(first_attempt: datetime, recorded: str | None) -> bool:
    """Whether a row recorded then can come from an attempt that began at `first_attempt`.

    The other side's clock may lag ours by up to five minutes; a time without a zone or a day alone is read leniently.
    """
    if not recorded:
        return True
    try:
        moment = datetime.fromisoformat(recorded.strip())
    except ValueError:
        return True
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC) >= first_attempt.astimezone(UTC) - timedelta(hours=38)
    return moment.astimezone(UTC) >= first_attempt.astimezone(UTC) - timedelta(minutes=5)
