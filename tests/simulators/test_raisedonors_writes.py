"""Writing to the simulated RaiseDonors: keys, donors, schedules, activity."""

from decimal import Decimal
from typing import Any

import pytest

from ops.simulators.json_text import read_json
from ops.simulators.raisedonors import RaiseDonorsSimulator
from tests.simulators.clients import RaiseDonorsClient
from tests.simulators.conftest import Clock

ANNA = {"firstName": "Anna", "lastName": "Berg", "email": "anna@example.org", "phone": "512-555-0101"}


@pytest.fixture
def donor_id(raisedonors: RaiseDonorsSimulator) -> int:
    return raisedonors.store.add("donor", ANNA)


@pytest.fixture
def schedule_id(raisedonors: RaiseDonorsSimulator, donor_id: int) -> int:
    members = {
        "donorId": donor_id, "frequency": 12, "amount": Decimal("30.00"), "nextChargeDate": "2026-04-01",
        "projects": [{"projectId": 1, "amount": Decimal("30.00")}], "notes": "kept", "paymentMethodId": "pm_1",
    }  # fmt: skip
    return raisedonors.store.add("schedule", members)


def test_a_gifts_key_is_stored_and_moves_its_modification_time(
    raisedonors: RaiseDonorsSimulator, platform: RaiseDonorsClient, clock: Clock
) -> None:
    gift_id = raisedonors.store.add("gift", {"amount": 5, "donorId": 1, "projects": [{"projectId": 1, "amount": "5"}]})
    before = platform.read(f"Gift/{gift_id}")
    clock.move(60)
    answers = [platform.send("PATCH", f"Gift/{gift_id}/crmkey", {"crmKey": "500001"}).status for _ in range(4)]
    assert set(answers) == {200, 204}
    after = platform.read(f"Gift/{gift_id}")
    assert after["crmKey"] == "500001"
    assert after["modifiedDate"] != before["modifiedDate"]
    assert platform.send("PATCH", f"Gift/{gift_id}/crmkey", {}).status == 400
    assert platform.send("PATCH", "Gift/1/crmkey", {"crmKey": "1"}).status == 404


@pytest.mark.parametrize("status", [404, 405])
def test_an_account_may_lack_the_key_operation(
    raisedonors: RaiseDonorsSimulator, platform: RaiseDonorsClient, status: int
) -> None:
    gift_id = raisedonors.store.add("gift", {"amount": 5, "donorId": 1, "projects": [{"projectId": 1, "amount": "5"}]})
    raisedonors.store.settings.crmkey_answers = status
    assert platform.send("PATCH", f"Gift/{gift_id}/crmkey", {"crmKey": "1"}).status == status
    assert platform.read(f"Gift/{gift_id}").get("crmKey") is None


@pytest.mark.parametrize("text", ["anna", "BERG", "anna@exa", "(512) 555-0101", "48001"])
def test_a_donor_is_found_loosely(platform: RaiseDonorsClient, donor_id: int, text: str) -> None:
    assert [donor["id"] for donor in platform.read("Donor/search", filter=text)["items"]] == [donor_id]


def test_a_search_for_nothing_is_refused(platform: RaiseDonorsClient) -> None:
    assert platform.get("Donor/search", filter="").status == 400
    assert platform.get("Donor/search", Filter="anna").status == 400


def test_a_new_donor_needs_a_name_and_a_free_address(platform: RaiseDonorsClient, donor_id: int) -> None:
    assert platform.send("POST", "Donor", {"firstName": "Eva"}).status == 400
    taken = platform.send("POST", "Donor", {**ANNA, "email": "ANNA@example.org"})
    assert "email" in read_json(taken.body)["errors"]
    body = {"firstName": "Eva", "lastName": "Dal", "address": {"address1": "1 Oak St"}, "crmKeys": {"Virtuous": "9"}}
    new = read_json(platform.send("POST", "Donor", body).body)
    read = platform.read(f"Donor/{new['id']}")
    assert read["primaryAddress"]["address1"] == "1 Oak St"
    assert read["crmKeyUrls"]["Virtuous"]["key"] == "9"


def test_a_patch_applies_what_is_not_null_and_clears_with_an_empty_text(
    platform: RaiseDonorsClient, donor_id: int
) -> None:
    platform.send("PATCH", f"Donor/{donor_id}", {"firstName": None, "lastName": "Dal", "title": "Dr"})
    platform.send("PATCH", f"Donor/{donor_id}", {"title": "", "phone": "307-555-0199"})
    read = platform.read(f"Donor/{donor_id}")
    assert (read["firstName"], read["lastName"], read.get("title")) == ("Anna", "Dal", None)
    assert read["phone"] == "307-555-0199"
    assert platform.send("PATCH", f"Donor/{donor_id}", {"lastName": "x" * 76}).status == 400


def test_keys_left_out_stay_and_an_empty_text_removes_one(platform: RaiseDonorsClient, donor_id: int) -> None:
    platform.send("PATCH", f"Donor/{donor_id}", {"crmKeys": {"Aegis": "100001", "Virtuous": "55"}})
    platform.send("PATCH", f"Donor/{donor_id}", {"crmKeys": {"Virtuous": ""}})
    read = platform.read(f"Donor/{donor_id}")
    assert read["crmKey"] == "100001"
    assert list(read["crmKeyUrls"]) == ["Aegis"]


