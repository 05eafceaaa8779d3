"""The donor portal's history while a side is away, closed or odd: what there is, in time, and what is missing."""

from __future__ import annotations

import importlib
import json
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from giftbridge.clients.aegis import Aegis
from giftbridge.clients.http import new_session
from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.errors import RetryLater
from giftbridge.flows.donor_history import WIRE_SECONDS, DonorHistory
from ops.simulators.faults import FaultKind, FaultRule
from ops.simulators.population_donors import MadeDonor
from ops.simulators.server import SimulatorServer
from tests.portal import (
    all_pages,
    asking,
    documented,
    rows_of,
)
from tests.workbench import Workbench


def test_without_aegis_the_donations_of_raisedonors_are_there_within_three_seconds(
    bench: Workbench, long_giver: MadeDonor
) -> None:
    for mode in ("status", "drop"):
        bench.aegis.faults.begin_outage(mode)
        began = time.monotonic()
        page = asking(bench)(long_giver.donor_id)
        assert time.monotonic() - began < 3
        assert (len(page["rows"]), page["complete"]) == (15, False)
        assert {row["source"] for row in page["rows"]} == {"raisedonors"}
        assert page["sources"]["aegis"]["state"] == "unavailable"


@pytest.mark.parametrize("operation", ["*", "getPartner", "getTransactionHistory"])
def test_an_aegis_that_accepts_and_never_answers_costs_less_than_three_seconds(
    bench: Workbench, long_giver: MadeDonor, operation: str
) -> None:
    bench.aegis.faults.delay(operation, 20)
    with SimulatorServer(bench.aegis) as server:
        wire = replace(bench.wire("aegis"), base_url=server.url, session=new_session(), pause=0.5)
        began = time.monotonic()
        page = asking(bench, aegis=wire)(long_giver.donor_id)
        took = time.monotonic() - began

    assert (len(page["rows"]), page["complete"]) == (15, False)
    assert took < 3


def test_an_aegis_that_answers_a_byte_at_a_time_costs_less_than_three_seconds(
    bench: Workbench, long_giver: MadeDonor
) -> None:
    def trickle(_: requests.PreparedRequest, send: Callable[[], requests.Response]) -> requests.Response:
        time.sleep(6)
        return send()

    bench.adapters["aegis"].around = trickle
    began = time.monotonic()
    page = asking(bench)(long_giver.donor_id)

    assert time.monotonic() - began < 3
    assert (len(page["rows"]), page["sources"]["aegis"]["cause"]) == (15, "no-answer-in-time")


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"paused_by": "arn:aws:iam::1:user/anna"}, "paused"),
        ({"opened_at": True}, "breaker-open"),
        ({"stopped_at": True, "stopped_why": "401"}, "credentials-refused"),
        ({"not_before": True}, "asked-for-a-pause"),
    ],
)
def test_a_closed_aegis_is_not_called_and_its_state_is_told(
    bench: Workbench, giver: MadeDonor, change: dict[str, Any], cause: str
) -> None:
    soon = bench.clock() + timedelta(minutes=5)
    values = {name: soon if value is True else value for name, value in change.items()}
    before = bench.tools.state.change_destination("aegis", lambda known: replace(known, **values))
    calls = len(bench.calls())

    page = asking(bench)(giver.donor_id)

    assert (page["complete"], page["sources"]["aegis"]["cause"]) == (False, cause)
    assert "anna" not in json.dumps(page)
    assert len(bench.calls()) == calls
    assert bench.tools.state.destination("aegis") == before


def test_a_spent_budget_leaves_the_donations_of_raisedonors(bench: Workbench, giver: MadeDonor) -> None:
    bench.settings(limits={"aegis_per_hour": 1})
    row = bench.tools.state.get("budget#aegis")
    bench.tools.state.put("budget#aegis", {"tokens": "0", "at": bench.clock().isoformat()}, row)

    page = asking(bench)(giver.donor_id)

    assert (len(page["rows"]), page["complete"], page["sources"]["aegis"]["cause"]) == (1, False, "budget-spent")


@pytest.mark.parametrize(
    "rule",
    [
        FaultRule(FaultKind.STATUS_BEFORE, status=401),
        FaultRule(FaultKind.STATUS_BEFORE, status=429, headers={"Retry-After": "60"}),
        FaultRule(FaultKind.STATUS_BEFORE, status=200, body="<html>hello</html>"),
        FaultRule(FaultKind.STATUS_BEFORE, status=200, body="[]"),
        FaultRule(FaultKind.STATUS_BEFORE, status=400, body='{"Message": "no"}'),
    ],
    ids=["401", "429", "html", "list", "400"],
)
def test_whatever_aegis_answers_the_donor_sees_raisedonors_and_no_health_is_written(
    bench: Workbench, giver: MadeDonor, rule: FaultRule
) -> None:
    before = bench.tools.state.destination("aegis")
    bench.fault("aegis", rule)

    page = asking(bench)(giver.donor_id)

    assert ({row["source"] for row in page["rows"]}, page["complete"]) == ({"raisedonors"}, False)
    assert bench.tools.state.destination("aegis") == before


def test_without_raisedonors_the_transactions_are_there(bench: Workbench, long_giver: MadeDonor) -> None:
    bench.raisedonors.faults.begin_outage("status")

    pages = all_pages(asking(bench), long_giver.donor_id)

    assert (len(rows_of(pages)), {page["complete"] for page in pages}) == (230, {False})
    assert {row["source"] for row in rows_of(pages)} == {"aegis"}


