"""Each fault is really seen by a caller at the other end of a connection, and does what it says to the store."""

import random
import threading
import time
from collections.abc import Callable

import pytest
import requests

from ops.simulators.aegis import AegisSimulator
from ops.simulators.faults import FaultKind, FaultRule
from ops.simulators.server import SimulatorServer
from ops.simulators.spoiling import with_members
from ops.simulators.wire import ConnectionDropped
from tests.simulators.clients import AegisClient
from tests.simulators.conftest import Clock

Served = tuple[AegisSimulator, SimulatorServer, requests.Session]
PARTNER = {"FirstName": "Anna", "LastName": "Berg", "Address1": "12 Oak Street"}


def _create(served: Served, timeout: float = 5) -> requests.Response:
    simulator, server, session = served
    address = f"{server.url}/api/{simulator.context}/partner/Create"
    return session.post(address, json=PARTNER, timeout=timeout)


def _eventually(condition: Callable[[], bool]) -> bool:
    for _ in range(200):
        if condition():
            return True
        time.sleep(0.01)
    return False


def test_a_status_before_the_commit_comes_with_its_headers_and_changes_nothing(served_aegis: Served) -> None:
    simulator = served_aegis[0]
    rule = simulator.faults.status("createPartner", 429, headers={"Retry-After": "7"}, count=1)
    answer = _create(served_aegis)
    assert (answer.status_code, answer.headers["Retry-After"], rule.fired) == (429, "7", 1)
    assert not simulator.store.partners
    assert _create(served_aegis).status_code == 200
    assert rule.fired == 1


def test_a_status_after_the_commit_hides_that_it_was_recorded(served_aegis: Served) -> None:
    simulator = served_aegis[0]
    simulator.faults.status("createPartner", 502, after_commit=True, body="<html>Bad gateway</html>", count=1)
    answer = _create(served_aegis)
    assert (answer.status_code, answer.headers["Content-Type"]) == (502, "text/html; charset=utf-8")
    assert len(simulator.store.partners) == 1
    (entry,) = simulator.log
    assert (entry.status, entry.executed_status, entry.fault) == (502, 200, "status_after")


@pytest.mark.parametrize("after_commit", [False, True])
def test_a_dropped_connection_gives_no_answer(served_aegis: Served, after_commit: bool) -> None:
    simulator = served_aegis[0]
    rule = simulator.faults.drop("createPartner", after_commit=after_commit, count=1)
    with pytest.raises(requests.ConnectionError):
        _create(served_aegis)
    assert rule.fired == 1
    assert len(simulator.store.partners) == int(after_commit)
    assert next(iter(simulator.log)).status is None
    assert _create(served_aegis).status_code == 200


def test_a_late_landing_is_carried_out_after_the_caller_gave_up(served_aegis: Served) -> None:
    simulator = served_aegis[0]
    simulator.faults.late_landing("createPartner", 0.15, count=1)
    with pytest.raises(requests.ConnectionError):
        _create(served_aegis)
    assert not simulator.store.partners
    assert simulator.landings_pending == 1
    assert _eventually(lambda: len(simulator.store.partners) == 1)
    assert simulator.landings_pending == 0


def test_a_delay_before_the_commit_outlasts_an_impatient_caller_and_lands_all_the_same(served_aegis: Served) -> None:
    simulator = served_aegis[0]
    simulator.faults.delay("createPartner", 0.3, count=1)
    with pytest.raises(requests.Timeout):
        _create(served_aegis, timeout=0.1)
    assert not simulator.store.partners
    assert _eventually(lambda: len(simulator.store.partners) == 1)


def test_a_delay_after_the_commit_has_recorded_before_the_caller_gives_up(served_aegis: Served) -> None:
    simulator = served_aegis[0]
    simulator.faults.delay("createPartner", 0.4, after_commit=True, count=1)
    with pytest.raises(requests.Timeout):
        _create(served_aegis, timeout=0.1)
    assert len(simulator.store.partners) == 1


