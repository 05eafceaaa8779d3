"""A difference is healed once, whatever happens meanwhile, and nothing is done on a report that is out of date."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest

from giftbridge.clients.aegis import Aegis
from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.domain.deliveries import State
from giftbridge.domain.reconciliation import Difference, Report
from giftbridge.flows.reconciliation import Reconciliation
from giftbridge.flows.reconciliation_healing import Healing
from giftbridge.flows.reconciliation_plans import HealResult, plan_heal
from giftbridge.flows.reconciliation_reading import Sources
from ops.simulators.aegis_partners import seed_partner
from ops.simulators.aegis_store import Transaction
from ops.simulators.faults import FaultKind, FaultRule
from tests.workbench import Workbench, workbench

DAY = date(2026, 3, 2)


@pytest.fixture
def bench() -> Iterator[Workbench]:
    with workbench() as fresh:
        fresh.population.build(donors=3)
        yield fresh


def sources(bench: Workbench) -> Sources:
    return Sources(RaiseDonors(bench.wire("raisedonors")), Aegis(bench.wire("aegis"), bench.aegis.context))


def reconcile(bench: Workbench) -> Report:
    bench.clock.advance(1800)
    bench.tools.time_left.restart(600)
    reconciliation = Reconciliation(bench.tools, sources(bench), "test")
    run_id = reconciliation.begin(DAY, DAY, "test")
    assert reconciliation.advance(run_id).is_done
    report = reconciliation.kept.read(run_id)
    assert report is not None
    return report


def heal(bench: Workbench, report: Report) -> list[HealResult]:
    bench.tools.time_left.restart(600)
    read = sources(bench)
    healing = Healing(bench.tools, read.raisedonors, read.aegis, {"aegis": bench.tools.queue}, "somebody")
    return healing.heal(plan_heal(report))


def sent(bench: Workbench, kind: str = "one_time") -> Transaction:
    gift = bench.give(kind)
    bench.run(ticks=2)
    [transaction] = bench.transactions_of(gift)
    found: Transaction = transaction
    return found


def double(bench: Workbench, transaction: Transaction) -> Transaction:
    twin = copy.deepcopy(transaction)
    twin.invoice_number = bench.aegis.store.new_invoice_number()
    bench.aegis.store.add_transaction(twin)
    return twin


def remove(bench: Workbench, transaction: Transaction) -> None:
    del bench.aegis.store.transactions[transaction.invoice_number]
    bench.aegis.store.transactions_of[transaction.partner_id].remove(transaction)


def only(report: Report) -> Difference:
    [one] = report.differences
    return one


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        ("split", FaultKind.DROP_AFTER),
        ("premium", FaultKind.DROP_BEFORE),
        ("first_of_schedule", FaultKind.DROP_AFTER),
    ],
)
def test_a_double_is_reversed_once_though_the_answer_is_lost(bench: Workbench, fault: FaultKind, kind: str) -> None:
    original = sent(bench, kind)
    double(bench, original)
    report = reconcile(bench)
    bench.fault("aegis", FaultRule(fault, "createTransaction", count=1))
    assert [one.outcome for one in heal(bench, report)] == ["begun"]
    assert [one.outcome for one in heal(bench, report)] == ["left"]
    bench.run(ticks=4)

    gift = int(original.attribute("RaiseDonors.Donation.Id") or 0)
    [reversal] = [t for t in bench.transactions_of(gift) if t.total < 0]
    assert reversal.total == -original.total
    assert [(g.fund_id, g.amount) for g in reversal.lines] == [(g.fund_id, -g.amount) for g in original.lines]
    assert (reversal.happened, reversal.partner_id) == (original.happened, original.partner_id)
    assert not reversal.model["ProductOrders"]
    assert reversal.model["AppealCode"] == original.model["AppealCode"]
    assert not any(line.by_hazard for line in reversal.lines)
    assert reconcile(bench).differences == ()


def test_what_somebody_put_right_meanwhile_is_left_alone(bench: Workbench) -> None:
    twin = double(bench, sent(bench))
    report = reconcile(bench)
    remove(bench, twin)
    [left] = heal(bench, report)
    assert (left.outcome, "not in Aegis any more" in left.text) == ("left", True)
    assert reconcile(bench).differences == ()

    # And between the word and the sending, too.
    twin = double(bench, sent(bench))
    [begun] = heal(bench, reconcile(bench))
    remove(bench, twin)
    before = len(bench.aegis.store.transactions)
    bench.run(ticks=2)
    delivery = bench.tools.deliveries.get(begun.delivery_id)
    assert delivery is not None
    assert delivery.state is State.IGNORED
    assert len(bench.aegis.store.transactions) == before


def test_a_gift_that_is_gone_is_sent_anew_once_under_a_new_number(bench: Workbench) -> None:
    original = sent(bench)
    gift = int(original.attribute("RaiseDonors.Donation.Id") or 0)
    remove(bench, original)
    report = reconcile(bench)
    assert [one.outcome for one in heal(bench, report)] == ["begun"]
    assert [one.outcome for one in heal(bench, report)] == ["left"]
    bench.run(ticks=3)
    [anew] = bench.transactions_of(gift)
    delivery = bench.delivery(gift)
    assert delivery.result["former_invoice"] == str(original.invoice_number)
    assert delivery.result["invoice"] == str(anew.invoice_number)
    assert bench.raisedonors.store.gifts.entry(gift).latest.members["crmKey"] == str(anew.invoice_number)
    assert reconcile(bench).differences == ()

    # The old one comes back: it is claimed, so it is known whose double it is.
    bench.aegis.store.add_transaction(original)
    assert only(reconcile(bench)).id == f"aegis-doubled-{gift}-{original.invoice_number}"


def test_a_gift_that_is_there_again_is_not_sent(bench: Workbench) -> None:
    original = sent(bench)
    remove(bench, original)
    report = reconcile(bench)
    bench.aegis.store.add_transaction(original)
    [left] = heal(bench, report)
    assert (left.outcome, "shows it again" in left.text) == ("left", True)
    assert reconcile(bench).differences == ()


def test_a_gift_that_stands_under_another_number_is_linked_and_not_sent(bench: Workbench) -> None:
    original = sent(bench)
    gift = int(original.attribute("RaiseDonors.Donation.Id") or 0)
    double(bench, original)
    remove(bench, original)
    report = reconcile(bench)
    assert only(report).heal == "link"
    before = bench.calls().count("createTransaction")
    assert [one.outcome for one in heal(bench, report)] == ["begun"]
    bench.run(ticks=2)
    assert bench.calls().count("createTransaction") == before
    assert bench.delivery(gift).result["how"] == "linked by somebody"
    assert reconcile(bench).differences == ()


def test_a_refund_that_moved_with_a_merge_is_shown_and_linked_when_somebody_says_so(bench: Workbench) -> None:
    original, stranger = sent(bench), sent(bench)
    assert original.partner_id != stranger.partner_id
    gift = int(original.attribute("RaiseDonors.Donation.Id") or 0)
    bench.raisedonors.store.set_gift_status(gift, "Refunded", modified=bench.clock())
    bench.fault("aegis", FaultRule(FaultKind.DROP_AFTER, "createTransaction", nth=1))
    bench.pickup()
    bench.drain()
    bench.aegis.store.merge_partner(original.partner_id, stranger.partner_id)
    bench.run(ticks=10)
    report = reconcile(bench)
    [one] = report.differences
    [refund] = [found for found in bench.transactions_of(gift) if found.total < 0]
    assert (one.sort, one.heal, one.is_open) == ("held", "link", False)
    assert one.numbers == (str(refund.invoice_number),) and one.place == stranger.partner_id
    # Nobody said that it is it: healing all that is open leaves it alone.
    assert heal(bench, report) == []
    read = sources(bench)
    healing = Healing(bench.tools, read.raisedonors, read.aegis, {"aegis": bench.tools.queue}, "somebody")
    assert [done.outcome for done in healing.heal(plan_heal(report, [one.id]))] == ["begun"]
    linked = bench.tools.deliveries.get(one.delivery_id)
    assert linked is not None and linked.state is State.DELIVERED
    assert linked.result["invoice"] == str(refund.invoice_number)
    assert reconcile(bench).differences == ()


def test_a_part_of_the_amount_is_made_up_for_in_the_first_fund(bench: Workbench) -> None:
    original = sent(bench, "split")
    original.total -= Decimal("1.50")
    original.lines[0].amount -= Decimal("1.50")
    assert [one.outcome for one in heal(bench, reconcile(bench))] == ["begun"]
    bench.run(ticks=2)
    gift = int(original.attribute("RaiseDonors.Donation.Id") or 0)
    [_, adjusting] = bench.transactions_of(gift)
    assert [(line.fund_id, line.amount) for line in adjusting.lines] == [(original.lines[0].fund_id, Decimal("1.50"))]
    assert reconcile(bench).differences == ()

    # Once more: an adjustment has one id for one transaction, so the rest is left to a person.
    original.total -= Decimal("1.00")
    [left] = heal(bench, reconcile(bench))
    assert left.outcome == "left"


def test_a_gift_whose_partner_was_merged_away_is_not_called_missing(bench: Workbench) -> None:
    original = sent(bench)
    survivor = seed_partner(bench.aegis.store, {"FirstName": "Otto", "LastName": "Ander"})
    bench.aegis.store.merge_partner(original.partner_id, survivor)

    report = reconcile(bench)

    assert report.differences == ()
    assert [gap for gap in report.gaps if "were not looked for" in gap], report


def test_a_gift_that_is_gone_is_not_sent_anew_once_its_partner_was_merged_away(bench: Workbench) -> None:
    original = sent(bench)
    survivor = sent(bench).partner_id
    remove(bench, original)
    report = reconcile(bench)
    bench.aegis.store.add_transaction(original)
    bench.aegis.store.merge_partner(original.partner_id, survivor)

    [left] = heal(bench, report)

    assert (left.outcome, "inactive" in left.text) == ("left", True)
