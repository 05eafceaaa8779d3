"""What staff changes in Virtuous reaches the right donor, and nothing else does (requirements E2 to E7)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from giftbridge.domain.deliveries import State
from giftbridge.domain.delivery_ids import VIRTUOUS, contact_updated_id, donor_updated_id
from ops.simulators.virtuous_population import OUR_SOURCE
from tests.virtuous_bench import VirtuousBench, virtuous_bench

NEW = {"address1": "12 Elm St", "city": "Reno", "state": "NV", "postal": "89501", "country": "US"}


@pytest.fixture
def both() -> Iterator[VirtuousBench]:
    """A fresh bench."""
    with virtuous_bench() as fresh:
        yield fresh


def linked(both: VirtuousBench, kind: str = "new_person", **members: Any) -> tuple[int, int]:
    """A donor and their contact, both looked at once; the ids."""
    donor = both.bench.population.make_donor(kind, gives=False).donor_id
    contact = both.link(donor, **members).contact_id
    both.settle(2)
    return donor, contact


def edit(both: VirtuousBench, contact: int, **changes: Any) -> None:
    """Staff edits a contact; some minutes pass."""
    both.virtuous.staff.edit_contact(contact, changes)
    both.settle(3)


def primary(both: VirtuousBench, donor: int, what: str) -> dict[str, Any]:
    """A donor's primary address, phone or e-mail."""
    entries = both.donor(donor)[what]
    return next((one for one in entries if one["isPrimary"]), {})


def outcome(both: VirtuousBench, contact: int) -> tuple[State, str]:
    """What became of a contact's delivery, and why."""
    delivery = both.delivery(contact_updated_id(contact))
    return delivery.state, delivery.trouble.cause if delivery.trouble is not None else ""


def test_only_what_changed_is_written(both: VirtuousBench) -> None:
    donor, contact = linked(both)
    before = dict(both.donor(donor))
    both.bench.raisedonors.log.clear()

    edit(both, contact, individual={"firstName": "Ada", "lastName": "Lovelace"})

    after = both.donor(donor)
    assert (after["firstName"], after["lastName"]) == ("Ada", "Lovelace")
    assert after["donorAddresses"] == before["donorAddresses"]
    writes = [entry for entry in both.bench.calls("raisedonors") if entry.startswith(("patch", "update", "add", "put"))]
    assert writes == ["patchDonor", "addDonorActivity"]


def test_the_change_is_told_on_both_activities_with_old_and_new_values(both: VirtuousBench) -> None:
    donor, contact = linked(both)
    old = primary(both, donor, "donorAddresses")["address1"]

    edit(both, contact, address=NEW)

    line = next(one for one in both.bench.tools.activity.of_entity(f"donor#{donor}") if one["what"] == "delivered")
    assert {"field": "street", "old": old, "new": NEW["address1"]} in line["details"]["changes"]
    entries = [entry.latest.members for entry in both.bench.raisedonors.store.activities.visible()]
    ours = [entry for entry in entries if entry["donorId"] == donor]
    assert [(entry["type"], entry["source"]) for entry in ours] == [("CrmSync", "GiftBridge")]
    assert f"{old} -> {NEW['address1']}" in ours[0]["body"]


def test_an_e_mail_never_crosses(both: VirtuousBench) -> None:
    donor, contact = linked(both)
    before = primary(both, donor, "donorEmailAddresses")

    edit(both, contact, individual={"email": "somebody.else@example.org"})

    assert primary(both, donor, "donorEmailAddresses") == before
    assert outcome(both, contact) == (State.IGNORED, "nothing-changed")


def test_both_ids_are_stored_here_and_on_the_donor(both: VirtuousBench) -> None:
    donor, contact = linked(both)

    row = both.bench.tools.keys.get(f"donor#{donor}", VIRTUOUS)
    assert row is not None
    individual = both.virtuous.store.contacts[contact].individuals[0]["id"]
    assert row.key == f"{contact}/{individual}"
    assert both.donor(donor)["crmKeyUrls"]["Virtuous"]["key"] == row.key


def test_a_burst_of_edits_is_one_read(both: VirtuousBench) -> None:
    _, contact = linked(both)
    both.virtuous.log.clear()
    for number in range(20):
        both.virtuous.staff.edit_contact(contact, {"address": {**NEW, "address1": f"{number} Elm St"}})

    both.settle(2)

    assert both.calls().count("getContact") == 1


