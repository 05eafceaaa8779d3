"""A few days of giving, drawn by a seed, delivered by the real flows, with differences planted into Aegis by hand."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from giftbridge.clients.aegis import Aegis
from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.domain.deliveries import State
from giftbridge.domain.reconciliation import Report
from giftbridge.flows.reconciliation import Reconciliation
from giftbridge.flows.reconciliation_healing import Healing
from giftbridge.flows.reconciliation_plans import HealResult, plan_heal
from giftbridge.flows.reconciliation_reading import Sources
from giftbridge.flows.reconciliation_states import with_states
from ops.simulators.aegis_model import MOUNTAIN
from ops.simulators.aegis_store import HistoryDates, Transaction
from ops.simulators.aegis_transactions import seed_transaction
from ops.simulators.population_codes import UNKNOWN_FUND
from tests.workbench import Workbench

ZONES = ("UTC", "America/Chicago", "Europe/Berlin", "Pacific/Auckland", "Asia/Kolkata")
DAYS = 3
CENT = Decimal("0.01")
QUERY = "GIFTS"


@dataclass
class Stage:
    """What a seed drew. `expected` are the ids of the differences that ought to be found, with what they make signed.

    `resolvable` are those that are to be gone once they were healed.
    """

    bench: Workbench
    chance: random.Random
    zone: ZoneInfo
    has_query: bool
    first: date
    last: date
    expected: dict[str, Decimal] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)
    by_hand: set[str] = field(default_factory=set)
    used: set[int] = field(default_factory=set)

    def sources(self) -> Sources:
        """The real clients."""
        aegis = Aegis(self.bench.wire("aegis"), self.bench.aegis.context)
        return Sources(RaiseDonors(self.bench.wire("raisedonors")), aegis)

    def reconcile(self) -> Report:
        """A whole run, turn by turn."""
        bench = self.bench
        bench.clock.advance(3600)
        bench.tools.time_left.restart(600)
        reconciliation = Reconciliation(bench.tools, self.sources(), "test")
        run_id = reconciliation.begin(self.first, self.last, "test")
        progress = reconciliation.advance(run_id)
        assert progress.is_done, progress
        found = reconciliation.kept.read(run_id)
        assert found is not None
        return found

    def heal(self, report: Report) -> list[HealResult]:
        """All that can be healed, and the rest accepted."""
        bench = self.bench
        bench.tools.time_left.restart(600)
        healing = self.healing()
        results = healing.heal(plan_heal(report))
        left = {result.id for result in results if result.outcome == "left"}
        for one in report.differences:
            if one.id in left:
                healing.accept(one, report.id, "looked at by hand")
        return results

    def healing(self) -> Healing:
        """The operator's hands."""
        sources, tools = self.sources(), self.bench.tools
        return Healing(tools, sources.raisedonors, sources.aegis, {"aegis": tools.queue}, "test")

    def now(self, report: Report) -> Report:
        """A report with what became of its differences."""
        return with_states(self.bench.tools, Reconciliation(self.bench.tools, self.sources(), "").kept, report)

    def sent(self, *, sign: int = 1) -> Iterator[tuple[int, Transaction]]:
        """Donations of the period with their transactions, in drawn order, each once."""
        store = self.bench.aegis.store
        listed = [t for t in store.transactions.values() if t.via_api and t.total * sign > 0]
        self.chance.shuffle(listed)
        for transaction in listed:
            donation = int(transaction.attribute("RaiseDonors.Donation.Id") or 0)
            if donation and donation not in self.used and self._is_plain(donation, sign):
                self.used.add(donation)
                yield donation, transaction

    def _is_plain(self, donation: int, sign: int) -> bool:
        suffix = "refunded" if sign < 0 else "created"
        delivery = self.bench.tools.deliveries.get(f"aegis/donation/{donation}/{suffix}")
        twin = self.bench.tools.deliveries.get(f"aegis/donation/{donation}/refunded")
        return delivery is not None and delivery.state is State.DELIVERED and (sign < 0 or twin is None)


