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
from ops.simulators.population_events import EVENT_KINDS, Events
from ops.simulators.raisedonors import RaiseDonorsSimulator
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
    population: Population, raisedonors: RaiseDonorsSimulator, aegis: AegisSimulator, kind: str
) -> None:
    population.build(donors=30, gifts=120)
    events = Events(3, raisedonors.store, aegis.store)
    events.happen("schedule_suspended")
    made = events.happen(kind)
    assert made.record_id is not None
    if kind in ("approve", "refund", "void"):
        assert raisedonors.store.gifts.modified_since(None)[-1] == made.record_id
