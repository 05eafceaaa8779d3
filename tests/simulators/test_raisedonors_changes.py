"""What changes after a gift, as the simulated RaiseDonors shows it: refunds, schedules, donors, activity."""

from decimal import Decimal
from typing import Any

import pytest

from ops.simulators.faults import FaultKind, FaultRule
from ops.simulators.population import Population
from ops.simulators.population_events import Events
from ops.simulators.raisedonors import RaiseDonorsSimulator
from ops.simulators.wire import ConnectionDropped
from tests.simulators.clients import AegisClient, RaiseDonorsClient
from tests.simulators.conftest import Clock

LONG_AGO = "2020-01-01T00:00:00Z"


@pytest.fixture
def events(raisedonors: RaiseDonorsSimulator, crm: AegisClient) -> Events:
    population = Population(7, raisedonors.store, crm.simulator.store)
    population.build(donors=30, gifts=60)
    return Events(3, raisedonors.store, crm.simulator.store)


@pytest.mark.parametrize(
    ("event", "text"),
    [("suspended", "Suspended"), ("resumed", "Active"), ("cancelled", "Cancelled"), ("expired", "Expired")],
)
def test_a_status_of_a_schedule_is_said_in_words_and_comes_with_the_query(
    events: Events, platform: RaiseDonorsClient, clock: Clock, event: str, text: str
) -> None:
    events.happen("schedule_suspended")
    clock.move(5)
    now = clock.now.strftime("%Y-%m-%dT%H:%M:%S")
    schedule_id = events.happen(f"schedule_{event}").record_id
    (shown,) = platform.changed_since("RecurringGift", now)["items"]
    assert (shown["id"], shown["statusText"]) == (schedule_id, text)
    assert platform.read(f"RecurringGift/{schedule_id}") == shown


@pytest.mark.parametrize(
    ("event", "members"),
    [
        ("amount", {"amount", "projects"}),
        ("frequency", {"frequency", "formattedFrequency"}),
        ("projects", {"projects"}),
        ("payment", {"paymentType", "cardBrand", "paymentMethodId"}),
        ("payer", {"billingFirstName", "billingLastName", "billingAddress"}),
        ("next_date", {"nextChargeDate"}),
    ],
)
def test_a_change_of_a_schedule_changes_what_it_is_about_alone(
    events: Events, platform: RaiseDonorsClient, event: str, members: set[str]
) -> None:
    before = {one["id"]: one for one in platform.changed_since("RecurringGift", LONG_AGO, take=100)["items"]}
    schedule_id = events.happen(f"schedule_{event}").record_id
    after = platform.read(f"RecurringGift/{schedule_id}")
    old = before[schedule_id]
    changed = {name for name in {*old, *after} if old.get(name) != after.get(name)} - {"modifiedDate"}
    assert changed <= members
    assert after["amount"] == sum(Decimal(str(share["amount"])) for share in after["projects"])


@pytest.mark.parametrize(("event", "text"), [("refund", "Refunded"), ("void", "Voided")])
def test_a_gift_given_back_keeps_its_amount_and_moves_to_the_end(
    events: Events, platform: RaiseDonorsClient, clock: Clock, event: str, text: str
) -> None:
    before = {one["id"]: one for one in platform.changed_since("Gift", LONG_AGO, take=100)["items"]}
    clock.move(5)
    gift_id = events.happen(event).record_id
    last = platform.changed_since("Gift", LONG_AGO, take=100)["items"][-1]
    assert (last["id"], last["statusText"], last["amount"]) == (gift_id, text, before[gift_id]["amount"])
    assert last["createdDate"] == before[gift_id]["createdDate"]


def test_the_activity_is_walked_in_pages_from_an_inclusive_bound_by_time_then_id(
    raisedonors: RaiseDonorsSimulator, platform: RaiseDonorsClient, clock: Clock
) -> None:
    donor_id = raisedonors.store.add("donor", {"firstName": "Anna", "lastName": "Berg"})
    notes: list[int] = []
    for n in range(6):
        note = {"donorId": donor_id, "type": "Note", "subject": f"note {n}"}
        notes.append(raisedonors.store.add("activity", note, created=clock.now))
        if n % 2:
            clock.move(1)
    raisedonors.store.edit("activity", notes[0], {"body": "changed"})
    everything = platform.read("DonorActivity/list", ModifiedSince=LONG_AGO)["items"]
    assert [entry["id"] for entry in everything] == [*notes[1:], notes[0]]
    pages = [platform.read("DonorActivity/list", ModifiedSince=LONG_AGO, Skip=n, Take=4) for n in (0, 4)]
    assert [entry for page in pages for entry in page["items"]] == everything
    assert {page["total"] for page in pages} == {6}
    bound = raisedonors.store.render("activity", raisedonors.store.activities.entry(notes[2]))["modifiedDate"]
    since = platform.read("DonorActivity/list", ModifiedSince=bound)["items"]
    assert [entry["id"] for entry in since] == [*notes[2:], notes[0]]
    assert platform.get("DonorActivity/list", Take=101).status == 400