def test_a_value_set_back_to_what_we_once_wrote_arrives(both: VirtuousBench) -> None:
    donor, contact = linked(both)
    first = primary(both, donor, "donorAddresses")["address1"]
    home = {
        n: v for n, v in primary(both, donor, "donorAddresses").items() if n in {"address1", "city", "state", "postal"}
    }
    edit(both, contact, address=NEW)

    edit(both, contact, address={**home, "country": "US"})

    assert primary(both, donor, "donorAddresses")["address1"] == first


def test_a_merged_contact_is_followed_and_the_link_is_moved(both: VirtuousBench) -> None:
    donor, loser = linked(both)
    survivor = both.virtuous.staff.add_contact(
        {"contactIndividuals": [{"firstName": "Other", "lastName": "Person"}], "address": NEW}
    ).contact_id
    both.virtuous.staff.merge(loser, survivor)

    both.bench.clock.advance(3600)
    both.net()
    edit(both, survivor, address={**NEW, "address1": "1 Merged Way"})

    row = both.bench.tools.keys.get(f"donor#{donor}", VIRTUOUS)
    assert row is not None
    assert (row.key or "").startswith(f"{survivor}/")
    assert primary(both, donor, "donorAddresses")["address1"] == "1 Merged Way"


def test_a_contact_deleted_meanwhile_is_explained_and_its_key_forgotten(both: VirtuousBench) -> None:
    donor, contact = linked(both)
    both.virtuous.staff.edit_contact(contact, {"address": NEW})
    both.virtuous.staff.delete(contact)

    both.settle(2)

    assert outcome(both, contact) == (State.IGNORED, "contact-gone")
    assert both.bench.tools.keys.get(f"donor#{donor}", VIRTUOUS) is None


def test_a_contact_without_our_reference_is_ignored_with_the_reason(both: VirtuousBench) -> None:
    stranger = both.virtuous.staff.add_contact({"contactIndividuals": [{"firstName": "A", "lastName": "B"}]})

    edit(both, stranger.contact_id, address=NEW)

    assert outcome(both, stranger.contact_id) == (State.IGNORED, "not-eligible")


def test_a_second_individual_becomes_a_donor_of_their_own_without_e_mail(both: VirtuousBench) -> None:
    donor, contact = linked(both)
    both.virtuous.staff.add_individual(
        contact, {"firstName": "Grace", "lastName": "Hopper", "email": "grace@example.org", "phone": "404-555-0142"}
    )

    both.settle(3)

    made = list(both.bench.raisedonors.store.donors.visible())
    grace = [one for one in made if one.latest.members["lastName"] == "Hopper"]
    assert len(grace) == 1
    assert grace[0].latest.members["donorEmailAddresses"] == []
    references = {ref for source, ref in both.client().contact(contact).references if source == OUR_SOURCE}
    assert references == {str(donor), str(grace[0].record_id)}


def test_an_individual_is_found_by_e_mail_before_anybody_is_created(both: VirtuousBench) -> None:
    _, contact = linked(both)
    other = both.bench.population.make_donor("new_person", gives=False).donor_id
    both.bench.pickup()
    email = primary(both, other, "donorEmailAddresses")["value"]
    count = len(list(both.bench.raisedonors.store.donors.visible()))

    both.virtuous.staff.add_individual(contact, {"firstName": "New", "lastName": "Name", "email": email.upper()})
    both.settle(3)

    assert len(list(both.bench.raisedonors.store.donors.visible())) == count
    assert both.client().contact(contact).donor_references(OUR_SOURCE)[-1] == str(other)


@pytest.mark.parametrize(
    "phone", ["(404) 555-0142", "+1 404.555.0142", "404 555 0142 x7", "tel:+14045550142", "0044 20 7946 0018"]
)
def test_a_phone_in_any_notation_arrives_once(both: VirtuousBench, phone: str) -> None:
    donor, contact = linked(both)

    edit(both, contact, individual={"phone": phone})

    assert primary(both, donor, "donorPhoneNumbers")["value"] == phone
    delivery = both.delivery(donor_updated_id(donor, VIRTUOUS))
    assert (delivery.state, delivery.trouble.cause if delivery.trouble else "") == (State.IGNORED, "echo")


