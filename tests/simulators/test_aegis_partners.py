"""Partners, pledges, histories and look-ups of the simulated Aegis."""

import uuid
from decimal import Decimal
from typing import Any

import pytest

from ops.simulators.aegis import AegisSimulator
from ops.simulators.aegis_partners import seed_partner
from ops.simulators.aegis_pledges import seed_pledge
from ops.simulators.aegis_store import LOOKUP_KINDS, HistoryDates
from ops.simulators.json_text import read_json
from tests.simulators.clients import AegisClient, pledge, transaction


def _names(page: dict[str, Any]) -> list[str]:
    return [partner["LastName"] for partner in page["Partners"]]


def test_a_search_by_name_begins_with_and_ignores_case(crm: AegisClient) -> None:
    for name in ("Berg", "Bergman", "Lindberg"):
        crm.new_partner(LastName=name)
    assert _names(crm.read("partner/Search", lastName="bErG")) == ["Berg", "Bergman"]


def test_a_search_by_name_does_not_see_through_accents(crm: AegisClient) -> None:
    crm.new_partner(LastName="Nunez")
    assert _names(crm.read("partner/Search", lastName="Núñez")) == []


def test_all_given_filters_must_match(crm: AegisClient) -> None:
    crm.new_partner(FirstName="Anna", City="Austin")
    crm.new_partner(FirstName="Annabel", City="Boise")
    assert crm.read("partner/Search", firstName="anna", city="aus")["TotalCount"] == 1


def test_a_whole_address_finds_those_that_begin_with_it_and_a_part_finds_any(crm: AegisClient) -> None:
    for email in ("anna.berg@example.org", "anna.berg@example.org.au", "joanna.berg@example.org"):
        crm.new_partner(PartnerEmails=[{"Email": email}])
    assert crm.read("partner/Search", email="anna.berg@example.org")["TotalCount"] == 2
    assert crm.read("partner/Search", email="berg@ex")["TotalCount"] == 3


def test_a_phone_is_compared_as_it_was_typed(crm: AegisClient) -> None:
    crm.new_partner(PartnerPhones=[{"Number": "(512) 555-0101"}])
    assert crm.read("partner/Search", phone="555-0101")["TotalCount"] == 1
    assert crm.read("partner/Search", phone="5125550101")["TotalCount"] == 0


@pytest.mark.parametrize("query", [{}, {"lastName": ""}, {"surname": "Berg"}])
def test_a_search_without_a_filter_is_refused(crm: AegisClient, query: dict[str, str]) -> None:
    assert crm.get("partner/Search", **query).status == 400


def test_pages_are_cut_linked_and_never_longer_than_a_hundred(crm: AegisClient) -> None:
    for _ in range(130):
        crm.new_partner()
    first = crm.read("partner/Search", lastName="Berg", pageSize=500)
    assert (len(first["Partners"]), first["PageCount"], first["TotalCount"]) == (100, 2, 130)
    assert not first["PreviousPageLink"]
    _, _, query = first["NextPageLink"].partition("?")
    second = crm.read(f"partner/Search?{query}")
    assert len(second["Partners"]) == 30
    assert not second["NextPageLink"]
    assert len(crm.read("partner/Search", lastName="Berg")["Partners"]) == 25


def test_a_page_that_cannot_be_is_refused(crm: AegisClient) -> None:
    assert crm.get("partner/Search", lastName="Berg", page=0).status == 400


@pytest.mark.parametrize(
    ("member", "members"),
    [
        ("LastName", {"FirstName": "", "LastName": ""}),
        ("Address1", {"Address1": ""}),
        ("EmailPreference", {"EmailPreference": "Fax"}),
        ("CountryCode", {"CountryCode": "USA"}),
        ("OriginSource", {"OriginSource": "NOWHERE"}),
        ("CustomData[0].Name", {"CustomData": [{"Name": "No.Such.Field", "Value": "1"}]}),
        ("CustomData[0].Value", {"CustomData": [{"Name": "RaiseDonors.Donor.Id", "Value": "9" * 51}]}),
    ],
)
def test_a_partner_that_breaks_a_rule_is_refused(crm: AegisClient, member: str, members: dict[str, Any]) -> None:
    body = {"FirstName": "Anna", "LastName": "Berg", "Address1": "12 Oak Street", **members}
    assert f"partner.{member}" in crm.refused("POST", "partner/Create", body)


