"""The tally agrees with a careful carrier, and finds each planted difference, and nothing else."""

from decimal import Decimal
from typing import Any

import pytest

from ops.simulators.aegis_partners import seed_partner
from ops.simulators.aegis_store import Transaction
from ops.simulators.population import Population
from ops.simulators.population_events import Events
from ops.simulators.raisedonors import RaiseDonorsSimulator
from ops.simulators.tally import tally
from ops.simulators.tally_keys import wrong_partner
from ops.simulators.tally_result import DIFFERENCES, Tally
from tests.simulators.careful_carrier import CarefulCarrier
from tests.simulators.clients import AegisClient

CENT = Decimal("0.01")


class Scene:
    """A population whose gifts were all carried over rightly."""

    def __init__(self, raisedonors: RaiseDonorsSimulator, crm: AegisClient) -> None:
        self.store, self.crm, self.aegis = raisedonors.store, crm, crm.simulator.store
        self.population = Population(11, self.store, self.aegis)
        self.population.build(donors=60, gifts=150, bad_gifts=18)
        events = Events(5, self.store, self.aegis)
        for kind in ("refund", "refund", "void", "approve"):
            events.happen(kind)
        self.carrier = CarefulCarrier(self.store, crm)
        self.carrier.carry_all()

    def tally(self) -> Tally:
        return tally(self.store, self.aegis)

    def some(self, kind: str = "one_time") -> Transaction:
        """The transaction of some gift of a kind that is still approved."""
        for transaction in self.aegis.transactions.values():
            gift_id = transaction.attribute("RaiseDonors.Donation.Id")
            if gift_id and transaction.total > 0:
                gift = self.store.gifts.entry(int(gift_id))
                if gift.kind == kind and gift.latest.members["statusText"] == "Approved":
                    return transaction
        raise AssertionError(f"no {kind} gift in Aegis")

    def gift_id(self, transaction: Transaction) -> int:
        return int(transaction.attribute("RaiseDonors.Donation.Id") or 0)


@pytest.fixture
def scene(raisedonors: RaiseDonorsSimulator, crm: AegisClient) -> Scene:
    return Scene(raisedonors, crm)


def _only(result: Tally, *names: str) -> dict[str, Any]:
    found = {name: getattr(result, name) for name in DIFFERENCES if getattr(result, name)}
    assert set(found) == set(names), result.describe()
    assert not result.clean
    return found


def test_what_was_carried_rightly_is_clean(scene: Scene) -> None:
    result = scene.tally()
    assert result.clean, result.describe()
    assert result.expected_count == result.found_count > 80
    assert result.raisedonors_total == result.aegis_total > 0
    assert result.refunds_expected == result.refunds_found == 3
    assert all(sides.difference == 0 for sides in (*result.by_fund.values(), *result.by_donor.values()))
    assert result.describe()[-1] == "both sides agree"


def test_one_missing_gift_is_found(scene: Scene) -> None:
    lost = scene.some()
    del scene.aegis.transactions[lost.invoice_number]
    result = scene.tally()
    (finding,) = _only(result, "missing")["missing"]
    assert finding.gift_id == scene.gift_id(lost)
    assert result.raisedonors_total - result.aegis_total == lost.total


def test_one_doubled_gift_is_found(scene: Scene) -> None:
    first = scene.some()
    second = scene.carrier.carry(scene.store.gifts.entry(scene.gift_id(first)))
    (finding,) = _only(scene.tally(), "doubled")["doubled"]
    assert finding.invoice_numbers == (first.invoice_number, second)


def test_one_cent_is_found(scene: Scene) -> None:
    transaction = scene.some()
    transaction.total += CENT
    transaction.lines[0].amount += CENT
    result = scene.tally()
    found = _only(result, "wrong_amount", "wrong_fund")
    assert found["wrong_amount"][0].invoice_numbers == (transaction.invoice_number,)
    assert result.aegis_total - result.raisedonors_total == CENT


def test_a_wrong_fund_is_found(scene: Scene) -> None:
    line = scene.some("split").lines[0]
    line.fund_id = "OLDFUND"
    result = scene.tally()
    _only(result, "wrong_fund")
    assert result.by_fund["OLDFUND"].aegis == line.amount


def test_two_funds_with_their_amounts_changed_over_are_found(scene: Scene) -> None:
    first, second, *_ = scene.some("split").lines
    first.fund_id, second.fund_id = second.fund_id, first.fund_id
    assert first.amount == second.amount or _only(scene.tally(), "wrong_fund")


def test_a_gift_that_was_not_to_be_sent_is_found(scene: Scene) -> None:
    declined = next(entry for entry in scene.store.gifts.all_entries() if entry.kind == "declined")
    scene.carrier.carry(declined)
    (finding,) = _only(scene.tally(), "foreign")["foreign"]
    assert finding.gift_id == declined.record_id