def test_one_slow_call_holds_up_no_other(served_aegis: Served) -> None:
    simulator, server, session = served_aegis
    simulator.faults.delay("createPartner", 0.4, count=1)
    with pytest.raises(requests.Timeout):
        _create(served_aegis, timeout=0.05)
    begun = time.monotonic()
    assert session.get(f"{server.url}/api/{simulator.context}/Fund/List", timeout=5).status_code == 200
    assert time.monotonic() - begun < 0.3


def test_an_outage_answers_503_until_it_ends(served_aegis: Served) -> None:
    simulator = served_aegis[0]
    simulator.faults.begin_outage("status")
    assert _create(served_aegis).status_code == 503
    simulator.faults.end_outage()
    assert _create(served_aegis).status_code == 200
    assert simulator.faults.outage_hits == 1


def test_an_outage_can_refuse_connections_and_end_by_itself(served_aegis: Served) -> None:
    simulator, server, _ = served_aegis
    requests.post(f"{server.url}/_sim/outage", json={"mode": "refuse", "seconds": 0.3}, timeout=5)
    time.sleep(0.1)
    with pytest.raises(requests.ConnectionError, match=r"refused"):
        _create(served_aegis)
    assert not list(simulator.log)

    def answers() -> bool:
        try:
            return _create(served_aegis).status_code == 200
        except requests.ConnectionError:
            return False

    assert _eventually(answers)


def test_faults_are_set_seen_and_removed_from_outside(served_aegis: Served) -> None:
    _, server, _ = served_aegis
    rule = {"kind": "status_before", "operation": "createPartner", "status": 500, "count": 1, "body_contains": "Berg"}
    name = requests.post(f"{server.url}/_sim/faults", json=rule, timeout=5).json()["name"]
    assert _create(served_aegis).status_code == 500
    (shown,) = requests.get(f"{server.url}/_sim/faults", timeout=5).json()
    assert (shown["name"], shown["fired"]) == (name, 1)
    requests.delete(f"{server.url}/_sim/faults/{name}", timeout=5)
    assert requests.get(f"{server.url}/_sim/faults", timeout=5).json() == []
    assert requests.post(f"{server.url}/_sim/faults", json={"kind": "meteor"}, timeout=5).status_code == 400
    log = requests.get(f"{server.url}/_sim/log", timeout=5).json()
    assert [(entry["operationId"], entry["status"], entry["fault"]) for entry in log] == [
        ("createPartner", 500, "status_before")
    ]


def test_the_staff_side_shows_the_store_and_changes_it(served_aegis: Served) -> None:
    _, server, _ = served_aegis
    requests.post(f"{server.url}/_sim/codes/Fund", json={"code": "NEW", "name": "New fund"}, timeout=5)
    partner = requests.post(f"{server.url}/_sim/partners", json={"LastName": "Dal", "Odd": 1}, timeout=5).json()
    requests.post(f"{server.url}/_sim/partners/{partner['ID']}/deactivate", timeout=5)
    store = requests.get(f"{server.url}/_sim/store", timeout=5).json()
    assert "NEW" in [fund["FundID"] for fund in store["codes"]["Fund"]]
    assert [(one["Odd"], one["IsActive"]) for one in store["partners"]] == [(1, False)]
    assert requests.post(f"{server.url}/_sim/partners/1/deactivate", timeout=5).status_code == 404


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"nth": 3}, [False, False, True, False, False]),
        ({"nth": 2, "count": 2}, [False, True, True, False, False]),
        ({"count": 2}, [True, True, False, False, False]),
        ({}, [True] * 5),
    ],
)
def test_a_rule_fires_at_the_calls_it_names(limits: dict[str, int], expected: list[bool]) -> None:
    rule = FaultRule(FaultKind.DROP_BEFORE, nth=limits.get("nth"), count=limits.get("count"))
    chance = random.Random(0)
    assert [rule.strikes(chance) for _ in range(5)] == expected


