"""Refunds after their partner, their original or their allocations changed: sent once, and told of once."""

from __future__ import annotations

import pytest

from giftbridge.domain.deliveries import State
from giftbridge.domain.notices import REFUND_TO_NEW_PARTNER
from ops.simulators.faults import FaultKind, FaultRule
from tests.integration.test_refunds import refund, refund_of, signs
from tests.workbench import Workbench


def notices(bench: Workbench) -> list[tuple[str, str]]:
    return [(waiting.notice.kind, waiting.notice.about) for waiting in bench.tools.notices.oldest(50)]


def partner_of(bench: Workbench, gift: int, sign: int = 1) -> str:
    [transaction] = [found for found in bench.transactions_of(gift) if found.total * sign > 0]
    return str(transaction.partner_id)


@pytest.mark.parametrize("gives_again", [True, False])
def test_a_refund_whose_partner_is_no_longer_active_goes_to_the_donors_new_one_and_is_told_of_where_it_made_that(
    bench: Workbench, gives_again: bool
) -> None:
    donor = bench.population.make_donor("new_person")
    first = bench.give(donor=donor)
    bench.run(ticks=2)
    former = partner_of(bench, first)
    bench.aegis.store.set_partner_active(former, False)
    second = bench.give(donor=donor) if gives_again else None
    bench.run(ticks=3)
    refund(bench, first)
    bench.run(ticks=8)
    assert refund_of(bench, first).state is State.DELIVERED
    assert signs(bench, first) == [-1, 1]
    reversed_at = partner_of(bench, first, sign=-1)
    assert reversed_at != former
    assert second is None or reversed_at == partner_of(bench, second)
    told = [] if gives_again else [(REFUND_TO_NEW_PARTNER, f"donor#{donor.donor_id}")]
    assert notices(bench) == told


def test_the_refund_of_an_adopted_donation_is_told_of_once_though_aegis_refused_it_for_now(bench: Workbench) -> None:
    donor = bench.population.make_donor("new_person")
    gift = bench.give(donor=donor)
    bench.raisedonors.store.edit("gift", gift, {"crmKey": "777001"}, modified=bench.clock())
    bench.run(ticks=1)
    refund(bench, gift)
    for_now = {"Retry-After": "30"}
    bench.fault("aegis", FaultRule(FaultKind.STATUS_BEFORE, "createTransaction", count=4, status=429, headers=for_now))
    bench.run(ticks=12)
    assert refund_of(bench, gift).state is State.DELIVERED
    assert signs(bench, gift) == [-1]
    assert notices(bench) == [(REFUND_TO_NEW_PARTNER, f"donor#{donor.donor_id}")]


def test_a_refund_whose_allocations_come_in_another_order_is_the_same_refund(bench: Workbench) -> None:
    gift = bench.give("split")
    bench.run(ticks=2)
    projects = bench.raisedonors.store.gifts.entry(gift).latest.members["projects"]
    bench.clock.advance(30)
    turned = {"projects": projects[::-1], "statusText": "Refunded"}
    bench.raisedonors.store.edit("gift", gift, turned, modified=bench.clock())
    bench.run(ticks=3)
    assert refund_of(bench, gift).state is State.DELIVERED
    funds = [{line.fund_id: abs(line.amount) for line in found.lines} for found in bench.transactions_of(gift)]
    assert funds[0] == funds[1]
    assert len(funds[0]) > 1


def held_by(bench: Workbench, entity: str) -> str | None:
    row = bench.tools.keys.get(entity, "aegis")
    return row.hold if row is not None and row.key is None else None


@pytest.mark.parametrize(("operation", "kind"), [("createPledge", "first_of_schedule"), ("createPartner", "one_time")])
def test_a_gift_given_back_before_it_was_sent_gives_up_the_key_that_it_was_settling(
    bench: Workbench, operation: str, kind: str
) -> None:
    donor = bench.population.make_donor("new_person")
    bench.fault("aegis", FaultRule(FaultKind.DROP_BEFORE, operation, count=1))
    made = bench.population.make_gift(kind, bench.clock(), donor=donor)
    bench.pickup()
    bench.drain()
    entity = f"schedule#{made.schedule_id}" if operation == "createPledge" else f"donor#{donor.donor_id}"
    assert bench.delivery(made.gift_id).state is State.UNKNOWN
    assert held_by(bench, entity) == bench.delivery(made.gift_id).id
    refund(bench, made.gift_id)
    bench.run(ticks=12)
    trouble = bench.delivery(made.gift_id).trouble
    assert trouble is not None and trouble.cause == "reversed-before-sent"
    assert bench.transactions_of(made.gift_id) == []
    assert held_by(bench, entity) is None


def test_a_gift_given_back_while_a_person_is_to_choose_its_partner_gives_up_the_donors_key(bench: Workbench) -> None:
    bench.settings(aegis={"on_several_matches": "review"})
    donor = bench.population.make_donor("several_matches")
    gift = bench.give(donor=donor)
    bench.run(ticks=2)
    assert held_by(bench, f"donor#{donor.donor_id}") == bench.delivery(gift).id
    refund(bench, gift)
    bench.run(ticks=8)
    assert bench.delivery(gift).state is State.IGNORED
    assert held_by(bench, f"donor#{donor.donor_id}") is None


def test_a_gift_that_others_recorded_gives_up_the_key_that_it_was_settling(bench: Workbench) -> None:
    donor = bench.population.make_donor("new_person")
    bench.fault("aegis", FaultRule(FaultKind.DROP_BEFORE, "createPartner", count=1))
    gift = bench.give(donor=donor)
    bench.pickup()
    bench.drain()
    assert held_by(bench, f"donor#{donor.donor_id}") == bench.delivery(gift).id
    bench.raisedonors.store.edit("gift", gift, {"crmKey": "777002"})
    bench.run(ticks=12)
    assert bench.delivery(gift).state is State.DELIVERED
    assert held_by(bench, f"donor#{donor.donor_id}") is None
