"""Rows are held until staff runs the import; what lands, lands once and where it belongs."""

from decimal import Decimal
from typing import Any

import pytest

from ops.simulators.json_text import read_json
from ops.simulators.virtuous_import import ImportChoices, sorting_of
from ops.simulators.virtuous_population import OUR_SOURCE, seed_virtuous_projects
from tests.simulators.conftest import Clock
from tests.simulators.virtuous_world import HOME, IMANI, VirtuousWorld, gift, row


@pytest.fixture
def world(clock: Clock) -> VirtuousWorld:
    return VirtuousWorld(clock)


def test_a_contact_row_is_held_without_a_word_until_the_import_is_run(world: VirtuousWorld) -> None:
    held = world.send("POST", "Contact/Transaction", row())
    assert (held.status, held.body, held.content_type) == (200, b"", None)
    assert (world.by_reference().status, world.by_reference().body) == (404, b"")
    world.simulator.run_import()
    shown = read_json(world.by_reference().body)
    assert (shown["name"], shown["contactReferences"]) == ("Imani Vance", [{"source": OUR_SOURCE, "id": "1042"}])
    assert shown["address"]["address1"] == "7 Quay Rd"
    assert [one["value"] for one in shown["contactIndividuals"][0]["contactMethods"]] == ["imani@example.org"]
    assert world.violations() == []


def test_the_import_may_come_later_and_take_some_rows_only(world: VirtuousWorld, clock: Clock) -> None:
    for number in ("1", "2", "3"):
        person = {"firstName": f"Ann{number}", "email": f"a{number}@example.org", "address1": f"{number} Elm"}
        world.send("POST", "Contact/Transaction", row(number, **person))
    choices = ImportChoices(take=lambda row: row.identity != "2", refuse=lambda row: row.identity == "3")
    world.simulator.plan_import(3600, choices)
    clock.move(3599)
    assert world.by_reference("1").status == 404
    clock.move(1)
    assert [world.by_reference(number).status for number in ("1", "2", "3")] == [200, 404, 404]
    assert [held.state.value for held in world.store.rows] == ["landed", "held", "refused"]


def test_a_later_row_changes_what_it_says_and_erases_nothing(world: VirtuousWorld) -> None:
    world.contact()
    later = {
        "referenceSource": OUR_SOURCE, "referenceId": "1042", "contactType": "Household", "firstName": "Imani",
        "lastName": "Stone", "email": "", "phone": "205-555-0109", "address1": "9 Dock St", "city": "Mobile",
    }  # fmt: skip
    world.send("POST", "Contact/Transaction", later)
    world.simulator.run_import()
    shown = read_json(world.by_reference().body)
    (person,) = shown["contactIndividuals"]
    phones = [(one["value"], one["isPrimary"]) for one in person["contactMethods"] if one["type"] == "Home Phone"]
    assert (shown["name"], shown["address"]["address1"], shown["address"]["postal"]) == (
        "Imani Stone",
        "9 Dock St",
        None,
    )
    assert phones == [("251-555-0101", False), ("205-555-0109", True)]
    assert any(one["value"] == "imani@example.org" for one in person["contactMethods"])
    assert len(world.read(f"ContactAddress/ByContact/{shown['id']}")) == 2
    assert world.violations() == []


@pytest.mark.parametrize(
    ("changes", "sorting"),
    [
        ({"firstName": "I.", "lastName": "V."}, "Match Needed"),
        ({"email": "new@example.org", "phone": "(251) 555 0101"}, "Match Needed"),
        ({"email": "new@example.org"}, "Match Needed"),
        ({"email": "new@example.org", "address1": "1 Else St"}, "Ready"),
        ({"contactType": "Trust", "name": "X"}, "Update Needed"),
    ],
)
def test_without_a_reference_e_mail_phone_and_name_with_address_decide(
    world: VirtuousWorld, changes: dict[str, Any], sorting: str
) -> None:
    contact = world.contact(contactReferences=[])
    world.send("POST", "Contact/Transaction", row("77", **changes))
    assert sorting_of(world.store, world.store.rows[0]) == sorting
    left = world.simulator.run_import(ImportChoices(on_match="leave"))
    assert bool(left.left) == (sorting != "Ready")
    world.simulator.run_import(ImportChoices(on_match="accept"))
    found = world.by_reference("77")
    if sorting == "Match Needed":
        assert read_json(found.body)["id"] == contact.contact_id
    else:
        assert found.status == (200 if sorting == "Ready" else 404)