def test_chance_is_seeded(clock: Clock) -> None:
    def pattern(seed: int) -> list[bool]:
        simulator = AegisSimulator(clock=clock, seed=seed)
        simulator.faults.status("*", 503, probability=0.5)
        crm = AegisClient(simulator)
        return [crm.get("Fund/List").status == 503 for _ in range(40)]

    assert pattern(1) == pattern(1) != pattern(2)
    assert 5 < sum(pattern(1)) < 35


def test_without_a_socket_the_clock_of_the_test_rules(crm: AegisClient, aegis: AegisSimulator, clock: Clock) -> None:
    aegis.faults.late_landing("createPartner", 60, count=1)
    with pytest.raises(ConnectionDropped):
        crm.send("POST", "partner/Create", PARTNER)
    clock.move(59)
    assert crm.read("partner/Search", lastName="Berg")["TotalCount"] == 0
    clock.move(1)
    assert crm.read("partner/Search", lastName="Berg")["TotalCount"] == 1
    aegis.faults.delay("createPartner", 30, count=1)
    before = clock.now
    crm.send("POST", "partner/Create", PARTNER)
    assert (clock.now - before).total_seconds() == 30


def test_in_a_storm_of_faults_the_log_accounts_for_every_record(served_aegis: Served) -> None:
    simulator, server, _ = served_aegis
    faults = simulator.faults
    rules = [
        faults.status("*", 503, probability=0.1),
        faults.status("*", 502, after_commit=True, probability=0.1),
        faults.drop("*", after_commit=False, probability=0.1),
        faults.drop("*", after_commit=True, probability=0.1),
        faults.late_landing("*", 0.05, probability=0.1),
        faults.delay("*", 0.002, probability=0.2),
    ]
    told: list[int] = []

    def call_many() -> None:
        with requests.Session() as session:
            session.auth = (simulator.username, simulator.password)
            for _ in range(40):
                try:
                    told.append(_create((simulator, server, session)).status_code)
                except requests.ConnectionError:
                    told.append(0)

    callers = [threading.Thread(target=call_many) for _ in range(6)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert _eventually(lambda: simulator.landings_pending == 0)
    assert all(rule.fired for rule in rules)
    assert len(simulator.log) == len(told) == 240
    assert sorted(entry.status or 0 for entry in simulator.log) == sorted(told)
    assert len(simulator.store.partners) == sum(entry.executed_status == 200 for entry in simulator.log)
    assert len(simulator.store.partners) > told.count(200)


def test_a_true_answer_is_spoiled_after_the_request_was_carried_out(served_aegis: Served) -> None:
    simulator = served_aegis[0]
    without_id = with_members("no id", [(("ID",), None)])
    rule = simulator.faults.add(FaultRule(FaultKind.SPOIL, "createPartner", count=1, spoiling=without_id))

    spoiled, whole = _create(served_aegis).json(), _create(served_aegis).json()

    assert ("ID" in spoiled, spoiled["FirstName"], whole["ID"]) == (False, "Anna", "100002")
    assert (len(simulator.store.partners), rule.fired) == (2, 1)
    assert rule.as_json()["spoiling"] == "no id"


def test_what_has_nothing_to_spoil_is_not_met(served_aegis: Served) -> None:
    simulator, server, session = served_aegis
    first_row = with_members("a row without id", [(("Partners", 0, "ID"), None)])
    rule = simulator.faults.add(FaultRule(FaultKind.SPOIL, "searchPartners", count=1, spoiling=first_row))
    search = f"{server.url}/api/{simulator.context}/partner/Search?lastName=Berg"

    assert session.get(search).json()["Partners"] == []
    assert rule.fired == 0
    _create(served_aegis)
    assert "ID" not in session.get(search).json()["Partners"][0]
    assert rule.fired == 1


def test_a_rule_that_follows_another_waits_for_it(served_aegis: Served) -> None:
    simulator = served_aegis[0]
    simulator.faults.status("createPartner", 502, nth=2, name="the second")
    simulator.faults.status("createPartner", 418, after="the second")

    assert [_create(served_aegis).status_code for _ in range(3)] == [200, 502, 418]
