"""Each operation of the Virtuous client against the simulator, whose every exchange is checked against the contract."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest

from giftbridge.clients import virtuous
from giftbridge.errors import RecordMissing, Rejected, RetryLater
from ops.simulators.virtuous_population import OUR_SOURCE
from tests.integration.served_virtuous import DAY, ServedVirtuous, served_virtuous
from tests.simulators.virtuous_world import gift, row


@pytest.fixture(scope="module")
def served() -> Iterator[ServedVirtuous]:
    with served_virtuous() as fresh:
        yield fresh


@pytest.fixture
def crm(served: ServedVirtuous) -> Iterator[ServedVirtuous]:
    served.start_anew()
    yield served
    assert served.kept_the_contract()


def _contact_row(reference_id: str, **members: str) -> dict[str, object]:
    made: dict[str, object] = row(reference_id, **members)
    return {name: value for name, value in made.items() if name != "referenceSource"}


def test_a_ping_proves_that_the_credential_works(crm: ServedVirtuous) -> None:
    crm.client.ping()
    assert crm.operations() == ["getOrganization"]


# --- contacts -------------------------------------------------------------------------------------------------


def test_a_contact_is_read_with_its_people_address_and_references(crm: ServedVirtuous) -> None:
    made = crm.world.contact("1042")
    contact = crm.client.contact(made.contact_id)
    person = contact.individuals[0]
    assert (contact.id, contact.type, contact.merged_into) == (made.contact_id, "Household", None)
    assert (person.first_name, person.last_name) == ("Imani", "Vance")
    assert (person.emails, person.phones) == (("imani@example.org",), ("251-555-0101",))
    assert (contact.address.street, contact.address.city, contact.address.postal_code) == (
        "7 Quay Rd", "Mobile", "36602",
    )  # fmt: skip
    assert contact.donor_references(OUR_SOURCE) == ("1042",)
    assert contact.modified_at is not None
    assert abs(contact.modified_at - crm.world.clock()) < timedelta(seconds=1)


def test_the_loser_of_a_merge_names_the_survivor(crm: ServedVirtuous) -> None:
    loser, survivor = crm.world.contact("1"), crm.world.contact("2")
    crm.world.staff.merge(loser.contact_id, survivor.contact_id)
    assert crm.client.contact(loser.contact_id).merged_into == survivor.contact_id
    assert crm.client.contact(survivor.contact_id).merged_into is None


def test_a_contact_that_is_not_there_is_missing(crm: ServedVirtuous) -> None:
    with pytest.raises(RecordMissing) as missing:
        crm.client.contact(99)
    assert (missing.value.status, missing.value.field) == (404, "contact.id")


def test_a_contact_that_cannot_be_read_is_rejected_and_named(crm: ServedVirtuous) -> None:
    crm.answer("getContact", 200, '{"id": 7, "contactType": "Household", "contactIndividuals": [{"id": "x"}]}')
    with pytest.raises(Rejected) as refused:
        crm.client.contact(7)
    assert (refused.value.cause, refused.value.field) == ("unreadable-record", "contact.contactIndividuals[0].id")
    assert "Virtuous" in str(refused.value.remedy)


@pytest.mark.parametrize("reference_id", ["1042", "10/42", "a b+c", "50%", "?x=1#y", "ø"])
def test_a_reference_is_looked_up_whatever_letters_it_has(crm: ServedVirtuous, reference_id: str) -> None:
    made = crm.world.contact(reference_id)
    found = crm.client.contact_by_reference(OUR_SOURCE, reference_id)
    assert found is not None
    assert found.id == made.contact_id


def test_blanks_and_slashes_of_a_path_are_encoded(crm: ServedVirtuous) -> None:
    assert crm.client.contact_by_reference(OUR_SOURCE, "10/4 2+") is None
    assert crm.client.gift(OUR_SOURCE, "10/4 2+") is None
    assert crm.client.project_by_code("A/B 1") is None
    assert crm.calls() == [
        "GET /api/Contact/Legacy%20RaiseDonors/10%2F4%202%2B",
        "GET /api/Gift/Legacy%20RaiseDonors/10%2F4%202%2B",
        "GET /api/Project/Code/A%2FB%201",
        # A project that is not there is made: that Virtuous answers at all is made sure of first.
        "GET /api/Organization",
    ]


def test_contacts_modified_since_a_day_come_page_by_page_the_oldest_first(crm: ServedVirtuous) -> None:
    old = crm.world.contact("0")
    crm.wait(days=2)
    made = []
    for number in range(1, 6):
        made.append(crm.world.contact(str(number)).contact_id)
        crm.wait(seconds=1)
    crm.world.staff.edit_contact(made[0], {"name": "Changed"})
    since = DAY + timedelta(days=2)
    pages = [crm.client.contacts_modified_since(since, skip, 2) for skip in (0, 2, 4, 6)]
    assert [total for _, total in pages] == [5, 5, 5, 5]
    assert [[one.id if one else None for one in page] for page, _ in pages] == [
        [made[1], made[2]], [made[3], made[4]], [made[0]], [],
    ]  # fmt: skip
    assert old.contact_id not in made
    assert crm.calls()[1] == "POST /api/Contact/Query/FullContact?skip=2&take=2"


def test_of_a_record_that_cannot_be_read_a_page_gives_the_id(crm: ServedVirtuous) -> None:
    good = (
        '{"id": 8, "contactType": "Household", "contactIndividuals": [], "contactReferences": [],'
        ' "modifiedDateTimeUtc": "2026-03-02T00:00:00"}'
    )
    crm.answer("queryFullContacts", 200, f'{{"list": [{{"id": 7}}, {good}], "total": 2}}')
    unread, read = crm.client.contacts_modified_since(DAY, 0, 100)[0]
    assert (unread, read.id) == (7, 8)


@pytest.mark.parametrize("row", ["null", "{}", '{"id": "none"}', '{"id": 0}', "[]"])
def test_a_page_in_which_a_record_has_no_id_is_asked_for_again(crm: ServedVirtuous, row: str) -> None:
    crm.answer("queryFullContacts", 200, f'{{"list": [{row}], "total": 1}}')
    with pytest.raises(RetryLater, match="1 records without an id"):
        crm.client.contacts_modified_since(DAY, 0, 100)


@pytest.mark.parametrize("body", ["[]", '{"total": 3}', '{"list": null}', "<html>", ""])
def test_an_answer_without_a_page_is_tried_again_later(crm: ServedVirtuous, body: str) -> None:
    crm.answer("queryFullContacts", 200, body)
    with pytest.raises(RetryLater) as later:
        crm.client.contacts_modified_since(DAY, 0, 100)
    assert later.value.cause == "unreadable-answer"


def test_a_reference_is_hung_on_a_contact_at_once(crm: ServedVirtuous) -> None:
    made = crm.world.contact(contactReferences=[])
    crm.client.add_reference(made.contact_id, OUR_SOURCE, "1042")
    assert crm.client.contact(made.contact_id).donor_references(OUR_SOURCE) == ("1042",)
    with pytest.raises(RecordMissing):
        crm.client.add_reference(99, OUR_SOURCE, "77")


def test_a_reference_of_another_contact_is_a_conflict(crm: ServedVirtuous) -> None:
    crm.world.contact("1042")
    other = crm.world.contact(contactReferences=[])
    with pytest.raises(Rejected) as refused:
        crm.client.add_reference(other.contact_id, OUR_SOURCE, "1042")
    assert refused.value.status == 409
    assert not isinstance(refused.value, RecordMissing)


# --- rows for the import tool ---------------------------------------------------------------------------------


def test_contact_rows_are_held_until_the_import_is_run(crm: ServedVirtuous) -> None:
    crm.client.submit_contacts(OUR_SOURCE, [_contact_row("1"), _contact_row("2", email="two@example.org", phone="")])
    assert crm.client.contact_by_reference(OUR_SOURCE, "1") is None
    crm.world.simulator.run_import()
    assert crm.client.contact_by_reference(OUR_SOURCE, "1") is not None
    assert crm.operations()[0] == "submitContactBatch"


@pytest.mark.parametrize("shape", ["old", "new"])
def test_a_refused_batch_names_the_member_in_the_servers_words_and_holds_nothing(
    crm: ServedVirtuous, shape: str
) -> None:
    crm.world.store.settings.error_shape = shape
    crm.world.store.settings.unwelcome_texts.add("Bad")
    with pytest.raises(Rejected) as refused:
        crm.client.submit_contacts(OUR_SOURCE, [_contact_row("1"), _contact_row("2", city="Bad")])
    assert refused.value.status == 400
    assert str(refused.value.field).endswith("contacts[1].city")
    assert refused.value.text == "The value is not allowed."
    crm.world.simulator.run_import()
    assert crm.client.contact_by_reference(OUR_SOURCE, "1") is None


def test_gift_rows_are_held_under_one_source_and_land_with_their_exact_amount(crm: ServedVirtuous) -> None:
    crm.world.contact("1042")
    rows = [gift("987/1", amount="0.10"), gift("988", amount="12345678901.23", notes="n")]
    for one in rows:
        del one["transactionSource"]
    crm.client.submit_gifts(OUR_SOURCE, rows)
    assert crm.client.gift(OUR_SOURCE, "987/1") is None
    crm.world.simulator.run_import()
    first, second = crm.client.gift(OUR_SOURCE, "987/1"), crm.client.gift(OUR_SOURCE, "988")
    assert first is not None
    assert second is not None
    assert (first.amount, first.day, first.notes) == (Decimal("0.10"), DAY, "")
    assert (second.amount, second.transaction_id, second.notes) == (Decimal("12345678901.23"), "988", "n")
    assert second.created_at is not None


def test_a_refused_gift_names_its_row(crm: ServedVirtuous) -> None:
    crm.world.store.settings.error_shape = "old"
    crm.world.store.settings.unwelcome_texts.add("Bad")
    with pytest.raises(Rejected) as refused:
        crm.client.submit_gifts(OUR_SOURCE, [gift("1"), gift("2", notes="Bad")])
    assert str(refused.value.field).endswith("transactions[1].notes")


# --- gifts ----------------------------------------------------------------------------------------------------


def test_a_gift_that_is_answered_without_an_id_is_held(crm: ServedVirtuous) -> None:
    crm.world.store.settings.held_gift_answers = "pending"
    crm.client.submit_gifts(OUR_SOURCE, [gift("1")])
    assert crm.client.gift(OUR_SOURCE, "1") is None
    assert crm.world.simulator.log.of("getGiftByTransaction")[0].status == 200


def test_all_gifts_of_a_contact_come_over_all_pages_with_the_reversals(
    crm: ServedVirtuous, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(virtuous, "PAGE_SIZE", 2)
    contact = crm.world.contact("1042")
    landed = [crm.world.landed_gift(f"don-{number}", amount=f"{number}.50") for number in range(1, 5)]
    crm.client.reverse_gift(landed[1]["id"], DAY, "Refund of donation 2")
    gifts = crm.client.gifts_of_contact(contact.contact_id)
    assert [one.amount for one in gifts] == [Decimal(text) for text in ("1.50", "2.50", "3.50", "4.50", "-2.50")]
    reversal = gifts[-1]
    assert (reversal.notes, reversal.transaction_id, reversal.day) == ("Refund of donation 2", None, DAY)
    assert crm.operations().count("listGiftsOfContact") == 3
    with pytest.raises(RecordMissing):
        crm.client.gifts_of_contact(99)


def test_gifts_without_end_are_not_read_without_end(crm: ServedVirtuous, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virtuous, "PAGE_SIZE", 1)
    monkeypatch.setattr(virtuous, "MOST_PAGES", 3)
    contact = crm.world.contact("1042")
    crm.answer("listGiftsOfContact", 200, '{"list": [{"id": 1, "contactId": 1, "amount": 1}], "total": 9}')
    with pytest.raises(Rejected) as refused:
        crm.client.gifts_of_contact(contact.contact_id)
    assert refused.value.cause == "too-many-records"


def test_a_gift_that_is_not_there_cannot_be_reversed(crm: ServedVirtuous) -> None:
    with pytest.raises(RecordMissing):
        crm.client.reverse_gift(99, DAY, "")


# --- projects -------------------------------------------------------------------------------------------------


def test_a_project_is_created_given_our_code_and_found(crm: ServedVirtuous) -> None:
    made = crm.client.create_project({"name": "Wells"})
    crm.client.patch_project(made["id"], {"projectCode": "A/B 1"})
    found = crm.client.project_by_code("A/B 1")
    assert found is not None
    assert (found["id"], found["name"]) == (made["id"], "Wells")
    assert [one["id"] for one in crm.client.projects_named("Wells")] == [made["id"]]
    assert crm.client.projects_named("Other") == []


def test_a_replaced_project_keeps_what_was_sent_back(crm: ServedVirtuous) -> None:
    made = crm.client.create_project({"name": "Wells", "isActive": True, "financialNeedAmount": Decimal("0.1")})
    record = crm.client.project(made["id"])
    assert record["financialNeedAmount"] == Decimal("0.1")
    crm.client.replace_project(made["id"], {"name": record["name"], "isActive": False})
    after = crm.client.project(made["id"])
    assert (after["name"], after["isActive"], after["financialNeedAmount"]) == ("Wells", False, None)


def test_our_own_writes_to_projects_ask_for_silence(crm: ServedVirtuous) -> None:
    made = crm.client.create_project({"name": "Wells"})
    crm.client.patch_project(made["id"], {"name": "Well"})
    crm.client.replace_project(made["id"], {"name": "Wells"})
    assert [call.partition("?")[2] for call in crm.calls()] == ["disableWebhookUpdates=true"] * 3


def test_a_code_of_another_project_is_a_conflict_and_a_missing_project_is_missing(crm: ServedVirtuous) -> None:
    taken, other = (crm.client.create_project({"name": name}) for name in ("Wells", "Roads"))
    with pytest.raises(Rejected) as refused:
        crm.client.patch_project(other["id"], {"projectCode": taken["projectCode"]})
    assert (refused.value.status, refused.value.text) == (409, "The code belongs to another project.")
    for attempt in (lambda: crm.client.project(99), lambda: crm.client.replace_project(99, {"name": "x"})):
        with pytest.raises(RecordMissing):
            attempt()


# --- subscriptions --------------------------------------------------------------------------------------------


def test_a_subscription_is_made_read_and_replaced(crm: ServedVirtuous) -> None:
    body = {"payloadUrl": "https://hooks.example.org/in", "secret": "s1", "contactUpdate": True, "active": True}
    webhook_id = crm.client.create_webhook(body)
    record = crm.client.webhook(webhook_id)
    assert (record["secret"], record["contactUpdate"], record["giftCreate"]) == ("s1", True, False)
    crm.client.replace_webhook(webhook_id, {**body, "contactUpdate": False, "giftCreate": True})
    record = crm.client.webhook(webhook_id)
    assert (record["contactUpdate"], record["giftCreate"]) == (False, True)
    with pytest.raises(RecordMissing):
        crm.client.webhook(99)