def test_two_donors_of_one_household_keep_their_own_person(world: VirtuousWorld) -> None:
    couple = [IMANI, {"firstName": "Ben", "lastName": "Vance", "email": "ben@example.org"}]
    references = [{"source": OUR_SOURCE, "id": "1"}, {"source": OUR_SOURCE, "id": "2"}]
    contact = world.contact(contactIndividuals=couple, contactReferences=references)
    world.send("POST", "Contact/Transaction", row("2", firstName="Benjamin", lastName="Stone", email="b@example.org"))
    world.simulator.run_import()
    people = world.read(f"ContactIndividual/ByContact/{contact.contact_id}")
    assert [(one["firstName"], one["lastName"]) for one in people] == [("Imani", "Vance"), ("Benjamin", "Stone")]


def test_a_reference_hung_on_over_the_api_stands_for_the_person_who_is_left(world: VirtuousWorld) -> None:
    couple = [IMANI, {"firstName": "Ben", "lastName": "Vance"}]
    contact = world.contact("1", contactIndividuals=couple)
    body = {"contactId": contact.contact_id, "referenceSource": OUR_SOURCE, "referenceId": "2"}
    world.send("POST", "ContactReference", body)
    world.send("POST", "Contact/Transaction", row("2", firstName="Benjamin", email="b@example.org"))
    world.simulator.run_import()
    people = world.read(f"ContactIndividual/ByContact/{contact.contact_id}")
    assert [one["firstName"] for one in people] == ["Imani", "Benjamin"]


def test_a_stranger_with_the_phone_of_a_contact_becomes_a_further_person_of_it(world: VirtuousWorld) -> None:
    contact = world.contact("1")
    world.send("POST", "Contact/Transaction", row("2", firstName="Ben", email="", phone=IMANI["phone"]))
    world.simulator.run_import()
    people = world.read(f"ContactIndividual/ByContact/{contact.contact_id}")
    assert [one["firstName"] for one in people] == ["Imani", "Ben"]
    assert read_json(world.by_reference("2").body)["id"] == contact.contact_id


def test_after_a_merge_a_row_reaches_the_person_whom_its_reference_stood_for(world: VirtuousWorld) -> None:
    loser, survivor = world.contact("1"), world.contact("2", contactReferences=[])
    world.staff.merge(loser.contact_id, survivor.contact_id)
    world.send("POST", "Contact/Transaction", row("1", firstName="Im", lastName="Stone", email="i@example.org"))
    world.simulator.run_import()
    people = world.read(f"ContactIndividual/ByContact/{survivor.contact_id}")
    assert [one["lastName"] for one in people] == ["Stone"]


def test_an_organisation_has_its_name_and_its_phone_hangs_on_a_person_without_one(world: VirtuousWorld) -> None:
    members = {"referenceId": "8", "contactType": "Organization", "name": "Oak Ridge Church", "phone": "251-555-0150"}
    world.send("POST", "Contact/Batch", {"referenceSource": OUR_SOURCE, "contacts": [members]})
    world.simulator.run_import()
    shown = read_json(world.by_reference("8").body)
    (person,) = shown["contactIndividuals"]
    assert (shown["contactType"], shown["name"], person.get("lastName")) == ("Organization", "Oak Ridge Church", None)
    assert person["contactMethods"][0]["value"] == "251-555-0150"
    assert world.violations() == []


