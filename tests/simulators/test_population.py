"""The population is the same for the same seed, has every kind, and keeps the contracts."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from ops.simulators.aegis import AegisSimulator
from ops.simulators.json_text import write_json
from ops.simulators.population import (
    BAD_KINDS,
    DONOR_KINDS,
    GOOD_KINDS,
    OFF_CONTRACT_KINDS,
    QUIET_KINDS,
    SETTINGS,
    Population,
)
from ops.simulators.population_events import EVENT_KINDS, GIFT_EVENTS, Events
from ops.simulators.raisedonors import RaiseDonorsSimulator
from tests.simulators.careful_carrier import CarefulCarrier
from tests.simulators.clients import AegisClient, RaiseDonorsClient
from tests.simulators.conftest import Clock

LONG_AGO = "2020-01-01T00:00:00Z"
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.fixture
def population(raisedonors: RaiseDonorsSimulator, aegis: AegisSimulator) -> Population:
    return Population(7, raisedonors.store, aegis.store)


def test_the_same_seed_makes_the_same_content(clock: Clock) -> None:
    def content(seed: int) -> bytes:
        raisedonors, aegis = RaiseDonorsSimulator(clock=clock), AegisSimulator(clock=clock)
        Population(seed, raisedonors.store, aegis.store).build(donors=40, gifts=60, bad_gifts=18)
        return write_json([raisedonors.store.snapshot(), aegis.store.snapshot()])

    assert content(7) == content(7)
    assert content(7) != content(8)


def test_every_kind_of_donor_is_there(population: Population) -> None:
    population.build(donors=60)
    assert set(population.donor_counts) == set(DONOR_KINDS)


@pytest.mark.parametrize("kind", [*GOOD_KINDS, *QUIET_KINDS, *BAD_KINDS])
def test_a_gift_of_each_kind_is_added_at_its_time(
    population: Population, raisedonors: RaiseDonorsSimulator, kind: str
) -> None:
    population.build(donors=20)
    made = population.make_gift(kind, NOON)
    entry = raisedonors.store.gifts.entry(made.gift_id)
    shown = raisedonors.store.render("gift", entry)
    assert shown["createdDate"].startswith("2026-03-02T12:00:00")
    assert (entry.kind, entry.bad) == (kind, kind in BAD_KINDS)


def test_all_that_is_read_keeps_the_contract_with_bad_gifts_among_it(
    population: Population, raisedonors: RaiseDonorsSimulator, aegis: AegisSimulator, platform: RaiseDonorsClient
) -> None:
    population.build(donors=120, gifts=150)
    for kind in BAD_KINDS:
        if kind not in OFF_CONTRACT_KINDS:
            population.make_gift(kind)
    events = Events(1, raisedonors.store, aegis.store)
    for kind in EVENT_KINDS:
        events.happen(kind)
    for resource in ("Gift", "Donor", "RecurringGift"):
        for skip in range(0, 300, 100):
            platform.changed_since(resource, LONG_AGO, skip=skip, take=100, includeDetails=True)
        platform.read(f"{resource}/list", Take=100)
    platform.read("Project/list")
    platform.read("DonorActivity/list")
    for entry in raisedonors.store.gifts.all_entries():
        platform.read(f"Gift/{entry.record_id}")
    assert raisedonors.check is not None
    assert raisedonors.check.exchanges_checked > 150
    assert raisedonors.check.violations == []


def test_the_partners_that_are_read_keep_the_contract(population: Population, crm: AegisClient) -> None:
    population.build(donors=120, gifts=60)
    for partner_id in crm.simulator.store.partners:
        for path in ("ID", "TransactionHistory", "PledgeHistory"):
            crm.read(f"partner/{path}/{partner_id}")
    crm.read("partner/Search", email="@", pageSize=100)
    assert crm.simulator.check is not None
    assert crm.simulator.check.violations == []


def test_kinds_outside_the_contract_are_noticed_by_the_check(
    population: Population, raisedonors: RaiseDonorsSimulator, platform: RaiseDonorsClient
) -> None:
    for kind in OFF_CONTRACT_KINDS:
        platform.read(f"Gift/{population.make_gift(kind).gift_id}")
    assert raisedonors.check is not None
    assert raisedonors.check.violation_count == len(OFF_CONTRACT_KINDS)


def test_allocations_add_up_to_the_cent_in_all_kinds_but_the_bad(
    population: Population, raisedonors: RaiseDonorsSimulator
) -> None:
    population.build(donors=30, gifts=300)
    for entry in raisedonors.store.gifts.all_entries():
        gift = entry.latest.members
        assert sum(Decimal(share["amount"]) for share in gift["projects"]) == gift["amount"]


def test_nobody_shares_an_address_by_chance_and_all_phones_are_kept_for_fiction(
    population: Population, raisedonors: RaiseDonorsSimulator
) -> None:
    population.build(donors=400)
    emails = [donor.person.email for donor in population.donors]
    assert len(set(emails)) == len(emails)
    phones = ["".join(filter(str.isdigit, donor.person.phone or "5550100"))[-7:] for donor in population.donors]
    assert all(phone.startswith("55501") for phone in phones)


def test_a_gift_can_be_made_to_show_late(population: Population, platform: RaiseDonorsClient, clock: Clock) -> None:
    made = population.make_gift("one_time", clock.now, visible_after=timedelta(seconds=20))
    assert platform.get(f"Gift/{made.gift_id}").status == 404
    clock.move(20)
    assert platform.get(f"Gift/{made.gift_id}").status == 200


def test_the_settings_name_codes_that_aegis_has(population: Population, aegis: AegisSimulator) -> None:
    settings = SETTINGS["aegis"]
    kinds = {
        "origin_source": "OriginSource", "batch_category": "BatchCategory", "channel": "Channel",
        "warehouse_id": "Warehouse", "pledge_program_name": "PledgeProgram",
    }  # fmt: skip
    assert all(aegis.store.code_is_active(kind, settings[name]) for name, kind in kinds.items())


@pytest.mark.parametrize("kind", EVENT_KINDS)
def test_things_happen_to_records_and_move_them_to_the_end(
    population: Population, raisedonors: RaiseDonorsSimulator, crm: AegisClient, clock: Clock, kind: str
) -> None:
    population.build(donors=60, gifts=120)
    events = Events(3, raisedonors.store, crm.simulator.store)
    carrier = CarefulCarrier(raisedonors.store, crm)
    for gift in [one for one in raisedonors.store.gifts.all_entries() if one.kind == "one_time"][:8]:
        carrier.carry(gift)
    crm.new_pledge(crm.new_partner())
    for before in ("schedule_suspended", "donor_phone", "stranger_moved"):
        events.happen(before)
        clock.move(1)
    made = events.happen(kind)
    assert made.record_id is not None
    assert events.happened[-1] == made
    ends = {
        "gift": raisedonors.store.gifts, "donor": raisedonors.store.donors, "schedule": raisedonors.store.schedules,
    }  # fmt: skip
    subject = kind.partition("_")[0]
    if kind in GIFT_EVENTS:
        assert ends["gift"].modified_since(None)[-1] == made.record_id
    elif subject in ends and kind != "donor_noted":
        assert ends[subject].modified_since(None)[-1] == made.record_id


def test_a_gift_is_refunded_as_it_is_asked(
    population: Population, raisedonors: RaiseDonorsSimulator, crm: AegisClient
) -> None:
    population.build(donors=30, gifts=60)
    events, carrier = Events(3, raisedonors.store, crm.simulator.store), CarefulCarrier(raisedonors.store, crm)
    first, second = population.make_twins(NOON)
    assert events.happen("refund_delivered").record_id is None
    carrier.carry(raisedonors.store.gifts.entry(first.gift_id))
    assert events.happen("refund_delivered").record_id == first.gift_id
    assert events.happen("refund_undelivered", record_id=second.gift_id).record_id == second.gift_id
    adopted = events.happen("refund_adopted").record_id
    assert raisedonors.store.gifts.entry(int(adopted or 0)).first_members["crmKey"]


def test_twins_are_alike_in_all_that_aegis_shows(population: Population, raisedonors: RaiseDonorsSimulator) -> None:
    population.build(donors=5)
    one, other = (
        raisedonors.store.render("gift", raisedonors.store.gifts.entry(made.gift_id))
        for made in population.make_twins(NOON)
    )
    for name in ("donorId", "amount", "projects", "motivationCode", "statusText"):
        assert one[name] == other[name]
    assert (one["createdDate"][:19], one["id"] + 1) == (other["createdDate"][:19], other["id"])


def test_each_charge_moves_the_next_date_of_an_active_schedule_alone(
    population: Population, raisedonors: RaiseDonorsSimulator, aegis: AegisSimulator
) -> None:
    population.build(donors=20)
    schedules, events = raisedonors.store.schedules, Events(3, raisedonors.store, aegis.store)
    active, ended = (population.make_gift("first_of_schedule", NOON).schedule_id for _ in range(2))
    events.happen("schedule_cancelled", NOON, ended)
    before = schedules.entry(active or 0).latest.members
    charged = {population.make_gift("later_of_schedule", NOON + timedelta(days=30)).schedule_id for _ in range(5)}
    assert charged == {active}
    after = schedules.entry(active or 0).latest.members
    assert after["nextChargeDate"] > before["nextChargeDate"]
    assert {**after, "nextChargeDate": None} == {**before, "nextChargeDate": None}


def test_an_edit_there_and_back_leaves_the_donor_as_before_with_a_later_time(
    population: Population, raisedonors: RaiseDonorsSimulator, aegis: AegisSimulator
) -> None:
    made = population.make_donor("new_person")
    events, donor = Events(3, raisedonors.store, aegis.store), raisedonors.store.donors.entry(made.donor_id)
    before = donor.latest
    events.happen("stranger_there_and_back")
    assert donor.latest.members == before.members
    assert donor.latest.modified > before.modified
    for kind in ("stranger_renamed", "stranger_moved", "stranger_reverted"):
        moved = donor.latest.members["donorAddresses"]
        events.happen(kind)
    assert moved != donor.latest.members["donorAddresses"] == before.members["donorAddresses"]
    assert donor.latest.members["lastName"] != before.members["lastName"]
