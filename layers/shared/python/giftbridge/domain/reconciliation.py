"""Reconciliation in words of its own (requirement H1): what is expected in a CRM, what is found there, what differs.

The same for Aegis and Virtuous. An *entry* is a gift or a refund that ought to be there, *found* is a record that is
there, *number* its own id there: Aegis' invoice number, or Virtuous' gift id. Days are days of the set time zone, money
is exact. A difference keeps its id from report to report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo

DONATION, REFUND = "donation", "refund"
EXACT, AS_SENT = "exact", "as sent"


class Sort(StrEnum):
    """What is wrong with a record. What is held is no error: it is named with its state."""

    MISSING = "missing"
    DOUBLED = "doubled"
    DIFFERENT = "different"
    UNEXPLAINED = "unexplained"
    WRONG_FUND = "wrong-fund"
    WRONG_DAY = "wrong-day"
    HELD = "held"


class Heal(StrEnum):
    """How a difference can be healed from the report. Empty: only by hand."""

    BY_HAND = ""
    PICK_UP = "pick up"
    RETRY = "retry"
    SEND_ANEW = "send anew"
    LINK = "link"
    ADJUST = "adjust"


class Standing(StrEnum):
    """What our own delivery says of an entry."""

    DELIVERED = "delivered"
    HELD = "held"
    NEVER = "never"
    KNOWN = "known"
    """Delivered, but of which day and amount is not known here: counted, not compared."""


@dataclass(frozen=True, slots=True)
class GiftFact:
    """A gift as RaiseDonors showed it, as much of it as is compared. `shares` are project ids with their parts."""

    id: int
    donor_id: int | None
    amount: Decimal | None
    currency: str
    status: str
    created_at: datetime | None
    modified_at: datetime | None
    is_test_mode: bool
    crm_key: str | None
    shares: tuple[tuple[int, Decimal], ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A gift or a refund that ought to be in the CRM. `id` is its delivery's, `amount` negative for a refund.

    `places` are the partners, or contacts, under which it stands; `number` is what the delivery says it became;
    `funds` are (fund, amount) as they were sent, else as they would be; `words` say how it stands with us;
    `may_have_moved` is said of one that may be there, under a partner into which staff merged its own.
    """

    id: str
    kind: str
    donation_id: str
    donor_id: int | None
    amount: Decimal | None
    moment: datetime | None
    standing: Standing
    number: str | None = None
    places: tuple[str, ...] = ()
    funds: tuple[tuple[str, Decimal], ...] = ()
    currency: str = ""
    words: str = ""
    heal: Heal = Heal.BY_HAND
    is_adopted: bool = False
    is_given_back: bool = False
    may_have_moved: bool = False

    def day(self, zone: ZoneInfo) -> date | None:
        """The day on which it counts."""
        return self.moment.astimezone(zone).date() if self.moment is not None else None


@dataclass(frozen=True, slots=True)
class Found:
    """A record in the CRM. `claim` is the delivery it belongs to, `is_ours` says that our recorder, or source, made it.

    `date` is as the CRM wrote it; `of_donation` is told only by the customer's own query.
    """

    number: str | None
    place: str
    amount: Decimal
    date: str
    is_ours: bool
    claim: str | None = None
    of_donation: str | None = None
    funds: tuple[tuple[str, Decimal], ...] | None = None


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A delivery that puts a difference right: of which entry, for which record, and whether its own is recorded."""

    of: str
    corrects: str
    is_delivered: bool


@dataclass(frozen=True, slots=True)
class Period:
    """Days of a time zone, both inclusive."""

    first: date
    last: date
    zone: ZoneInfo

    def holds(self, day: date | None) -> bool:
        """Whether a day is one of these."""
        return day is not None and self.first <= day <= self.last


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that a person, or a heal, has to put right. `money` is what it makes the sides differ by, unsigned.

    `expected` and `found` are the amounts of both sides, None where a side has none. `remedy` says what to do by hand.
    """

    id: str
    sort: Sort
    crm: str
    kind: str
    day: date | None
    donor_id: int | None
    donation_id: str | None
    numbers: tuple[str, ...]
    expected: Decimal | None
    found: Decimal | None
    money: Decimal
    currency: str
    words: str
    heal: Heal = Heal.BY_HAND
    remedy: str = ""
    delivery_id: str = ""
    place: str = ""
    state: str = "open"
    state_words: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it counts against us: what is held does not, nor what was healed or accepted."""
        return self.sort is not Sort.HELD and self.state in {"open", "healing"}


@dataclass(slots=True)
class Sum:
    """A count with its money."""

    count: int = 0
    money: Decimal = Decimal(0)

    def add(self, amount: Decimal) -> None:
        """One more."""
        self.count += 1
        self.money += amount


@dataclass(slots=True)
class DayLine:
    """A day, both sides. `held` is part of `expected`; `other` came by other channels, and is part of neither."""

    day: date
    expected: Sum = field(default_factory=Sum)
    found: Sum = field(default_factory=Sum)
    held: Sum = field(default_factory=Sum)
    other: Sum = field(default_factory=Sum)

    @property
    def difference(self) -> Decimal:
        """What is there beyond what ought to be, without what is held."""
        return self.found.money - (self.expected.money - self.held.money)


@dataclass(slots=True)
class FundLine:
    """A fund on a day, both sides."""

    day: date
    fund: str
    expected: Decimal = Decimal(0)
    found: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Side:
    """One CRM compared with RaiseDonors. `funds_are` says whether funds were read there, or are as we sent them."""

    crm: str
    days: tuple[DayLine, ...]
    funds: tuple[FundLine, ...]
    funds_are: str
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """A reconciliation. `coverage` says what was compared, `gaps` what was not, and why."""

    id: str
    first: date
    last: date
    time_zone: str
    made_at: datetime
    by: str
    currency: str
    coverage: tuple[str, ...]
    gaps: tuple[str, ...]
    sides: tuple[Side, ...]
    calls: Mapping[str, int]
    seconds: int

    @property
    def differences(self) -> tuple[Difference, ...]:
        """Those of all sides."""
        return tuple(one for side in self.sides for one in side.differences)

    @property
    def open(self) -> tuple[Difference, ...]:
        """Those that count."""
        return tuple(one for one in self.differences if one.is_open)

    @property
    def open_money(self) -> Decimal:
        """The sum of what is not explained."""
        return sum((one.money for one in self.open), Decimal(0))

    @property
    def is_clean(self) -> bool:
        """Whether nothing is open and nothing was left out."""
        return not self.open and not self.gaps


@dataclass(frozen=True, slots=True)
class ReportHead:
    """A report in one line, for a list of them."""

    id: str
    first: date
    last: date
    made_at: datetime
    by: str
    open: int
    held: int
    open_money: Decimal
    currency: str
    gaps: int
