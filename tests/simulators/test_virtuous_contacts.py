"""Contacts of Virtuous are read, queried, merged, archived and deleted as the contract says."""

from typing import Any
from urllib.parse import quote

import pytest

from ops.simulators.json_text import read_json
from ops.simulators.virtuous_population import OUR_SOURCE
from tests.simulators.conftest import Clock
from tests.simulators.virtuous_world import HOME, IMANI, VirtuousWorld, modified_since


@pytest.fixture
def world(clock: Clock) -> VirtuousWorld:
    return VirtuousWorld(clock)


def test_a_contact_is_read_with_its_primary_address_alone(world: VirtuousWorld) -> None:
    contact = world.contact()
    world.staff.add_address(contact.contact_id, {**HOME, "address1": "PO Box 5"})
    shown = world.read(f"Contact/{contact.contact_id}")
    assert (shown["address"]["address1"], shown["contactType"]) == ("7 Quay Rd", "Household")
    addresses = world.read(f"ContactAddress/ByContact/{contact.contact_id}")
    assert [one["isPrimary"] for one in addresses] == [True, False]
    assert [one["firstName"] for one in world.read(f"ContactIndividual/ByContact/{contact.contact_id}")] == ["Imani"]
    for path in ("Contact/99", "ContactAddress/ByContact/99", "ContactIndividual/ByContact/99"):
        assert (world.get(path).status, world.get(path).body) == (404, b"")
    assert world.violations() == []


def test_a_contact_is_found_by_e_mail_or_by_reference_and_the_reference_decides(world: VirtuousWorld) -> None:
    first = world.contact("1")
    second = world.contact("a/b ü", contactIndividuals=[{"firstName": "Eve", "email": "eve@example.org"}])
    assert world.read("Contact/Find", email="IMANI@example.org")["id"] == first.contact_id
    reference = {"referenceSource": OUR_SOURCE, "referenceId": "a/b ü"}
    assert world.read("Contact/Find", email="imani@example.org", **reference)["id"] == second.contact_id
    assert read_json(world.by_reference("a/b ü").body)["id"] == second.contact_id
    plus = f"/api/Contact/{OUR_SOURCE.replace(' ', '+')}/{quote('a/b ü', safe='')}"
    assert world.simulator.exchange("GET", plus, world.headers).status == 404
    assert world.get("Contact/Find").status == 400
    assert world.get("Contact/Find", referenceSource=OUR_SOURCE).status == 400
    assert world.get("Contact/Find", email="nobody@example.org").status == 404
    assert world.violations() == []


def test_a_reference_is_hung_on_at_once_and_belongs_to_one_contact(world: VirtuousWorld, clock: Clock) -> None:
    first, second = world.contact("1"), world.contact("2", contactReferences=[])
    before = second.modified
    clock.move(5)
    body = {"contactId": second.contact_id, "referenceSource": OUR_SOURCE, "referenceId": "2"}
    for _ in range(2):
        assert world.send("POST", "ContactReference", body).status == 200
    assert read_json(world.by_reference("2").body)["id"] == second.contact_id
    assert (second.modified > before, len(second.references)) == (True, 1)
    conflict = world.send("POST", "ContactReference", {**body, "contactId": first.contact_id})
    assert (conflict.status, read_json(conflict.body)["error"]["code"]) == (409, "CONFLICT")
    assert world.send("POST", "ContactReference", {**body, "contactId": 9}).status == 404
    assert world.send("POST", "ContactReference", {"contactId": first.contact_id}).status == 400
    assert world.violations(of="answer") == []


def test_the_query_by_modification_counts_days_and_pages(world: VirtuousWorld, clock: Clock) -> None:
    contacts = [world.contact(str(n)) for n in range(12)]
    clock.move(86400)
    world.staff.edit_contact(contacts[3].contact_id, {"individual": {"lastName": "Stone"}})
    assert read_json(world.query(modified_since("2026-03-02")).body)["total"] == 12
    late = read_json(world.query(modified_since("2026-03-03T23:59:59")).body)
    assert [one["id"] for one in late["list"]] == [contacts[3].contact_id]
    pages = []
    for skip in (0, 10, 20):
        answer = world.query(modified_since("2026-03-01"), sortBy="Last Modified Date", descending=False, skip=skip)
        pages.append([one["id"] for one in read_json(answer.body)["list"]])
    assert [len(page) for page in pages] == [10, 2, 0]
    assert pages[1][-1] == contacts[3].contact_id
    assert world.violations() == []