def stage(bench: Workbench, seed: int) -> Stage:
    """Some days of giving, delivered."""
    chance = random.Random(seed)
    zone, has_query = ZoneInfo(ZONES[seed % len(ZONES)]), chance.random() < 0.4
    bench.aegis.store.settings.history_dates = list(HistoryDates)[seed // len(ZONES) % len(HistoryDates)]
    last = bench.clock().astimezone(zone).date()
    drawn = Stage(bench, chance, zone, has_query, last - timedelta(days=DAYS - 1), last)
    if has_query:
        bench.aegis.store.queries.add(QUERY)
    bench.settings(
        time_zone=zone.key,
        aegis={"reconciliation_query_id": QUERY if has_query else None},
        raisedonors={"start_from": "2026-01-01T00:00:00Z"},
    )
    bench.population.build(donors=6)
    kinds = ("one_time", "split", "premium", "first_of_schedule", "ach", "in_honour")
    for _ in range(chance.randint(14, 18)):
        bench.population.make_gift(chance.choice(kinds), _moment(drawn))
    # The donor gave twice alike: that is no difference.
    bench.population.make_twins(_moment(drawn))
    bench.population.make_gift("test_mode", _moment(drawn))
    bench.run(ticks=2)
    _refund_some(drawn)
    bench.run(ticks=2)
    _adopt(drawn)
    bench.run(ticks=2)
    return drawn


def _moment(drawn: Stage) -> datetime:
    """Any moment of the period up to now; often one beside a midnight of the zone."""
    now = drawn.bench.clock()
    start = datetime(drawn.first.year, drawn.first.month, drawn.first.day, tzinfo=drawn.zone)
    if drawn.chance.random() < 0.4:
        midnight = start + timedelta(days=drawn.chance.randint(1, DAYS - 1))
        return min(now, midnight + timedelta(seconds=drawn.chance.randint(-1200, 1200)))
    return start + timedelta(seconds=drawn.chance.randint(0, int((now - start).total_seconds())))


def _refund_some(drawn: Stage) -> None:
    for donation, _ in [next(drawn.sent()) for _ in range(3)]:
        drawn.bench.raisedonors.store.set_gift_status(donation, "Refunded", modified=drawn.bench.clock())
        drawn.used.discard(donation)


def _adopt(drawn: Stage) -> None:
    """A gift that somebody else brought to Aegis, under its number."""
    bench = drawn.bench
    donation, transaction = next(drawn.sent())
    donor = next(d for d in bench.population.donors if d.donor_id == bench.delivery(donation).donor_id)
    moment = _moment(drawn)
    made = bench.population.make_gift("adopted", moment, donor=donor)
    members = bench.raisedonors.store.gifts.entry(made.gift_id).latest.members
    codes = {number: code for code, number in bench.population.project_ids.items()}
    fund = str(codes[members["projects"][0]["projectId"]])
    number = _seeded(drawn, transaction.partner_id, Decimal(str(members["amount"])), moment, "Staff", fund)
    bench.raisedonors.store.edit("gift", made.gift_id, {"crmKey": str(number)}, modified=bench.clock())
    drawn.used |= {made.gift_id}


def _seeded(drawn: Stage, partner: str, amount: Decimal, moment: datetime, recorder: str, fund: str = "GEN") -> int:
    members = {
        "PartnerID": partner,
        "TransactionDate": moment.isoformat(),
        "AppealCode": "EOY24",
        "RecordedBy": recorder,
        "Gifts": [{"Amount": amount, "FundID": fund}],
    }
    return seed_transaction(drawn.bench.aegis.store, members)


# --- what is planted ----------------------------------------------------------------------------------------


def _cent(drawn: Stage) -> None:
    donation, transaction = next(drawn.sent())
    sign = drawn.chance.choice((1, -1))
    _change(transaction, sign * CENT)
    drawn.expected[f"aegis-different-{donation}-{transaction.invoice_number}"] = sign * CENT


def _change(transaction: Transaction, by: Decimal) -> None:
    transaction.total += by
    transaction.lines[0].amount += by
    transaction.model["TotalTransactionAmount"] = transaction.total
    transaction.model["Gifts"][0]["Amount"] = transaction.lines[0].amount


def _fund(drawn: Stage) -> None:
    donation, transaction = next(drawn.sent())
    taken = {line.fund_id for line in transaction.lines}
    other = next(code for code in drawn.bench.aegis.store.codes["Fund"] if code not in taken)
    transaction.lines[0].fund_id = other
    transaction.model["Gifts"][0]["FundID"] = other
    if drawn.has_query:
        name = f"aegis-wrong-fund-{donation}-{transaction.invoice_number}"
        drawn.expected[name] = Decimal(0)
        drawn.by_hand.add(name)


def _doubled(drawn: Stage, sign: int = 1) -> None:
    donation, transaction = next(
        one for one in drawn.sent(sign=sign) if drawn.has_query or not _has_like(drawn, one[1])
    )
    twin = copy.deepcopy(transaction)
    twin.invoice_number = drawn.bench.aegis.store.new_invoice_number()
    twin.recorded += timedelta(seconds=30)
    drawn.bench.aegis.store.add_transaction(twin)
    drawn.expected[f"aegis-doubled-{donation}{'r' if sign < 0 else ''}-{twin.invoice_number}"] = twin.total


def _has_like(drawn: Stage, transaction: Transaction) -> bool:
    """Whether the partner gave the same more than once: then nobody can say which of them stands there twice."""
    others = drawn.bench.aegis.store.transactions_of[transaction.partner_id]
    return sum(1 for one in others if one.total == transaction.total) > 1


def _deleted(drawn: Stage, sign: int = 1) -> None:
    donation, transaction = next(drawn.sent(sign=sign))
    store = drawn.bench.aegis.store
    del store.transactions[transaction.invoice_number]
    store.transactions_of[transaction.partner_id].remove(transaction)
    drawn.expected[f"aegis-missing-{donation}{'r' if sign < 0 else ''}"] = -transaction.total


def _moved(drawn: Stage) -> None:
    """Just over a midnight of the zone, where Aegis tells times; some days on where it tells days."""
    donation, transaction = next(drawn.sent())
    local = transaction.happened.astimezone(drawn.zone)
    if drawn.bench.aegis.store.settings.history_dates is HistoryDates.DAY:
        moved = local + timedelta(days=drawn.chance.choice((-6, -3, 3)))
    else:
        midnight = datetime(local.year, local.month, local.day, tzinfo=drawn.zone)
        over = timedelta(minutes=drawn.chance.randint(3, 50), seconds=drawn.chance.randint(1, 59))
        moved = midnight - over if drawn.chance.random() < 0.5 else midnight + timedelta(days=1) + over
    transaction.happened = moved
    transaction.model["TransactionDate"] = moved.astimezone(MOUNTAIN).isoformat(timespec="seconds")
    name = f"aegis-wrong-day-{donation}-{transaction.invoice_number}"
    inside = drawn.first <= moved.date() <= drawn.last
    drawn.expected[name] = Decimal(0) if inside else -transaction.total
    drawn.by_hand.add(name)


def _stray(drawn: Stage) -> None:
    """A transaction under our name that fits no gift."""
    _, transaction = next(drawn.sent())
    amount = drawn.chance.choice((Decimal("7777.77"), Decimal("-3333.33")))
    moment = datetime.combine(drawn.first, datetime.min.time(), drawn.zone) + timedelta(days=1, hours=12)
    number = _seeded(drawn, transaction.partner_id, amount, moment, "raisedonors")
    name = f"aegis-unexplained-{number}"
    drawn.expected[name] = amount
    drawn.by_hand.add(name)


def _foreign(drawn: Stage) -> None:
    """The same amount on the same day, by somebody else: no difference."""
    _, transaction = next(drawn.sent())
    _seeded(drawn, transaction.partner_id, transaction.total, transaction.happened, "Staff")


def _failed(drawn: Stage) -> None:
    bench = drawn.bench
    gift = bench.population.make_gift("unknown_fund", bench.clock()).gift_id
    bench.run(ticks=2)
    amount = Decimal(str(bench.raisedonors.store.gifts.entry(gift).latest.members["amount"]))
    drawn.used.add(gift)
    drawn.expected[f"aegis-missing-{gift}"] = -amount


def _never_seen(drawn: Stage) -> None:
    gift = drawn.bench.give("one_time")
    amount = Decimal(str(drawn.bench.raisedonors.store.gifts.entry(gift).latest.members["amount"]))
    drawn.used.add(gift)
    drawn.expected[f"aegis-missing-{gift}"] = -amount


def _held(drawn: Stage) -> None:
    """An answer that was lost, with or without its transaction."""
    bench = drawn.bench
    gift = bench.give("one_time")
    bench.aegis.faults.drop("createTransaction", after_commit=drawn.chance.random() < 0.5, count=1)
    bench.pickup()
    bench.drain()
    delivery = bench.delivery(gift)
    drawn.used.add(gift)
    if delivery.state is State.UNKNOWN:
        drawn.held.add(f"aegis-held-{gift}")


# In this order: what runs the flows comes first, what the pickup must not see comes last.
PLANTS: dict[str, Callable[[Stage], Any]] = {
    "failed": _failed,
    "held": _held,
    "cent": _cent,
    "fund": _fund,
    "doubled": _doubled,
    "refund-doubled": lambda drawn: _doubled(drawn, -1),
    "deleted": _deleted,
    "refund-deleted": lambda drawn: _deleted(drawn, -1),
    "moved": _moved,
    "stray": _stray,
    "foreign": _foreign,
    "never-seen": _never_seen,
}


def plant_some(drawn: Stage) -> list[str]:
    """Some of them, drawn; what was planted."""
    names = list(PLANTS)
    chosen = drawn.chance.sample(names, drawn.chance.randint(3, 6))
    for name in sorted(chosen, key=names.index):
        PLANTS[name](drawn)
    return chosen


def put_right(drawn: Stage) -> None:
    """What a person does about a cause before healing."""
    drawn.bench.aegis.store.add_code("Fund", UNKNOWN_FUND)
    drawn.bench.clock.advance(60)
