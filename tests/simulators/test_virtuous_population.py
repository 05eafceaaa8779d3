"""The contacts fit the donors, the same seed makes the same, every event happens, and the tally finds what differs."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from ops.simulators.aegis import AegisSimulator
from ops.simulators.json_text import write_json
from ops.simulators.population import Population
from ops.simulators.raisedonors import RaiseDonorsSimulator
from ops.simulators.virtuous import VirtuousSimulator
from ops.simulators.virtuous_events import CONTACT_EVENT_KINDS, IDLE, TRAVELLING, VirtuousEvents
from ops.simulators.virtuous_import import ImportChoices
from ops.simulators.virtuous_population import (
    ORGANISATION_KINDS,
    OUR_SOURCE,
    PERSON_KINDS,
    STRANGER_KINDS,
    VirtuousPopulation,
    seed_virtuous_projects,
)
from ops.simulators.virtuous_records import primary_value
from ops.simulators.virtuous_tally import virtuous_tally
from ops.simulators.virtuous_tally_result import VirtuousTally
from tests.simulators.conftest import Clock
from tests.simulators.virtuous_world import VirtuousWorld, gift, modified_since

SHARES = [{"code": "GEN", "amountDesignated": "75.00"}]


@pytest.fixture
def world(clock: Clock) -> VirtuousWorld:
    return VirtuousWorld(clock)


@pytest.fixture
def filled(world: VirtuousWorld, raisedonors: RaiseDonorsSimulator, aegis: AegisSimulator) -> VirtuousPopulation:
    Population(7, raisedonors.store, aegis.store).build(donors=80)
    population = VirtuousPopulation(7, raisedonors.store, world.store)
    population.build()
    return population


def _tally(raisedonors: RaiseDonorsSimulator, world: VirtuousWorld, *gifts: int) -> VirtuousTally:
    return virtuous_tally(raisedonors.store, world.store, expected_gifts=gifts)


def test_the_same_seed_makes_the_same_contacts(clock: Clock) -> None:
    def content(seed: int) -> bytes:
        raisedonors, aegis = RaiseDonorsSimulator(clock=clock), AegisSimulator(clock=clock)
        virtuous = VirtuousSimulator(clock=clock)
        Population(1, raisedonors.store, aegis.store).build(donors=40)
        VirtuousPopulation(seed, raisedonors.store, virtuous.store).build()
        events = VirtuousEvents(seed, virtuous.store)
        for kind in CONTACT_EVENT_KINDS:
            events.happen(kind)
        return write_json([raisedonors.store.snapshot(), virtuous.snapshot()])

    assert content(7) == content(7)
    assert content(7) != content(8)


def test_every_kind_of_contact_is_there_and_agrees_with_its_donor(
    filled: VirtuousPopulation, world: VirtuousWorld, raisedonors: RaiseDonorsSimulator
) -> None:
    assert set(filled.counts) == {*PERSON_KINDS, *ORGANISATION_KINDS, *STRANGER_KINDS}
    linked = [made for made in filled.contacts if made.donor_ids and made.kind not in ("unknown", "not_linked")]
    result = _tally(raisedonors, world)
    assert result.clean, result.describe()
    donors = sum(len(made.donor_ids) for made in linked)
    assert [result.counts[name] for name in ("donors with a contact", "name the same", "address the same")] == [
        donors
    ] * 3
    assert result.counts["phone the same"] == donors


def test_all_that_is_read_of_the_population_keeps_the_contract(
    filled: VirtuousPopulation, world: VirtuousWorld
) -> None:
    events = VirtuousEvents(3, world.store)
    for kind in CONTACT_EVENT_KINDS * 3:
        events.happen(kind)
    for contact_id in list(world.store.contacts):
        for path in ("Contact", "ContactIndividual/ByContact", "ContactAddress/ByContact"):
            world.read(f"{path}/{contact_id}")
    assert world.query(modified_since("2026-01-01"), take=1000, includeArchived=True).status == 200
    assert world.simulator.check is not None
    assert world.simulator.check.exchanges_checked > 200
    assert world.violations() == []


@pytest.mark.parametrize("kind", CONTACT_EVENT_KINDS)
def test_each_event_happens_and_tells_what_it_has_to(
    filled: VirtuousPopulation, world: VirtuousWorld, raisedonors: RaiseDonorsSimulator, kind: str, clock: Clock
) -> None:
    events = VirtuousEvents(5, world.store)
    events.happen("moved")
    world.subscribe(contactCreate=False)
    clock.move(60)
    made = events.happen(kind)
    assert made.contact_id is not None
    assert bool(world.deliver()) == (kind not in ("merged", "archived", "deleted"))
    assert events.happened[-1] == made


@pytest.mark.parametrize("kind", TRAVELLING[:4])
def test_an_edit_that_was_not_carried_over_is_found(
    filled: VirtuousPopulation, world: VirtuousWorld, raisedonors: RaiseDonorsSimulator, kind: str
) -> None:
    contact_id = VirtuousEvents(5, world.store).happen(kind).contact_id
    result = _tally(raisedonors, world)
    assert result.different_fields
    assert all(finding.detail.endswith(f"contact {contact_id}") for finding in result.different_fields)


@pytest.mark.parametrize("kind", ["there_and_back", *IDLE, "merged", "archived", "deleted", "individual_added"])
def test_what_has_to_change_nothing_is_no_difference(
    filled: VirtuousPopulation, world: VirtuousWorld, raisedonors: RaiseDonorsSimulator, kind: str
) -> None:
    VirtuousEvents(5, world.store).happen(kind)
    assert _tally(raisedonors, world).clean


def test_a_field_set_back_to_its_former_value_agrees_again(
    filled: VirtuousPopulation, world: VirtuousWorld, raisedonors: RaiseDonorsSimulator
) -> None:
    events = VirtuousEvents(5, world.store)
    contact_id = events.happen("moved").contact_id
    assert not _tally(raisedonors, world).clean
    events.happen("reverted", contact_id)
    assert _tally(raisedonors, world).clean


def test_an_address_correction_run_over_thousands_is_quick_and_told_in_bundles(
    raisedonors: RaiseDonorsSimulator, world: VirtuousWorld
) -> None:
    for n in range(2000):
        donor_id = raisedonors.store.add("donor", {"firstName": "A", "lastName": f"B{n}", "phone": f"251555{n:04d}"})
        world.contact(str(donor_id), contactIndividuals=[{"firstName": "A", "lastName": f"B{n}"}], address=None)
    world.subscribe()
    assert VirtuousEvents(1, world.store).ncoa(2000) == 2000
    assert [len(body["models"]) for body in world.deliver()] == [25] * 80
    # No donor had an address: what Virtuous filled in has to be on RaiseDonors.
    assert len(_tally(raisedonors, world).different_fields) == 2000


def test_an_edit_on_raisedonors_that_did_not_land_is_found_and_one_that_did_is_not(
    filled: VirtuousPopulation, world: VirtuousWorld, raisedonors: RaiseDonorsSimulator, clock: Clock
) -> None:
    made = next(made for made in filled.contacts if made.kind == "linked")
    clock.move(60)
    raisedonors.store.edit("donor", made.donor_ids[0], {"phone": "989-555-0101"})
    assert [one.detail for one in _tally(raisedonors, world).different_fields] == [
        f"phone of contact {made.contact_id}"
    ]
    contact = world.store.contacts[made.contact_id]
    person = contact.individuals[0]
    names = {name: person[name] for name in ("firstName", "lastName")}
    body = {"referenceSource": OUR_SOURCE, "referenceId": str(made.donor_ids[0]), "contactType": "Household", **names}
    world.send("POST", "Contact/Transaction", {**body, "phone": "+1 (989) 555-0101"})
    world.simulator.run_import()
    assert primary_value(person, "Phone") == "+1 (989) 555-0101"
    assert _tally(raisedonors, world).clean


def test_an_erased_phone_is_no_difference_and_a_new_one_on_the_other_side_is(
    filled: VirtuousPopulation, world: VirtuousWorld, raisedonors: RaiseDonorsSimulator, clock: Clock
) -> None:
    made = next(made for made in filled.contacts if made.kind == "linked")
    clock.move(60)
    world.staff.edit_contact(made.contact_id, {"individual": {"phone": ""}})
    result = _tally(raisedonors, world)
    assert (result.clean, result.counts["phone empty on one side"]) == (True, 1)
    clock.move(60)
    raisedonors.store.edit("donor", made.donor_ids[0], {"phone": "989-555-0101"})
    assert not _tally(raisedonors, world).clean


def test_an_edit_from_before_the_baseline_does_not_count(
    filled: VirtuousPopulation, world: VirtuousWorld, raisedonors: RaiseDonorsSimulator, clock: Clock
) -> None:
    VirtuousEvents(5, world.store).happen("moved")
    clock.move(60)
    result = virtuous_tally(raisedonors.store, world.store, since=clock(), expected_gifts=())
    assert result.clean
    assert result.counts["address different from the start"] >= 1


def test_an_e_mail_that_came_from_virtuous_is_found_and_one_that_went_there_is_not(
    filled: VirtuousPopulation, world: VirtuousWorld, raisedonors: RaiseDonorsSimulator, clock: Clock
) -> None:
    made = next(made for made in filled.contacts if made.kind == "linked")
    clock.move(60)
    raisedonors.store.edit("donor", made.donor_ids[0], {"email": "own@example.org"})
    assert _tally(raisedonors, world).clean
    world.staff.edit_contact(made.contact_id, {"individual": {"email": "theirs@example.net"}})
    raisedonors.store.edit("donor", made.donor_ids[0], {"email": "Theirs@example.net"})
    (finding,) = _tally(raisedonors, world).crossed_emails
    assert finding.describe() == f"donor {made.donor_ids[0]}: that was set on contact {made.contact_id}"


def test_a_donor_that_was_made_twice_is_found(world: VirtuousWorld, raisedonors: RaiseDonorsSimulator) -> None:
    for _ in range(2):
        raisedonors.store.add("donor", {"firstName": "Eve", "lastName": "Stone", "phone": "251-555-0101"})
    assert len(_tally(raisedonors, world).doubled_donors) == 1


def _give(raisedonors: RaiseDonorsSimulator, donor_id: int, **members: Any) -> int:
    project_id = raisedonors.store.add("project", {"code": "GEN", "name": "General"})
    shares = [{"projectId": project_id, "amount": "75.00"}]
    return raisedonors.store.add(
        "gift", {"amount": Decimal("75.00"), "donorId": donor_id, "projects": shares, **members}
    )


def _hand_in(world: VirtuousWorld, gift_id: int, donor_id: int, prefix: str = "don-", **members: Any) -> None:
    giver = {"referenceId": str(donor_id), "type": "Household", "firstname": "Imani", "lastname": "Vance"}
    body = gift(f"{prefix}{gift_id}", contact=giver, designations=SHARES, **members)
    assert world.send("POST", "v2/Gift/Transaction", body).status == 200


@pytest.fixture
def donor_id(raisedonors: RaiseDonorsSimulator, world: VirtuousWorld) -> int:
    seed_virtuous_projects(world.store)
    return raisedonors.store.add("donor", {"firstName": "Imani", "lastName": "Vance"})


def test_a_gift_held_or_landed_once_and_reversed_once_is_in_order(
    world: VirtuousWorld, raisedonors: RaiseDonorsSimulator, donor_id: int
) -> None:
    gift_ids = [_give(raisedonors, donor_id) for _ in range(3)]
    assert len(virtuous_tally(raisedonors.store, world.store).missing_gifts) == 3
    for gift_id in gift_ids:
        _hand_in(world, gift_id, donor_id)
    raisedonors.store.set_gift_status(gift_ids[0], "Refunded")
    waiting = _tally(raisedonors, world, *gift_ids)
    assert (waiting.clean, waiting.counts["gifts held"], waiting.counts["reversals waiting for the import"]) == (
        True,
        3,
        1,
    )
    world.simulator.run_import(ImportChoices(take=lambda row: row.identity != f"don-{gift_ids[2]}"))
    landed = _tally(raisedonors, world, *gift_ids)
    assert [len(landed.missing_reversals), landed.counts["gifts landed"], landed.counts["gifts held"]] == [1, 2, 1]
    landed_id = world.read(f"Gift/Legacy%20RaiseDonors/don-{gift_ids[0]}")["id"]
    body = {"reversedGiftId": landed_id, "giftDate": "2026-03-03"}
    world.send("POST", "Gift/ReversingTransaction", body)
    assert _tally(raisedonors, world, *gift_ids).clean
    world.send("POST", "Gift/ReversingTransaction", body)
    assert len(_tally(raisedonors, world, *gift_ids).doubled_reversals) == 1


Wrong = Callable[[VirtuousWorld, int, int], None]
WRONGS: list[tuple[str, Wrong]] = [
    ("doubled_gifts", lambda world, gift_id, donor_id: _hand_in(world, gift_id, donor_id, "again-")),
    ("wrong_gifts", lambda world, gift_id, donor_id: _hand_in(world, gift_id, donor_id, "again-", amount="74.00")),
    ("wrong_gifts", lambda world, gift_id, donor_id: _hand_in(world, gift_id, donor_id + 1, "again-")),
    ("foreign_gifts", lambda world, gift_id, donor_id: _hand_in(world, 5, donor_id)),
    ("changed_repeats", lambda world, gift_id, donor_id: _hand_in(world, gift_id, donor_id, notes="other")),
]


@pytest.mark.parametrize(("difference", "wrong"), WRONGS)
def test_each_wrong_in_gifts_is_found_by_name(
    world: VirtuousWorld, raisedonors: RaiseDonorsSimulator, donor_id: int, difference: str, wrong: Wrong
) -> None:
    gift_id = _give(raisedonors, donor_id)
    _hand_in(world, gift_id, donor_id)
    wrong(world, gift_id, donor_id)
    world.simulator.run_import()
    result = _tally(raisedonors, world, gift_id)
    assert getattr(result, difference)
    assert result.describe()[-1] == "THE SIDES DIFFER"


def test_a_gift_that_was_not_to_be_sent_is_found(
    world: VirtuousWorld, raisedonors: RaiseDonorsSimulator, donor_id: int
) -> None:
    gift_id = _give(raisedonors, donor_id, statusText="Declined")
    _hand_in(world, gift_id, donor_id)
    assert len(_tally(raisedonors, world).foreign_gifts) == 1
