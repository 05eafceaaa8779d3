"""`giftbridge review`: what was decided stays so, and is no blind word on what nobody had seen."""

from __future__ import annotations

import copy

import pytest

from giftbridge.domain.deliveries import Delivery, State, Trouble
from giftbridge.domain.delivery_ids import donation_refunded_id
from giftbridge.flows.work import Work
from ops.operating import reviewing
from ops.simulators.aegis_partners import seed_partner
from ops.simulators.faults import FaultKind, FaultRule
from tests.command.desk import Desk


@pytest.fixture
def at(connected: Desk) -> Desk:
    """A desk where several matches wait for a person."""
    connected.bench.settings(aegis={"on_several_matches": "review"})
    return connected


def _lost(at: Desk, operation: str) -> int:
    """A gift of a new donor whose request's answer was lost although it landed."""
    bench = at.bench
    gift = bench.give(donor=bench.population.make_donor("new_person"))
    bench.fault("aegis", FaultRule(FaultKind.DROP_AFTER, operation, count=1))
    bench.pickup()
    bench.drain()
    return gift


def _look(at: Desk) -> None:
    at.bench.clock.advance(120)
    at.bench.run(ticks=2)


def _one_more(at: Desk, gift: int) -> str:
    """One more transaction like the gift's."""
    store = at.bench.aegis.store
    twin = copy.deepcopy(at.bench.transactions_of(gift)[0])
    twin.invoice_number = store.new_invoice_number()
    store.add_transaction(twin)
    return str(twin.invoice_number)


def _several(at: Desk) -> int:
    gift = _lost(at, "createTransaction")
    _one_more(at, gift)
    _look(at)
    assert at.bench.delivery(gift).state is State.FAILED
    return gift


def test_a_refund_that_was_left_is_not_taken_up_by_the_next_pickup(at: Desk) -> None:
    bench = at.bench
    gift, _ = at.refund_made_by_staff()
    name = donation_refunded_id(gift)

    assert at.run("review", name, "--ignore", "--yes").code == 0
    bench.run(ticks=4)

    refund: Delivery | None = bench.tools.deliveries.get(name)
    assert refund is not None and refund.state is State.IGNORED
    assert bench.transactions_of(gift) == []


def test_a_gift_that_was_left_after_a_lost_answer_is_looked_for_when_it_is_retried(at: Desk) -> None:
    gift = _several(at)
    at.run("review", str(gift), "--ignore", "--yes")

    at.run("retry", str(gift), "--yes")
    at.bench.run(ticks=2)

    delivery = at.bench.delivery(gift)
    assert delivery.trouble is not None and delivery.trouble.cause == "several-transactions"
    assert len(at.bench.transactions_of(gift)) == 2


def test_a_lost_request_that_landed_before_the_decision_is_found_and_nothing_sent(at: Desk) -> None:
    gift = _several(at)
    late = _one_more(at, gift)

    at.run("review", str(gift), "--send", "--yes")
    at.bench.run(ticks=3)

    assert at.bench.delivery(gift).result["invoice"] == late
    assert len(at.bench.transactions_of(gift)) == 3


def test_what_was_ruled_out_is_not_asked_for_again_when_the_next_answer_is_lost_too(at: Desk) -> None:
    gift = _several(at)
    at.bench.fault("aegis", FaultRule(FaultKind.DROP_AFTER, "createTransaction", count=1))

    at.run("review", str(gift), "--send", "--yes")
    at.bench.run()
    _look(at)

    assert at.bench.delivery(gift).state is State.DELIVERED
    assert len(at.bench.transactions_of(gift)) == 3


def test_the_partner_that_is_picked_is_the_one_of_the_donor_whom_the_gift_names_now(at: Desk) -> None:
    bench = at.bench
    first, second = (bench.population.make_donor("several_matches") for _ in range(2))
    gift = bench.give(donor=first)
    bench.run()
    bench.raisedonors.store.edit("gift", gift, {"donorId": second.donor_id})
    bench.run(ticks=2)
    trouble = bench.delivery(gift).trouble
    assert trouble is not None
    picked = trouble.candidates[0]

    at.run("review", str(gift), "--pick", picked, "--yes")
    bench.run(ticks=2)

    assert {str(t.partner_id) for t in bench.transactions_of(gift)} == {picked}
    of_first, of_second = (bench.tools.keys.get(f"donor#{one.donor_id}", "aegis") for one in (first, second))
    assert of_first is None or of_first.key is None
    assert of_second is not None and of_second.key == picked


def test_none_of_several_new_partners_is_it_so_one_is_made(at: Desk) -> None:
    gift = _lost(at, "createPartner")
    store = at.bench.aegis.store
    [landed] = [one for one in store.partners if one not in store.seeded_partner_ids]
    seed_partner(store, {name: value for name, value in store.partners[landed].items() if name != "ID"})
    _look(at)
    trouble = at.bench.delivery(gift).trouble
    assert trouble is not None and len(trouble.candidates) == 2

    at.run("review", str(gift), "--create", "--yes")
    at.bench.run(ticks=3)

    [transaction] = at.bench.transactions_of(gift)
    assert str(transaction.partner_id) not in trouble.candidates


def test_a_transaction_whose_number_cannot_be_read_cannot_be_picked(at: Desk) -> None:
    gift = _lost(at, "createTransaction")
    trouble = Trouble("several-transactions", "two fit", candidates=("?", "500001"))
    Work(at.bench.tools, at.bench.delivery(gift)).fail(trouble)

    case = reviewing.case_of(at.stack, str(gift))

    assert [choice.candidate for choice in case.choices if choice.name == "pick"] == ["500001"]
