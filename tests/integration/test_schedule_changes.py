"""Changes of schedules arrive in their pledges, and change nothing else there (requirements B2, B5)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from giftbridge.domain.deliveries import Delivery, Kind, State
from ops.simulators.faults import FaultKind, FaultRule
from tests.workbench import Workbench


class Given:
    """A schedule with its first gift delivered."""

    def __init__(self, bench: Workbench) -> None:
        self.bench = bench
        self.donor = bench.population.make_donor("new_person")
        made = bench.population.make_gift("first_of_schedule", bench.clock(), donor=self.donor)
        assert made.schedule_id is not None
        self.gift, self.schedule = made.gift_id, made.schedule_id
        bench.run(ticks=2)
        [self.pledge] = bench.aegis.store.pledges.values()
        bench.aegis.log.clear()

    def change(self, **members: Any) -> None:
        self.bench.clock.advance(5)
        self.bench.raisedonors.store.edit("schedule", self.schedule, members, modified=self.bench.clock())

    def status(self, text: str) -> None:
        self.bench.clock.advance(5)
        self.bench.raisedonors.store.set_schedule_status(self.schedule, text, modified=self.bench.clock())

    @property
    def model(self) -> dict[str, Any]:
        return dict(self.bench.aegis.store.pledges[self.pledge.pledge_id].model)

    @property
    def delivery(self) -> Delivery | None:
        return self.bench.tools.deliveries.get(f"aegis/schedule/{self.schedule}/changed")


@pytest.fixture
def given(bench: Workbench) -> Given:
    """A schedule with its pledge."""
    return Given(bench)


def _project_ids(bench: Workbench) -> list[int]:
    return [entry.record_id for entry in bench.raisedonors.store.projects.all_entries()]


def differing(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    return {name: after.get(name) for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def test_a_new_schedule_and_its_first_gift_cost_no_call_more_than_before(bench: Workbench, given: Given) -> None:
    bench.run(ticks=3)
    assert bench.calls() == []
    assert given.delivery is None


def test_a_changed_amount_is_the_only_thing_that_changes_in_the_pledge(bench: Workbench, given: Given) -> None:
    bench.aegis.store.edit_pledge(
        given.pledge.pledge_id, {"StaffRemark": "kind", "Installments": 7, "Nested": {"a": [1, None]}}
    )
    before = given.model
    given.change(amount=Decimal("61.50"))
    bench.run(ticks=2)
    assert differing(before, given.model) == {"PledgeAmount": Decimal("61.50")}
    assert bench.calls() == ["getPledgeHistory", "getPledgeHistory", "savePledge"]
    delivery = given.delivery
    assert delivery is not None
    assert (delivery.state, delivery.wanted, delivery.served) == (State.DELIVERED, 1, 1)


def test_a_charge_that_only_moves_the_next_date_is_ignored_without_a_call(bench: Workbench, given: Given) -> None:
    given.change(nextChargeDate="2026-05-02")
    bench.run(ticks=3)
    assert bench.calls() == []
    assert given.delivery is None


def test_a_change_of_projects_touches_nothing_aegis_knows(bench: Workbench, given: Given) -> None:
    [share, *_] = bench.raisedonors.store.schedules.entry(given.schedule).latest.members["projects"]
    other = next(number for number in _project_ids(bench) if number != share["projectId"])
    given.change(projects=[{**share, "projectId": other}])
    bench.run(ticks=2)
    assert bench.calls() == []


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"frequency": 4}, {"Frequency": "Quarterly"}),
        ({"paymentType": "DirectDebit"}, {"PaymentType": "Bank"}),
        ({"startDate": "2026-07-01"}, {"StartDate": "2026-07-01"}),
        ({"billingLastName": "Ωμέγα"}, {"PaymentLastName": "Ωμέγα"}),
    ],
)
def test_each_change_moves_its_own_member(
    bench: Workbench, given: Given, members: dict[str, Any], expected: dict[str, Any]
) -> None:
    bench.settings(aegis={"payment_types": {"DirectDebit": "Bank"}})
    if members == {"frequency": 4} and given.model["Frequency"] == "Quarterly":
        members, expected = {"frequency": 12}, {"Frequency": "Monthly"}
    before = given.model
    given.change(**members)
    bench.run(ticks=2)
    assert differing(before, given.model) == expected


@pytest.mark.parametrize("status", ["Suspended", "Cancelled", "Expired"])
def test_an_ended_or_suspended_schedule_has_an_inactive_pledge(bench: Workbench, given: Given, status: str) -> None:
    before = given.model
    given.status(status)
    bench.run(ticks=2)
    assert differing(before, given.model) == {"Active": False}
    assert given.delivery is not None
    assert given.delivery.kind is (Kind.SCHEDULE_CHANGED if status == "Suspended" else Kind.SCHEDULE_ENDED)


def test_a_resumed_schedule_has_its_own_pledge_again_and_its_gift_goes_there(bench: Workbench, given: Given) -> None:
    given.status("Suspended")
    bench.run(ticks=2)
    given.status("Active")
    gift = bench.give("later_of_schedule", donor=given.donor)
    bench.run(ticks=4)
    assert given.model["Active"] is True
    assert len(bench.aegis.store.pledges) == 1
    [transaction] = bench.transactions_of(gift)
    assert {line.applied_to_pledge for line in transaction.lines} == {given.pledge.pledge_id}


def test_a_gift_of_a_schedule_suspended_since_still_goes_to_its_pledge(bench: Workbench, given: Given) -> None:
    gift = bench.give("later_of_schedule", donor=given.donor)
    given.status("Suspended")
    bench.run(ticks=4)
    [transaction] = bench.transactions_of(gift)
    assert {line.applied_to_pledge for line in transaction.lines} == {given.pledge.pledge_id}
    assert given.model["Active"] is False


def test_suspended_resumed_suspended_ends_suspended_and_each_that_was_seen_arrived(
    bench: Workbench, given: Given
) -> None:
    seen = []
    for status in ("Suspended", "Active", "Suspended"):
        given.status(status)
        bench.run(ticks=1)
        seen.append(given.model["Active"])
    assert seen == [False, True, False]
    assert given.delivery is not None
    assert (given.delivery.wanted, given.delivery.served) == (3, 3)


def test_a_schedule_without_a_pledge_that_is_changed_gets_one(bench: Workbench, given: Given) -> None:
    imported = bench.population.make_gift("first_of_schedule", bench.clock(), donor=given.donor)
    assert imported.schedule_id is not None
    bench.raisedonors.store.gifts.entry(imported.gift_id)
    bench.raisedonors.store.set_gift_status(imported.gift_id, "Declined")
    bench.run(ticks=2)
    assert len(bench.aegis.store.pledges) == 1
    bench.clock.advance(5)
    bench.raisedonors.store.edit("schedule", imported.schedule_id, {"amount": Decimal("33.00")}, modified=bench.clock())
    bench.run(ticks=3)
    made = [p.model for p in bench.aegis.store.pledges.values() if p.pledge_id != given.pledge.pledge_id]
    assert [(model["PledgeAmount"], model["Active"]) for model in made] == [(Decimal("33.00"), True)]
    key = bench.tools.keys.get(f"schedule#{imported.schedule_id}", "aegis")
    assert key is not None
    assert key.key == made[0]["ID"]


@pytest.mark.parametrize("is_edited", [True, False])
def test_an_edit_of_an_imported_schedule_before_its_first_turn_travels_and_what_staff_set_before_stays(
    bench: Workbench, is_edited: bool
) -> None:
    gift = bench.population.make_gift("imported_schedule", bench.clock())
    assert gift.schedule_id is not None
    [pledge] = bench.aegis.store.pledges.values()
    bench.aegis.store.edit_pledge(
        pledge.pledge_id, {"PaymentFirstName": "Set by staff", "PaymentLastName": "Staff too"}
    )
    bench.pickup()
    bench.clock.advance(5)
    if is_edited:
        members = {"billingLastName": "Jarvis Payer"}
        bench.raisedonors.store.edit("schedule", gift.schedule_id, members, modified=bench.clock())
    bench.pickup()
    bench.run(ticks=4)

    model = bench.aegis.store.pledges[pledge.pledge_id].model
    delivery = bench.tools.deliveries.get(f"aegis/schedule/{gift.schedule_id}/changed")
    assert delivery is not None
    assert delivery.state is (State.DELIVERED if is_edited else State.IGNORED)
    names = (model["PaymentFirstName"], model["PaymentLastName"])
    assert names == ("Set by staff", "Jarvis Payer" if is_edited else "Staff too")


def test_a_lost_answer_is_looked_up_and_not_saved_twice(bench: Workbench, given: Given) -> None:
    bench.fault("aegis", FaultRule(FaultKind.DROP_AFTER, "savePledge", count=1))
    given.change(amount=Decimal("61.50"))
    bench.run(ticks=4)
    assert given.model["PledgeAmount"] == Decimal("61.50")
    assert bench.calls().count("savePledge") == 1
    assert given.delivery is not None
    assert given.delivery.state is State.DELIVERED
    assert bench.tools.keys.get(f"saving:pledge#{given.pledge.pledge_id}", "aegis") is None


def test_a_pledge_that_staff_changed_between_read_and_save_is_merged_again(bench: Workbench, given: Given) -> None:
    adapter, fired = bench.adapters["aegis"], []

    def staff_edits_after_the_first_read(request: Any, send: Any) -> Any:
        answer = send()
        if "PledgeHistory" in str(request.url) and not fired:
            fired.append(True)
            bench.aegis.store.edit_pledge(given.pledge.pledge_id, {"Channel": "Phone"})
        return answer

    adapter.around = staff_edits_after_the_first_read
    given.change(amount=Decimal("61.50"))
    bench.run(ticks=2)
    assert fired
    assert given.model["Channel"] == "Phone"
    assert given.model["PledgeAmount"] == Decimal("61.50")


def test_a_status_that_nobody_knows_goes_to_a_person(bench: Workbench, given: Given) -> None:
    given.change(statusText="Limbo")
    bench.run(ticks=2)
    assert given.delivery is not None
    assert given.delivery.state is State.FAILED
    assert given.delivery.trouble is not None
    assert given.delivery.trouble.field == "recurringGift.statusText"
    assert given.model["Active"] is True
    given.status("Suspended")
    bench.run(ticks=2)
    assert given.model["Active"] is False
