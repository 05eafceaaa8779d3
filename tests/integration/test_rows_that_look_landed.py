"""What looks like a row that landed may be an edit, and the other way round: no edit is undone by it (D3, E6)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from giftbridge.domain.deliveries import State
from giftbridge.domain.delivery_ids import VIRTUOUS, donor_updated_id
from ops.simulators.virtuous_population import OUR_SOURCE
from tests.convergence.pair import PHONES, Pair
from tests.virtuous_bench import HOME, VirtuousBench, virtuous_bench


@pytest.fixture
def both() -> Iterator[VirtuousBench]:
    """A fresh bench without projects."""
    with virtuous_bench() as fresh:
        fresh.bench.settings(virtuous={"sync_projects": False})
        yield fresh


@pytest.mark.parametrize("is_seen_twice", [False, True])
def test_a_row_that_says_another_name_than_the_contact_came_to_say_is_still_held(
    both: VirtuousBench, is_seen_twice: bool
) -> None:
    pair = Pair(both, "newest")
    pair.on_raisedonors(phone=PHONES["B"])
    pair.in_virtuous(phone=PHONES["B"])
    pair.hand_over()
    pair.in_virtuous(lastName="Boyd")
    pair.look()
    if is_seen_twice:
        pair.in_virtuous(address={**HOME, "address1": "9 Lake Ave"})
        pair.look()
    assert pair.rows("lastName") == ["Ames"]

    pair.import_rows()

    assert pair.said("lastName") == ("Boyd", "Ames")
    pair.end()
    assert pair.said("lastName") == ("Boyd", "Boyd")
    assert both.delivery(donor_updated_id(pair.donor_id, VIRTUOUS)).state is State.DELIVERED


def test_a_former_name_that_a_row_brought_whose_phone_was_replaced_is_no_edit(both: VirtuousBench) -> None:
    pair = Pair(both, "newest")
    pair.on_raisedonors(phone=PHONES["B"])
    pair.hand_over()
    pair.in_virtuous(lastName="Boyd")
    pair.look()
    both.virtuous.run_import()
    pair.in_virtuous(phone=PHONES["C"])
    pair.look()

    assert pair.said("lastName") == ("Boyd", "Ames")
    pair.end()
    assert pair.said("lastName") == ("Boyd", "Boyd")
    assert pair.said("phone") == (PHONES["C"], PHONES["C"])


def test_a_former_name_that_a_person_typed_while_a_row_with_it_was_held_arrives(both: VirtuousBench) -> None:
    pair = Pair(both, "newest")
    pair.on_raisedonors(phone=PHONES["B"])
    pair.hand_over()
    pair.in_virtuous(lastName="Boyd")
    pair.look()
    pair.in_virtuous(lastName="Ames")
    pair.look()

    assert pair.said("lastName") == ("Ames", "Ames")
    pair.import_rows()
    pair.end()
    assert pair.said("lastName") == ("Ames", "Ames")
    assert pair.said("phone") == (PHONES["B"], PHONES["B"])


def household(both: VirtuousBench) -> tuple[int, int]:
    """Two donors who live at one place, known to Virtuous as one contact."""
    store, people, names = both.bench.raisedonors.store, [], (("Ada", "Ames"), ("Bo", "Ames"))
    for first, last in names:
        own = {"firstName": first, "lastName": last, "email": f"{first.lower()}@example.org"}
        people.append((own, store.add("donor", {**own, "primaryAddress": {**HOME, "countryString": "USA"}})))
    references = [{"source": OUR_SOURCE, "id": str(number)} for _, number in people]
    individuals = [own for own, _ in people]
    both.virtuous.staff.add_contact(
        {"contactIndividuals": individuals, "address": HOME, "contactReferences": references}
    )
    both.bench.pickup()
    both.settle(2)
    return people[0][1], people[1][1]


def test_a_former_name_in_a_row_whose_address_somebody_of_the_household_replaced_is_no_edit(
    both: VirtuousBench,
) -> None:
    ada, bo = household(both)
    for donor, street in ((ada, "8 Hill St"), (bo, "9 Lake Ave")):
        both.bench.clock.advance(30)
        moved = {**HOME, "address1": street, "countryString": "USA"}
        both.bench.raisedonors.store.edit("donor", donor, {"primaryAddress": moved})
        both.bench.pickup()
        both.batch()
    contact = both.contact_of(ada)
    person = next(one for one in contact.individuals if one["firstName"] == "Ada")
    both.bench.clock.advance(30)
    both.virtuous.staff.edit_contact(
        contact.contact_id, {"individual": {"individualId": person["id"], "lastName": "Boyd"}}
    )
    both.webhooks()
    assert both.donor(ada)["lastName"] == "Boyd"

    both.bench.clock.advance(30)
    both.virtuous.run_import()
    both.webhooks()

    assert both.donor(ada)["lastName"] == "Boyd"
    for _ in range(2):
        both.day()
    renamed = next(one for one in both.contact_of(ada).individuals if one["firstName"] == "Ada")
    assert (both.donor(ada)["lastName"], renamed["lastName"]) == ("Boyd", "Boyd")