def test_conditions_are_joined_by_and_and_groups_by_or(world: VirtuousWorld) -> None:
    contacts = [world.contact(str(n), contactIndividuals=[{**IMANI, "email": f"a{n}@example.org"}]) for n in range(4)]
    ids = [contact.contact_id for contact in contacts]
    greater = {"parameter": "Contact Id", "operator": "GreaterThan", "value": str(ids[1])}
    email = {"parameter": "Email Address", "operator": "Contains", "value": "A3@"}
    only = {"parameter": "contact id", "operator": "Is", "value": str(ids[0])}
    both = read_json(world.query(greater, email).body)
    assert [one["id"] for one in both["list"]] == [ids[3]]
    body = {"groups": [{"conditions": [greater, email]}, {"conditions": [only]}], "descending": "true"}
    either = world.write("POST", "Contact/Query/FullContact", body, take=5)
    assert [one["id"] for one in either["list"]] == [ids[3], ids[0]]
    assert world.violations() == []


@pytest.mark.parametrize(
    ("condition", "paging"),
    [
        ({"parameter": "Shoe Size", "operator": "Is", "value": "9"}, {}),
        ({"parameter": "Last Modified Date", "operator": "On Or After", "value": "2026-03-01"}, {}),
        ({"parameter": "Last Modified Date", "operator": "OnOrAfter", "value": "March"}, {}),
        ({"parameter": "Last Modified Date", "operator": "OnOrAfter"}, {}),
        ({"parameter": "Contact Id", "operator": "Contains", "value": "1"}, {}),
        ({"operator": "Is", "value": "1"}, {}),
        (modified_since("2026-03-01"), {"take": 1001}),
        (modified_since("2026-03-01"), {"take": 0}),
        (modified_since("2026-03-01"), {"skip": -1}),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(
    world: VirtuousWorld, condition: dict[str, Any], paging: dict[str, Any]
) -> None:
    assert world.query(condition, **paging).status == 400
    assert world.violations(of="answer") == []


def test_the_loser_of_a_merge_says_where_it_went_and_is_missing_from_queries(world: VirtuousWorld) -> None:
    loser, survivor = world.contact("1"), world.contact("2", contactIndividuals=[{**IMANI, "firstName": "Eve"}])
    world.landed_gift(contact={"referenceId": "1"})
    world.staff.merge(loser.contact_id, survivor.contact_id)
    assert world.read(f"Contact/{loser.contact_id}")["mergedIntoContactId"] == survivor.contact_id
    shown = world.read(f"Contact/{survivor.contact_id}")
    assert sorted(one["id"] for one in shown["contactReferences"]) == ["1", "2"]
    assert len(shown["contactIndividuals"]) == 2
    assert world.read(f"Gift/ByContact/{survivor.contact_id}")["total"] == 1
    assert read_json(world.query(modified_since("2026-01-01")).body)["total"] == 1
    answers = {read_json(world.by_reference("1").body)["id"] for _ in range(2)}
    assert answers == {loser.contact_id, survivor.contact_id}
    third = world.contact("3", contactIndividuals=[{**IMANI, "firstName": "Ida"}])
    world.staff.merge(survivor.contact_id, third.contact_id)
    assert world.store.survivor(loser.contact_id) is third
    with pytest.raises(ValueError, match="itself"):
        world.staff.merge(third.contact_id, loser.contact_id)
    assert world.violations() == []


def test_an_archived_contact_is_read_but_not_queried_unless_it_is_asked_for(world: VirtuousWorld) -> None:
    contact = world.contact()
    world.staff.archive(contact.contact_id)
    assert world.get(f"Contact/{contact.contact_id}").status == 200
    assert read_json(world.query(modified_since("2026-01-01")).body)["total"] == 0
    assert read_json(world.query(modified_since("2026-01-01"), includeArchived=True).body)["total"] == 1


def test_a_deleted_contact_and_its_reference_are_gone(world: VirtuousWorld) -> None:
    contact = world.contact()
    world.staff.delete(contact.contact_id)
    assert (world.get(f"Contact/{contact.contact_id}").status, world.by_reference().status) == (404, 404)
    assert world.contact().contact_id != contact.contact_id


def test_each_change_moves_the_modification_time_even_while_the_clock_stands(world: VirtuousWorld) -> None:
    contact = world.contact()
    stamps = [world.read(f"Contact/{contact.contact_id}")["modifiedDateTimeUtc"]]
    for n in range(3):
        world.staff.edit_contact(contact.contact_id, {"individual": {"phone": f"251-555-011{n}"}})
        stamps.append(world.read(f"Contact/{contact.contact_id}")["modifiedDateTimeUtc"])
    assert len(set(stamps)) == 4
    assert stamps[-1] == world.read(f"Contact/{contact.contact_id}")["modifiedDateTimeUtc"]


def test_the_journal_says_which_travelling_field_changed_and_by_whom(world: VirtuousWorld) -> None:
    contact = world.contact()
    own_id = contact.individuals[0]["id"]
    begun = len(world.store.journal)
    world.staff.edit_contact(contact.contact_id, {"tags": ["Major"]})
    world.staff.edit_by_third_party(contact.contact_id, {"address": {**HOME, "address1": "9 Dock St"}})
    world.staff.edit_contact(contact.contact_id, {"individual": {"phone": "", "email": "im@example.net"}})
    lines = world.store.journal[begun:]
    assert [(line.field, line.individual_id, line.by) for line in lines] == [
        ("address", None, "api"), ("phone", own_id, "staff"), ("email", own_id, "staff"),
    ]  # fmt: skip
    assert lines[1].old == "251-555-0101"
    assert world.store.staff_emails["im@example.net"] == contact.contact_id


PROJECT = {
    "name": "Wells",
    "isActive": True,
    "isAvailableOnline": True,
    "revenueAccountingCode": "R1",
    "location": "KE",
}


def test_a_project_gets_its_code_from_virtuous_and_another_by_patch(world: VirtuousWorld) -> None:
    made = world.write("POST", "Project", {**PROJECT, "projectCode": "WELL"}, disableWebhookUpdates="true")
    assert made["projectCode"] != "WELL"
    assert "revenueAccountingCode" not in made
    assert world.send("PATCH", "Project", [{"id": made["id"], "projectCode": "WELL"}]).status == 200
    shown = world.read("Project/Code/WELL")
    assert (shown["id"], shown["location"], shown["isActive"]) == (made["id"], "KE", True)
    other = world.write("POST", "Project", PROJECT)
    conflict = world.send(
        "PATCH", "Project", [{"id": made["id"], "name": "W"}, {"id": other["id"], "projectCode": "WELL"}]
    )
    assert (conflict.status, world.read(f"Project/{made['id']}")["name"]) == (409, "Wells")
    assert world.send("PATCH", "Project", [{"id": 1, "name": "x"}]).status == 404
    assert world.send("PATCH", "Project", {"id": made["id"]}).status == 400
    assert world.violations(of="answer") == []


def test_replacing_a_project_clears_what_is_left_out_but_its_code(world: VirtuousWorld) -> None:
    made = world.write("POST", "Project", PROJECT)
    shown = world.write("PUT", f"Project/{made['id']}", {"name": "Wells"})
    flags = [shown[name] for name in ("isActive", "isAvailableOnline")]
    assert (flags, shown["location"], shown["projectCode"]) == ([False, False], None, made["projectCode"])
    assert world.store.projects[made["id"]].write_only == {}
    assert world.send("PUT", f"Project/{made['id']}", {"isActive": True}).status == 400
    assert world.send("PUT", "Project/9", PROJECT).status == 404
    assert world.violations(of="answer") == []


def test_projects_are_queried_by_code_name_and_activity(world: VirtuousWorld) -> None:
    first = world.write("POST", "Project", PROJECT)
    world.write("POST", "Project", {**PROJECT, "name": "Roof", "isActive": False})
    for condition in (
        {"parameter": "Project Name", "operator": "Is", "value": "wells"},
        {"parameter": "Project Code", "operator": "Is", "value": first["projectCode"]},
        {"parameter": "Active", "operator": "IsTrue"},
    ):
        page = read_json(world.query(condition, resource="Project/Query").body)
        assert [one["id"] for one in page["list"]] == [first["id"]]
    assert world.violations() == []
