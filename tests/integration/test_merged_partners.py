"""Staff merge a partner while an answer is lost: that the old one shows nothing proves nothing (requirement A15)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from giftbridge.domain import delivery_life as life
from giftbridge.domain.deliveries import Delivery, State
from giftbridge.domain.delivery_ids import donation_refunded_id, schedule_changed_id
from giftbridge.domain.notices import PLEDGE_NOT_ENDED, PLEDGE_RECREATED
from giftbridge.domain.probing import without
from ops.simulators.faults import FaultKind, FaultRule
from ops.simulators.population_donors import MadeDonor
from tests.workbench import Workbench


def partner_of(bench: Workbench, donor: MadeDonor) -> str:
    """The partner a donor got with a first gift."""
    gift = bench.give(donor=donor)
    bench.run(ticks=2)
    return str(bench.transactions_of(gift)[0].partner_id)


def a_stranger(bench: Workbench) -> str:
    """A partner of quite another name, into whom staff will merge."""
    return partner_of(bench, bench.population.make_donor("new_person"))


def lose_an_answer(
    bench: Workbench, donor: MadeDonor, fault: FaultKind = FaultKind.DROP_AFTER, operation: str = "createTransaction"
) -> int:
    """A gift whose transaction's answer was lost."""
    bench.fault("aegis", FaultRule(fault, operation, nth=1))
    gift = bench.give(donor=donor)
    bench.pickup()
    bench.drain()
    assert bench.delivery(gift).state is State.UNKNOWN
    return gift


def test_a_transaction_that_moved_with_a_merge_is_not_sent_again_and_waits_for_a_person(bench: Workbench) -> None:
    donor = bench.population.make_donor("new_person")
    partner, survivor = partner_of(bench, donor), a_stranger(bench)
    gift = lose_an_answer(bench, donor)
    bench.aegis.store.merge_partner(partner, survivor)

    bench.run(ticks=10)

    found = bench.delivery(gift)
    assert found.state is State.FAILED and found.trouble is not None
    assert (found.trouble.cause, found.trouble.candidates) == ("partner-merged", (f"partner/{partner}",))
    assert found.attempt is not None
    assert len(bench.transactions_of(gift)) == 1


def test_a_refund_waits_for_what_the_merge_hides_and_is_not_dropped(bench: Workbench) -> None:
    donor = bench.population.make_donor("new_person")
    partner, survivor = partner_of(bench, donor), a_stranger(bench)
    gift = lose_an_answer(bench, donor)
    bench.aegis.store.merge_partner(partner, survivor)
    bench.population._raisedonors.set_gift_status(gift, "Refunded")

    bench.run(ticks=10)

    refund = bench.tools.deliveries.get(donation_refunded_id(gift))
    assert refund is not None and refund.trouble is not None
    assert (refund.state, refund.trouble.cause) == (State.WAITING, "original-open")

    # A person finds it under the surviving partner, and notes its number on RaiseDonors.
    [recorded] = bench.transactions_of(gift)
    bench.raisedonors.store.edit("gift", gift, {"crmKey": str(recorded.invoice_number)})
    failed = bench.delivery(gift)
    bench.tools.deliveries.save(failed, reopened(bench, gift))
    bench.clock.advance(600)
    bench.run(ticks=10)

    assert bench.delivery(gift).result["invoice"] == str(recorded.invoice_number)
    assert sum((t.total for t in bench.transactions_of(gift)), Decimal(0)) == 0


def reopened(bench: Workbench, gift: int) -> Delivery:
    return life.reopened(bench.delivery(gift), bench.clock())


def test_a_transaction_that_moved_to_a_partner_of_the_same_person_is_found_there(bench: Workbench) -> None:
    donor = bench.population.make_donor("new_person")
    partner = partner_of(bench, donor)
    gift = lose_an_answer(bench, donor)
    store = bench.aegis.store
    twin = {**store.partners[partner], "ID": store.new_partner_id()}
    store.add_partner(twin)
    store.merge_partner(partner, twin["ID"])

    bench.run(ticks=10)

    found = bench.delivery(gift)
    assert (found.state, found.result["partner"]) == (State.DELIVERED, twin["ID"])
    assert [str(t.invoice_number) for t in bench.transactions_of(gift)] == [found.result["invoice"]]


