"""Others record what we were about to send: a key seen right before sending is adopted, as one seen first (A12)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from giftbridge.domain.deliveries import State
from ops.simulators.faults import FaultKind, FaultRule
from tests.workbench import Workbench


def give_while_aegis_is_away(bench: Workbench, **more: Any) -> int:
    """A gift that was picked up and waits."""
    bench.run(ticks=2)
    bench.aegis.faults.begin_outage("status")
    gift = bench.give(**more)
    bench.pickup()
    bench.drain()
    return gift


def come_back(bench: Workbench, ticks: int = 30) -> None:
    """Aegis is back."""
    bench.clock.advance(300)
    bench.aegis.faults.end_outage()
    bench.run(ticks=ticks)


def stored_key(bench: Workbench, gift: int) -> object:
    return bench.raisedonors.store.gifts.entry(gift).latest.members.get("crmKey")


def test_a_gift_that_others_recorded_while_it_waited_is_adopted_and_never_sent(bench: Workbench) -> None:
    gift = give_while_aegis_is_away(bench)
    bench.raisedonors.store.edit("gift", gift, {"crmKey": "777777"})

    come_back(bench)

    found = bench.delivery(gift)
    assert (found.state, found.result["invoice"], found.attempt) == (State.DELIVERED, "777777", None)
    assert "adopted" in found.result["how"]
    assert bench.transactions_of(gift) == []
    assert stored_key(bench, gift) == "777777"
    assert bench.tools.keys.claimed_by(["aegis-invoice#777777"], "aegis") == {"aegis-invoice#777777": found.id}


def test_a_gift_that_others_recorded_while_our_answer_was_lost_is_adopted_once_the_probe_found_nothing(
    bench: Workbench,
) -> None:
    bench.run(ticks=2)
    bench.fault("aegis", FaultRule(FaultKind.DROP_BEFORE, "createTransaction", nth=1))
    gift = bench.give()
    bench.pickup()
    bench.drain()
    assert bench.delivery(gift).state is State.UNKNOWN
    bench.raisedonors.store.edit("gift", gift, {"crmKey": "777777"})

    bench.run(ticks=5)

    assert (bench.delivery(gift).state, bench.delivery(gift).result["invoice"]) == (State.DELIVERED, "777777")
    assert bench.transactions_of(gift) == []


def test_a_key_that_is_another_donations_number_goes_to_a_person(bench: Workbench) -> None:
    first = bench.give()
    bench.run(ticks=2)
    number = bench.delivery(first).result["invoice"]
    gift = give_while_aegis_is_away(bench)
    bench.raisedonors.store.edit("gift", gift, {"crmKey": number})

    come_back(bench)

    failed = bench.delivery(gift)
    assert failed.state is State.FAILED and failed.trouble is not None
    assert (failed.trouble.cause, failed.trouble.field) == ("key-of-another", "crmKey")
    assert bench.delivery(first).result["invoice"] == number


def test_a_refund_of_a_gift_adopted_while_it_waited_looks_whether_others_sent_it_too(bench: Workbench) -> None:
    donor = bench.population.make_donor("new_person")
    before = bench.give(donor=donor)
    bench.run(ticks=2)
    [recorded] = bench.transactions_of(before)
    gift = give_while_aegis_is_away(bench, donor=donor)
    amount = Decimal(str(bench.raisedonors.store.gifts.entry(gift).latest.members["amount"]))
    by_staff = bench.aegis.store.new_invoice_number()
    bench.aegis.store.add_transaction(
        replace(recorded, invoice_number=by_staff, total=-amount, happened=bench.clock(), via_api=False)
    )
    bench.raisedonors.store.edit("gift", gift, {"crmKey": "777777"})
    bench.raisedonors.store.set_gift_status(gift, "Refunded")

    come_back(bench)

    refund = bench.tools.deliveries.get(f"aegis/donation/{gift}/refunded")
    assert refund is not None and refund.trouble is not None
    assert (refund.state, refund.trouble.cause) == (State.FAILED, "refund-may-be-there")


def test_a_pledge_that_others_made_in_place_of_a_lost_one_is_taken_over(bench: Workbench) -> None:
    donor = bench.population.make_donor("new_person")
    made = bench.population.make_gift("first_of_schedule", bench.clock(), donor=donor)
    bench.run(ticks=3)
    store = bench.aegis.store
    [ours] = store.pledges.values()
    number = store.new_pledge_id()
    theirs = replace(ours, model={**ours.model, "ID": number}, via_api=False)
    store.add_pledge(theirs)
    store.set_pledge_active(ours.pledge_id, False)
    bench.raisedonors.store.edit("schedule", made.schedule_id, {"crmKey": theirs.pledge_id})

    later = bench.population.make_gift("later_of_schedule", bench.clock(), donor=donor).gift_id
    bench.run(ticks=4)

    [transaction] = bench.transactions_of(later)
    assert {line.applied_to_pledge for line in transaction.lines} == {theirs.pledge_id}
    assert len(store.pledges) == 2
