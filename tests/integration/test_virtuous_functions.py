"""The functions around Virtuous as Lambda loads them: what they hand to the flows, and what they answer."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from giftbridge.contact_hints import ContactHint, send
from giftbridge.flows.contact_net import NetOutcome
from giftbridge.flows.daily_batch import BatchOutcome
from giftbridge.flows.reconciliation_daily import DailyOutcome

CONTEXT = SimpleNamespace(
    function_name="f",
    memory_limit_in_mb=1,
    invoked_function_arn="a",
    aws_request_id="request",
    log_group_name="g",
    get_remaining_time_in_millis=lambda: 60_000,
)
Load = Callable[[str], Any]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Load:
    """Loads a function that is told of every table and queue, and can reach none."""
    variables = {f"{name}_TABLE": name for name in ("CRM_KEYS", "DELIVERIES", "ACTIVITY", "STATE")}
    for destination in ("AEGIS", "VIRTUOUS", "RAISEDONORS"):
        variables |= dict.fromkeys((f"{destination}_QUEUE_URL", f"{destination}_DLQ_URL"), "http://127.0.0.1/q")
    variables |= {"POWERTOOLS_METRICS_NAMESPACE": "test", "POWERTOOLS_SERVICE_NAME": "test"}
    for name, value in {**variables, "AWS_DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)
    return lambda folder: importlib.import_module(f"functions.{folder}.handler")


def give(monkeypatch: pytest.MonkeyPatch, loaded: Any, name: str, part: object) -> None:
    """Let the function's assembly have this part."""
    monkeypatch.setattr(type(loaded.function.assembly), name, lambda _self, **_named: part)


class Worker:
    """Takes messages, delivers one and hands the last one back."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []

    def work(self, records: list[dict[str, Any]]) -> SimpleNamespace:
        self.records = records
        return SimpleNamespace(hand_back=(records[-1]["messageId"],), counts={"delivered": 1})


def messages() -> list[dict[str, Any]]:
    """A hint and a nudge, as Lambda hands them on."""
    sent: list[dict[str, Any]] = []
    queue = SimpleNamespace(send_message=lambda **message: sent.append(message))
    send(queue, "url", ContactHint((4107,), (), datetime(2026, 3, 2, tzinfo=UTC)))  # type: ignore[arg-type]
    nudge = json.dumps({"v": 1, "delivery": "raisedonors/contact/7/updated", "nudge": "n"})
    return [{"messageId": "hint", "body": sent[0]["MessageBody"]}, {"messageId": "nudge", "body": nudge}]


@pytest.mark.parametrize(
    ("folder", "part"), [("virtuous_delivery", "virtuous_worker"), ("raisedonors_delivery", "raisedonors_worker")]
)
def test_a_worker_is_given_all_messages_and_says_which_to_keep(
    monkeypatch: pytest.MonkeyPatch, load: Load, folder: str, part: str
) -> None:
    loaded, worker = load(folder), Worker()
    give(monkeypatch, loaded, part, worker)

    answer = loaded.lambda_handler({"Records": messages()}, CONTEXT)

    assert worker.records == messages()
    assert answer == {"batchItemFailures": [{"itemIdentifier": "nudge"}]}


def test_without_credentials_deliveries_wait_in_their_table(monkeypatch: pytest.MonkeyPatch, load: Load) -> None:
    loaded = load("virtuous_delivery")
    give(monkeypatch, loaded, "virtuous_worker", None)

    assert loaded.lambda_handler({"Records": messages()}, CONTEXT) == {"batchItemFailures": []}


def test_without_credentials_what_virtuous_told_of_stays_in_the_queue(
    monkeypatch: pytest.MonkeyPatch, load: Load
) -> None:
    loaded = load("raisedonors_delivery")
    give(monkeypatch, loaded, "raisedonors_worker", None)

    answer = loaded.lambda_handler({"Records": messages()}, CONTEXT)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "hint"}]}


class Batch:
    """A batch that is due only when it is asked for."""

    def run(self, *, now_requested: bool) -> BatchOutcome:
        return BatchOutcome(batch="b", gifts=120, chunks=2) if now_requested else BatchOutcome("not due")


def test_the_batch_runs_when_it_is_due_or_asked_for(monkeypatch: pytest.MonkeyPatch, load: Load) -> None:
    loaded = load("daily_batch")
    give(monkeypatch, loaded, "daily_batch", Batch())
    give(monkeypatch, loaded, "destinations", [])
    give(monkeypatch, loaded, "daily_reconciliation", None)

    assert loaded.lambda_handler({}, CONTEXT)["why_idle"] == "not due"
    assert loaded.lambda_handler({"run": "later"}, CONTEXT)["why_idle"] == "not due"
    answer = loaded.lambda_handler({"run": "now"}, CONTEXT)
    assert (answer["why_idle"], answer["gifts"], answer["chunks"]) == (None, 120, 2)


def test_without_credentials_there_is_no_batch(monkeypatch: pytest.MonkeyPatch, load: Load) -> None:
    loaded = load("daily_batch")
    give(monkeypatch, loaded, "daily_batch", None)
    give(monkeypatch, loaded, "destinations", [])
    give(monkeypatch, loaded, "daily_reconciliation", None)

    assert loaded.lambda_handler({"run": "now"}, CONTEXT) == {"why_idle": "Virtuous is not connected"}


class Daily:
    """A reconciliation that is under way."""

    def __init__(self) -> None:
        self.runs = 0

    def run(self) -> DailyOutcome:
        self.runs += 1
        return DailyOutcome(run="r", stage="reading Aegis")


def test_every_tick_goes_on_with_the_reconciliation_without_virtuous_too(
    monkeypatch: pytest.MonkeyPatch, load: Load
) -> None:
    loaded, daily = load("daily_batch"), Daily()
    give(monkeypatch, loaded, "daily_batch", None)
    give(monkeypatch, loaded, "destinations", [])
    give(monkeypatch, loaded, "daily_reconciliation", daily)

    loaded.lambda_handler({}, CONTEXT)
    loaded.lambda_handler({"run": "now"}, CONTEXT)
    assert daily.runs == 2


class Broken:
    """A part that cannot do its work."""

    def run(self, **_named: object) -> None:
        raise RuntimeError("no table answers")

    take = run


def test_neither_a_broken_batch_nor_a_broken_digest_stops_the_reconciliation(
    monkeypatch: pytest.MonkeyPatch, load: Load
) -> None:
    loaded, daily = load("daily_batch"), Daily()
    give(monkeypatch, loaded, "daily_batch", Broken())
    give(monkeypatch, loaded, "daily_reconciliation", daily)
    give(monkeypatch, loaded, "destinations", [])
    monkeypatch.setattr(loaded, "DailyDigest", lambda *_parts: Broken())

    with pytest.raises(RuntimeError):
        loaded.lambda_handler({}, CONTEXT)
    assert daily.runs == 1


def test_vitals_that_cannot_be_told_do_not_keep_the_sweep_from_looking_for_contacts(
    monkeypatch: pytest.MonkeyPatch, load: Load
) -> None:
    loaded, looked = load("delivery_sweep"), list[bool]()

    def look() -> NetOutcome:
        looked.append(True)
        return NetOutcome("not due")

    give(monkeypatch, loaded, "delivery_sweeps", [])
    give(monkeypatch, loaded, "contact_net", SimpleNamespace(run=look))
    give(monkeypatch, loaded, "destinations", [])
    monkeypatch.setattr(loaded, "VitalSigns", lambda *_parts: Broken())

    with pytest.raises(RuntimeError):
        loaded.lambda_handler({}, CONTEXT)
    assert looked == [True]