def test_ids_and_dates_of_a_new_partner_are_made_by_aegis(crm: AegisClient) -> None:
    partner_id = crm.new_partner(ID="7", MemberDate="1999-01-01", IsActive=False)
    partner = crm.read(f"partner/ID/{partner_id}")
    assert partner_id != "7"
    assert partner["MemberDate"].startswith("2026-03-02")
    assert partner["IsActive"] is True


def test_a_save_blanks_what_it_leaves_out_and_keeps_what_is_aegis_own(crm: AegisClient, aegis: AegisSimulator) -> None:
    members = {"FirstName": "Anna", "LastName": "Berg", "Address1": "1 Oak St", "MailCode": "A7", "NoMail": True}
    partner_id = seed_partner(aegis.store, {**members, "OriginSource": "RADIO", "MemberDate": "2010-01-01T00:00:00Z"})
    before = crm.read(f"partner/ID/{partner_id}")
    body = {"ID": partner_id, "LastName": "Berg", "Company": "Berg Ltd", "PartnerEmails": [{"Email": "a@example.org"}]}
    crm.simulator.clock.move(5)  # type: ignore[attr-defined]
    assert crm.send("PUT", "partner/Save", {**body, "OriginSource": "WEB", "Nonsense": 1}).status in (200, 204)
    after = crm.read(f"partner/ID/{partner_id}")
    assert (after["FirstName"], after["Address1"], after["MailCode"], after["NoMail"]) == ("", "", "", False)
    assert after["IsActive"] is False
    assert (after["OriginSource"], after["MemberDate"]) == ("RADIO", "2010-01-01T00:00:00Z")
    assert after["DateModified"] != before["DateModified"]
    assert "Nonsense" not in after


def test_what_was_read_can_be_sent_back_whole_unknown_members_included(crm: AegisClient, aegis: AegisSimulator) -> None:
    partner_id = seed_partner(aegis.store, {"LastName": "Berg", "Address1": "1 Oak St", "MailCode": "A7"})
    before = crm.read(f"partner/ID/{partner_id}")
    crm.send("PUT", "partner/Save", before)
    after = crm.read(f"partner/ID/{partner_id}")
    assert {**after, "DateModified": None} == {**before, "DateModified": None}


def test_a_save_of_an_unknown_partner_is_not_found(crm: AegisClient) -> None:
    assert crm.send("PUT", "partner/Save", {"ID": "1", "LastName": "B", "Address1": "x"}).status == 404


@pytest.mark.parametrize(
    ("setting", "status", "body"), [("404", 404, None), ("null", 200, b"null"), ("empty", 200, b"")]
)
def test_no_such_partner_is_said_in_three_ways(crm: AegisClient, setting: str, status: int, body: bytes | None) -> None:
    crm.simulator.store.settings.missing_partner = setting
    answer = crm.get("partner/ID/1")
    assert answer.status == status
    assert body is None or answer.body == body


def test_an_email_finds_some_partner_with_that_primary_address(crm: AegisClient) -> None:
    emails = [{"Email": "home@example.org", "Priority": 2}, {"Email": "anna+x@example.org", "Priority": 1}]
    first = crm.new_partner(PartnerEmails=emails)
    crm.new_partner(PartnerEmails=[{"Email": "anna+x@example.org"}])
    assert crm.read("partner/Email/ANNA%2Bx%40example.org")["ID"] == first
    assert crm.get("partner/Email/home%40example.org").status == 404


