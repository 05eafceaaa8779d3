"""The tally of refunds, pledges and partners agrees with a careful carrier, and finds each planted difference."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from ops.simulators.aegis_partners import seed_partner
from ops.simulators.json_text import write_json
from ops.simulators.population import Population
from ops.simulators.population_events import EVENT_KINDS, Events
from ops.simulators.raisedonors import RaiseDonorsSimulator
from ops.simulators.raisedonors_records import Entry
from ops.simulators.tally import tally
from ops.simulators.tally_result import DIFFERENCES, Tally
from tests.simulators.careful_carrier import CarefulCarrier
from tests.simulators.clients import AegisClient
from tests.simulators.conftest import Clock

UNPLAYED = ("refund_undelivered", "approve")


class Scene:
    """A population whose gifts were carried over, and to which then everything happened that can happen."""

    def __init__(self, raisedonors: RaiseDonorsSimulator, crm: AegisClient, clock: Clock) -> None:
        self.store, self.crm, self.aegis = raisedonors.store, crm, crm.simulator.store
        self.population = Population(11, self.store, self.aegis)
        self.population.build(donors=60, gifts=150)
        self.twins = self.population.make_twins(clock.now)
        self.carrier = CarefulCarrier(self.store, crm)
        self.carrier.carry_all()
        clock.move(60)
        self.events = Events(5, self.store, self.aegis)
        for kind in EVENT_KINDS * 2:
            clock.move(1)
            if kind not in UNPLAYED:
                self.events.happen(kind)
        self.carry_refunds()
        self.carrier.carry_changes()

    def carry_refunds(self) -> None:
        """Every refund that Aegis has not got, of adopted gifts too."""
        for gift in self.store.gifts.all_entries():
            if gift.latest.members["statusText"] in ("Refunded", "Voided") and gift.statuses[0] == "Approved":
                self.carrier.carry(gift, -1)

    def tally(self) -> Tally:
        return tally(self.store, self.aegis)

    def schedule(self, *statuses: str) -> tuple[Entry, str]:
        """A schedule of one of these statuses whose pledge is known."""
        for schedule in self.store.schedules.all_entries():
            key = schedule.latest.members.get("crmKey") or self.carrier.pledges.get(schedule.record_id)
            if key and schedule.latest.members["statusText"] in statuses:
                return schedule, str(key)
        raise AssertionError(f"no schedule that is {statuses} has a pledge")

    def edited(self, kind: str) -> tuple[int, str]:
        """A donor of whom something was edited, and the partner."""
        donor_id = next(int(event.record_id or 0) for event in self.events.happened if event.kind == kind)
        return donor_id, self.carrier.partner_of(donor_id)


@pytest.fixture
def scene(raisedonors: RaiseDonorsSimulator, crm: AegisClient, clock: Clock) -> Scene:
    return Scene(raisedonors, crm, clock)


def _only(result: Tally, *names: str) -> dict[str, Any]:
    found = {name: getattr(result, name) for name in DIFFERENCES if getattr(result, name)}
    assert set(found) == set(names), result.describe()
    assert not result.clean
    return found


def test_what_was_carried_rightly_is_clean_and_counted(scene: Scene) -> None:
    result = scene.tally()
    assert result.clean, result.describe()
    assert result.refunds_expected == result.refunds_found >= 6
    assert result.counts["schedules"] > 8
    assert result.counts["active pledges"] > 3
    assert result.counts["donors edited"] > 3
    nets = (*result.net_by_fund.values(), *result.net_by_donor.values())
    assert all(net.difference == 0 for net in nets)
    total = sum((net.aegis for net in result.net_by_fund.values()), start=0 * result.aegis_total)
    given_back = sum(one.total for one in scene.aegis.transactions.values() if one.via_api and one.total < 0)
    assert given_back < 0
    assert total == sum(one.total for one in scene.aegis.transactions.values() if one.via_api)


def test_of_two_equal_gifts_of_one_day_the_one_refunded_is_told_apart(scene: Scene) -> None:
    first, second = (scene.store.gifts.entry(made.gift_id) for made in scene.twins)
    scene.store.set_gift_status(first.record_id, "Refunded")
    wrong = scene.carrier.carry(second, -1)
    found = _only(scene.tally(), "missing_refunds", "doubled_refunds")
    assert found["missing_refunds"][0].gift_id == first.record_id
    assert found["doubled_refunds"][0].gift_id == second.record_id
    del scene.aegis.transactions[wrong]
    scene.carrier.carry(first, -1)
    assert scene.tally().clean


def test_a_gift_given_back_before_it_was_sent_may_be_there_twice_or_not_at_all(scene: Scene) -> None:
    made = scene.population.make_gift("one_time", donor=scene.population.donors[0])
    scene.events.happen("refund_undelivered", record_id=made.gift_id)
    gift = scene.store.gifts.entry(made.gift_id)
    assert scene.tally().clean
    scene.carrier.carry(gift)
    _only(scene.tally(), "missing_refunds")
    scene.carrier.carry(gift, -1)
    assert scene.tally().clean, scene.tally().describe()
    scene.carrier.carry(gift, -1)
    _only(scene.tally(), "doubled_refunds")


def test_a_refund_to_another_fund_is_found_though_the_total_is_right(scene: Scene) -> None:
    refund = next(one for one in scene.aegis.transactions.values() if one.total < 0)
    refund.lines[0].fund_id = "OLDFUND"
    result = scene.tally()
    _only(result, "wrong_fund")
    assert result.net_by_fund["OLDFUND"].difference == refund.lines[0].amount


def test_an_original_that_was_given_back_is_still_compared(scene: Scene) -> None:
    refund = next(one for one in scene.aegis.transactions.values() if one.total < 0)
    gift_id = refund.attribute("RaiseDonors.Donation.Id")
    (original,) = [one for one in scene.aegis.transactions.values() if one.attribute(
        "RaiseDonors.Donation.Id") == gift_id and one.total > 0]  # fmt: skip
    original.model["Attributes"][1]["Value"] = "48001"
    assert {"wrong_donor"} <= {name for name in DIFFERENCES if getattr(scene.tally(), name)}


def _staff_switches_off(scene: Scene) -> str:
    _, pledge_id = scene.schedule("Active")
    scene.aegis.set_pledge_active(pledge_id, False)
    return "lost_pledges"


def _left_active(scene: Scene) -> str:
    schedule, pledge_id = scene.schedule("Cancelled", "Expired", "Suspended")
    scene.carrier.save_pledge(schedule.record_id, pledge_id, Active=True)
    return "open_pledges"


def _old_amount(scene: Scene) -> str:
    schedule, _ = scene.schedule("Active")
    scene.events.happen("schedule_amount", record_id=schedule.record_id)
    return "stale_pledges"


def _old_payer(scene: Scene) -> str:
    schedule, _ = scene.schedule("Active")
    scene.events.happen("schedule_payer", record_id=schedule.record_id)
    return "stale_pledges"


def _pledge_wiped(scene: Scene) -> str:
    schedule, pledge_id = scene.schedule("Active")
    scene.aegis.edit_pledge(pledge_id, {"LegacyPledgeNumber": "L-78"})
    scene.carrier.save_pledge(schedule.record_id, pledge_id, LegacyPledgeNumber=None)
    return "spoilt_records"


def _old_phone(scene: Scene) -> str:
    donor_id, _ = scene.edited("donor_phone")
    scene.events.happen("donor_phone", record_id=donor_id)
    return "stale_partners"


def _never_taken_back(scene: Scene) -> str:
    donor_id, partner_id = scene.edited("donor_moved")
    scene.events.happen("donor_moved", record_id=donor_id)
    scene.carrier.save_partner(donor_id, partner_id)
    scene.events.happen("donor_reverted", record_id=donor_id)
    return "stale_partners"


def _member_wiped(scene: Scene) -> str:
    donor_id, partner_id = scene.edited("donor_renamed")
    scene.aegis.edit_partner(partner_id, {"Rating": 7})
    scene.carrier.save_partner(donor_id, partner_id, Rating=None)
    return "spoilt_records"


def _switched_off(scene: Scene) -> str:
    donor_id, partner_id = scene.edited("donor_email")
    scene.carrier.save_partner(donor_id, partner_id, IsActive=False)
    return "spoilt_records"


def _second_phone_lost(scene: Scene) -> str:
    donor_id, partner_id = scene.edited("donor_renamed")
    phones = scene.aegis.partners[partner_id]["PartnerPhones"]
    second = {"Type": "Work", "Priority": 2, "Number": "202-555-0177", "Status": "", "Extension": "12"}
    scene.aegis.edit_partner(partner_id, {"PartnerPhones": [*phones, second]})
    scene.carrier.save_partner(donor_id, partner_id, PartnerPhones=phones)
    return "spoilt_records"


def _someone_else_renamed(scene: Scene) -> str:
    stranger = seed_partner(scene.aegis, {"LastName": "Untouched", "Address1": "1 Far Road"})
    partner = scene.crm.read(f"partner/ID/{stranger}")
    scene.crm.send("PUT", "partner/Save", {**partner, "LastName": "Touched"})
    return "spoilt_records"


def _schedule_overwritten(scene: Scene) -> str:
    schedule, _ = scene.schedule("Active")
    scene.store.overwritten_schedules.append((schedule.record_id, ("amount",)))
    return "overwritten_schedules"


@pytest.mark.parametrize(
    "plant",
    [
        _staff_switches_off, _left_active, _old_amount, _old_payer, _pledge_wiped, _old_phone, _never_taken_back,
        _member_wiped, _switched_off, _second_phone_lost, _someone_else_renamed, _schedule_overwritten,
    ],
)  # fmt: skip
def test_each_planted_difference_is_found_alone(scene: Scene, plant: Callable[[Scene], str]) -> None:
    name = plant(scene)
    (finding,) = _only(scene.tally(), name)[name]
    assert any(finding.describe().startswith(word) for word in ("schedule 7", "donor 4", "partner 1", "pledge "))


def test_an_edit_of_a_donor_without_a_partner_or_before_the_first_gift_asks_for_nothing(
    scene: Scene, clock: Clock
) -> None:
    made = scene.population.make_donor("known_loose")
    scene.store.edit("donor", made.donor_id, {"donorPhoneNumbers": []})
    clock.move(60)
    assert scene.tally().clean
    gift = scene.population.make_gift("one_time", donor=made)
    scene.carrier.carry(scene.store.gifts.entry(gift.gift_id))
    assert scene.tally().clean, scene.tally().describe()


def test_a_caller_that_writes_a_stale_schedule_back_is_found(scene: Scene, raisedonors: RaiseDonorsSimulator) -> None:
    schedule, _ = scene.schedule("Active")
    read = raisedonors.store.render("schedule", schedule)
    raisedonors.store.edit("schedule", schedule.record_id, {"paymentMethodId": "pm_new"})
    headers = {"Authorization": f"Bearer {raisedonors.token}", "Content-Type": "application/json"}
    own = ("id", "createdDate", "modifiedDate", "formattedFrequency", "isTestMode", "statusText")
    body = write_json({name: value for name, value in read.items() if name not in own})
    raisedonors.exchange("PUT", f"/api/RecurringGift/{schedule.record_id}", headers, body)
    (finding,) = _only(scene.tally(), "overwritten_schedules")["overwritten_schedules"]
    assert "paymentMethodId" in finding.detail


def test_a_late_edit_is_asked_for_when_it_shows(scene: Scene, clock: Clock) -> None:
    donor_id, _ = scene.edited("donor_phone")
    scene.store.edit("donor", donor_id, {"lastName": "Late"}, modified=clock.now, visible_after=timedelta(seconds=20))
    _only(scene.tally(), "stale_partners")


def test_a_note_is_asked_for_once_where_notes_are_sent(scene: Scene, clock: Clock) -> None:
    def result() -> Tally:
        return tally(scene.store, scene.aegis, with_notes=True)

    clock.move(1)
    donor_id, partner_id = scene.edited("donor_phone")
    scene.events.happen("donor_noted", record_id=donor_id)
    note = scene.store.activities.all_entries()[-1].latest.members
    assert scene.tally().clean
    assert f"donor {donor_id}" in _only(result(), "missing_notes")["missing_notes"][-1].detail
    for entry in scene.store.activities.all_entries():
        partner = scene.carrier.partner_of(entry.latest.members["donorId"])
        body = {"PartnerID": partner, "Subject": entry.latest.members["subject"], "Note": entry.latest.members["body"]}
        scene.crm.send("POST", "partnernote/Create", body)
    assert result().clean, result().describe()
    scene.crm.send(
        "POST", "partnernote/Create", {"PartnerID": partner_id, "Subject": "Call back", "Note": note["body"]}
    )
    _only(result(), "doubled_notes")


def test_beside_a_primary_phone_of_staff_the_donors_new_one_may_come_second(scene: Scene) -> None:
    donor_id, partner_id = scene.edited("donor_phone")
    staff = [{"Type": "Work", "Priority": 1, "Number": "202-555-0166", "Status": ""}]
    scene.aegis.edit_partner(partner_id, {"PartnerPhones": staff})
    _only(scene.tally(), "stale_partners")
    phone = scene.store.donors.entry(donor_id).latest.members["donorPhoneNumbers"][0]["value"]
    second = {"Type": "Home", "Priority": 2, "Number": phone, "Status": ""}
    scene.carrier.save_partner(donor_id, partner_id, PartnerPhones=[*staff, second])
    assert scene.tally().clean, scene.tally().describe()
