"""RaiseDonors' webhook: a hint starts one pickup early, a storm of them no more, and none is lost or believed."""

from __future__ import annotations

import base64
import importlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from giftbridge.flows.pickup_hint import PickupHint
from giftbridge.store.pickup_hints import FLAG, PickupHints
from tests.workbench import Workbench

TOKEN = "a-token-of-the-webhook"
GIFT_CREATED = {"eventType": 10, "id": 900001}


class Starter:
    """Counts the pickups that were started; refuses when told to."""

    def __init__(self) -> None:
        self.started = 0
        self.refuses = False
        self._lock = Lock()

    def __call__(self) -> None:
        if self.refuses:
            raise ClientError({"Error": {"Code": "TooManyRequestsException", "Message": "slow"}}, "Invoke")
        with self._lock:
            self.started += 1


@pytest.fixture
def starter() -> Starter:
    """A Lambda that starts nothing."""
    return Starter()


@pytest.fixture
def hint(bench: Workbench, starter: Starter) -> PickupHint:
    """The hint over the bench's state table."""
    return PickupHint(bench.tools.state, bench.clock, starter)


def test_the_first_hint_starts_a_pickup_and_the_others_until_it_runs_do_not(hint: PickupHint, starter: Starter) -> None:
    assert [hint.give() for _ in range(5)] == [True, False, False, False, False]
    assert starter.started == 1
    assert [hint.take(), hint.take()] == [True, False]
    assert hint.give()
    assert starter.started == 2


def test_a_hint_during_a_walk_is_left_for_the_one_that_walks(hint: PickupHint) -> None:
    hint.give()
    assert hint.take()
    assert not hint.is_left()
    hint.give()
    assert hint.is_left()
    assert hint.is_left(), "looking takes nothing away"
    assert hint.take()


def test_a_flag_whose_pickup_was_lost_is_taken_over(bench: Workbench, hint: PickupHint, starter: Starter) -> None:
    hint.give()
    bench.clock.advance(89)
    assert not hint.give()
    bench.clock.advance(2)
    assert hint.give()
    assert starter.started == 2


def test_a_start_that_is_refused_leaves_the_flag_and_lets_the_next_hint_try(hint: PickupHint, starter: Starter) -> None:
    starter.refuses = True
    assert not hint.give()
    assert hint.is_left()
    starter.refuses = False
    assert hint.give()
    assert hint.take()


def test_a_hint_that_comes_while_a_pickup_walks_leads_to_one_more_walk(bench: Workbench) -> None:
    bench.give()
    late: list[int] = []

    def around(_: Any, send: Any) -> Any:
        answer = send()
        if not late:
            late.append(bench.give())
            PickupHint(bench.tools.state, bench.clock).give()
        return answer

    bench.adapters["raisedonors"].around = around
    bench.pickup()

    assert bench.delivery(late[0])
    assert not PickupHint(bench.tools.state, bench.clock).is_left()


# --- the function ---------------------------------------------------------------------------------------------


