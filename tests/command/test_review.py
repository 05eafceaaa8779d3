"""`giftbridge review`: what only a person can decide is shown from both sides, decided once, and told."""

from __future__ import annotations

import copy

import pytest

from giftbridge.domain.deliveries import Delivery, State
from giftbridge.domain.delivery_ids import donation_refunded_id
from giftbridge.store.rows import commit
from ops.operating import deciding, reviewing
from ops.operating.problems import NeedsPerson, WrongUsage
from ops.simulators.faults import FaultKind, FaultRule
from ops.simulators.population_donors import MadeDonor
from tests.command.desk import Desk


@pytest.fixture
def at(connected: Desk) -> Desk:
    """A desk where several matches wait for a person."""
    connected.bench.settings(aegis={"on_several_matches": "review"})
    return connected


def _parked(at: Desk) -> tuple[int, MadeDonor]:
    donor = at.bench.population.make_donor("several_matches")
    gift = at.bench.give(donor=donor)
    at.bench.run()
    assert at.bench.delivery(gift).state is State.FAILED
    return gift, donor


def _partners(at: Desk, donor: MadeDonor) -> list[str]:
    """The partners that were there before and bear the donor's name."""
    store = at.bench.aegis.store
    return sorted(p for p in store.seeded_partner_ids if store.partners[p]["LastName"] == donor.person.last_name)


def _said(at: Desk, gift: int) -> list[tuple[str, str]]:
    lines = at.json("activity", f"aegis/donation/{gift}/created")["activity"]
    return [(line["what"], line["why"]) for line in lines]


def _two_landed(at: Desk) -> tuple[int, list[str]]:
    """A gift whose answer was lost, with two transactions that could be it."""
    bench = at.bench
    gift = bench.give(donor=bench.population.make_donor("new_person"))
    bench.fault("aegis", FaultRule(FaultKind.DROP_AFTER, "createTransaction", count=1))
    bench.pickup()
    bench.drain()
    [landed] = bench.transactions_of(gift)
    twin = copy.deepcopy(landed)
    twin.invoice_number = bench.aegis.store.new_invoice_number()
    bench.aegis.store.add_transaction(twin)
    bench.clock.advance(120)
    bench.run(ticks=2)
    assert bench.delivery(gift).state is State.FAILED
    return gift, [str(landed.invoice_number), str(twin.invoice_number)]


def test_those_that_wait_are_listed_and_need_a_person(at: Desk) -> None:
    assert at.run("review").code == 0
    gift, donor = _parked(at)
    at.fail_gift()

    answer = at.run("review", "--json")

    assert answer.code == 1
    [listed] = answer.data["waiting"]
    assert listed["id"] == f"aegis/donation/{gift}/created"
    assert set(listed["trouble"]["candidates"]) == set(_partners(at, donor))


def test_both_sides_are_shown_with_what_agrees_and_what_differs(at: Desk) -> None:
    gift, donor = _parked(at)
    first, second = _partners(at, donor)[:2]
    at.bench.aegis.store.partners[second]["PartnerPhones"] = [{"Number": "999-555-0100", "Priority": 1}]

    shown = at.run("review", str(gift), "--json").data

    by_id = {side["id"]: side for side in shown["candidates"]}
    assert shown["subject"]["fields"]["last_name"] == donor.person.last_name
    assert "phone" not in by_id[second]["agrees"]
    assert {"first_name", "last_name"} <= set(by_id[first]["agrees"])
    assert {choice["name"] for choice in shown["choices"]} == {"pick", "create", "ignore"}


def test_the_picked_partner_gets_this_gift_and_the_next_and_the_donor_carries_its_key(at: Desk) -> None:
    gift, donor = _parked(at)
    later = at.bench.give(donor=donor)
    at.bench.run()
    picked = _partners(at, donor)[-1]

    answer = at.run("review", str(gift), "--pick", picked, "--why", "knows her", "--yes", "--json")
    at.bench.run(ticks=3)

    assert answer.code == 0
    assert [at.bench.delivery(one).state for one in (gift, later)] == [State.DELIVERED] * 2
    assert {str(t.partner_id) for one in (gift, later) for t in at.bench.transactions_of(one)} == {picked}
    assert at.bench.raisedonors.store.donors.entry(donor.donor_id).latest.members["crmKey"] == picked
    assert ("reopened", f"partner {picked} was picked by user/moto: knows her") in _said(at, gift)


def test_a_new_partner_is_made_where_it_is_none_of_them_even_when_its_answer_is_lost(at: Desk) -> None:
    gift, donor = _parked(at)
    at.bench.fault("aegis", FaultRule(FaultKind.DROP_AFTER, "createPartner", count=1))

    at.run("review", str(gift), "--create", "--yes")
    at.bench.run(ticks=6)

    [transaction] = at.bench.transactions_of(gift)
    assert str(transaction.partner_id) not in _partners(at, donor)
    assert at.bench.calls().count("createPartner") == 1


def test_one_that_is_left_is_ignored_and_its_donors_next_gift_asks_again(at: Desk) -> None:
    gift, donor = _parked(at)

    at.run("review", str(gift), "--ignore", "--yes")
    later = at.bench.give(donor=donor)
    at.bench.run(ticks=3)

    assert at.bench.delivery(gift).state is State.IGNORED
    assert at.bench.delivery(later).state is State.FAILED
    assert at.bench.transactions_of(gift) == []
    listed = at.json("deliveries", "--state", "ignored")["deliveries"]
    assert [one["id"] for one in listed] == [f"aegis/donation/{gift}/created"]