def test_an_address_without_country_keeps_the_donors(both: VirtuousBench) -> None:
    donor, contact = linked(both)

    edit(both, contact, address={**NEW, "country": None})

    after = primary(both, donor, "donorAddresses")
    assert (after["address1"], after["countryString"]) == (NEW["address1"], "US")


@pytest.mark.parametrize("empty", [None, "", "   "])
def test_an_empty_name_erases_nothing(both: VirtuousBench, empty: str | None) -> None:
    donor, contact = linked(both)
    before = both.donor(donor)["firstName"]

    edit(both, contact, individual={"firstName": empty})

    assert both.donor(donor)["firstName"] == before
    assert outcome(both, contact)[0] is State.IGNORED


def test_an_empty_value_erases_where_a_setting_says_so(both: VirtuousBench) -> None:
    both.bench.settings(virtuous={"empty_erases": True})
    donor, contact = linked(both)

    edit(both, contact, individual={"phone": ""})

    assert not [one for one in both.donor(donor)["donorPhoneNumbers"] if one["isPrimary"] and one["value"]]


def test_an_organisation_that_became_a_household_keeps_its_name_and_takes_the_address(both: VirtuousBench) -> None:
    donor = both.bench.population.make_donor("new_organisation", gives=False).donor_id
    name = both.donor(donor)["organizationName"]
    contact = both.link(donor, contactType="Organization", name=name, contactIndividuals=[]).contact_id
    both.settle(2)

    edit(both, contact, contactType="Household", address=NEW)

    assert both.donor(donor)["organizationName"] == name
    assert primary(both, donor, "donorAddresses")["address1"] == NEW["address1"]


def test_an_organisations_new_name_arrives(both: VirtuousBench) -> None:
    donor = both.bench.population.make_donor("new_organisation", gives=False).donor_id
    name = both.donor(donor)["organizationName"]
    contact = both.link(donor, contactType="Foundation", name=name, contactIndividuals=[]).contact_id
    both.settle(2)

    edit(both, contact, name="Ünïted Hands e.V.")

    assert both.donor(donor)["organizationName"] == "Ünïted Hands e.V."


def test_a_donor_without_e_mail_is_kept_the_same_by_the_reference(both: VirtuousBench) -> None:
    donor = both.bench.population.make_donor("new_person", gives=False).donor_id
    both.bench.raisedonors.store.edit("donor", donor, {"donorEmailAddresses": [], "email": None})
    contact = both.link(donor).contact_id
    both.settle(2)

    edit(both, contact, address=NEW)

    assert primary(both, donor, "donorAddresses")["address1"] == NEW["address1"]


@pytest.mark.parametrize(("setting", "winner"), [("raisedonors", "ours"), ("virtuous", "theirs"), ("newest", "theirs")])
def test_a_field_changed_on_both_sides_goes_to_the_winner_and_the_loser_is_kept(
    both: VirtuousBench, setting: str, winner: str
) -> None:
    both.bench.settings(virtuous={"conflicts": {"name": "newest", "address": "newest", "phone": setting}})
    donor, contact = linked(both)
    store = both.bench.raisedonors.store
    kept = [one for one in both.donor(donor)["donorPhoneNumbers"] if not one["isPrimary"]]
    changed = {**primary(both, donor, "donorPhoneNumbers"), "value": "404-555-0100"}
    store.edit("donor", donor, {"donorPhoneNumbers": [changed, *kept]})
    ours = primary(both, donor, "donorPhoneNumbers")["value"]
    both.bench.clock.advance(5)
    both.virtuous.staff.edit_contact(contact, {"individual": {"phone": "404-555-0142"}})

    both.settle(2)
    both.day()

    wins = ours if winner == "ours" else "404-555-0142"
    assert primary(both, donor, "donorPhoneNumbers")["value"] == wins
    lines = both.bench.tools.activity.of_entity(f"donor#{donor}")
    conflicts = [one for line in lines for one in (line.get("details") or {}).get("conflicts", [])]
    assert [(one["field"], one["winner"]) for one in conflicts] == [
        ("phone", "raisedonors" if winner == "ours" else "virtuous")
    ]
    assert conflicts[0]["lost"]
    theirs = both.client().contact(contact).individuals[0].phones[0]
    assert theirs[-4:] == wins[-4:]