@pytest.fixture
def function(bench: Workbench, starter: Starter, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The function as Lambda loads it, on the bench's state table; its pickups are counted."""
    secrets = boto3.client(
        "secretsmanager", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    stored = {"url": "https://raisedonors.test", "token": "t", "webhook_token": TOKEN}
    secret = secrets.create_secret(Name="raisedonors", SecretString=json.dumps(stored))["ARN"]
    variables = {
        "CRM_KEYS_TABLE": "CrmKeysTable",
        "DELIVERIES_TABLE": "DeliveriesTable",
        "ACTIVITY_TABLE": "ActivityTable",
        "STATE_TABLE": "StateTable",
        "AEGIS_QUEUE_URL": bench.queue_url,
        "AEGIS_DLQ_URL": bench.dead_letter_url,
        "RAISEDONORS_SECRET": secret,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "PICKUP_FUNCTION": "pickup",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    loaded = importlib.reload(importlib.import_module("functions.raisedonors_hint.handler"))
    loaded.assembly.hint.start = starter
    yield loaded


def call(function: Any, body: Any, token: str | None = TOKEN, **more: Any) -> int:
    """Send a webhook; the status of the answer."""
    text = body if isinstance(body, str) else json.dumps(body)
    headers = {"content-type": "application/json"} | ({"x-raisedonors-token": token} if token is not None else {})
    answer = function.lambda_handler({"headers": headers, "body": text, "isBase64Encoded": False} | more, None)
    assert answer["statusCode"] == 202 or json.loads(answer["body"])["status"] == answer["statusCode"]
    return int(answer["statusCode"])


def test_a_genuine_hint_is_accepted_and_starts_a_pickup(bench: Workbench, function: Any, starter: Starter) -> None:
    assert call(function, GIFT_CREATED) == 202
    assert starter.started == 1
    [row] = [row for row in bench.rows("StateTable") if row["name"] == FLAG]
    assert set(row) == {"name", "at", "mark"}, "what a webhook says is not stored"


@pytest.mark.parametrize("token", [None, "", "wrong", f"{TOKEN} ", TOKEN.upper(), f"{TOKEN},{TOKEN}", "ключ", "\udc80"])
def test_a_wrong_token_is_refused_whatever_the_body(function: Any, starter: Starter, token: str | None) -> None:
    assert call(function, GIFT_CREATED, token) == 401
    assert call(function, "x" * 100_000, token) == 401
    assert starter.started == 0


def test_nobody_is_let_in_while_no_token_is_configured(bench: Workbench, function: Any, starter: Starter) -> None:
    for stored in ({"url": "https://raisedonors.test", "token": "t"}, {}, {"webhook_token": TOKEN}):
        credentials = function.assembly.credentials
        credentials.client.put_secret_value(
            SecretId=credentials.secret_ids["raisedonors"], SecretString=json.dumps(stored)
        )
        credentials._kept.clear()
        for token in (None, "", TOKEN):
            assert call(function, GIFT_CREATED, token) == 401
    assert starter.started == 0


@pytest.mark.parametrize(
    "body",
    [
        "",
        "x",
        "[]",
        "null",
        "10",
        "{}",
        '{"eventType": 10}',
        '{"id": 1}',
        '{"eventType": "10", "id": 1}',
        '{"eventType": true, "id": 1}',
        '{"eventType": 10.5, "id": 1}',
        '{"eventType": 10, "id": null}',
        '{"eventType": NaN, "id": 1}',
        "[" * 60_000,
        '{"eventType": 10, "id": ' + "9" * 60_000 + "}",
        '{"eventType": 10, "id": 1',
        "\udc80",
    ],
)
def test_a_body_that_is_no_hint_is_refused_and_named(function: Any, starter: Starter, body: str) -> None:
    assert call(function, body) == 400
    assert starter.started == 0


def test_a_body_in_base64_is_read_and_one_that_is_too_large_is_not(function: Any, starter: Starter) -> None:
    coded = base64.b64encode(json.dumps(GIFT_CREATED).encode()).decode()
    assert call(function, coded, isBase64Encoded=True) == 202
    room = 64 * 1024 - len(json.dumps({**GIFT_CREATED, "x": ""}))
    assert call(function, {**GIFT_CREATED, "x": "x" * room}) == 202
    assert call(function, {**GIFT_CREATED, "x": "x" * (room + 1)}) == 413
    assert starter.started == 1


@pytest.mark.parametrize(
    ("odd", "status"),
    [
        ({"headers": None}, 401),
        ({"headers": {"x-raisedonors-token": None}}, 401),
        ({"headers": []}, 401),
        ({"body": None}, 400),
        ({"body": "*", "isBase64Encoded": True}, 400),
        ({"body": "MQ", "isBase64Encoded": True}, 400),
        ({"body": "\ud800", "isBase64Encoded": True}, 400),
    ],
)
def test_no_event_of_a_stranger_is_trouble_of_our_own(
    function: Any, starter: Starter, caplog: pytest.LogCaptureFixture, odd: dict[str, Any], status: int
) -> None:
    event = {"headers": {"x-raisedonors-token": TOKEN}, "body": json.dumps(GIFT_CREATED), "isBase64Encoded": False}

    assert function.lambda_handler(event | odd, None)["statusCode"] == status
    assert starter.started == 0
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.parametrize("event_type", [0, 13, 40, -10, 10**18])
def test_an_unknown_kind_of_event_is_accepted_and_starts_nothing(
    function: Any, starter: Starter, event_type: int
) -> None:
    assert call(function, {"eventType": event_type, "id": 1}) == 202
    assert starter.started == 0


def test_trouble_of_our_own_is_a_503_that_tells_nothing(function: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("Anna Berg")

    monkeypatch.setattr(PickupHints, "put", broken)
    answer = function.lambda_handler({"headers": {"x-raisedonors-token": TOKEN}, "body": json.dumps(GIFT_CREATED)}, {})

    assert (answer["statusCode"], "Anna" in answer["body"]) == (503, False)
    assert function.lambda_handler({}, None)["statusCode"] == 401


def test_a_storm_of_two_hundred_hints_starts_one_pickup(
    function: Any, starter: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_at_a_time, put = Lock(), PickupHints.put

    def conditional(*arguments: Any) -> str | None:
        # DynamoDB's conditions hold at any concurrency; those of the mock do not. The local stack shows it whole.
        with one_at_a_time:
            return put(*arguments)

    monkeypatch.setattr(PickupHints, "put", conditional)
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: call(function, GIFT_CREATED), range(200)))

    assert set(answers) == {202}
    assert starter.started == 1
