"""Virtuous serves every operation of its contract, answers any body, takes faults, and is steered over HTTP."""

import re
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ops.simulators.contract_schema import METHODS
from ops.simulators.server import SimulatorServer
from ops.simulators.virtuous import VirtuousSimulator
from ops.simulators.virtuous_import import run_import
from ops.simulators.virtuous_population import OUR_SOURCE, seed_virtuous_projects
from ops.simulators.wire import ConnectionDropped
from tests.simulators.conftest import CONTRACTS, Clock
from tests.simulators.virtuous_world import HOME, IMANI, VirtuousWorld, gift, modified_since, row

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def world(clock: Clock) -> VirtuousWorld:
    return VirtuousWorld(clock)


def test_every_operation_of_the_contract_is_served(world: VirtuousWorld) -> None:
    document = yaml.safe_load((CONTRACTS / "virtuous.openapi.yaml").read_text(encoding="utf-8"))
    wanted = {
        (method.upper(), path): operation["operationId"]
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }
    served = {key: world.simulator.operation_of(key[0], re.sub(r"\{\w+\}", "5", key[1])) for key in wanted}
    assert served == wanted
    assert len(wanted) == 27


def test_other_paths_and_methods_are_refused(world: VirtuousWorld) -> None:
    assert world.get("Contact/Secrets/One/Two").status == 404
    assert world.send("DELETE", "Contact/5").status == 405


def test_a_lost_answer_leaves_the_row_held_and_a_late_one_lands(world: VirtuousWorld, clock: Clock) -> None:
    world.simulator.faults.drop("submitGiftTransaction", after_commit=True, count=1)
    with pytest.raises(ConnectionDropped):
        world.send("POST", "v2/Gift/Transaction", gift())
    world.simulator.faults.late_landing("reverseGift", 30, count=1)
    world.simulator.run_import()
    (landed,) = world.store.gifts.values()
    with pytest.raises(ConnectionDropped):
        world.send("POST", "Gift/ReversingTransaction", {"reversedGiftId": landed.gift_id, "giftDate": "2026-03-03"})
    assert world.read(f"Gift/ByContact/{landed.contact_id}")["total"] == 1
    clock.move(30)
    assert world.read(f"Gift/ByContact/{landed.contact_id}")["total"] == 2
    assert [entry.status for entry in world.simulator.log.of("reverseGift")] == [None]
    assert world.simulator.log.counts()["submitGiftTransaction"] == 1


def test_a_reset_empties_everything(world: VirtuousWorld) -> None:
    world.subscribe()
    world.contact()
    world.send("POST", "Contact/Transaction", row())
    world.simulator.plan_import(0)
    world.simulator.reset()
    shown = world.simulator.snapshot()
    assert [shown[name] for name in ("contacts", "rows", "subscriptions", "deliveries", "journal")] == [[]] * 5


leaves = (
    st.none() | st.booleans() | st.integers(-5, 10**18) | st.text(max_size=5)
    | st.sampled_from([Decimal("1.5"), Decimal("1E+30"), "US", "GEN", "2026-03-01", "75.00", "9" * 40, "1e5"])
)  # fmt: skip
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner))
relaxed = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
PROJECT = {
    "name": "Wells",
    "isActive": True,
    "financialNeedAmount": "5.00",
    "customFields": [{"name": "a", "value": 1}],
}
BODIES: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "Contact/Transaction", row(tags="a;b", customFields={"a": "b"})),
    ("POST", "Contact/Batch", {"referenceSource": OUR_SOURCE, "contacts": [row(), row("2", contactType="Trust")]}),
    ("POST", "v2/Gift/Transaction", gift(designations=[{"code": "GEN", "amountDesignated": "75.00"}])),
    ("POST", "v2/Gift/Transactions", {"transactionSource": OUR_SOURCE, "transactions": [gift()], "createImport": True}),
    ("POST", "Gift/ReversingTransaction", {"reversedGiftId": 30001, "giftDate": "2026-03-02", "notes": "x"}),
    ("POST", "ContactReference", {"contactId": 4001, "referenceSource": OUR_SOURCE, "referenceId": "9"}),
    ("POST", "Contact/Query/FullContact", {"groups": [{"conditions": [modified_since("2026-03-01")]}], "sortBy": "Id"}),
    ("POST", "Project/Query", {"groups": [{"conditions": [{"parameter": "Active", "operator": "IsTrue"}]}]}),
    ("POST", "Project", PROJECT),
    ("PUT", "Project/501", PROJECT),
    ("PATCH", "Project", {"id": 501, "projectCode": "X", "customFields": {"a": "b"}}),
    ("POST", "Webhook", {"payloadUrl": "https://x.example.org", "secret": "s", "contactUpdate": True}),
]


