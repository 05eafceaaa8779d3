"""Differences healed by an adjustment, in the matrix (requirement H1)."""

from __future__ import annotations

import copy
import random
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from zoneinfo import ZoneInfo

from giftbridge.domain.delivery_ids import donation_adjusted_id, donation_created_id
from giftbridge.flows.reconciliation_plans import plan_heal
from ops.simulators.aegis_store import Transaction
from tests.matrix.cells import Scenario
from tests.matrix.interception import Interceptor
from tests.matrix.judgement import DELIVERED, Goal, Judge
from tests.reconciliation.staging import Stage
from tests.workbench import Workbench


def _adjustment(name: str, kind: str, spoil: Callable[[Workbench, Transaction], int]) -> Scenario:
    """A gift's transaction was spoilt, a person asked for the adjustment, and the worker takes it up.

    `spoil` says which transaction is wrong then.
    """

    def prepare(bench: Workbench) -> Goal:
        gift = bench.give(kind, donor=bench.population.make_donor("new_person"))
        bench.run(ticks=2)
        [transaction] = bench.transactions_of(gift)
        original = copy.deepcopy(transaction)
        wrong = spoil(bench, transaction)
        _begin_to_heal(bench)
        return _put_right(gift, original, wrong)

    return Scenario(name, prepare, lambda *_: None)


def _doubled(bench: Workbench, transaction: Transaction) -> int:
    twin = copy.deepcopy(transaction)
    twin.invoice_number = bench.aegis.store.new_invoice_number()
    bench.aegis.store.add_transaction(twin)
    return twin.invoice_number


def _too_little(_: Workbench, transaction: Transaction) -> int:
    transaction.total -= 5
    transaction.lines[0].amount -= 5
    return transaction.invoice_number


def _begin_to_heal(bench: Workbench) -> None:
    today = bench.clock().date()
    stage = Stage(bench, random.Random(1), ZoneInfo("UTC"), False, today, today)
    plan = plan_heal(stage.reconcile())
    assert [result.outcome for result in stage.healing().heal(plan)] == ["begun"], plan


def _put_right(gift: int, original: Transaction, corrected: int) -> Goal:
    names = (donation_created_id(gift), donation_adjusted_id(gift, str(corrected)))
    return Goal(ends=dict.fromkeys(names, DELIVERED), judges=[_is_right(gift, original, names[1])])


def _is_right(gift: int, original: Transaction, name: str) -> Judge:
    """One adjustment, of its own number, after which each fund has what it was given."""

    def judge(bench: Workbench, _: Interceptor) -> list[str]:
        found = bench.transactions_of(gift)
        problems = [] if len({t.partner_id for t in found}) == 1 else ["not all are of one partner"]
        if _net(*found) != _net(original):
            problems.append(f"the funds have {_net(*found)} instead of {_net(original)}")
        delivery = bench.tools.deliveries.get(name)
        number = delivery.result.get("invoice") if delivery is not None else None
        made = [t for t in found if str(t.invoice_number) == number]
        claimant = bench.tools.keys.claimed_by([f"aegis-invoice#{number}"], "aegis").get(f"aegis-invoice#{number}")
        if len(made) != 1 or claimant != name:
            problems.append(f"{len(made)} adjustments have the number {number}, claimed for {claimant}")
        return problems

    return judge


def _net(*transactions: Transaction) -> dict[str, Decimal]:
    net: defaultdict[str, Decimal] = defaultdict(Decimal)
    for transaction in transactions:
        for line in transaction.lines:
            net[line.fund_id] += line.amount
    return dict(net)


ADJUSTMENTS = (
    _adjustment("19 adjustment of a doubled gift", "split", _doubled),
    _adjustment("20 adjustment of a wrong amount", "one_time", _too_little),
)
