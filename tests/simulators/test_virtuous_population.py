"""The contacts fit the donors, the same seed makes the same, every event happens, and the tally finds what differs."""

import random
from typing import Any

import pytest

from ops.simulators.aegis import AegisSimulator
from ops.simulators.json_text import write_json
from ops.simulators.population import Population
from ops.simulators.population_edits import EDITS, DonorEdits
from ops.simulators.raisedonors import RaiseDonorsSimulator
from ops.simulators.raisedonors_records import Entry
from ops.simulators.raisedonors_wire import complete_donor
from ops.simulators.virtuous import VirtuousSimulator
from ops.simulators.virtuous_events import CONTACT_EVENT_KINDS, IDLE, TRAVELLING, VirtuousEvents
from ops.simulators.virtuous_population import (
    ORGANISATION_KINDS,
    OUR_SOURCE,
    PERSON_KINDS,
    STRANGER_KINDS,
    MadeContact,
    VirtuousPopulation,
)
from ops.simulators.virtuous_records import primary_value
from ops.simulators.virtuous_shapes import ADDRESS_LINES
from ops.simulators.virtuous_tally import virtuous_tally
from ops.simulators.virtuous_tally_result import VirtuousTally
from tests.simulators.conftest import Clock
from tests.simulators.virtuous_world import VirtuousWorld, modified_since


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


def _carry_to_virtuous(world: VirtuousWorld, donor: Entry) -> None:
    """Hand in the row of an edited donor, as the daily bundle does."""
    shown = complete_donor(donor.record_id, donor.latest.members)
    kind = "Organization" if shown["isOrganization"] else "Household"
    names = {"name": shown["organizationName"]} if shown["isOrganization"] else {}
    names |= {name: shown[name] for name in ("firstName", "lastName", "email", "phone") if shown.get(name)}
    place = {name: value for name, value in (shown["primaryAddress"] or {}).items() if isinstance(value, str)}
    lines = {name: place[name] for name in ADDRESS_LINES if name in place} | {
        "country": place.get("countryString", "US")
    }
    body = {"referenceId": str(donor.record_id), "contactType": kind, **names, **lines}
    answer = world.send("POST", "Contact/Batch", {"referenceSource": OUR_SOURCE, "contacts": [body]})
    assert answer.status == 200, answer.body


def _carry_to_raisedonors(world: VirtuousWorld, raisedonors: RaiseDonorsSimulator, made: MadeContact) -> None:
    """Write what a contact says onto its donors, each of whom is one of its people."""
    shown = world.read(f"Contact/{made.contact_id}")
    for donor_id, person in zip(made.donor_ids, shown["contactIndividuals"], strict=False):
        phones = [one["value"] for one in person["contactMethods"] if "Phone" in one["type"] and one["isPrimary"]]
        changes: dict[str, Any] = {"phone": phones[0]} if phones else {}
        if shown["contactType"] == "Household":
            changes |= {name: person[name] for name in ("firstName", "lastName")}
        else:
            changes["organizationName"] = shown["name"]
        address = shown["address"]
        place = {name: address[name] for name in ADDRESS_LINES[:-1]} | {"countryString": address["country"]}
        raisedonors.store.edit("donor", donor_id, {**changes, "primaryAddress": place})


@pytest.mark.parametrize("seed", range(4))
def test_all_edits_of_both_sides_carried_over_leave_no_difference(
    filled: VirtuousPopulation, world: VirtuousWorld, raisedonors: RaiseDonorsSimulator, clock: Clock, seed: int
) -> None:
    chance = random.Random(seed)
    linked = [made for made in filled.contacts if made.donor_ids and made.contact_id and made.kind != "not_linked"]
    events, edits = VirtuousEvents(seed, world.store), DonorEdits(chance, raisedonors.store)
    for n, made in enumerate(linked * 3):
        clock.move(30)
        if n % len(linked) % 2:
            donor = raisedonors.store.donors.entry(chance.choice(made.donor_ids))
            edit = chance.choice(EDITS)
            if edits.can(edit, donor):
                edits.apply(edit, donor, clock())
                _carry_to_virtuous(world, donor)
        else:
            events.happen(chance.choice([*TRAVELLING, *IDLE[:3]]), made.contact_id)
    world.simulator.run_import()
    assert not _tally(raisedonors, world).clean
    clock.move(30)
    for made in linked:
        _carry_to_raisedonors(world, raisedonors, made)
    result = _tally(raisedonors, world)
    assert result.clean, result.describe()
    assert world.violations() == []


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
    raisedonors.store.edit("donor", made.donor_ids[0], {"email": "Theirs@example.net"}, via_api=True)
    (finding,) = _tally(raisedonors, world).crossed_emails
    assert finding.describe() == f"donor {made.donor_ids[0]}: that was set on contact {made.contact_id}"


def test_a_donor_that_was_made_twice_is_found(world: VirtuousWorld, raisedonors: RaiseDonorsSimulator) -> None:
    for _ in range(2):
        raisedonors.store.add("donor", {"firstName": "Eve", "lastName": "Stone", "phone": "251-555-0101"})
    assert len(_tally(raisedonors, world).doubled_donors) == 1