def test_a_gift_is_held_and_lands_once_however_often_it_is_handed_in(world: VirtuousWorld) -> None:
    seed_virtuous_projects(world.store)
    shares = [{"code": "GEN", "amountDesignated": "50.00"}, {"code": "MIS", "amountDesignated": "25.00"}]
    for _ in range(3):
        body = {"transactionSource": OUR_SOURCE, "transactions": [gift(designations=shares)]}
        assert world.send("POST", "v2/Gift/Transactions", body).body == b""
    assert world.get(f"Gift/{OUR_SOURCE.replace(' ', '%20')}/don-1").status == 404
    world.simulator.run_import()
    world.send("POST", "v2/Gift/Transaction", gift(designations=shares))
    world.simulator.run_import()
    (landed,) = world.store.gifts.values()
    shown = world.read(f"Gift/{OUR_SOURCE.replace(' ', '%20')}/don-1")
    assert (shown["id"], shown["amount"], shown["giftDate"]) == (
        landed.gift_id,
        Decimal("75.00"),
        "2026-03-02T00:00:00",
    )
    assert [(one["projectCode"], one["amountDesignated"]) for one in shown["giftDesignations"]] == [
        ("GEN", Decimal("50.00")), ("MIS", Decimal("25.00")),
    ]  # fmt: skip
    assert (world.store.rows[0].repeats, world.store.changed_repeats) == (3, [])
    assert read_json(world.by_reference().body)["id"] == shown["contactId"]
    assert world.violations() == []


def test_a_repeat_with_another_content_changes_nothing_and_is_noted(world: VirtuousWorld) -> None:
    world.send("POST", "v2/Gift/Transaction", gift())
    world.send("POST", "v2/Gift/Transaction", gift(amount="80.00"))
    assert world.store.changed_repeats == [(OUR_SOURCE, "don-1")]
    assert world.store.rows[0].row["amount"] == Decimal("75.00")


@pytest.mark.parametrize(
    "changes",
    [
        {"designations": [{"code": "NONE", "amountDesignated": "75.00"}]},
        {"designations": [{"code": "GEN", "amountDesignated": "74.99"}]},
        {"giftType": "Barter"},
    ],
)
def test_a_gift_with_a_flaw_waits_for_staff(world: VirtuousWorld, changes: dict[str, Any]) -> None:
    seed_virtuous_projects(world.store)
    world.send("POST", "v2/Gift/Transaction", gift(**changes))
    assert world.simulator.run_import().sorted_as == {"Update Needed": 1}
    assert not world.store.gifts
    world.simulator.run_import(ImportChoices(on_update_needed="import"))
    assert len(world.store.gifts) == 1


def test_a_held_gift_may_be_hinted_at_without_an_id(world: VirtuousWorld) -> None:
    world.store.settings.held_gift_answers = "pending"
    world.send("POST", "v2/Gift/Transaction", gift())
    assert world.read(f"Gift/{OUR_SOURCE.replace(' ', '%20')}/don-1")["id"] is None
    assert world.violations() == []


BAD_ROWS: list[tuple[str, Any, str]] = [
    ("Contact/Batch", {"referenceSource": OUR_SOURCE, "contacts": {"firstName": "A"}}, "model.contacts"),
    ("Contact/Batch", {"contacts": []}, "model.referenceSource"),
    ("Contact/Batch", {"referenceSource": "S", "contacts": [row(), row(firstName=" ")]}, "model.contacts[1].firstName"),
    ("Contact/Batch", {"referenceSource": "S", "contacts": [row(str(n)) for n in range(101)]}, "model.contacts"),
    ("Contact/Transaction", row(contactType=None), "model.contactType"),
    ("Contact/Transaction", row(contactType="Foundation"), "model.name"),
    ("Contact/Transaction", row(postal=36602), "model.postal"),
    ("v2/Gift/Transaction", gift(giftDate="03/02/2026"), "model.giftDate"),
    ("v2/Gift/Transaction", gift(giftDate="2026-02-30"), "model.giftDate"),
    ("v2/Gift/Transaction", gift(amount="75,00"), "model.amount"),
    ("v2/Gift/Transaction", gift(transactionId=""), "model.transactionId"),
    ("v2/Gift/Transactions", [gift()], "model"),
    ("v2/Gift/Transactions", {"transactionSource": "S", "transactions": [gift()]},
     "model.transactions[0].transactionSource"),
    ("v2/Gift/Transactions",
     {"transactionSource": OUR_SOURCE, "transactions": [gift(str(n)) for n in range(101)]}, "model.transactions"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "body", "member"), BAD_ROWS, ids=range(len(BAD_ROWS)))
