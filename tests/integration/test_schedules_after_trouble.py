"""Schedules that meet lost answers, gifts and pledges that are gone: each pledge ends as its schedule is."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from giftbridge.domain.deliveries import Delivery, State
from giftbridge.domain.notices import PLEDGE_RECREATED
from ops.simulators.faults import FaultKind, FaultRule
from tests.integration.test_schedule_changes import Given
from tests.workbench import Workbench


@pytest.fixture
def schedule(bench: Workbench) -> Given:
    """A schedule with its pledge."""
    return Given(bench)


def state_of(given: Given) -> State:
    assert given.delivery is not None
    return given.delivery.state


def cause_of(delivery: Delivery | None) -> str | None:
    return delivery.trouble.cause if delivery is not None and delivery.trouble is not None else None


def work_once(bench: Workbench) -> None:
    bench.pickup()
    bench.drain()


def test_a_schedule_resumed_while_its_suspension_is_unknown_has_its_one_pledge_active(
    bench: Workbench, schedule: Given
) -> None:
    bench.fault("aegis", FaultRule(FaultKind.DROP_AFTER, "savePledge", count=1))
    schedule.status("Suspended")
    work_once(bench)
    assert state_of(schedule) is State.UNKNOWN
    schedule.status("Active")
    bench.run(ticks=5)
    bench.give("later_of_schedule")
    bench.run(ticks=5)
    assert schedule.model["Active"] is True
    assert len(bench.aegis.store.pledges) == 1


def test_a_schedule_that_failed_once_and_waits_for_a_gift_does_not_hold_that_gift_up(
    bench: Workbench, schedule: Given
) -> None:
    bench.fault("aegis", FaultRule(FaultKind.STATUS_BEFORE, "getPledgeHistory", count=2, status=503))
    schedule.status("Suspended")
    work_once(bench)
    assert schedule.delivery is not None
    assert schedule.delivery.attempts == 1
    bench.clock.advance(30)
    bench.sweep()
    gift = bench.give(donor=schedule.donor)
    work_once(bench)
    assert bench.delivery(gift).state is State.DELIVERED
    assert cause_of(schedule.delivery) == "held"
    bench.run(ticks=2)
    assert state_of(schedule) is State.DELIVERED
    assert schedule.model["Active"] is False


def test_a_schedule_does_not_wait_for_a_gift_that_stands_behind_it(bench: Workbench, schedule: Given) -> None:
    bench.fault("aegis", FaultRule(FaultKind.STATUS_BEFORE, "getPledgeHistory", count=2, status=503))
    schedule.change(amount=Decimal("61.50"))
    bench.pickup()
    gift = bench.give(donor=schedule.donor)
    work_once(bench)
    assert cause_of(bench.delivery(gift)) == "behind-another"
    schedule.status("Suspended")
    bench.pickup()
    bench.clock.advance(30)
    assert schedule.delivery is not None
    bench.tools.queue.send([schedule.delivery], "the schedule first")
    bench.work(most=1)
    assert state_of(schedule) is State.DELIVERED
    bench.run(ticks=1)
    assert bench.delivery(gift).state is State.DELIVERED


def gone(bench: Workbench, pledge_id: str) -> None:
    """Aegis no longer has the pledge."""
    pledge = bench.aegis.store.pledges.pop(pledge_id)
    for listed in bench.aegis.store.pledges_of.values():
        if pledge in listed:
            listed.remove(pledge)


def test_a_pledge_made_anew_whose_request_was_lost_on_the_way_is_made_after_all(
    bench: Workbench, schedule: Given
) -> None:
    schedule.change(amount=Decimal("61.50"))
    bench.run(ticks=2)
    gone(bench, schedule.pledge.pledge_id)
    bench.fault("aegis", FaultRule(FaultKind.DROP_BEFORE, "createPledge", count=1))
    schedule.change(amount=Decimal("77.00"))
    bench.run(ticks=6)
    [pledge] = bench.aegis.store.pledges.values()
    assert pledge.model["PledgeAmount"] == Decimal("77.00")
    assert schedule.delivery is not None
    assert (schedule.delivery.state, schedule.delivery.result["pledge"]) == (State.DELIVERED, pledge.pledge_id)


@pytest.mark.parametrize(
    "refusal",
    [
        FaultRule(FaultKind.STATUS_BEFORE, "createPledge", count=1, status=429, headers={"Retry-After": "30"}),
        FaultRule(FaultKind.DROP_BEFORE, "createPledge", count=1),
    ],
    ids=["429", "lost"],
)
def test_a_schedule_that_was_making_its_pledge_and_ended_does_not_wait_for_the_gift_that_waits_for_the_pledge(
    bench: Workbench, refusal: FaultRule
) -> None:
    donor = bench.population.make_donor("new_person")
    bench.give(donor=donor)
    bench.run(ticks=2)
    made = bench.population.make_gift("first_of_schedule", bench.clock(), donor=donor)
    assert made.schedule_id is not None
    source, gift = bench.raisedonors.store, made.gift_id
    source.set_gift_status(gift, "Pending", modified=bench.clock())
    bench.run(ticks=2)
    bench.clock.advance(5)
    source.edit("schedule", made.schedule_id, {"amount": Decimal("61.50")}, modified=bench.clock())
    # The rule counts what it struck: each run needs its own.
    bench.fault("aegis", replace(refusal))
    work_once(bench)
    bench.clock.advance(3)
    source.set_gift_status(gift, "Approved", modified=bench.clock())
    bench.clock.advance(3)
    source.set_schedule_status(made.schedule_id, "Suspended", modified=bench.clock())
    bench.run(ticks=30)
    assert bench.delivery(gift).state is State.DELIVERED
    ended = bench.tools.deliveries.get(f"aegis/schedule/{made.schedule_id}/changed")
    assert ended is not None
    assert ended.state in {State.DELIVERED, State.IGNORED}
    assert [pledge.model["Active"] for pledge in bench.aegis.store.pledges.values()] in ([], [False])


def test_a_schedule_of_a_frequency_that_aegis_cannot_express_still_ends_its_pledge(
    bench: Workbench, schedule: Given
) -> None:
    schedule.change(frequency=26)
    bench.run(ticks=2)
    assert state_of(schedule) is State.FAILED
    schedule.status("Cancelled")
    bench.run(ticks=5)
    assert schedule.model["Active"] is False
    assert state_of(schedule) is State.DELIVERED


def test_a_refused_pledge_is_told_of_once_when_it_is_made_anew(bench: Workbench, schedule: Given) -> None:
    gone(bench, schedule.pledge.pledge_id)
    for_now = {"Retry-After": "30"}
    bench.fault("aegis", FaultRule(FaultKind.STATUS_BEFORE, "createPledge", count=4, status=429, headers=for_now))
    bench.population.make_gift("later_of_schedule", bench.clock())
    bench.run(ticks=12)
    assert len(bench.aegis.store.pledges) == 1
    assert [waiting.notice.kind for waiting in bench.tools.notices.oldest(50)] == [PLEDGE_RECREATED]


def test_a_gift_of_a_schedule_resumed_while_aegis_was_switched_off_gets_its_pledge_back(
    bench: Workbench, schedule: Given
) -> None:
    schedule.status("Suspended")
    bench.run(ticks=2)
    bench.settings(aegis={"enabled": False})
    bench.run(ticks=2)
    schedule.status("Active")
    bench.clock.advance(7200)
    bench.settings(aegis={"enabled": True})
    bench.run(ticks=2)
    # A charge that leaves the schedule as it was: no feed shows the resumption.
    gift = bench.give(donor=schedule.donor)
    bench.raisedonors.store.edit("gift", gift, {"recurringGiftId": schedule.schedule}, modified=bench.clock())
    bench.run(ticks=4)
    assert schedule.model["Active"] is True
    [transaction] = bench.transactions_of(gift)
    assert {line.applied_to_pledge for line in transaction.lines} == {schedule.pledge.pledge_id}


@pytest.mark.parametrize("is_mirrored", [True, False])
def test_the_first_gift_of_a_schedule_suspended_already_has_a_pledge_that_then_ends(
    bench: Workbench, is_mirrored: bool
) -> None:
    bench.settings(aegis={"mirror_pledge_id": is_mirrored})
    made = bench.population.make_gift("first_of_schedule", bench.clock())
    assert made.schedule_id is not None
    bench.raisedonors.store.set_gift_status(made.gift_id, "Pending", modified=bench.clock())
    bench.raisedonors.store.set_schedule_status(made.schedule_id, "Suspended", modified=bench.clock())
    bench.run(ticks=1)
    # So late, and so many schedules later, that no feed looks back as far as the suspension.
    bench.clock.advance(3600)
    bench.give("first_of_schedule", donor=bench.population.make_donor("new_person"))
    bench.run(ticks=1)
    bench.aegis.log.clear()
    bench.raisedonors.store.set_gift_status(made.gift_id, "Approved", modified=bench.clock())
    bench.run(ticks=3)
    [transaction] = bench.transactions_of(made.gift_id)
    [pledge] = {line.applied_to_pledge for line in transaction.lines}
    assert bench.aegis.store.pledges[str(pledge)].model["Active"] is False
    ended = bench.tools.deliveries.get(f"aegis/schedule/{made.schedule_id}/changed")
    assert ended is not None
    assert (ended.state, ended.wanted) == (State.DELIVERED, ended.served)
    source = bench.raisedonors.store.schedules.entry(made.schedule_id).latest.members
    assert source.get("crmKey") == (pledge if is_mirrored else None)
    assert bench.calls().count("createPledge") == bench.calls().count("savePledge") == 1
