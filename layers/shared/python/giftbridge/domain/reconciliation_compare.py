"""From both sides to the differences, each named once, with its words and how it can be healed (requirement H1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from giftbridge.domain.giving_history import invoice_form
from giftbridge.domain.reconciliation import (
    AS_SENT,
    DONATION,
    EXACT,
    REFUND,
    Adjustment,
    Difference,
    Entry,
    Found,
    Heal,
    Period,
    Side,
    Sort,
    Standing,
)
from giftbridge.domain.reconciliation_days import day_found, day_lines, fund_lines, fund_sums, key_of
from giftbridge.domain.reconciliation_pairs import Pair, Pairing, pair_up

_ACCEPT = "then accept the difference with a reason"
# What can be said of each CRM where nothing can be healed through its API.
_TITLES = {"aegis": "Aegis", "virtuous": "Virtuous"}


@dataclass(frozen=True, slots=True)
class Compared:
    """A side, with the entries that were delivered and not found, so that they can be looked for elsewhere.

    `unjudged` are entries of the period that could not be looked for.
    """

    side: Side
    gone: tuple[Entry, ...]
    unjudged: tuple[Entry, ...]


def compare(
    crm: str,
    period: Period,
    entries: Sequence[Entry],
    found: Sequence[Found],
    adjustments: Mapping[str, Adjustment],
    *,
    exact_funds: bool,
    is_unread: Callable[[Entry], bool] = lambda _: False,
) -> Compared:
    """Compare one CRM with what is expected in it. Entries around the period serve to place records, no more.

    `is_unread` says of an entry that was not found that the records beside which it would stand could not be read.
    """
    pairing = pair_up(entries, found, adjustments, period.zone)
    unread = {name for name, pair in pairing.pairs.items() if pair.base is None and is_unread(pair.entry)}
    judged = [entry for entry in entries if entry.id not in unread]
    belongs = pairing.belongs()
    comparing = _Comparing(crm, period, exact_funds)
    for name, pair in pairing.pairs.items():
        if name not in unread:
            comparing.judge(pair)
    for record in pairing.unexplained:
        comparing.unexplained(record)
    bases = {name: pair.base for name, pair in pairing.pairs.items() if pair.base is not None}
    side = Side(
        crm,
        day_lines(period, judged, belongs, found),
        fund_lines(period, judged, belongs, found, bases, exact=exact_funds),
        EXACT if exact_funds else AS_SENT,
        tuple(sorted(comparing.differences, key=lambda one: (one.day or date.min, one.sort, one.id))),
    )
    unjudged = tuple(e for e in entries if e.id in unread and period.holds(e.day(period.zone)))
    return Compared(side, _gone(pairing, period), unjudged)


def _gone(pairing: Pairing, period: Period) -> tuple[Entry, ...]:
    return tuple(
        pair.entry
        for pair in pairing.pairs.values()
        if pair.base is None and pair.entry.standing is Standing.DELIVERED and period.holds(pair.entry.day(period.zone))
    )


class _Comparing:
    """Collects the differences of one side."""

    def __init__(self, crm: str, period: Period, exact_funds: bool) -> None:
        self.crm = crm
        self.title = _TITLES.get(crm, crm)
        self.period = period
        self.exact_funds = exact_funds
        self.differences: list[Difference] = []

    def judge(self, pair: Pair) -> None:
        """All that is wrong with one entry."""
        entry, day = pair.entry, pair.entry.day(self.period.zone)
        in_period = self.period.holds(day)
        for record in pair.surplus:
            there, agrees = day_found(record.date, entry.moment, self.period.zone)
            if in_period or self.period.holds(day if agrees else there):
                self._doubled(pair, record)
        if entry.standing is Standing.KNOWN:
            return
        if pair.base is not None:
            self._present(pair, in_period=in_period)
        elif in_period:
            self._absent(pair)

    def _absent(self, pair: Pair) -> None:
        entry = pair.entry
        if entry.standing is Standing.HELD:
            self._held(pair)
            return
        money = abs(entry.amount or Decimal(0))
        if pair.fitting is not None:
            number = pair.fitting.number
            words = f"{entry.words}; {number} has its amount and day, and belongs to nobody"
            heal = Heal.LINK if number is not None and self.crm == "aegis" else Heal.BY_HAND
            remedy = f"look at {number} in {self.title}: link it if it is this one"
            self._add(Sort.MISSING, entry, _numbers(number), pair.fitting, money, words, heal, remedy)
            return
        heal, remedy = entry.heal, f"see the delivery, {_ACCEPT} if it is not to be there"
        if entry.standing is Standing.DELIVERED:
            heal = Heal.SEND_ANEW if self.crm == "aegis" and not self._is_not_sent(entry) else Heal.BY_HAND
            if heal is Heal.BY_HAND:
                remedy = f"find it in {self.title}, or record it there by hand, {_ACCEPT}"
        words = entry.words
        if entry.standing is Standing.DELIVERED:
            words = f"was recorded as {entry.number or 'delivered'}, and is not in {self.title} any more"
        self._add(Sort.MISSING, entry, _numbers(entry.number), None, money, words, heal, remedy)

    def _held(self, pair: Pair) -> None:
        """What is on its way, or waits for a person: who may link it, where its partner was merged, to what fits."""
        entry, fitting = pair.entry, pair.fitting
        if fitting is None or fitting.number is None or not entry.may_have_moved:
            self._add(Sort.HELD, entry, (), fitting, Decimal(0), entry.words)
            return
        words = f"{entry.words}; {fitting.number} has its amount and day, under partner {fitting.place}"
        remedy = f"look at {fitting.number} in {self.title}: link it if it is this one"
        self._add(Sort.HELD, entry, _numbers(fitting.number), fitting, Decimal(0), words, Heal.LINK, remedy)

    @staticmethod
    def _is_not_sent(entry: Entry) -> bool:
        """A gift that was given back since is never sent any more, one that others recorded never was."""
        return entry.is_adopted or (entry.kind == DONATION and entry.is_given_back)

    def _present(self, pair: Pair, *, in_period: bool) -> None:
        entry, base = pair.entry, pair.base
        if base is None:
            return
        there, agrees = day_found(base.date, entry.moment, self.period.zone)
        if not in_period and (agrees or not self.period.holds(there)):
            return
        if entry.amount is not None and pair.net != entry.amount:
            self._different(pair, base)
        if not agrees:
            words = f"is of {entry.day(self.period.zone)}, and of {there} in {self.title}"
            remedy = f"change the date of {base.number} in {self.title} to {entry.day(self.period.zone)}"
            money = abs(entry.amount or Decimal(0))
            self._add(Sort.WRONG_DAY, entry, _numbers(base.number), base, money, words, Heal.BY_HAND, remedy)
        if self.exact_funds and base.funds is not None:
            self._funds(pair, base)

    def _different(self, pair: Pair, base: Found) -> None:
        entry = pair.entry
        words = f"{_money(entry.amount)} on RaiseDonors, {_money(pair.net)} in {self.title}"
        heal = Heal.ADJUST if self.crm == "aegis" and base.number is not None else Heal.BY_HAND
        remedy = f"change the amount of {base.number} in {self.title} to {_money(entry.amount)}"
        money = abs(pair.net - (entry.amount or Decimal(0)))
        self._add(Sort.DIFFERENT, entry, _numbers(base.number), base, money, words, heal, remedy, pair.net)

    def _funds(self, pair: Pair, base: Found) -> None:
        expected = fund_sums(pair.entry.funds)
        records = [base, *pair.adjusting]
        if not expected or any(record.funds is None for record in records):
            return
        there = fund_sums(part for record in records for part in record.funds or ())
        if there == expected or (pair.net != pair.entry.amount and there.keys() == expected.keys()):
            return
        words = f"was sent to {_said(expected)}, and is in {_said(there)}"
        remedy = f"move {base.number} in {self.title} to {_said(expected)}"
        wrong = sum((abs(there.get(f, Decimal(0)) - a) for f, a in expected.items()), Decimal(0))
        self._add(Sort.WRONG_FUND, pair.entry, _numbers(base.number), base, wrong, words, Heal.BY_HAND, remedy)

    def _doubled(self, pair: Pair, record: Found) -> None:
        own = pair.base or pair.fitting
        words = f"stands in {self.title} as {own.number if own else '?'} and once more as {record.number or '?'}"
        heal = Heal.ADJUST if self.crm == "aegis" and record.number is not None else Heal.BY_HAND
        remedy = f"delete {record.number or 'one of them'} in {self.title}"
        entry, money = pair.entry, abs(record.amount)
        self._add(Sort.DOUBLED, entry, _numbers(record.number), record, money, words, heal, remedy)

    def unexplained(self, record: Found) -> None:
        """A record of ours that belongs to nobody."""
        day, _ = day_found(record.date, None, self.period.zone)
        if not self.period.holds(day):
            return
        kind = REFUND if record.amount < 0 else DONATION
        self.differences.append(
            Difference(
                id=f"{self.crm}-{Sort.UNEXPLAINED}-{key_of(record)}",
                sort=Sort.UNEXPLAINED,
                crm=self.crm,
                kind=kind,
                day=day,
                donor_id=None,
                donation_id=record.of_donation,
                numbers=_numbers(record.number),
                expected=None,
                found=record.amount,
                money=abs(record.amount),
                currency="",
                words=f"bears our name in {self.title}, and fits no gift",
                remedy=f"find out in {self.title} who recorded {record.number or 'it'}; delete it, or {_ACCEPT[5:]}",
                place=record.place,
            )
        )

    def _add(
        self,
        sort: Sort,
        entry: Entry,
        numbers: tuple[str, ...],
        record: Found | None,
        money: Decimal,
        words: str,
        heal: Heal = Heal.BY_HAND,
        remedy: str = "",
        found: Decimal | None = None,
    ) -> None:
        mark = "r" if entry.kind == REFUND else ""
        about = f"-{numbers[0]}" if numbers and sort is not Sort.MISSING else ""
        self.differences.append(
            Difference(
                id=f"{self.crm}-{sort}-{entry.donation_id}{mark}{about}",
                sort=sort,
                crm=self.crm,
                kind=entry.kind,
                day=entry.day(self.period.zone),
                donor_id=entry.donor_id,
                donation_id=entry.donation_id,
                numbers=numbers,
                expected=entry.amount,
                found=found if found is not None else record.amount if record is not None else None,
                money=money,
                currency=entry.currency,
                words=words,
                heal=heal,
                remedy=remedy,
                delivery_id=entry.id,
                place=record.place if record is not None else next(iter(entry.places), ""),
            )
        )


def _numbers(number: str | None) -> tuple[str, ...]:
    return () if number is None else (invoice_form(number) or number,)


def _money(amount: Decimal | None) -> str:
    return "nothing" if amount is None else f"{amount:.2f}"


def _said(funds: Mapping[str, Decimal]) -> str:
    return ", ".join(f"{fund} {amount:.2f}" for fund, amount in sorted(funds.items())) or "nothing"