def test_a_call_with_a_bad_row_is_refused_whole(world: VirtuousWorld, path: str, body: Any, member: str) -> None:
    world.store.settings.error_shape = "old"
    answer = world.send("POST", path, body)
    assert (answer.status, list(read_json(answer.body)["modelState"])) == (400, [member])
    world.store.settings.error_shape = "new"
    details = read_json(world.send("POST", path, body).body)["error"]["details"]
    assert (details[0]["field"], world.store.rows) == (member, [])
    assert world.violations(of="answer") == []


def test_a_row_can_be_made_unwelcome_to_refuse_a_chunk(world: VirtuousWorld) -> None:
    world.store.settings.unwelcome_texts.add("don-7")
    rows = [gift(f"don-{n}") for n in range(10)]
    whole = {"transactionSource": OUR_SOURCE, "transactions": rows}
    assert world.send("POST", "v2/Gift/Transactions", whole).status == 400
    assert not world.store.rows
    without = {**whole, "transactions": [one for one in rows if one["transactionId"] != "don-7"]}
    assert world.send("POST", "v2/Gift/Transactions", without).status == 200
    assert len(world.store.rows) == 9


def test_a_gift_is_reversed_by_a_negative_line_as_often_as_it_is_asked_for(world: VirtuousWorld) -> None:
    seed_virtuous_projects(world.store)
    shares = [{"code": "GEN", "amountDesignated": "75.00"}]
    landed = world.landed_gift(designations=shares)
    body = {"reversedGiftId": landed["id"], "giftDate": "2026-03-03", "notes": "refund of don-1"}
    for _ in range(2):
        assert world.send("POST", "Gift/ReversingTransaction", body).status == 200
    page = world.read(f"Gift/ByContact/{landed['contactId']}", take=10)
    assert [one["amount"] for one in page["list"]] == [Decimal("75.00"), Decimal("-75.00"), Decimal("-75.00")]
    assert (page["total"], page["list"][1]["notes"]) == (3, "refund of don-1")
    assert page["list"][1]["transactionId"] is None
    assert [one["amountDesignated"] for one in page["list"][1]["giftDesignations"]] == [Decimal("-75.00")]
    reversal_id = page["list"][1]["id"]
    assert world.send("POST", "Gift/ReversingTransaction", {**body, "reversedGiftId": reversal_id}).status == 400
    assert world.send("POST", "Gift/ReversingTransaction", {**body, "reversedGiftId": 1}).status == 404
    assert world.violations() == []


def test_the_gifts_of_a_contact_come_in_pages_of_ten(world: VirtuousWorld) -> None:
    rows = [gift(f"don-{n}") for n in range(12)]
    world.send("POST", "v2/Gift/Transactions", {"transactionSource": OUR_SOURCE, "transactions": rows})
    world.simulator.run_import()
    contact_id = read_json(world.by_reference().body)["id"]
    page = world.read(f"Gift/ByContact/{contact_id}")
    assert (len(page["list"]), page["total"]) == (10, 12)
    assert world.get(f"Gift/ByContact/{contact_id}", take=1001).status == 400
    assert world.get("Gift/ByContact/9").status == 404


def test_a_gift_names_its_contact_by_id_after_a_merge_too(world: VirtuousWorld) -> None:
    loser, survivor = world.contact("1"), world.contact("2", contactIndividuals=[{**IMANI, "firstName": "Eve"}])
    world.staff.merge(loser.contact_id, survivor.contact_id)
    landed = world.landed_gift(contact={"id": loser.contact_id})
    assert landed["contactId"] == survivor.contact_id


def test_a_country_may_be_read_as_a_name(world: VirtuousWorld) -> None:
    shown = set()
    for n in range(8):
        world.send("POST", "Contact/Transaction", row(str(n), email=f"{n}@x.org", **{**HOME, "address1": f"{n} Elm"}))
    world.simulator.run_import(ImportChoices(on_match="create"))
    for n in range(8):
        shown.add(read_json(world.by_reference(str(n)).body)["address"]["country"])
    assert shown == {"US", "United States"}