def test_a_donation_that_raisedonors_does_not_have_is_found(scene: Scene) -> None:
    entry = scene.store.gifts.entry(scene.gift_id(scene.some()))
    attributes = [{"Name": "RaiseDonors.Donation.Id", "Value": "1"}]
    scene.carrier.carry(entry, Attributes=attributes)
    _only(scene.tally(), "foreign")


def test_a_lost_and_a_doubled_refund_are_found(scene: Scene) -> None:
    refunds = [one for one in scene.aegis.transactions.values() if one.total < 0]
    scene.carrier.carry(scene.store.gifts.entry(scene.gift_id(refunds[0])), -1)
    del scene.aegis.transactions[refunds[1].invoice_number]
    found = _only(scene.tally(), "missing_refunds", "doubled_refunds")
    assert found["missing_refunds"][0].gift_id == scene.gift_id(refunds[1])
    assert found["doubled_refunds"][0].gift_id == scene.gift_id(refunds[0])


def test_a_gift_given_to_a_look_alike_is_found(scene: Scene) -> None:
    donor_id, alike = next(iter(scene.store.foreign_partners.items()))
    donor = next(one for one in scene.population.donors if one.donor_id == donor_id)
    made = scene.population.make_gift("one_time", donor=donor)
    scene.carrier.carry(scene.store.gifts.entry(made.gift_id), PartnerID=min(alike))
    _only(scene.tally(), "wrong_partner")


def test_a_donor_whose_name_went_there_and_back_may_have_a_new_partner(scene: Scene) -> None:
    store = scene.store
    donor_id = next(number for number, own in store.expected_partners.items() if len(own) == 1)
    name = store.donors.entry(donor_id).latest.members["lastName"]
    assert wrong_partner(store, scene.aegis, donor_id, "999999") is not None
    for last_name in ("Quincy", name):
        store.edit("donor", donor_id, {"lastName": last_name})
    assert wrong_partner(store, scene.aegis, donor_id, "999999") is None


def test_a_donor_with_two_partners_is_found(scene: Scene) -> None:
    key = [{"Name": "RaiseDonors.Donor.Id", "Value": "48001"}]
    for _ in range(2):
        seed_partner(scene.aegis, {"LastName": "Berg", "CustomData": key})
    (finding,) = _only(scene.tally(), "doubled_partners")["doubled_partners"]
    assert "48001" in finding.detail


def test_a_pledge_made_twice_is_found(scene: Scene) -> None:
    pledge = next(one for one in scene.aegis.pledges.values() if one.via_api)
    again = {name: value for name, value in pledge.model.items() if name not in ("ID", "PaymentTokenID")}
    scene.crm.write("POST", "pledge/Create", again)
    _only(scene.tally(), "doubled_pledges")


def test_a_schedule_whose_gifts_went_to_two_pledges_is_found(scene: Scene) -> None:
    transaction = scene.some("first_of_schedule")
    other = scene.crm.new_pledge(transaction.partner_id, PledgeAmount=Decimal("7.77"))
    made = scene.population.make_gift("first_of_schedule")
    schedule = scene.store.gifts.entry(scene.gift_id(transaction)).latest.members["recurringGiftId"]
    scene.store.edit("gift", made.gift_id, {"recurringGiftId": schedule})
    entry = scene.store.gifts.entry(made.gift_id)
    shares = [{**gift, "PledgeID": other} for gift in scene.carrier.transaction(entry, 1)["Gifts"]]
    partner_id = scene.carrier.partner_of(entry.latest.members["donorId"])
    scene.aegis.edit_pledge(other, {"PartnerID": partner_id})
    scene.carrier.carry(entry, Gifts=shares)
    _only(scene.tally(), "doubled_pledges", "stale_pledges")


def test_a_gift_that_fell_to_another_pledge_is_found(scene: Scene) -> None:
    made = scene.population.make_gift("first_of_schedule")
    gift = scene.store.gifts.entry(made.gift_id)
    shares = [{**one, "PledgeID": None} for one in scene.carrier.transaction(gift, 1)["Gifts"]]
    scene.carrier.carry(gift, Gifts=shares)
    assert len(_only(scene.tally(), "hazards")["hazards"]) == len(shares)


def test_the_caller_can_name_the_gifts_expected(scene: Scene) -> None:
    gift_id = scene.gift_id(scene.some())
    result = tally(scene.store, scene.aegis, [gift_id])
    assert (result.expected_count, result.clean) == (1, True)
    _only(tally(scene.store, scene.aegis, [gift_id, 1]), "missing")