def test_credentials_and_context_are_required(aegis: AegisSimulator, crm: AegisClient) -> None:
    assert aegis.exchange("GET", f"/api/{aegis.context}/Fund/List").status == 401
    wrong = {"Authorization": "Basic bm9ib2R5Om5vdGhpbmc="}
    assert aegis.exchange("GET", f"/api/{aegis.context}/Fund/List", wrong).status == 401
    assert aegis.exchange("GET", f"/api/{aegis.context}/Fund/List", crm.headers).status == 200
    assert aegis.exchange("GET", "/api/WRONG/Fund/List", crm.headers).status == 401


def test_a_history_is_newest_first_cut_by_day_and_says_little(crm: AegisClient) -> None:
    partner_id = crm.new_partner()
    for day in ("01", "03", "02"):
        date = f"2026-02-{day}T23:30:00-06:00"
        crm.write("POST", "transaction/Create", transaction(partner_id, TransactionDate=date))
    path = f"partner/TransactionHistory/{partner_id}"
    rows = crm.read(path)["Transactions"]
    assert [row["TransactionDate"][8:10] for row in rows] == ["03", "02", "01"]
    assert not {"Attributes", "Gifts", "TransactionNote"} & set(rows[0])
    inside = crm.read(path, startDate="2026-02-02", endDate="2026-02-03")["Transactions"]
    assert [row["TransactionDate"][8:10] for row in inside] == ["03", "02"]
    assert crm.get("partner/TransactionHistory/1").status == 404


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        (HistoryDates.OFFSET, "2026-03-01T10:00:00-06:00"),
        (HistoryDates.AS_SENT, "2026-03-01T16:00:00.500Z"),
        (HistoryDates.INSTANT, "2026-03-01T16:00:00.500Z"),
        (HistoryDates.NAIVE, "2026-03-01T09:00:00"),
        (HistoryDates.DAY, "2026-03-01"),
    ],
)
def test_a_history_writes_its_dates_as_it_is_told(crm: AegisClient, dates: HistoryDates, expected: str) -> None:
    partner_id = crm.new_partner()
    crm.write("POST", "transaction/Create", transaction(partner_id, TransactionDate="2026-03-01T16:00:00.500Z"))
    crm.simulator.store.settings.history_dates = dates
    (row,) = crm.read(f"partner/TransactionHistory/{partner_id}")["Transactions"]
    assert row["TransactionDate"] == expected


@pytest.mark.parametrize(
    ("member", "members"),
    [
        ("PledgeAmount", {"PledgeAmount": 0}),
        ("Frequency", {"Frequency": "Biweekly"}),
        ("PledgeType", {"PledgeType": "Forever"}),
        ("StartDate", {"StartDate": ""}),
        ("PaymentType", {"PaymentType": ""}),
        ("PaymentSubType", {"PaymentSubType": "Amex"}),
        ("PaymentCountry", {"PaymentCountry": "USA"}),
        ("DayToCharge", {"DayToCharge": 32}),
        ("AppealCode", {"AppealCode": "OLD19"}),
        ("PledgeProgramName", {"PledgeProgramName": "None such"}),
        ("PledgeProgramName", {"AutoPayment": True}),
        ("PartnerID", {"PartnerID": "1"}),
    ],
)
def test_a_pledge_that_breaks_a_rule_is_refused(crm: AegisClient, member: str, members: dict[str, Any]) -> None:
    refused = crm.refused("POST", "pledge/Create", pledge(crm.new_partner(), **members))
    assert f"pledge.{member}" in refused


