"""Whatever is sent, the simulators answer as their contracts say; they never fall over."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ops.simulators.aegis import AegisSimulator
from ops.simulators.raisedonors import RaiseDonorsSimulator
from ops.simulators.service import SimulatedService
from tests.simulators.clients import AegisClient, RaiseDonorsClient, order, pledge, transaction

ANSWERS = (200, 204, 400, 404, 415)
leaves = (
    st.none() | st.booleans() | st.integers(-5, 10**12) | st.text(max_size=5)
    | st.sampled_from([Decimal("1.5"), Decimal("1E+2"), "US", "WEB", "GEN", "2026-03-01", "100001"])
)  # fmt: skip
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner))
relaxed = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _bent(body: dict[str, Any]) -> st.SearchStrategy[Any]:
    """A good body with some members replaced by anything."""
    bends = st.dictionaries(st.sampled_from(sorted(body)), values, max_size=3)
    return bends.map(lambda bend: {**body, **bend}) | values


def _answers_kept_the_contract(simulator: SimulatedService) -> bool:
    assert simulator.check is not None
    found = [one for one in simulator.check.violations if one.where.startswith("answer")]
    assert not found, found
    return True


PARTNER = {
    "ID": "100001", "FirstName": "Anna", "LastName": "Berg", "PartnerPhones": [{"Number": "1"}], "PartnerEmails": [],
    "PartnerAskArrays": [], "CustomData": [], "IsActive": True, "OriginSource": "WEB",
}  # fmt: skip
AEGIS_BODIES: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "partner/Create", PARTNER),
    ("PUT", "partner/Save", PARTNER),
    ("POST", "pledge/Create", pledge("100001")),
    ("PUT", "pledge/Save", {**pledge("100001"), "ID": ""}),
    ("POST", "transaction/Create", transaction("100001", ProductOrders=[order()], Response={})),
    ("POST", "partnernote/Create", {"PartnerID": "100001", "Subject": "S", "Note": "N"}),
]
ADDRESS = {"address1": "1 Oak St", "postal": "78701", "addressType": 1, "isPrimary": True}
RAISEDONORS_BODIES: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "Gift/query", {"take": 5, "skip": 0, "sortBy": "id", "groups": [], "filter": "a", "descending": True}),
    ("POST", "Donor", {"firstName": "A", "lastName": "B", "email": "", "address": ADDRESS, "crmKeys": {}}),
    ("PATCH", "Donor/48001", {"firstName": "A", "phone": "1", "email": "x@y.zz", "crmKeys": {"Aegis": "1"}}),
    ("POST", "Donor/48001/address", ADDRESS),
    ("POST", "Donor/48001/phone", {"value": "1", "type": 20, "isPrimary": True}),
    ("PATCH", "Gift/900001/crmkey", {"crmKey": "1"}),
    ("PUT", "RecurringGift/70001", {
        "donorId": 48001, "frequency": 12, "amount": 5, "status": 1, "projects": [{"projectId": 301, "amount": 5}]}),
    ("POST", "DonorActivity", {"donorId": 48001, "type": "Note", "subject": "S"}),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body"), AEGIS_BODIES, ids=[row[1] for row in AEGIS_BODIES])
@relaxed
@given(data=st.data())
def test_aegis_answers_any_body(
    crm: AegisClient, aegis: AegisSimulator, method: str, path: str, body: dict[str, Any], data: st.DataObject
) -> None:
    if not aegis.store.partners:
        crm.new_partner()
        pledge_id = crm.new_pledge("100001")
        assert pledge_id
    if path == "pledge/Save":
        body = {**body, "ID": next(iter(aegis.store.pledges))}
    answer = crm.send(method, path, data.draw(_bent(body)))
    assert answer.status in ANSWERS
    assert crm.get("partner/Search", lastName="B").status == 200
    assert _answers_kept_the_contract(aegis)


@pytest.mark.parametrize(("method", "path", "body"), RAISEDONORS_BODIES, ids=[row[1] for row in RAISEDONORS_BODIES])
@relaxed
@given(data=st.data())
def test_raisedonors_answers_any_body(
    platform: RaiseDonorsClient,
    raisedonors: RaiseDonorsSimulator,
    method: str,
    path: str,
    body: dict[str, Any],
    data: st.DataObject,
) -> None:
    store = raisedonors.store
    if not len(store.donors):
        store.add("donor", {"firstName": "Anna", "lastName": "Berg"})
        store.add("gift", {"amount": 5, "donorId": 48001, "projects": [{"projectId": 301, "amount": "5"}]})
        share = [{"projectId": 301, "amount": 5}]
        store.add("schedule", {"donorId": 48001, "frequency": 12, "amount": 5, "projects": share})
    assert platform.send(method, path, data.draw(_bent(body))).status in ANSWERS
    for resource in ("Gift", "Donor", "RecurringGift"):
        assert platform.read(f"{resource}/list")["total"] >= 1
    assert _answers_kept_the_contract(raisedonors)