@pytest.mark.parametrize("kind", [FaultKind.STATUS_BEFORE, FaultKind.DROP_BEFORE, FaultKind.DROP_AFTER])
@pytest.mark.parametrize(
    ("operation", "method", "path"),
    [
        ("queryRecurringGifts", "POST", "RecurringGift/query"),
        ("queryDonors", "POST", "Donor/query"),
        ("listDonorActivity", "GET", "DonorActivity/list"),
        ("listDonorGifts", "GET", "Donor/48001/gifts"),
        ("getRecurringGift", "GET", "RecurringGift/70001"),
        ("getDonor", "GET", "Donor/48001"),
    ],
)
def test_any_read_can_fail_and_works_again(
    events: Events, platform: RaiseDonorsClient, operation: str, method: str, path: str, kind: FaultKind
) -> None:
    rule = platform.simulator.faults.add(FaultRule(kind, operation, count=1))
    body: dict[str, Any] | None = {} if method == "POST" else None
    try:
        status = platform.send(method, path, body).status
    except ConnectionDropped:
        status = 0
    assert (status, rule.fired) == (503 if kind is FaultKind.STATUS_BEFORE else 0, 1)
    assert platform.send(method, path, body).status == 200


def test_a_replacement_that_changes_more_than_the_key_is_kept_in_mind(
    raisedonors: RaiseDonorsSimulator, events: Events, platform: RaiseDonorsClient
) -> None:
    (read, *_) = platform.changed_since("RecurringGift", LONG_AGO)["items"]
    own = ("id", "createdDate", "modifiedDate", "formattedFrequency", "isTestMode", "statusText")
    body = {name: value for name, value in read.items() if name not in own}
    assert platform.send("PUT", f"RecurringGift/{read['id']}", {**body, "crmKey": "p-1"}).status in (200, 204)
    assert raisedonors.store.overwritten_schedules == []
    platform.send("PUT", f"RecurringGift/{read['id']}", {**body, "amount": Decimal("1.00")})
    assert raisedonors.store.overwritten_schedules[0][0] == read["id"]
    assert "amount" in raisedonors.store.overwritten_schedules[0][1]


def test_all_that_happened_keeps_the_contract(
    raisedonors: RaiseDonorsSimulator, events: Events, platform: RaiseDonorsClient
) -> None:
    for kind in ("stranger_renamed", "stranger_moved", "stranger_phone", "stranger_noted", "schedule_payer", "void"):
        events.happen(kind)
    for resource in ("Gift", "Donor", "RecurringGift"):
        platform.changed_since(resource, LONG_AGO, take=100, includeDetails=True)
    platform.read("DonorActivity/list")
    assert raisedonors.check is not None
    assert raisedonors.check.violations == []


def test_staff_edits_a_donor_by_the_members_that_are_shown(
    raisedonors: RaiseDonorsSimulator, platform: RaiseDonorsClient
) -> None:
    donor_id = raisedonors.store.add("donor", {"firstName": "Anna", "lastName": "Berg", "email": "a@example.org"})
    address = {"address1": "1 Oak Street", "city": "Austin"}
    raisedonors.store.edit("donor", donor_id, {"email": "b@example.org", "phone": "1", "primaryAddress": address})
    read = platform.read(f"Donor/{donor_id}")
    assert (read["email"], read["phone"], read["primaryAddress"]["city"]) == ("b@example.org", "1", "Austin")
    assert [len(read[name]) for name in ("donorEmailAddresses", "donorPhoneNumbers", "donorAddresses")] == [1, 1, 1]
    raisedonors.store.edit("donor", donor_id, {"phone": None})
    assert not platform.read(f"Donor/{donor_id}").get("phone")