def _bent(body: dict[str, Any]) -> st.SearchStrategy[Any]:
    """A good body with some members replaced by anything, or anything at all."""
    bends = st.dictionaries(st.sampled_from(sorted(body)), values, max_size=3)
    return bends.map(lambda bend: {**body, **bend}) | values


@pytest.mark.parametrize(("method", "path", "body"), BODIES, ids=[f"{row[0]} {row[1]}" for row in BODIES])
@relaxed
@given(data=st.data())
def test_any_body_is_answered_and_what_is_held_can_be_imported(
    world: VirtuousWorld, method: str, path: str, body: dict[str, Any], data: st.DataObject
) -> None:
    world.store.settings.calls_per_hour = None
    if not world.store.contacts:
        world.contact()
        seed_virtuous_projects(world.store)
        world.store.gift_rows.clear()
    drawn = data.draw(_bent(body))
    answer = world.send(method, path, [drawn] if method == "PATCH" and data.draw(st.booleans()) else drawn)
    assert answer.status in (200, 400, 404, 409) or (drawn is None and answer.status == 415)
    run_import(world.store)
    for contact_id in list(world.store.contacts):
        world.read(f"Contact/{contact_id}")
    assert world.write("POST", "Project/Query", {"groups": []})["total"] >= 6
    world.simulator.snapshot()
    assert world.violations(of="answer") == []


def test_the_control_side_does_what_staff_does() -> None:
    simulator = VirtuousSimulator()
    with SimulatorServer(simulator) as server, requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {simulator.api_key}"

        def staff(method: str, path: str, body: Any = None) -> Any:
            answer = session.request(method, f"{server.url}/_sim/{path}", json=body, timeout=5)
            assert answer.status_code == 200, answer.text
            return answer.json()

        first, second = (
            staff("POST", "contacts", {"contactIndividuals": [{**IMANI, "firstName": name}], "address": HOME})["id"]
            for name in ("Imani", "Eve")
        )
        assert (
            staff("PATCH", f"contacts/{first}", {"address": {"address1": "9 Dock St"}})["address"]["city"] == "Mobile"
        )
        beside = {"members": {"individual": {"lastName": "Stone"}}}
        assert staff("POST", f"contacts/{first}/edit-beside", beside)["operation"] == "getContact"
        read = [session.get(f"{server.url}/api/Contact/{first}", timeout=5).json()["name"] for _ in range(2)]
        assert read == ["Imani Vance", "Imani Stone"]
        assert len(staff("POST", f"contacts/{first}/individuals", {"firstName": "Ben"})["contactIndividuals"]) == 2
        assert staff("POST", "ncoa", {"addresses": {str(second): HOME}, "bundle": 5}) == {"changed": 1}
        assert staff("POST", f"contacts/{second}/merge-into/{first}")["mergedIntoContactId"] == first
        session.post(f"{server.url}/api/Contact/Transaction", json=row("7"), timeout=5).raise_for_status()
        session.post(f"{server.url}/api/v2/Gift/Transaction", json=gift(), timeout=5).raise_for_status()
        assert [one["sorting"] for one in staff("GET", "rows")] == ["Match Needed", "Match Needed"]
        assert staff("POST", "import", {"only": ["7"], "onMatch": "create"})["landed"] == 1
        assert staff("POST", "import", {"refuse": ["don-1"]})["refused"] == 1
        assert staff("POST", "import", {"afterSeconds": 0}) == {"planned": True}
        changed = staff("PATCH", "settings", {"calls_per_hour": 100, "users": {"a": {"password": "b"}}})
        assert (changed["calls_per_hour"], changed["users"]) == (100, ["a"])
        assert staff("POST", "budget/spend", {"calls": 10})["remaining"] <= 90
        assert staff("POST", "mishaps", {"mishap": "lost", "recordId": first})["record_id"] == first
        assert staff("POST", f"contacts/{first}/archive", {})["id"] == first
        assert staff("DELETE", f"contacts/{first}") == {"deleted": first}
        assert staff("GET", "counts")["submitContactTransaction"] == 1
        unknown = session.patch(f"{server.url}/_sim/settings", json={"calls": 1}, timeout=5)
        assert (unknown.status_code, session.get(f"{server.url}/_sim/contacts/1", timeout=5).status_code) == (400, 404)


def test_the_command_serves_virtuous_with_contacts_that_fit_the_donors() -> None:
    command = [sys.executable, "-m", "ops.simulators", "--population", "30", "--seed", "3"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        found = re.fullmatch(r"virtuous (http://127\.0\.0\.1:\d+) api_key=(\S+)\n", lines[2])
        assert found is not None
        headers = {"Authorization": f"Bearer {found[2]}"}
        body = {"groups": [{"conditions": [modified_since("2020-01-01")]}]}
        url = f"{found[1]}/api/Contact/Query/FullContact"
        assert requests.post(url, json=body, headers=headers, timeout=5).json()["total"] >= 10
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