def test_a_person_who_says_that_nothing_was_recorded_has_it_sent(bench: Workbench) -> None:
    donor = bench.population.make_donor("new_person")
    partner, survivor = partner_of(bench, donor), a_stranger(bench)
    gift = lose_an_answer(bench, donor, FaultKind.DROP_BEFORE)
    bench.aegis.store.merge_partner(partner, survivor)
    bench.run(ticks=10)
    failed = bench.delivery(gift)
    assert failed.trouble is not None and failed.trouble.cause == "partner-merged" and failed.attempt is not None

    said = replace(failed, attempt=without(failed.attempt, failed.trouble.candidates))
    bench.tools.deliveries.save(failed, life.reopened(said, bench.clock()))
    bench.run(ticks=10)

    assert bench.delivery(gift).state is State.DELIVERED
    assert len(bench.transactions_of(gift)) == 1


def test_what_an_active_partner_does_not_show_is_sent_again(bench: Workbench) -> None:
    donor = bench.population.make_donor("new_person")
    partner_of(bench, donor)
    gift = lose_an_answer(bench, donor, FaultKind.DROP_BEFORE)

    bench.run(ticks=10)

    assert bench.delivery(gift).state is State.DELIVERED
    assert len(bench.transactions_of(gift)) == 1


def test_a_pledge_that_moved_with_a_merge_is_not_made_again_unasked(bench: Workbench) -> None:
    donor = bench.population.make_donor("new_person")
    partner, survivor = partner_of(bench, donor), a_stranger(bench)
    bench.fault("aegis", FaultRule(FaultKind.DROP_AFTER, "createPledge", nth=1))
    gift = bench.population.make_gift("first_of_schedule", bench.clock(), donor=donor).gift_id
    bench.pickup()
    bench.drain()
    bench.aegis.store.merge_partner(partner, survivor)

    bench.run(ticks=10)

    failed = bench.delivery(gift)
    assert failed.trouble is not None and failed.trouble.cause == "partner-merged"
    assert len(bench.aegis.store.pledges) == 1


def schedule_in(bench: Workbench) -> tuple[int, str]:
    """A schedule whose pledge moved with a merge to a partner of another person, and the pledge."""
    donor = bench.population.make_donor("new_person")
    survivor = a_stranger(bench)
    made = bench.population.make_gift("first_of_schedule", bench.clock(), donor=donor)
    bench.run(ticks=2)
    [pledge] = bench.aegis.store.pledges.values()
    bench.aegis.store.merge_partner(bench.transactions_of(made.gift_id)[0].partner_id, survivor)
    assert made.schedule_id is not None
    bench.clock.advance(5)
    return made.schedule_id, pledge.pledge_id


def test_staff_is_told_of_the_pledge_of_an_ended_schedule_that_moved_with_a_merge(bench: Workbench) -> None:
    schedule, pledge = schedule_in(bench)
    bench.raisedonors.store.set_schedule_status(schedule, "Cancelled", modified=bench.clock())

    bench.run(ticks=3)

    ended = bench.tools.deliveries.get(schedule_changed_id(schedule))
    assert ended is not None and ended.state is State.IGNORED
    [told] = [waiting.notice for waiting in bench.tools.notices.oldest(50)]
    assert (told.kind, told.about, told.delivery_id) == (PLEDGE_NOT_ENDED, f"schedule#{schedule}", ended.id)
    assert pledge in told.text and "end it there" in told.text


def test_staff_is_told_of_the_pledge_that_moved_with_a_merge_when_a_new_one_is_made(bench: Workbench) -> None:
    schedule, pledge = schedule_in(bench)
    donor = bench.raisedonors.store.schedules.entry(schedule).latest.members["donorId"]
    gift = bench.population.make_gift("one_time", bench.clock()).gift_id
    members = {"recurringGiftId": schedule, "donorId": donor}
    bench.raisedonors.store.edit("gift", gift, members, modified=bench.clock())

    bench.run(ticks=3)

    assert bench.delivery(gift).state is State.DELIVERED
    told = [waiting.notice for waiting in bench.tools.notices.oldest(50)]
    [recreated] = [one for one in told if one.kind == PLEDGE_RECREATED]
    assert pledge in recreated.text and "end it there" in recreated.text
