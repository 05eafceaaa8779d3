"""What contacts of Virtuous change on RaiseDonors: donors, addresses, phones, and entries of their activity."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import requests

from giftbridge.clients.http import BearerToken, TimeLeft, Wire, new_session
from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.clients.raisedonors_donors import DonorRecord
from giftbridge.errors import RecordMissing, Rejected, RetryLater, UnknownOutcome
from ops.simulators.contract_check import TrafficCheck
from ops.simulators.faults import FaultKind, FaultRule
from ops.simulators.raisedonors import RaiseDonorsSimulator
from ops.simulators.server import SimulatorServer
from tests.simulators.conftest import CONTRACTS, Clock

NAMED = {"firstName": "Imani", "lastName": "Vance"}
HOME = {"address1": "7 Quay Rd", "city": "Mobile", "state": "AL", "postal": "36602", "countryString": "US"}


@dataclass
class Platform:
    """A simulated RaiseDonors at an address, with the real client."""

    simulator: RaiseDonorsSimulator
    clock: Clock
    url: str
    session: requests.Session

    @property
    def client(self) -> RaiseDonors:
        auth = BearerToken(self.simulator.token)
        return RaiseDonors(Wire("raisedonors", self.url, self.session, TimeLeft(), lambda: None, self.clock, auth, 0))

    def donor(self, **members: Any) -> DonorRecord:
        """A donor that is there, as the client reads them."""
        return self.client.donor_record(self.simulator.store.add("donor", {**NAMED, **members}))

    def answer(self, operation: str, status: int, body: str = "") -> None:
        self.simulator.faults.add(FaultRule(FaultKind.STATUS_BEFORE, operation, status=status, body=body))

    def operations(self) -> list[str]:
        return [str(entry.operation_id) for entry in self.simulator.log]


@pytest.fixture(scope="module")
def served() -> Iterator[Platform]:
    clock = Clock()
    simulator = RaiseDonorsSimulator(check=TrafficCheck(CONTRACTS / "raisedonors.openapi.yaml"), clock=clock)
    with SimulatorServer(simulator) as server, new_session() as session:
        yield Platform(simulator, clock, server.url, session)


@pytest.fixture
def platform(served: Platform) -> Iterator[Platform]:
    served.simulator.reset()
    served.simulator.store.settings.write_answers = "vary"
    yield served
    check = served.simulator.check
    assert check is not None
    assert [str(one) for one in check.violations] == []


# --- reading --------------------------------------------------------------------------------------------------


def test_a_record_names_the_ids_of_the_entries_its_donor_shows(platform: Platform) -> None:
    addresses = [
        {"id": 71, "isPrimary": False, "address1": "Old Rd"},
        {"id": 72, "isPrimary": True, "addressType": 3, **HOME},
    ]
    phones = [
        {"id": 81, "isPrimary": False, "value": "1"},
        {"id": 82, "isPrimary": True, "value": " "},
        {"id": 83, "isPrimary": False, "value": "3"},
    ]
    record = platform.donor(
        donorAddresses=addresses,
        donorPhoneNumbers=phones,
        crmKeyUrls={"Virtuous": {"key": "4107/7301", "url": None}, "Aegis": {"key": "P1"}},
    )
    assert (record.donor.address.street, record.address_id, record.address_type) == ("7 Quay Rd", 72, 3)
    assert (record.donor.phones[0], record.phone_id) == ("1", 81)
    assert (record.virtuous_key, record.is_gone) == ("4107/7301", False)
    assert record.modified_at is not None
    assert abs(record.modified_at - platform.clock()) < timedelta(seconds=1)


def test_a_donor_who_has_nothing_yields_no_ids(platform: Platform) -> None:
    record = platform.donor()
    assert (record.address_id, record.address_type, record.phone_id, record.virtuous_key) == (None,) * 4
    assert (record.donor.phones, record.donor.address.is_empty) == ((), True)


def test_where_the_list_of_addresses_is_missing_the_primary_one_stands_in(platform: Platform) -> None:
    platform.answer("getDonor", 200, '{"id": 5, "primaryAddress": {"id": 71, "isPrimary": true, "address1": "Pier"}}')
    record = platform.client.donor_record(5)
    assert (record.address_id, record.donor.address.street, record.modified_at) == (71, "Pier", None)


@pytest.mark.parametrize("mark", ["isArchived", "isGDPRDeleted"])
def test_a_donor_who_is_archived_or_deleted_is_gone(platform: Platform, mark: str) -> None:
    assert platform.donor(**{mark: True}).is_gone


def test_a_donor_who_is_not_there_is_missing(platform: Platform) -> None:
    for attempt in (
        lambda: platform.client.donor_record(99),
        lambda: platform.client.patch_donor(99, NAMED),
        lambda: platform.client.put_address(99, None, HOME),
        lambda: platform.client.put_address(99, 1, HOME),
        lambda: platform.client.put_phone(99, None, "1"),
        lambda: platform.client.put_phone(99, 1, "1"),
    ):
        with pytest.raises(RecordMissing):
            attempt()


def test_a_donor_who_cannot_be_read_is_rejected(platform: Platform) -> None:
    platform.answer("getDonor", 200, '{"id": 5, "donorAddresses": [{"id": "x"}]}')
    with pytest.raises(Rejected) as refused:
        platform.client.donor_record(5)
    assert (refused.value.cause, refused.value.field) == ("unreadable-record", "donor.donorAddresses[0].id")


# --- finding --------------------------------------------------------------------------------------------------


def test_a_search_finds_by_e_mail_with_every_letter_of_it(platform: Platform) -> None:
    wanted = platform.donor(email="imani+a b&c=d@example.org")
    platform.donor(email="other@example.org")
    assert [one.donor.id for one in platform.client.donors_matching("imani+a b&c=d@example.org")] == [wanted.donor.id]
    assert platform.client.donors_matching("nobody@example.org") == []


def test_a_search_goes_through_all_its_pages(platform: Platform) -> None:
    for number in range(520):
        platform.simulator.store.add("donor", {"firstName": f"No {number}", "lastName": "Same"})
    assert len(platform.client.donors_matching("same")) == 520
    assert platform.operations() == ["searchDonors"] * 6


def test_a_search_leaves_out_what_cannot_be_read_unless_it_may_be_what_is_looked_for(platform: Platform) -> None:
    items = '[{"id": 4, "email": "AB@example.org", "donorAddresses": 7}, {"id": 5}]'
    platform.answer("searchDonors", 200, f'{{"items": {items}, "total": 2}}')
    assert [one.donor.id for one in platform.client.donors_matching("cd@example.org")] == [5]
    with pytest.raises(Rejected):
        platform.client.donors_matching("ab@example.org")


@pytest.mark.parametrize("hit", ["null", "{}", '{"id": "x"}'])
def test_a_hit_without_an_id_is_no_hit_and_the_search_no_answer(platform: Platform, hit: str) -> None:
    platform.answer("searchDonors", 200, f'{{"items": [{hit}, {{"id": 5}}], "total": 2}}')
    with pytest.raises(RetryLater, match="without an id"):
        platform.client.donors_matching("x")


# --- writing --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", ["200", "204"])
def test_a_patch_changes_what_it_names_and_an_empty_text_clears(platform: Platform, answer: str) -> None:
    platform.simulator.store.settings.write_answers = answer
    before = platform.donor(middleName="Q", email="imani@example.org")
    changes = {"firstName": "Amani", "middleName": "", "crmKeys": {"Virtuous": "4107/7301"}}
    platform.client.patch_donor(before.donor.id, changes)
    after = platform.client.donor_record(before.donor.id)
    assert (after.donor.first_name, after.donor.middle_name, after.donor.last_name) == ("Amani", None, "Vance")
    assert (after.virtuous_key, after.donor.emails) == ("4107/7301", ("imani@example.org",))


def test_no_e_mail_address_is_ever_sent(platform: Platform) -> None:
    donor_id = platform.donor().donor.id
    calls = len(platform.simulator.log)
    for name in ("email", "Email", "EMAIL"):
        with pytest.raises(ValueError, match="e-mail"):
            platform.client.patch_donor(donor_id, {**NAMED, name: "x@example.org"})
        with pytest.raises(ValueError, match="e-mail"):
            platform.client.create_donor({**NAMED, name: None})
    assert len(platform.simulator.log) == calls


def test_a_refused_change_names_the_member_and_the_reason(platform: Platform) -> None:
    donor_id = platform.donor().donor.id
    platform.answer("patchDonor", 400, '{"title": "Invalid.", "errors": {"firstName": ["Too long."]}}')
    with pytest.raises(Rejected) as refused:
        platform.client.patch_donor(donor_id, {"firstName": "x" * 75})
    assert (refused.value.field, refused.value.text, refused.value.status) == ("firstName", "Too long.", 400)


@pytest.mark.parametrize("answer", ["200", "204"])
def test_an_address_is_replaced_whole_and_becomes_the_primary_one(platform: Platform, answer: str) -> None:
    platform.simulator.store.settings.write_answers = answer
    entries = [
        {"id": 71, "isPrimary": True, "address1": "Old Rd"},
        {"id": 72, "isPrimary": False, "address2": "Rear", **HOME},
    ]
    donor_id = platform.donor(donorAddresses=entries).donor.id
    platform.client.put_address(donor_id, 72, {"address1": "1 Pier", "city": "Mobile"})
    record = platform.client.donor_record(donor_id)
    assert (record.address_id, record.donor.address.street, record.donor.address.city) == (72, "1 Pier", "Mobile")
    assert (record.donor.address.street2, record.donor.address.postal_code) == (None, None)
    assert platform.operations().count("updateDonorAddress") == 1


def test_a_donor_with_an_address_gets_another_that_is_primary(platform: Platform) -> None:
    donor_id = platform.donor(donorAddresses=[{"id": 71, "isPrimary": True, "address1": "Old Rd"}]).donor.id
    platform.client.put_address(donor_id, None, HOME)
    record = platform.client.donor_record(donor_id)
    assert (record.address_id != 71, record.donor.address.street) == (True, "7 Quay Rd")


@pytest.mark.parametrize("answer", ["200", "204"])
def test_a_phone_is_changed_or_added_and_becomes_the_primary_one(platform: Platform, answer: str) -> None:
    platform.simulator.store.settings.write_answers = answer
    donor_id = platform.donor().donor.id
    platform.client.put_phone(donor_id, None, "251-555-0101")
    first = platform.client.donor_record(donor_id)
    platform.client.put_phone(donor_id, None, "251-555-0102")
    second = platform.client.donor_record(donor_id)
    assert (first.donor.phones, second.donor.phones) == (("251-555-0101",), ("251-555-0102", "251-555-0101"))
    platform.client.put_phone(donor_id, first.phone_id, "251-555-0103")
    third = platform.client.donor_record(donor_id)
    assert (third.phone_id, third.donor.phones) == (first.phone_id, ("251-555-0103", "251-555-0102"))


def test_a_donor_is_created_with_address_phone_and_key(platform: Platform) -> None:
    body = {**NAMED, "phone": "251-555-0101", "address": HOME, "crmKeys": {"Virtuous": "4107/7301"}}
    record = platform.client.donor_record(platform.client.create_donor(body))
    assert (record.donor.last_name, record.donor.phones, record.donor.emails) == ("Vance", ("251-555-0101",), ())
    assert (record.donor.address.city, record.virtuous_key) == ("Mobile", "4107/7301")


def test_a_donor_without_a_name_is_refused(platform: Platform) -> None:
    with pytest.raises(Rejected) as refused:
        platform.client.create_donor({"firstName": "Imani"})
    assert (refused.value.field, refused.value.status) == ("lastName", 400)
    assert len(platform.simulator.store.donors.all_entries()) == 0


@pytest.mark.parametrize("body", ["", "{}", '{"id": "x"}', '{"id": true}'])
def test_a_creation_that_names_no_id_has_an_unknown_outcome(platform: Platform, body: str) -> None:
    platform.answer("createDonor", 200, body)
    with pytest.raises(UnknownOutcome):
        platform.client.create_donor(NAMED)


# --- activity -------------------------------------------------------------------------------------------------


def test_an_entry_of_the_activity_is_ours_and_found_again(platform: Platform) -> None:
    donor_id, other_id = platform.donor().donor.id, platform.donor().donor.id
    began = platform.clock()
    note = {"donorId": donor_id, "type": "Note", "subject": "Called", "body": "b", "source": None}
    platform.simulator.store.add("activity", note)
    assert platform.client.add_activity(donor_id, "Changed in Virtuous", "Phone: 1 -> 2")
    assert platform.client.add_activity(other_id, "Other", "")
    assert platform.client.activity_subjects(donor_id, began) == ["Changed in Virtuous"]
    assert platform.client.activity_subjects(donor_id, began + timedelta(hours=1)) == []
    entry = next(
        one for one in platform.client.notes_modified_since(began, 0).rows if one["subject"].startswith("Changed")
    )
    assert (entry["type"], entry["source"], entry["body"]) == ("CrmSync", "GiftBridge", "Phone: 1 -> 2")


def test_subjects_are_found_over_all_pages(platform: Platform) -> None:
    donor_id = platform.donor().donor.id
    began = platform.clock()
    for number in range(130):
        entry = {"donorId": donor_id, "type": "CrmSync", "subject": f"No {number}", "source": "GiftBridge"}
        platform.simulator.store.add("activity", entry)
    assert platform.client.activity_subjects(donor_id, began) == [f"No {number}" for number in range(130)]


@pytest.mark.parametrize("status", [404, 405])
def test_an_account_without_activity_is_no_error(platform: Platform, status: int) -> None:
    platform.answer("addDonorActivity", status)
    assert platform.client.add_activity(platform.donor().donor.id, "s", "b") is False


def test_an_entry_that_is_refused_for_itself_is_an_error(platform: Platform) -> None:
    platform.answer("addDonorActivity", 400, '{"errors": {"subject": ["Too long."]}}')
    with pytest.raises(Rejected, match="Too long"):
        platform.client.add_activity(platform.donor().donor.id, "s", "b")
