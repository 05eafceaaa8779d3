"""On which day a record counts: the CRM's date, read at the precision at which it came back (requirement H1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from giftbridge.domain.giving_history import AEGIS_ZONE
from giftbridge.domain.reconciliation import DayLine, Entry, Found, FundLine, Period, Standing
from giftbridge.domain.times import moment_as_written

_SLACK = timedelta(minutes=1)
_MIDNIGHT = (0, 0, 0, 0)


def day_found(text: str, sent: datetime | None, zone: ZoneInfo) -> tuple[date | None, bool]:
    """The day a record counts on, and whether that is the day of `sent`, as far as the record's date can tell.

    A day alone may have been cut from the moment in Aegis' zone, in UTC or in ours: any of them agrees. A time without
    an offset is Aegis' own, or UTC. What cannot be read says nothing, and agrees.
    """
    sent_day = sent.astimezone(zone).date() if sent is not None else None
    if (moment := moment_as_written(text)) is None:
        return sent_day, True
    if (moment.hour, moment.minute, moment.second, moment.microsecond) == _MIDNIGHT:
        return _of_day(moment.date(), sent, zone)
    readings = [moment] if moment.tzinfo else [moment.replace(tzinfo=own) for own in (AEGIS_ZONE, UTC, zone)]
    if sent is None:
        return readings[0].astimezone(zone).date(), True
    if any(abs(reading - sent) <= _SLACK for reading in readings):
        return sent_day, True
    day = readings[0].astimezone(zone).date()
    return day, day == sent_day


def seconds_apart(text: str, sent: datetime | None) -> float:
    """How far a record's date lies from a moment, at the reading that comes nearest; 0 where it cannot be told."""
    moment = moment_as_written(text)
    if moment is None or sent is None:
        return 0.0
    readings = [moment] if moment.tzinfo else [moment.replace(tzinfo=own) for own in (AEGIS_ZONE, UTC)]
    return min(abs((reading - sent).total_seconds()) for reading in readings)


def _of_day(day: date, sent: datetime | None, zone: ZoneInfo) -> tuple[date, bool]:
    if sent is None:
        return day, True
    if day in {sent.astimezone(own).date() for own in (AEGIS_ZONE, UTC, zone)}:
        return sent.astimezone(zone).date(), True
    return day, False


def day_lines(
    period: Period, entries: Iterable[Entry], pairs: Mapping[str, Entry], found: Iterable[Found]
) -> tuple[DayLine, ...]:
    """Both sides of each day of the period. `pairs` gives the entry that a record, by its key, belongs to."""
    lines: dict[date, DayLine] = {}
    days = (period.last - period.first).days + 1
    for number in range(days):
        day = period.first + timedelta(days=number)
        lines[day] = DayLine(day)
    there = {entry.id for entry in pairs.values()}
    for entry in entries:
        line = lines.get(entry.day(period.zone) or date.min)
        if line is None or entry.amount is None or entry.standing is Standing.KNOWN:
            continue
        line.expected.add(entry.amount)
        if entry.standing is Standing.HELD and entry.id not in there:
            line.held.add(entry.amount)
    for record in found:
        entry_of = pairs.get(key_of(record))
        day_there, _ = day_found(record.date, entry_of.moment if entry_of else None, period.zone)
        line = lines.get(day_there or date.min)
        if line is None:
            continue
        if entry_of is not None and entry_of.standing is Standing.KNOWN:
            # Of a gift that is not compared: on both sides alike.
            line.expected.add(record.amount)
        is_counted = entry_of is not None or record.is_ours or record.claim is not None
        (line.found if is_counted else line.other).add(record.amount)
    return tuple(lines.values())


def fund_lines(
    period: Period,
    entries: Iterable[Entry],
    pairs: Mapping[str, Entry],
    found: Iterable[Found],
    bases: Mapping[str, Found],
    *,
    exact: bool,
) -> tuple[FundLine, ...]:
    """Both sides of each fund and day: as the CRM says it, or else as it was sent of what was found."""
    lines: dict[tuple[date, str], FundLine] = {}

    def line(day: date | None, fund: str) -> FundLine | None:
        if day is None or not period.holds(day):
            return None
        return lines.setdefault((day, fund), FundLine(day, fund))

    for entry in entries:
        for fund, amount in entry.funds if entry.standing is not Standing.KNOWN else ():
            if (own := line(entry.day(period.zone), fund)) is not None:
                own.expected += amount
                if not exact and entry.id in bases:
                    own.found += amount
    for record in found if exact else ():
        entry_of = pairs.get(key_of(record))
        if entry_of is None and not record.is_ours:
            continue
        day, _ = day_found(record.date, entry_of.moment if entry_of else None, period.zone)
        for fund, amount in record.funds or ():
            if (own := line(day, fund)) is not None:
                own.found += amount
                if entry_of is not None and entry_of.standing is Standing.KNOWN:
                    own.expected += amount
    return tuple(sorted(lines.values(), key=lambda one: (one.day, one.fund)))


def key_of(record: Found) -> str:
    """What tells a record from all others of its CRM; of one without a number its content does."""
    return record.number or f"?{record.place}:{record.date}:{record.amount}"


def fund_sums(funds: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    """The money of each fund; a fund without any is left out."""
    sums: dict[str, Decimal] = {}
    for fund, amount in funds:
        sums[fund] = sums.get(fund, Decimal(0)) + amount
    return {fund: amount for fund, amount in sums.items() if amount}