def test_without_both_nothing_is_claimed(bench: Workbench, giver: MadeDonor) -> None:
    bench.raisedonors.faults.begin_outage("status")
    bench.aegis.faults.begin_outage("drop")

    with pytest.raises(RetryLater) as nothing:
        asking(bench)(giver.donor_id)
    assert nothing.value.not_before is not None


def test_a_whole_answer_is_kept_for_moments_and_one_with_gaps_is_not(bench: Workbench, giver: MadeDonor) -> None:
    ask = asking(bench)
    bench.aegis.faults.begin_outage("status")
    assert ask(giver.donor_id)["complete"] is False
    bench.aegis.faults.end_outage()
    assert ask(giver.donor_id)["complete"] is True
    calls = len(bench.calls()), len(bench.calls("raisedonors"))
    ask(giver.donor_id)
    assert (len(bench.calls()), len(bench.calls("raisedonors"))) == calls
    bench.clock.advance(31)
    bench.give(donor=giver)
    assert len(ask(giver.donor_id)["rows"]) == 2


@pytest.fixture
def function(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The function as Lambda loads it, with the bench behind it."""
    variables = {f"{name}_TABLE": name for name in ("CRM_KEYS", "DELIVERIES", "ACTIVITY", "STATE")}
    variables |= dict.fromkeys(("AEGIS_QUEUE_URL", "AEGIS_DLQ_URL"), "http://127.0.0.1/q")
    variables |= {"POWERTOOLS_METRICS_NAMESPACE": "test", "POWERTOOLS_SERVICE_NAME": "donor_history"}
    for name, value in {**variables, "AWS_DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)
    loaded = importlib.import_module("functions.donor_history.handler")
    aegis = Aegis(bench.wire("aegis"), bench.aegis.context)
    real = DonorHistory(bench.tools, RaiseDonors(bench.wire("raisedonors")), aegis)
    bench.tools.time_left.restart(WIRE_SECONDS)
    monkeypatch.setattr(type(loaded.function.assembly), "donor_history", lambda _: real)
    return loaded


def told(function: Any, donor: int | str, query: str = "") -> tuple[int, dict[str, Any], dict[str, str]]:
    """Status, body and headers of an answer, which is as documented."""
    event = {"pathParameters": {"donorId": str(donor)}, "rawQueryString": query, "rawPath": f"/donors/{donor}/history"}
    context = SimpleNamespace(
        function_name="f", memory_limit_in_mb=1, invoked_function_arn="a", aws_request_id="r", log_group_name="g"
    )
    answer = function.lambda_handler(event, context)
    body = json.loads(answer["body"])
    schema = "HistoryPage" if answer["statusCode"] == 200 else "Problem"
    assert list(documented(schema).iter_errors(body)) == []
    assert answer["headers"]["cache-control"] == "no-store"
    return answer["statusCode"], body, answer["headers"]


def test_the_function_answers_in_words(bench: Workbench, giver: MadeDonor, function: Any) -> None:
    status, body, _ = told(function, giver.donor_id)
    assert (status, body["total"], body["donorId"]) == (200, 1, giver.donor_id)
    assert told(function, 999999)[0] == 404
    status, body, headers = told(function, giver.donor_id, "page=0")
    assert (status, body["errors"][0]["field"]) == (400, "page")
    assert headers["content-type"] == "application/problem+json"
    bench.clock.advance(31)
    bench.raisedonors.faults.begin_outage("status")
    bench.aegis.faults.begin_outage("status")
    status, _, headers = told(function, giver.donor_id)
    assert (status, "retry-after" in headers) == (503, True)


ODD_QUERIES = [
    "from=%ff", "from=0001-01-01", "to=9999-12-31", "from=0000-00-00", "from=%D9%A2026-01-01", f"page={'9' * 5000}",
    "asOf=0001-01-01T00:00:00Z&upTo=1.1", "asOf=9999-12-31T23:59:59Z&upTo=-.-", f"upTo={'9' * 40}.1", "asOf=&upTo=",
    "%00", "&&&", "=", "x" * 9000, "from=2026-01-01&from=2026-01-01", "page=1%0a", "\ud800", "page=\udc80",
]  # fmt: skip


@pytest.mark.parametrize("query", ODD_QUERIES)
def test_no_query_of_a_stranger_is_trouble_of_our_own(
    giver: MadeDonor, function: Any, caplog: pytest.LogCaptureFixture, query: str
) -> None:
    assert told(function, giver.donor_id, query)[0] in {200, 400}
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.parametrize("donor", ["", "0", "041", "-1", "41\n", "../41", "\u0664\u0661", "9" * 5000, "\ud800", "None"])
def test_what_is_no_donor_id_is_refused_and_named(function: Any, donor: str) -> None:
    status, body, _ = told(function, donor)

    assert (status, body["errors"][0]["field"]) == (400, "donorId")


@pytest.mark.parametrize("event", [{}, {"pathParameters": None, "rawQueryString": None}, {"pathParameters": {}}])
def test_an_event_without_path_or_query_is_refused_like_one_without_a_donor(function: Any, event: Any) -> None:
    context = SimpleNamespace(
        function_name="f", memory_limit_in_mb=1, invoked_function_arn="a", aws_request_id="r", log_group_name="g"
    )

    assert function.lambda_handler(event, context)["statusCode"] == 400


def test_trouble_of_our_own_is_a_503_that_tells_nothing(
    bench: Workbench, function: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Any) -> DonorHistory:
        raise KeyError("Anna Berg")

    monkeypatch.setattr(type(function.function.assembly), "donor_history", broken)
    status, body, _ = told(function, 41)

    assert (status, "Anna" in json.dumps(body)) == (503, False)
