"""Instants as RaiseDonors keeps and writes them: UTC, in steps of 100 nanoseconds, with varied spelling."""

import re
from datetime import UTC, datetime, timedelta
from zlib import crc32

TIMESTAMP = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,7}))?Z?")
TICKS_PER_SECOND = 10_000_000
DIGITS = 7
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def ticks_of(moment: datetime) -> int:
    """A moment in ticks of 100 nanoseconds since 1970."""
    return (moment - _EPOCH) // _MICROSECOND * 10


def moment_of(ticks: int) -> datetime:
    """The moment of a number of ticks, cut to the microsecond."""
    return _EPOCH + timedelta(microseconds=ticks // 10)


def parse_timestamp(text: str) -> int:
    """The ticks of a timestamp of the contract; raises ValueError for any other text."""
    match = TIMESTAMP.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a timestamp")
    whole = datetime.fromisoformat(match[1]).replace(tzinfo=UTC)
    return ticks_of(whole) + int((match[2] or "").ljust(DIGITS, "0"))


def format_timestamp(ticks: int, salt: str) -> str:
    """A timestamp that says exactly this instant; the salt decides how many zeros it shows and whether it has a Z."""
    seconds, fraction = divmod(ticks, TICKS_PER_SECOND)
    digits = f"{fraction:07d}".rstrip("0")
    variety = crc32(salt.encode("utf-8"))
    shown = max(len(digits), variety % (DIGITS + 1))
    text = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    if shown:
        text += "." + digits.ljust(shown, "0")
    return text + ("Z" if variety // (DIGITS + 1) % 2 else "")


def coarsen(ticks: int, salt: str) -> int:
    """The same instant kept with fewer digits, as the salt decides: not every clock in a service is a fine one."""
    step: int = 10 ** (crc32(salt.encode("utf-8")) % (DIGITS + 1))
    return ticks - ticks % step