def test_a_partner_that_became_inactive_since_is_not_taken(at: Desk) -> None:
    gift, donor = _parked(at)
    picked = _partners(at, donor)[0]
    at.bench.aegis.store.set_partner_active(picked, False)

    answer = at.run("review", str(gift), "--pick", picked, "--yes")

    assert answer.code == 1
    assert "inactive" in answer.err
    assert at.bench.delivery(gift).state is State.FAILED


def test_what_is_not_offered_is_refused(at: Desk) -> None:
    gift, _ = _parked(at)
    other = at.fail_gift()
    assert at.run("review", str(gift), "--send", "--yes").code == 2
    assert at.run("review", str(gift), "--pick", "424242", "--yes").code == 2
    assert at.run("review", "--create", "--yes").code == 2
    assert "waits for no decision" in at.run("review", str(other)).err


def test_two_who_decide_at_once_decide_once(at: Desk) -> None:
    gift, donor = _parked(at)
    first, second = _partners(at, donor)[:2]
    case = reviewing.case_of(at.stack, str(gift))
    deciding.decide(at.stack, case, "pick", first, "", "one")
    with pytest.raises(NeedsPerson):
        deciding.decide(at.stack, case, "pick", second, "", "two")
    at.bench.run(ticks=2)
    [transaction] = at.bench.transactions_of(gift)
    assert str(transaction.partner_id) == first


def test_the_transaction_that_is_picked_is_the_gift_and_nothing_is_sent(at: Desk) -> None:
    gift, invoices = _two_landed(at)
    shown = at.run("review", str(gift), "--json").data
    sent = at.bench.calls().count("createTransaction")

    answer = at.run("review", str(gift), "--pick", invoices[1], "--yes", "--json")
    at.bench.run(ticks=2)

    assert {side["id"] for side in shown["candidates"]} == set(invoices)
    assert all({"amount", "date"} <= set(side["agrees"]) for side in shown["candidates"])
    assert answer.data["delivery"]["state"] == "delivered"
    delivery = at.bench.delivery(gift)
    assert (delivery.result["invoice"], delivery.result["how"]) == (invoices[1], "picked by a person")
    assert at.bench.calls().count("createTransaction") == sent
    at.bench.raisedonors.store.set_gift_status(gift, "Refunded", modified=at.bench.clock())
    at.bench.run(ticks=2)
    refund = at.bench.tools.deliveries.get(donation_refunded_id(gift))
    assert refund is not None and refund.state is State.DELIVERED
    assert refund.result["refund_of"] == invoices[1]


def test_none_of_the_transactions_is_it_so_it_is_sent_once(at: Desk) -> None:
    gift, invoices = _two_landed(at)

    at.run("review", str(gift), "--send", "--yes")
    at.bench.run(ticks=3)

    delivery = at.bench.delivery(gift)
    assert delivery.state is State.DELIVERED
    assert delivery.result["invoice"] not in invoices
    assert len(at.bench.transactions_of(gift)) == 3


def test_a_transaction_that_another_gift_claims_cannot_be_picked(at: Desk) -> None:
    gift, invoices = _two_landed(at)
    keys = at.bench.tools.keys
    commit(
        keys.client, [keys.claim(f"aegis-invoice#{invoices[0]}", "aegis", "aegis/donation/1/created", at.bench.clock())]
    )
    answer = at.run("review", str(gift), "--pick", invoices[0], "--yes")
    assert answer.code == 1
    assert "belongs to aegis/donation/1/created" in answer.err


@pytest.mark.parametrize("decision", ["pick", "create"])
def test_a_pledge_is_picked_or_made_anew_and_the_gift_applied_to_it(at: Desk, decision: str) -> None:
    bench = at.bench
    donor = bench.population.make_donor("new_person")
    bench.give(donor=donor)
    bench.run()
    gift = bench.give("first_of_schedule", donor=donor)
    bench.fault("aegis", FaultRule(FaultKind.DROP_AFTER, "createPledge", count=1))
    bench.pickup()
    bench.drain()
    [landed] = bench.aegis.store.pledges.values()
    twin = copy.deepcopy(landed)
    twin.model["ID"] = "twin-of-it"
    bench.aegis.store.add_pledge(twin)
    bench.clock.advance(120)
    bench.run(ticks=2)
    trouble = bench.delivery(gift).trouble
    assert trouble is not None and trouble.cause == "several-pledges"
    shown = at.run("review", str(gift), "--json").data
    chosen = trouble.candidates[0]

    at.run("review", str(gift), *(["--pick", chosen] if decision == "pick" else ["--create"]), "--yes")
    bench.run(ticks=4)

    assert all("amount" in side["agrees"] for side in shown["candidates"])
    [transaction] = bench.transactions_of(gift)
    [applied] = {line.applied_to_pledge for line in transaction.lines}
    assert (applied == chosen) is (decision == "pick")
    assert (applied in trouble.candidates) is (decision == "pick")


def test_a_refund_that_staff_made_is_picked_and_not_sent_again(at: Desk) -> None:
    bench = at.bench
    gift, by_staff = at.refund_made_by_staff()
    name = donation_refunded_id(gift)

    shown = at.run("review", name, "--json").data
    at.run("review", name, "--pick", str(by_staff), "--yes")
    bench.run(ticks=2)

    [side] = shown["candidates"]
    assert "amount" in side["agrees"]
    refund: Delivery | None = bench.tools.deliveries.get(name)
    assert refund is not None and refund.state is State.DELIVERED
    assert bench.transactions_of(gift) == []


def test_a_case_of_no_failure_is_no_case(at: Desk) -> None:
    gift = at.bench.give()
    at.bench.run()
    with pytest.raises(WrongUsage):
        reviewing.case_of(at.stack, str(gift))
