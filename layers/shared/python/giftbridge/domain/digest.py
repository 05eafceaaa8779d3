"""The daily digest: what a day brought and how things stand, in totals alone (requirement G7)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from giftbridge.domain.amounts import Money
from giftbridge.domain.deliveries import Kind
from giftbridge.domain.delivery_ids import AEGIS, RAISEDONORS, VIRTUOUS, destination_of
from giftbridge.domain.notices import DIGEST, FieldChange, Notice

_TITLES = {AEGIS: "Aegis", VIRTUOUS: "Virtuous", RAISEDONORS: "RaiseDonors"}
_GIFTS, _REFUNDS, _EDITS = "gifts", "refunds", "edits"
_GROUPS = {
    Kind.DONATION_CREATED: _GIFTS,
    Kind.DONATION_REFUNDED: _REFUNDS,
    Kind.DONOR_UPDATED: _EDITS,
    Kind.SCHEDULE_CHANGED: _EDITS,
    Kind.SCHEDULE_ENDED: _EDITS,
    Kind.CONTACT_UPDATED: _EDITS,
}


@dataclass(slots=True)
class DayTally:
    """What was delivered on a day, by destination and sort, and the money by currency where the activity tells it."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    money: dict[tuple[str, str], dict[str, Decimal]] = field(default_factory=dict)
    conflicts: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """How things stand now at one destination; ages are of the oldest, None where there is none."""

    destination: str
    failed: int
    oldest_failed: timedelta | None
    waiting: int
    oldest_waiting: timedelta | None


@dataclass(frozen=True, slots=True)
class Reconciled:
    """The newest reconciliation: when it was made, how many differences are open, the money they stand for."""

    at: datetime | None
    open: int
    money: str


def day_before(due: datetime, zone: str) -> date:
    """The day that a digest tells of: the whole one before the day on which it is due."""
    return due.astimezone(ZoneInfo(zone)).date() - timedelta(days=1)


def span_of(day: date, zone: str) -> tuple[datetime, datetime]:
    """A day's beginning and end in a time zone."""
    first = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
    after = day + timedelta(days=1)
    return first, datetime(after.year, after.month, after.day, tzinfo=ZoneInfo(zone))


def tally_of(lines: Iterable[Mapping[str, Any]]) -> DayTally:
    """The tally of a day's activity lines. What was delivered twice, such as a donor's edits, counts twice."""
    tally = DayTally()
    money: dict[tuple[str, str], dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for line in lines:
        details = line.get("details") or {}
        tally.conflicts += len(details.get("conflicts") or ())
        group = _GROUPS.get(details.get("kind", ""))
        if line.get("what") != "delivered" or group is None:
            continue
        key = (destination_of(str(line.get("delivery") or "")), group)
        tally.counts[key] += 1
        told = Money.read(details.get("amount"))
        if told is not None:
            money[key][told.currency] += told.amount
    tally.money = {key: dict(sums) for key, sums in money.items()}
    return tally


def digest_notice(
    day: date,
    tally: DayTally,
    standings: Iterable[Standing],
    held: tuple[int, timedelta] | None,
    found: Reconciled | None,
) -> Notice:
    """The notice of a day. `held` counts the rows in Virtuous' import tool, with the age of the oldest."""
    facts = [*_brought(tally), *_standing(standings)]
    if held is not None:
        facts.append(("held by Virtuous' import tool", _with_age(held[0], "rows", held[1] if held[0] else None)))
    facts.append(("reconciliation", _reconciled(found)))
    changes = tuple(FieldChange(name, None, value) for name, value in facts)
    return Notice(DIGEST, f"day#{day.isoformat()}", f"What {day.isoformat()} brought, and how things stand.", changes)


def _brought(tally: DayTally) -> list[tuple[str, str]]:
    facts = []
    for destination, group in ((d, g) for g in (_GIFTS, _REFUNDS, _EDITS) for d in (AEGIS, VIRTUOUS, RAISEDONORS)):
        count = tally.counts[destination, group]
        if count or (group == _GIFTS and destination == AEGIS):
            sums = tally.money.get((destination, group), {})
            money = ", ".join(f"{total:,.2f} {currency}" for currency, total in sorted(sums.items()))
            landed = "landed in" if (destination, group) == (VIRTUOUS, _GIFTS) else "to"
            facts.append((f"{group} {landed} {_TITLES[destination]}", f"{count}" + (f", {money}" if money else "")))
    facts.append(("conflicts between RaiseDonors and Virtuous", str(tally.conflicts)))
    return facts


def _standing(standings: Iterable[Standing]) -> list[tuple[str, str]]:
    facts = []
    for one in standings:
        title = _TITLES[one.destination]
        facts.append((f"failed on the way to {title}", _with_age(one.failed, "", one.oldest_failed)))
        facts.append((f"on the way to {title}", _with_age(one.waiting, "", one.oldest_waiting)))
    return facts


def _reconciled(found: Reconciled | None) -> str:
    if found is None:
        return "none was made yet"
    when = f" ({found.at:%Y-%m-%d %H:%M} UTC)" if found.at is not None else ""
    if not found.open:
        return f"clean{when}"
    money = f", {found.money}" if found.money else ""
    return f"{found.open} open {'difference' if found.open == 1 else 'differences'}{money}{when}"


def _with_age(count: int, what: str, age: timedelta | None) -> str:
    shown = f"{count} {what}".strip()
    return f"{shown}, the oldest for {_age(age)}" if age is not None else shown


def _age(age: timedelta) -> str:
    minutes = int(age.total_seconds()) // 60
    if minutes >= 48 * 60:
        return f"{minutes // (24 * 60)} days"
    return f"{minutes // 60} hours" if minutes >= 120 else f"{minutes} minutes"