def test_a_pledge_is_saved_whole_and_stays_with_its_partner(crm: AegisClient) -> None:
    partner_id = crm.new_partner()
    pledge_id = seed_pledge(
        crm.simulator.store, {"PartnerID": partner_id, "PledgeAmount": Decimal(30), "StartDate": "2025-01-01", "Old": 7}
    )
    uuid.UUID(pledge_id)
    (read,) = crm.read(f"partner/PledgeHistory/{partner_id}")["Pledges"]
    crm.send("PUT", "pledge/Save", {**read, "PledgeAmount": Decimal("45.00")})
    (saved,) = crm.read(f"partner/PledgeHistory/{partner_id}")["Pledges"]
    assert (saved["PledgeAmount"], saved["Active"], saved["Old"]) == (Decimal("45.00"), True, 7)
    moved = {**read, "PartnerID": crm.new_partner()}
    assert "pledge.PartnerID" in crm.refused("PUT", "pledge/Save", moved)
    del read["Active"], read["Old"]
    crm.send("PUT", "pledge/Save", read)
    (ended,) = crm.read(f"partner/PledgeHistory/{partner_id}")["Pledges"]
    assert (ended["Active"], ended["Old"]) == (False, None)


def test_a_card_number_is_kept_masked(crm: AegisClient) -> None:
    partner_id = crm.new_partner()
    crm.new_pledge(partner_id, PaymentNumber="4111111111111111")
    (read,) = crm.read(f"partner/PledgeHistory/{partner_id}")["Pledges"]
    assert read["PaymentNumber"] == "************1111"


def test_a_note_of_an_unknown_type_loses_the_type_alone(crm: AegisClient) -> None:
    body = {"PartnerID": crm.new_partner(), "Subject": "Call", "Note": "Back at noon", "Type": "Telepathy"}
    assert crm.send("POST", "partnernote/Create", body).status == 200
    (note,) = crm.simulator.store.notes
    assert (note["Type"], note["EnteredBy"]) == ("", "Web User")
    assert "partnernote.Subject" in crm.refused("POST", "partnernote/Create", {**body, "Subject": ""})
    assert "Call" in crm.read("partnernote/NoteTypes")


@pytest.mark.parametrize("kind", LOOKUP_KINDS)
def test_each_look_up_can_be_missing_altogether(crm: AegisClient, kind: str) -> None:
    code, key = next(iter(crm.simulator.store.codes[kind])), "FundID" if kind == "Fund" else "ID"
    assert crm.read(f"{kind}/ID/{code.replace(' ', '%20')}")[key] == code
    assert crm.read(f"{kind}/List")["TotalCount"] == len(crm.simulator.store.codes[kind])
    assert crm.get(f"{kind}/ID/none").status == 404
    crm.simulator.store.settings.lookups_not_offered.add(kind)
    assert crm.get(f"{kind}/ID/{code.replace(' ', '%20')}").status == 404
    assert crm.get(f"{kind}/List").status == 404


def test_custom_data_fields_are_found_by_name(crm: AegisClient) -> None:
    assert crm.read("customdata/ID/RaiseDonors.Donor.Id")["MaxLength"] == 50
    assert crm.get("customdata/ID/Nothing").status == 404


def test_a_configured_query_lists_every_gift_line_with_its_donation(crm: AegisClient) -> None:
    gifts = [{"Amount": Decimal("50.00"), "FundID": "GEN"}, {"Amount": Decimal("25.00"), "FundID": "BLD"}]
    crm.write("POST", "transaction/Create", transaction(crm.new_partner(), Gifts=gifts))
    rows = crm.read("query/FetchResults", text="RAISEDONORS-GIFTS")["DataTable"]
    assert [(row["RaiseDonors.Donation.Id"], row["FundID"], row["TransactionAmount"]) for row in rows] == [
        ("900001", "GEN", Decimal("50.00")),
        ("900001", "BLD", Decimal("25.00")),
    ]
    assert crm.get("query/FetchResults", text="OTHER").status == 404


def test_a_body_must_be_json_and_say_so(aegis: AegisSimulator, crm: AegisClient) -> None:
    target = f"/api/{aegis.context}/partner/Create"
    assert aegis.exchange("POST", target, crm.headers, b"{}").status == 415
    answer = aegis.exchange("POST", target, {**crm.headers, "content-type": "application/json"}, b"{")
    assert (answer.status, "partner" in read_json(answer.body)["ModelState"]) == (400, True)
