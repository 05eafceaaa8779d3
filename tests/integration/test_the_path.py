"""A donation on RaiseDonors reaches Aegis exactly once."""

from __future__ import annotations

from decimal import Decimal

from giftbridge.domain.deliveries import State
from tests.workbench import Workbench


def test_a_new_donors_gift_costs_three_calls_and_stores_every_key(bench: Workbench) -> None:
    donor = bench.population.make_donor("new_person")
    bench.give(donor=bench.population.make_donor("new_person"))
    bench.run()
    bench.aegis.log.clear()
    gift = bench.give(donor=donor)

    bench.run()

    delivery = bench.delivery(gift)
    assert delivery.state is State.DELIVERED, delivery
    assert bench.calls() == ["searchPartners", "createPartner", "createTransaction"]
    [transaction] = bench.transactions_of(gift)
    assert delivery.result["invoice"] == str(transaction.invoice_number)
    assert bench.raisedonors.store.gifts.entry(gift).latest.members["crmKey"] == str(transaction.invoice_number)
    assert bench.raisedonors.store.donors.entry(donor.donor_id).latest.members["crmKey"] == transaction.partner_id


def test_a_known_donors_gift_costs_one_call(bench: Workbench) -> None:
    donor = bench.population.make_donor("new_person")
    bench.give(donor=donor)
    bench.run()
    bench.aegis.log.clear()
    gift = bench.give(donor=donor)

    bench.run()

    assert bench.delivery(gift).state is State.DELIVERED
    assert bench.calls() == ["createTransaction"]


def test_a_day_of_every_kind_ends_with_every_gift_once(bench: Workbench) -> None:
    bench.population.build(donors=40)
    gifts = [bench.population.make_gift(None, bench.clock()).gift_id for _ in range(120)]

    bench.run(ticks=3)

    states = {
        gift: bench.delivery(gift).state
        for gift in gifts
        if bench.tools.deliveries.get(f"aegis/donation/{gift}/created")
    }
    troubled = {g: bench.delivery(g).trouble for g, s in states.items() if s not in {State.DELIVERED, State.IGNORED}}
    assert not troubled, troubled
    assert bench.net() > Decimal(0)
