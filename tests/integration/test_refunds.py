"""Refunds and voids: one negative transaction, after its original, whatever became of that (requirement B1)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from giftbridge.domain.deliveries import Delivery, State
from ops.simulators.faults import FaultKind, FaultRule
from ops.simulators.population_codes import UNKNOWN_FUND
from tests.workbench import Workbench


def refund(bench: Workbench, gift: int, status: str = "Refunded") -> None:
    bench.clock.advance(30)
    bench.raisedonors.store.set_gift_status(gift, status, modified=bench.clock())


def refund_of(bench: Workbench, gift: int) -> Delivery:
    found = bench.tools.deliveries.get(f"aegis/donation/{gift}/refunded")
    assert found is not None
    return found


def signs(bench: Workbench, gift: int) -> list[int]:
    return sorted(1 if t.total > 0 else -1 for t in bench.transactions_of(gift))


def money_by_fund(bench: Workbench) -> dict[str, Decimal]:
    funds: dict[str, Decimal] = {}
    for transaction in bench.aegis.store.transactions.values():
        for line in transaction.lines if transaction.via_api else ():
            funds[line.fund_id] = funds.get(line.fund_id, Decimal(0)) + line.amount
    return funds


@pytest.mark.parametrize("status", ["Refunded", "Voided"])
def test_a_refund_is_one_negative_transaction_with_the_originals_properties(bench: Workbench, status: str) -> None:
    gift = bench.give("split")
    bench.run()
    refund(bench, gift, status)
    shown = bench.clock()
    bench.run(ticks=3)

    original, negative = sorted(bench.transactions_of(gift), key=lambda t: -t.total)
    assert negative.total == -original.total
    assert [line.amount for line in negative.lines] == [-line.amount for line in original.lines]
    assert [line.fund_id for line in negative.lines] == [line.fund_id for line in original.lines]
    assert negative.partner_id == original.partner_id
    for member in ("AppealCode", "SourceCode", "RecordedBy", "Channel", "BatchType"):
        assert negative.model.get(member) == original.model.get(member)
    assert negative.happened == shown
    assert all(total == 0 for total in money_by_fund(bench).values())
    delivery = refund_of(bench, gift)
    assert delivery.state is State.DELIVERED
    assert delivery.result["invoice"] == str(negative.invoice_number)
    assert delivery.result["refund_of"] == str(original.invoice_number)


def test_a_refund_costs_one_call_to_aegis(bench: Workbench) -> None:
    gift = bench.give()
    bench.run()
    bench.aegis.log.clear()
    refund(bench, gift)
    bench.run()
    assert bench.calls() == ["createTransaction"]


def test_a_premium_is_not_shipped_again_unless_set(bench: Workbench) -> None:
    first = bench.give("premium")
    bench.run()
    refund(bench, first)
    bench.run()
    bench.settings(aegis={"refund_repeats_products": True})
    second = bench.give("premium")
    bench.run()
    refund(bench, second)
    bench.run()
    negatives = [next(t for t in bench.transactions_of(gift) if t.total < 0) for gift in (first, second)]
    assert [bool(t.model.get("ProductOrders")) for t in negatives] == [False, True]


def test_a_refund_waits_for_an_original_whose_answer_was_lost(bench: Workbench) -> None:
    gift = bench.give()
    bench.fault("aegis", FaultRule(FaultKind.DROP_AFTER, "createTransaction", count=1))
    bench.pickup()
    bench.drain()
    assert bench.delivery(gift).state is State.UNKNOWN
    refund(bench, gift)
    bench.pickup()
    bench.drain()
    waiting = refund_of(bench, gift)
    assert waiting.state is State.WAITING
    assert waiting.trouble is not None
    assert bench.delivery(gift).id in waiting.trouble.text
    bench.run(ticks=4)
    assert signs(bench, gift) == [-1, 1]


def test_a_donation_refunded_before_it_was_sent_sends_neither_and_says_so(bench: Workbench) -> None:
    bench.fault("aegis", FaultRule(FaultKind.STATUS_BEFORE, "*", status=503))
    gift = bench.give()
    bench.pickup()
    bench.drain()
    refund(bench, gift)
    bench.pickup()
    bench.aegis.faults.clear()
    bench.run(ticks=5)
    assert signs(bench, gift) == []
    for delivery in (bench.delivery(gift), refund_of(bench, gift)):
        assert delivery.state is State.IGNORED
        assert delivery.trouble is not None
        assert "sent" in delivery.trouble.text


def test_an_original_that_aegis_refused_and_its_refund_are_both_ignored(bench: Workbench) -> None:
    gift = bench.give("unknown_fund")
    bench.run()
    assert bench.delivery(gift).state is State.FAILED
    refund(bench, gift)
    bench.run(ticks=3)
    assert bench.delivery(gift).state is State.IGNORED
    assert bench.tools.deliveries.get(f"aegis/donation/{gift}/refunded").state is State.IGNORED  # type: ignore[union-attr]
    bench.aegis.store.add_code("Fund", UNKNOWN_FUND)
    bench.run(ticks=3)
    assert signs(bench, gift) == []


def test_a_donation_refunded_when_first_seen_sends_neither(bench: Workbench) -> None:
    gift = bench.give()
    refund(bench, gift)
    bench.run(ticks=2)
    assert signs(bench, gift) == []
    trouble = bench.delivery(gift).trouble
    assert trouble is not None
    assert "refunded" in trouble.text


def test_the_refund_of_an_adopted_donation_is_sent(bench: Workbench) -> None:
    gift = bench.give("adopted")
    bench.run()
    assert bench.delivery(gift).state is State.DELIVERED
    refund(bench, gift)
    bench.run(ticks=2)
    assert signs(bench, gift) == [-1], refund_of(bench, gift)


def test_of_two_equal_gifts_of_one_day_only_the_refunded_one_is_reversed(bench: Workbench) -> None:
    first, second = bench.population.make_twins(bench.clock())
    bench.run()
    refund(bench, second.gift_id)
    bench.run(ticks=2)
    assert signs(bench, first.gift_id) == [1]
    assert signs(bench, second.gift_id) == [-1, 1]


def test_twins_refunded_together_with_lost_answers_end_with_one_reversal_each(bench: Workbench) -> None:
    first, second = (made.gift_id for made in bench.population.make_twins(bench.clock()))
    bench.run()
    bench.clock.advance(30)
    bench.raisedonors.store.set_gift_status(first, "Refunded", modified=bench.clock())
    bench.clock.advance(10)
    bench.raisedonors.store.set_gift_status(second, "Refunded", modified=bench.clock())
    bench.fault("aegis", FaultRule(FaultKind.DROP_AFTER, "createTransaction", count=1))
    bench.run(ticks=6)
    assert signs(bench, first) == [-1, 1], refund_of(bench, first)
    assert signs(bench, second) == [-1, 1], refund_of(bench, second)


def test_a_refund_applies_to_the_originals_pledge_only_while_that_is_active(bench: Workbench) -> None:
    donor = bench.population.make_donor("new_person")
    first = bench.give("first_of_schedule", donor=donor)
    bench.run()
    second = bench.give("later_of_schedule", donor=donor)
    bench.run()
    refund(bench, first)
    bench.run(ticks=2)
    [pledge] = bench.aegis.store.pledges.values()
    bench.aegis.store.set_pledge_active(pledge.pledge_id, False)
    refund(bench, second)
    bench.run(ticks=2)
    negatives = [next(t for t in bench.transactions_of(gift) if t.total < 0) for gift in (first, second)]
    applied: list[list[Any]] = [[line.applied_to_pledge for line in t.lines] for t in negatives]
    assert applied == [[pledge.pledge_id], [None]]


def test_a_refund_goes_to_the_funds_of_the_original_though_the_project_has_another_code_now(bench: Workbench) -> None:
    gift = bench.give("split")
    bench.run()
    project = bench.raisedonors.store.gifts.entry(gift).latest.members["projects"][0]["projectId"]
    other = next(
        entry.latest.members["code"]
        for entry in bench.raisedonors.store.projects.all_entries()
        if entry.record_id != project and entry.latest.members.get("code")
    )
    bench.raisedonors.store.edit("project", project, {"code": other})
    bench.clock.advance(120)
    refund(bench, gift)
    bench.run(ticks=2)
    assert all(total == 0 for total in money_by_fund(bench).values())


def test_a_refund_that_is_taken_back_before_it_was_sent_is_ignored_and_sent_when_it_comes_again(
    bench: Workbench,
) -> None:
    gift = bench.give()
    bench.run()
    bench.fault("aegis", FaultRule(FaultKind.STATUS_BEFORE, "*", status=503))
    refund(bench, gift)
    bench.pickup()
    bench.drain()
    refund(bench, gift, "Approved")
    bench.aegis.faults.clear()
    bench.run(ticks=4)
    assert signs(bench, gift) == [1]
    assert refund_of(bench, gift).state is State.IGNORED
    refund(bench, gift)
    bench.run(ticks=2)
    assert signs(bench, gift) == [-1, 1]


def test_an_adopted_donation_refunded_when_first_seen_is_reversed_unless_others_may_have_done_it(
    bench: Workbench,
) -> None:
    known = bench.population.make_donor("new_person")
    given = bench.give(donor=known)
    bench.run()
    [recorded] = bench.transactions_of(given)
    plain, unclear = bench.give("adopted", donor=known), bench.give("adopted", donor=known)
    amount = bench.raisedonors.store.gifts.entry(unclear).latest.members["amount"]
    for gift in (plain, unclear):
        refund(bench, gift)
    by_staff = bench.aegis.store.new_invoice_number()
    bench.aegis.store.add_transaction(
        replace(recorded, invoice_number=by_staff, total=-amount, happened=bench.clock(), via_api=False)
    )
    bench.run(ticks=2)
    assert signs(bench, plain) == [-1]
    failed = refund_of(bench, unclear)
    assert failed.state is State.FAILED
    assert failed.trouble is not None
    assert (failed.trouble.cause, failed.trouble.candidates) == ("refund-may-be-there", (str(by_staff),))
