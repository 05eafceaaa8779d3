"""Who of a household is which donor is never guessed: nobody is overwritten or made twice (requirements E4, E5)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from giftbridge.domain.deliveries import State
from giftbridge.domain.delivery_ids import RAISEDONORS, VIRTUOUS, contact_updated_id
from giftbridge.store.rows import commit
from ops.simulators.virtuous_population import OUR_SOURCE
from tests.virtuous_bench import VirtuousBench, virtuous_bench

NEW = {"address1": "12 Elm St", "city": "Reno", "state": "NV", "postal": "89501", "country": "US"}


@pytest.fixture
def both() -> Iterator[VirtuousBench]:
    """A fresh bench."""
    with virtuous_bench() as fresh:
        yield fresh


def new_donor(both: VirtuousBench) -> int:
    """A donor without gifts; their id."""
    return both.bench.population.make_donor("new_person", gives=False).donor_id


def linked(both: VirtuousBench) -> tuple[int, int]:
    """A donor and their contact, both looked at once; the ids."""
    donor = new_donor(both)
    contact = both.link(donor).contact_id
    both.settle(2)
    return donor, contact


def move_house(both: VirtuousBench, contact: int) -> None:
    """Staff gives the contact a new address; some minutes pass."""
    both.virtuous.staff.edit_contact(contact, {"address": NEW})
    both.settle(2)


def primary(both: VirtuousBench, donor: int, what: str) -> dict[str, Any]:
    """A donor's primary address or e-mail."""
    return next((one for one in both.donor(donor)[what] if one["isPrimary"]), {})


def name(both: VirtuousBench, donor: int) -> tuple[str, str]:
    """A donor's names."""
    members = both.donor(donor)
    return members["firstName"], members["lastName"]


def donors(both: VirtuousBench) -> int:
    """How many donors RaiseDonors shows."""
    return len(list(both.bench.raisedonors.store.donors.visible()))


def add_person(both: VirtuousBench, contact: int, first_name: str, email: str) -> None:
    """Staff adds somebody to a contact."""
    person = {"firstName": first_name, "lastName": "Other", "email": email}
    both.virtuous.staff.add_individual(contact, person)


def test_a_spouse_with_the_same_e_mail_does_not_rename_the_donor(both: VirtuousBench) -> None:
    donor, contact = linked(both)
    before = name(both, donor)
    add_person(both, contact, "Spouse", primary(both, donor, "donorEmailAddresses")["value"])

    move_house(both, contact)

    assert name(both, donor) == before
    assert primary(both, donor, "donorAddresses")["address1"] == NEW["address1"]
    assert both.dead_letters(RAISEDONORS) == 0


@pytest.mark.parametrize("way", ["isArchived", "isGDPRDeleted"])
def test_nobody_is_made_anew_in_the_place_of_a_donor_who_is_gone(both: VirtuousBench, way: str) -> None:
    donor, contact = linked(both)
    both.bench.raisedonors.store.edit("donor", donor, {way: True})
    both.settle(1)
    before = donors(both)

    move_house(both, contact)

    assert both.delivery(contact_updated_id(contact)).state is State.IGNORED
    assert donors(both) == before


def test_a_person_whose_reference_another_contact_carries_does_not_hold_up_the_household(both: VirtuousBench) -> None:
    elsewhere = new_donor(both)
    both.link(elsewhere)
    # Nobody hears of that contact: we have no key that tells whose the donor is.
    both.virtuous.sender.deliver_due(lambda *_: 200)
    both.bench.pickup()
    donor, contact = linked(both)
    add_person(both, contact, "Twin", primary(both, elsewhere, "donorEmailAddresses")["value"])

    move_house(both, contact)

    assert primary(both, donor, "donorAddresses")["address1"] == NEW["address1"]
    assert both.contact_of(elsewhere).contact_id != contact


def test_a_contact_of_forty_donors_is_recorded(both: VirtuousBench) -> None:
    references = [{"source": OUR_SOURCE, "id": str(new_donor(both))} for _ in range(40)]
    contact = both.virtuous.staff.add_contact(
        {
            "contactType": "Organization",
            "name": "Big Co",
            "contactIndividuals": [{"firstName": "Ann", "lastName": "Bell"}],
            "address": NEW,
            "contactReferences": references,
        }
    ).contact_id

    both.settle(2)

    assert both.delivery(contact_updated_id(contact)).state in {State.DELIVERED, State.IGNORED}
    keys = [both.bench.tools.keys.get(f"donor#{one['id']}", VIRTUOUS) for one in references]
    assert {row.key for row in keys if row is not None} == {str(contact)}
    assert None not in keys


def test_a_contact_that_is_gone_takes_no_key_of_anything_but_donors_along(both: VirtuousBench) -> None:
    donor, contact = linked(both)
    keys = both.bench.tools.keys
    # Ids of projects and of contacts are counted apart: the same number may be both.
    commit(keys.client, [keys.link("project#7", VIRTUOUS, str(contact), "code", None, both.bench.clock())])
    both.virtuous.staff.edit_contact(contact, {"address": NEW})
    both.virtuous.staff.delete(contact)

    both.settle(2)

    assert keys.get(f"donor#{donor}", VIRTUOUS) is None
    assert keys.get("project#7", VIRTUOUS) is not None
