"""Saves in the simulated Aegis: full replaces beside a staff that goes on working, notes, refunds, long histories."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
import requests

from ops.simulators.aegis import AegisSimulator
from ops.simulators.aegis_partners import seed_partner
from ops.simulators.aegis_pledges import seed_pledge
from ops.simulators.aegis_transactions import seed_transaction
from ops.simulators.faults import FaultKind, FaultRule
from ops.simulators.interjections import Interjection, Moment
from ops.simulators.server import SimulatorServer
from ops.simulators.wire import ConnectionDropped
from tests.simulators.clients import AegisClient, pledge, transaction
from tests.simulators.conftest import Clock

ANNA = {"FirstName": "Anna", "LastName": "Berg", "Address1": "12 Oak Street"}
Served = tuple[AegisSimulator, SimulatorServer, requests.Session]


@pytest.fixture
def partner_id(aegis: AegisSimulator) -> str:
    phones = [
        {"Type": "Home", "Priority": 1, "Number": "512-555-0101", "Status": "Valid", "Extension": "12"},
        {"Type": "Work", "Priority": 2, "Number": "512-555-0102", "Status": "", "DoNotCall": True},
    ]
    emails = [{"Type": "Home", "Priority": 1, "Email": "anna@example.org", "Status": "", "Bounces": 3}]
    return seed_partner(aegis.store, {**ANNA, "PartnerPhones": phones, "PartnerEmails": emails, "MailCode": "A7"})


def _comparable(partner: dict[str, Any]) -> dict[str, Any]:
    return {**partner, "DateModified": None}


def test_members_beyond_the_contract_inside_phones_and_emails_come_back_as_they_were_sent(
    crm: AegisClient, partner_id: str
) -> None:
    before = crm.read(f"partner/ID/{partner_id}")
    crm.send("PUT", "partner/Save", before)
    assert _comparable(crm.read(f"partner/ID/{partner_id}")) == _comparable(before)
    before["PartnerPhones"][0]["Nonsense"] = 1
    crm.send("PUT", "partner/Save", before)
    assert "Nonsense" not in crm.read(f"partner/ID/{partner_id}")["PartnerPhones"][0]


@pytest.mark.parametrize("member", ["FirstName", "Address1", "PartnerPhones", "PartnerEmails", "MailCode", "IsActive"])
@pytest.mark.parametrize("is_null", [True, False])
def test_a_member_left_out_or_null_is_blank_after_a_save(
    crm: AegisClient, partner_id: str, member: str, is_null: bool
) -> None:
    body = crm.read(f"partner/ID/{partner_id}")
    body.pop(member)
    crm.send("PUT", "partner/Save", body | ({member: None} if is_null else {}))
    assert not crm.read(f"partner/ID/{partner_id}")[member]


@pytest.mark.parametrize(
    ("member", "changes"),
    [
        ("LastName", {"FirstName": "", "LastName": "", "Company": None}),
        ("Address1", {"Address1": "", "PartnerPhones": [], "PartnerEmails": []}),
        ("CountryCode", {"CountryCode": "USA"}),
        ("PartnerPhones[0].Number", {"PartnerPhones": [{"Type": "Home"}]}),
        ("CustomData[0].Name", {"CustomData": [{"Name": "Nothing", "Value": "1"}]}),
    ],
)
def test_a_save_that_breaks_a_rule_of_create_changes_nothing(
    crm: AegisClient, partner_id: str, member: str, changes: dict[str, Any]
) -> None:
    before = crm.read(f"partner/ID/{partner_id}")
    assert f"partner.{member}" in crm.refused("PUT", "partner/Save", {**before, **changes})
    assert crm.read(f"partner/ID/{partner_id}") == before


def test_a_save_moves_the_date_and_a_conflict_is_said_only_where_aegis_does(
    crm: AegisClient, partner_id: str, clock: Clock
) -> None:
    read = crm.read(f"partner/ID/{partner_id}")
    clock.move(1)
    crm.simulator.store.edit_partner(partner_id, {"Rating": 7})
    assert crm.read(f"partner/ID/{partner_id}")["DateModified"] != read["DateModified"]
    crm.simulator.store.settings.save_conflicts = True
    assert crm.send("PUT", "partner/Save", read).status == 409
    assert crm.read(f"partner/ID/{partner_id}")["Rating"] == 7
    crm.simulator.store.settings.save_conflicts = False
    assert crm.send("PUT", "partner/Save", read).status in (200, 204)
    assert crm.read(f"partner/ID/{partner_id}")["Rating"] is None


@pytest.mark.parametrize("moment", list(Moment))
def test_staff_can_edit_once_beside_a_call(crm: AegisClient, partner_id: str, clock: Clock, moment: Moment) -> None:
    def act() -> None:
        clock.move(1)
        crm.simulator.store.edit_partner(partner_id, {"StaffRating": 5})

    beside = Interjection("getPartner", act, moment, names=partner_id, nth=2)
    crm.simulator.interjections.append(beside)
    path = f"partner/ID/{partner_id}"
    crm.read(f"partner/ID/{crm.new_partner()}")
    read = [crm.read(path) for _ in range(4)]
    shown = ["StaffRating" in partner for partner in read]
    assert shown == [False, moment is Moment.BEFORE, True, True]
    assert len({partner["DateModified"] for partner in read}) == 2
    assert beside.fired == 1


def test_a_save_over_an_edit_that_it_has_not_seen_loses_the_edit(crm: AegisClient, partner_id: str) -> None:
    store = crm.simulator.store
    edit = Interjection("savePartner", lambda: store.edit_partner(partner_id, {"MailCode": "B1"}), Moment.BEFORE)
    crm.simulator.interjections.append(edit)
    crm.send("PUT", "partner/Save", crm.read(f"partner/ID/{partner_id}"))
    assert store.partners[partner_id]["MailCode"] == "A7"
    assert store.partners_as_left[partner_id]["MailCode"] == "B1"


def test_staff_edits_partners_and_pledges_from_outside_and_beside_calls(served_aegis: Served) -> None:
    simulator, server, session = served_aegis
    partner = seed_partner(simulator.store, ANNA)
    pledge_id = seed_pledge(simulator.store, pledge(partner))
    control, api = f"{server.url}/_sim", f"{server.url}/api/{simulator.context}"
    assert session.patch(f"{control}/pledges/{pledge_id}", json={"Remark": "x"}).json()["Remark"] == "x"
    assert session.patch(f"{control}/partners/{partner}", json={"Rating": 1}).json()["Rating"] == 1
    for kind, record_id, read in (("partners", partner, "ID"), ("pledges", pledge_id, "PledgeHistory")):
        answer = session.post(f"{control}/{kind}/{record_id}/edit-beside", json={"members": {"Beside": "yes"}})
        assert (answer.status_code, answer.json()["nth"]) == (200, 1)
        texts = [session.get(f"{api}/partner/{read}/{partner}").text for _ in range(2)]
        assert ["Beside" in text for text in texts] == [False, True]
    assert session.post(f"{control}/pledges/none/edit-beside", json={"members": {}}).status_code == 404
    assert session.post(f"{control}/partners/{partner}/edit-beside", json={}).status_code == 404
    wrong = {"members": {}, "moment": "during"}
    assert session.post(f"{control}/partners/{partner}/edit-beside", json=wrong).status_code == 400
    assert session.patch(f"{control}/settings", json={"saveConflicts": True}).json()["saveConflicts"] is True


@pytest.mark.parametrize("member", ["Active", "AutoPayment", "PendingProfileUpdate"])
def test_a_missing_boolean_of_a_pledge_becomes_false(crm: AegisClient, partner_id: str, member: str) -> None:
    seed_pledge(crm.simulator.store, {**pledge(partner_id), member: True, "PledgeProgramName": "Monthly Partners"})
    (read,) = crm.read(f"partner/PledgeHistory/{partner_id}")["Pledges"]
    del read[member]
    assert crm.send("PUT", "pledge/Save", read).status in (200, 204)
    (saved,) = crm.read(f"partner/PledgeHistory/{partner_id}")["Pledges"]
    assert saved[member] is False
    assert {**saved, member: None} == {**read, member: None}


@pytest.mark.parametrize(
    ("member", "changes"),
    [
        ("PledgeAmount", {"PledgeAmount": None}),
        ("PledgeAmount", {"PledgeAmount": Decimal("-5.00")}),
        ("StartDate", {"StartDate": None}),
        ("PaymentType", {"PaymentType": ""}),
        ("PledgeType", {"PledgeType": None}),
        ("Frequency", {"Frequency": "Biweekly"}),
        ("AppealCode", {"AppealCode": "OLD19"}),
        ("PaymentCountry", {"PaymentCountry": "usa"}),
        ("PartnerID", {"PartnerID": ""}),
    ],
)
def test_the_rules_of_create_hold_for_a_saved_pledge(
    crm: AegisClient, partner_id: str, member: str, changes: dict[str, Any]
) -> None:
    crm.new_pledge(partner_id)
    (read,) = crm.read(f"partner/PledgeHistory/{partner_id}")["Pledges"]
    assert f"pledge.{member}" in crm.refused("PUT", "pledge/Save", {**read, **changes})
    assert crm.read(f"partner/PledgeHistory/{partner_id}")["Pledges"] == [read]
    assert crm.send("PUT", "pledge/Save", {**read, "ID": "none"}).status == 404


def test_what_a_pledge_was_like_is_kept_apart_from_saves(crm: AegisClient, partner_id: str) -> None:
    pledge_id = crm.new_pledge(partner_id)
    crm.simulator.store.edit_pledge(pledge_id, {"Remark": "called"})
    (read,) = crm.read(f"partner/PledgeHistory/{partner_id}")["Pledges"]
    crm.send("PUT", "pledge/Save", {**read, "PledgeAmount": 99, "Remark": None})
    kept = crm.simulator.store.pledges[pledge_id]
    assert (kept.as_left["PledgeAmount"], kept.as_left["Remark"]) == (Decimal("30.00"), "called")
    assert (kept.model["PledgeAmount"], kept.model["Remark"]) == (99, "")


def _negative(partner_id: str, **changes: Any) -> dict[str, Any]:
    return transaction(partner_id, "-75.00", **changes)


@pytest.mark.parametrize(
    ("member", "change"),
    [
        ("Payment.Amount", lambda body: body["Payment"].update(Amount=Decimal("75.00"))),
        ("TotalTransactionAmount", lambda body: body["Gifts"][0].update(Amount=Decimal("75.00"))),
        ("TotalTransactionAmount", lambda body: body["Gifts"][0].update(Amount=Decimal("-74.99"))),
        ("Gifts[0].FundID", lambda body: body["Gifts"][0].update(FundID="OLDFUND")),
        ("AppealCode", lambda body: body.update(AppealCode="OLD19")),
        ("PartnerID", lambda body: body.update(PartnerID="1")),
        ("Payment.Status", lambda body: body["Payment"].update(Status="Pending")),
        ("Payment.Country", lambda body: body["Payment"].update(Country="USA")),
        ("Gifts", lambda body: body.update(Gifts=[])),
    ],
)
def test_every_rule_holds_for_a_refund_too(
    crm: AegisClient, partner_id: str, member: str, change: Callable[[dict[str, Any]], None]
) -> None:
    body = _negative(partner_id)
    assert crm.write("POST", "transaction/Create", body)["TotalTransactionAmount"] == Decimal("-75.00")
    change(body)
    assert f"transaction.{member}" in crm.refused("POST", "transaction/Create", body)


def test_a_refund_for_an_ended_pledge_falls_to_the_most_recent_one(crm: AegisClient, partner_id: str) -> None:
    ended, other = crm.new_pledge(partner_id), crm.new_pledge(partner_id, DatePledged="2026-03-03T00:00:00Z")
    crm.simulator.store.set_pledge_active(ended, False)
    gift = {"Amount": Decimal("-75.00"), "FundID": "GEN", "ApplyToPledge": True, "PledgeID": ended}
    number = crm.write("POST", "transaction/Create", _negative(partner_id, Gifts=[gift]))["InvoiceNumber"]
    (line,) = crm.simulator.store.transactions[number].lines
    assert (line.by_hazard, line.applied_to_pledge) == (True, other)


def test_a_long_history_is_paged_newest_first_with_the_day_it_was_recorded(
    crm: AegisClient, partner_id: str, clock: Clock
) -> None:
    for n in range(230):
        date = f"20{n % 20:02d}-03-{n % 27 + 1:02d}T12:00:00-07:00"
        gifts = [{"Amount": 5, "FundID": "GEN"}]
        seed_transaction(crm.simulator.store, {"PartnerID": partner_id, "TransactionDate": date, "Gifts": gifts})
        clock.move(1)
    crm.write("POST", "transaction/Create", _negative(partner_id))
    path = f"partner/TransactionHistory/{partner_id}"
    pages = [crm.read(path, page=n, pageSize=100) for n in (1, 2, 3)]
    rows = [row for page in pages for row in page["Transactions"]]
    assert [len(page["Transactions"]) for page in pages] == [100, 100, 31]
    assert {(page["PageCount"], page["TotalCount"]) for page in pages} == {(3, 231)}
    assert len({row["InvoiceNumber"] for row in rows}) == 231
    assert [row["TransactionDate"] for row in rows] == sorted((row["TransactionDate"] for row in rows), reverse=True)
    newest = rows[0]
    assert (newest["TransactionAmount"], newest["TransactionType"]) == (Decimal("-75.00"), "Adjustment")
    assert newest["DateRecorded"] == "2026-03-02T09:03:50-06:00"


@pytest.mark.parametrize("kind", [kind for kind in FaultKind if kind is not FaultKind.SPOIL])
@pytest.mark.parametrize("operation", ["savePartner", "savePledge", "createPartnerNote", "createTransaction"])
def test_any_fault_can_strike_each_write_and_the_store_says_whether_it_was_carried_out(
    crm: AegisClient, partner_id: str, clock: Clock, operation: str, kind: FaultKind
) -> None:
    crm.new_pledge(partner_id)
    (read,) = crm.read(f"partner/PledgeHistory/{partner_id}")["Pledges"]
    method, path, body = {
        "savePartner": ("PUT", "partner/Save", {**crm.read(f"partner/ID/{partner_id}"), "LastName": "Berger"}),
        "savePledge": ("PUT", "pledge/Save", {**read, "Active": False}),
        "createPartnerNote": ("POST", "partnernote/Create", {"PartnerID": partner_id, "Subject": "a", "Note": "b"}),
        "createTransaction": ("POST", "transaction/Create", _negative(partner_id)),
    }[operation]
    rule = crm.simulator.faults.add(FaultRule(kind, operation, nth=1, seconds=2.0))
    before = crm.simulator.store.writes
    try:
        status = crm.send(method, path, body).status
    except ConnectionDropped:
        status = 0
    assert rule.fired == 1
    if kind is FaultKind.LATE_LANDING:
        assert crm.simulator.store.writes == before
        clock.move(3)
        crm.simulator.land_due()
    is_answered = kind in (FaultKind.DELAY_BEFORE, FaultKind.DELAY_AFTER)
    assert status in ((200, 204) if is_answered else (0, 503))
    is_carried_out = kind not in (FaultKind.STATUS_BEFORE, FaultKind.DROP_BEFORE)
    assert (crm.simulator.store.writes > before) is is_carried_out
