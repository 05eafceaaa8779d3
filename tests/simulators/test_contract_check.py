"""The traffic check finds what breaks a contract, in requests and in answers, and stays quiet otherwise."""

import time
from typing import Any

import pytest

from ops.simulators.contract_check import Exchange, TrafficCheck
from ops.simulators.json_text import write_json
from ops.simulators.raisedonors import RaiseDonorsSimulator
from ops.simulators.wire import Answer, Request
from tests.simulators.clients import RaiseDonorsClient, transaction
from tests.simulators.conftest import CONTRACTS

AUTH = {"authorization": "Basic YTpi"}
JSON = {**AUTH, "content-type": "application/json"}


@pytest.fixture
def check() -> TrafficCheck:
    return TrafficCheck(CONTRACTS / "aegis.openapi.yaml")


def _found(check: TrafficCheck, request: Request, answer: Answer | None = None) -> list[str]:
    return [violation.where for violation in check.check(Exchange(request, answer))]


def _create(body: dict[str, Any], headers: dict[str, str] = JSON) -> Request:
    return Request("POST", "/api/KEY/transaction/Create", "", headers, write_json(body))


def test_a_good_exchange_has_no_violations(check: TrafficCheck) -> None:
    body = transaction("100001")
    assert _found(check, _create(body), Answer.of_json({**body, "InvoiceNumber": 5})) == []
    assert (check.exchanges_checked, check.violation_count) == (1, 0)


def test_a_body_that_breaks_its_schema_is_found_by_member(check: TrafficCheck) -> None:
    body = transaction("100001", TaxAmount=3)
    del body["AppealCode"]
    violations = check.check(Exchange(_create(body)))
    assert {violation.operation_id for violation in violations} == {"createTransaction"}
    assert sorted(violation.message.split(":")[0] for violation in violations) == ["(whole)", "TaxAmount"]


@pytest.mark.parametrize("date", ["2026-03-01", "2026-03-01T10:00:00", "yesterday"])
def test_a_date_without_an_offset_is_found(check: TrafficCheck, date: str) -> None:
    assert _found(check, _create(transaction("1", TransactionDate=date))) == ["request.body"]


def test_missing_credentials_and_content_type_are_found(check: TrafficCheck) -> None:
    assert _found(check, _create(transaction("1"), {})) == ["request.headers", "request.headers"]
    bearer = {**JSON, "authorization": "Bearer x"}
    assert _found(check, _create(transaction("1"), bearer)) == ["request.headers"]


@pytest.mark.parametrize(
    ("path", "query", "where"),
    [
        ("/api/KEY/partner/Search", "lastName=Berg&pageSize=500", "request.query"),
        ("/api/KEY/partner/Search", "surname=Berg", "request.query"),
        ("/api/KEY/partner/TransactionHistory/1", "startDate=1.3.2026", "request.query"),
        ("/api/KEY/query/FetchResults", "", "request.query"),
        ("/api/KEY/nothing/Here", "", "request"),
    ],
)
def test_parameters_and_paths_outside_the_contract_are_found(
    check: TrafficCheck, path: str, query: str, where: str
) -> None:
    assert _found(check, Request("GET", path, query, AUTH)) == [where]


def test_an_answer_that_breaks_its_schema_is_found(check: TrafficCheck) -> None:
    request = Request("GET", "/api/KEY/partner/Search", "lastName=Berg", AUTH)
    assert _found(check, request, Answer.of_json({"Partners": [], "PageCount": 0})) == ["answer.body"]
    assert _found(check, request, Answer(200, b"<html>", "text/html")) == ["answer.headers"]
    assert _found(check, request, Answer(200, b"", "application/json")) == ["answer.body"]


def test_other_failures_may_have_any_body(check: TrafficCheck) -> None:
    request = Request("GET", "/api/KEY/partner/ID/1", "", AUTH)
    assert _found(check, request, Answer(502, b"<html>", "text/html")) == []
    assert _found(check, request, Answer(500, b"")) == []


def test_a_204_has_no_body(check: TrafficCheck) -> None:
    request = Request("PUT", "/api/KEY/partner/Save", "", JSON, b"{}")
    assert _found(check, request, Answer(204, b"x", "text/plain")) == ["answer.body"]


def test_an_undocumented_status_is_found() -> None:
    check = TrafficCheck(CONTRACTS / "raisedonors.openapi.yaml")
    request = Request("GET", "/api/Gift/abc", "", {"authorization": "Bearer x"})
    assert _found(check, request, Answer(404, b'{"title":"no"}', "application/problem+json")) == ["request.path"]


def test_a_simulator_checks_its_own_traffic_and_counts(
    raisedonors: RaiseDonorsSimulator, platform: RaiseDonorsClient
) -> None:
    assert raisedonors.check is not None
    platform.read("Gift/list", Take=10)
    assert raisedonors.check.violation_count == 0
    platform.read("Gift/list", take=10)
    raisedonors.store.add("gift", {"id": 5, "amount": 5, "donorId": 1})
    platform.get("Gift/5")
    found = [(violation.where, violation.operation_id) for violation in raisedonors.check.violations]
    assert found == [("request.query", "listGifts"), ("answer.body", "getGift")]


def test_an_answer_put_in_by_a_fault_is_not_held_against_the_contract(
    raisedonors: RaiseDonorsSimulator, platform: RaiseDonorsClient
) -> None:
    raisedonors.faults.status("listGifts", 200, body="<html>Welcome</html>", count=1)
    assert platform.get("Gift/list").body == b"<html>Welcome</html>"
    assert raisedonors.check is not None
    assert raisedonors.check.violations == []


def test_the_check_is_fast(check: TrafficCheck) -> None:
    body = transaction("100001")
    exchange = Exchange(_create(body), Answer.of_json({**body, "InvoiceNumber": 5}))
    check.check(exchange)
    begun = time.perf_counter()
    for _ in range(50):
        check.check(exchange)
    assert (time.perf_counter() - begun) / 50 < 0.003