def test_addresses_are_added_and_replaced_whole(platform: RaiseDonorsClient, donor_id: int) -> None:
    body = {"address1": "1 Oak St", "city": "Boise"}
    first = read_json(platform.send("POST", f"Donor/{donor_id}/address", body).body)
    second = read_json(
        platform.send("POST", f"Donor/{donor_id}/address", {"address1": "2 Elm St", "isPrimary": True}).body
    )
    read = platform.read(f"Donor/{donor_id}")
    assert [address["isPrimary"] for address in read["donorAddresses"]] == [False, True]
    path = f"Donor/{donor_id}/address/{first['id']}/update"
    assert platform.send("PUT", path, {"address1": "3 Oak St", "isPrimary": True}).status in (200, 204)
    read = platform.read(f"Donor/{donor_id}")
    assert (read["primaryAddress"]["address1"], read["primaryAddress"]["city"]) == ("3 Oak St", None)
    assert platform.send("PUT", path, {"city": "Boise"}).status == 400
    assert platform.send("PUT", f"Donor/{donor_id}/address/9999/update", {"address1": "x"}).status == 404
    assert second["isPrimary"] is True


def test_phones_are_added_and_patched(platform: RaiseDonorsClient, donor_id: int) -> None:
    new = read_json(platform.send("POST", f"Donor/{donor_id}/phone", {"value": "307-555-0100", "type": 20}).body)
    platform.send("PATCH", f"Donor/{donor_id}/phone/{new['id']}", {"isPrimary": True})
    read = platform.read(f"Donor/{donor_id}")
    assert read["phone"] == "307-555-0100"
    assert sum(phone["isPrimary"] for phone in read["donorPhoneNumbers"]) == 1
    assert platform.send("POST", f"Donor/{donor_id}/phone", {"type": 20}).status == 400


def test_a_schedule_is_replaced_whole(platform: RaiseDonorsClient, schedule_id: int) -> None:
    read = platform.read(f"RecurringGift/{schedule_id}")
    own = ("id", "createdDate", "modifiedDate", "formattedFrequency", "isTestMode", "statusText")
    body = {name: value for name, value in read.items() if name not in own}
    assert platform.send("PUT", f"RecurringGift/{schedule_id}", {**body, "crmKey": "p-1"}).status in (200, 204)
    after = platform.read(f"RecurringGift/{schedule_id}")
    assert {**after, "crmKey": None, "modifiedDate": None} == {**read, "crmKey": None, "modifiedDate": None}
    assert after["crmKey"] == "p-1"
    smallest = {name: body[name] for name in ("donorId", "frequency", "amount", "status", "projects")}
    platform.send("PUT", f"RecurringGift/{schedule_id}", smallest)
    cleared = platform.read(f"RecurringGift/{schedule_id}")
    assert [cleared.get(name) for name in ("notes", "nextChargeDate", "paymentMethodId", "crmKey")] == [None] * 4


@pytest.mark.parametrize("name", ["donorId", "frequency", "amount", "status", "projects"])
def test_a_schedule_cannot_live_without(platform: RaiseDonorsClient, schedule_id: int, name: str) -> None:
    body: dict[str, Any] = platform.read(f"RecurringGift/{schedule_id}")
    del body[name]
    answer = platform.send("PUT", f"RecurringGift/{schedule_id}", body)
    assert (answer.status, list(read_json(answer.body)["errors"])) == (400, [name])


def test_a_cancelled_schedule_stays_cancelled(platform: RaiseDonorsClient, schedule_id: int) -> None:
    before = platform.read(f"RecurringGift/{schedule_id}")
    assert platform.send("PUT", f"RecurringGift/{schedule_id}/cancel").status in (200, 204)
    assert platform.read(f"RecurringGift/{schedule_id}")["statusText"] == "Cancelled"
    assert platform.send("PUT", f"RecurringGift/{schedule_id}", before).status == 400


def test_activity_is_added_and_listed_by_time(platform: RaiseDonorsClient, donor_id: int, clock: Clock) -> None:
    for subject in ("one", "two"):
        body = {"donorId": donor_id, "type": "CrmSync", "subject": subject, "source": "GiftBridge"}
        assert platform.send("POST", "DonorActivity", body).status == 200
        clock.move(60)
    entries = platform.read("DonorActivity/list", DonorId=donor_id)["items"]
    assert [entry["subject"] for entry in entries] == ["one", "two"]
    later = platform.read("DonorActivity/list", ModifiedSince=entries[1]["modifiedDate"])
    assert later["total"] == 1
    assert platform.send("POST", "DonorActivity", {"donorId": 1, "type": "Note", "subject": "x"}).status == 400
    assert platform.get("DonorActivity/list", ModifiedSince="today").status == 400


def test_reads_and_writes_keep_the_contract(
    raisedonors: RaiseDonorsSimulator, platform: RaiseDonorsClient, donor_id: int, schedule_id: int
) -> None:
    for _ in range(2):
        platform.send("PATCH", f"Donor/{donor_id}", {"notes": "x"})
        platform.send("POST", f"Donor/{donor_id}/address", {"address1": "1 Oak St"})
        platform.send("PUT", f"RecurringGift/{schedule_id}", platform.read(f"RecurringGift/{schedule_id}"))
        platform.read(f"Donor/{donor_id}")
    assert raisedonors.check is not None
    assert raisedonors.check.violations == []
