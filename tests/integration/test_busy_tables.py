"""DynamoDB is busy: throttled, or another transaction holds the row. Nobody else did the work, so it is done again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from giftbridge.domain.backfills import GIFTS, Backfill
from giftbridge.domain.deliveries import State
from giftbridge.errors import LostRace
from giftbridge.store import rows
from giftbridge.store.rows import TableBusy, commit, put
from tests.table_trouble import Refusal, answering, cancelled, refused
from tests.workbench import Workbench, workbench


@pytest.fixture
def bench() -> Iterator[Workbench]:
    """A fresh bench."""
    with workbench() as fresh:
        yield fresh


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The waits between tries, which no test waits for."""
    told: list[int] = []
    monkeypatch.setattr(rows, "wait_before", told.append)
    return told


def two(bench: Workbench) -> list[rows.Write]:
    state = bench.tools.state
    return [state.replacing("one", {"a": "1"}, None), state.replacing("two", {"a": "2"}, None)]


@pytest.mark.parametrize("reason", ["ThrottlingError", "TransactionConflict", "ProvisionedThroughputExceeded"])
def test_a_transaction_that_dynamodb_was_too_busy_for_is_made_again_after_a_wait(
    bench: Workbench, reason: str, waits: list[int]
) -> None:
    troubles = [cancelled("None", reason), cancelled(reason, "None")]

    with answering(bench.dynamodb, "TransactWriteItems", lambda _: troubles.pop(0) if troubles else None):
        commit(bench.dynamodb, two(bench))

    assert bench.tools.state.get("one") is not None
    assert waits == [0, 1]


@pytest.mark.parametrize("reasons", [("ConditionalCheckFailed", "None"), ("ConditionalCheckFailed", "ThrottlingError")])
def test_only_a_condition_that_does_not_hold_is_a_lost_race(bench: Workbench, reasons: tuple[str, str]) -> None:
    with (
        answering(bench.dynamodb, "TransactWriteItems", lambda _: cancelled(*reasons)) as calls,
        pytest.raises(LostRace) as lost,
    ):
        commit(bench.dynamodb, two(bench))

    assert (lost.value.rows, len(calls)) == (("one",), 1)


@pytest.mark.parametrize("reason", ["ValidationError", "ItemCollectionSizeLimitExceeded"])
def test_what_dynamodb_will_never_take_is_raised_at_once(bench: Workbench, reason: str) -> None:
    with (
        answering(bench.dynamodb, "TransactWriteItems", lambda _: cancelled(reason, "None")) as calls,
        pytest.raises(bench.dynamodb.exceptions.TransactionCanceledException),
    ):
        commit(bench.dynamodb, two(bench))

    assert len(calls) == 1


def test_a_table_that_stays_busy_is_no_lost_race_and_no_end_of_a_delivery(bench: Workbench) -> None:
    write = put("StateTable", {"name": "one"}, "one", "attribute_not_exists(revision)")

    with (
        answering(bench.dynamodb, "PutItem", lambda _: refused("TransactionConflictException")) as calls,
        pytest.raises(TableBusy),
    ):
        commit(bench.dynamodb, [write])

    assert len(calls) > 3


def names(body: dict[str, Any], name: str) -> bool:
    """Whether a call is about this row."""
    return name in json.dumps(body)


def test_a_backfill_of_five_gifts_sends_all_though_a_write_was_throttled_once(bench: Workbench) -> None:
    bench.settings(aegis={"enabled": False})
    gifts = [bench.give() for _ in range(5)]
    bench.clock.advance(600)
    bench.settings(aegis={"enabled": True})
    now = bench.clock()
    backfill = Backfill("the-old-gifts", "aegis", now - timedelta(days=1), now, (GIFTS,), "test", now)
    bench.tools.state.put("backfill", backfill.as_row(), None)
    left = [1]

    def throttle(body: dict[str, Any]) -> Refusal | None:
        is_it = names(body, f"aegis/donation/{gifts[2]}/created") and names(body, "the-old-gifts") and left
        return cancelled(*["ThrottlingError"] * len(body["TransactItems"])) if is_it and left.pop() else None

    with answering(bench.dynamodb, "TransactWriteItems", throttle) as throttled:
        bench.run(ticks=15)

    assert throttled
    assert [len(bench.transactions_of(gift)) for gift in gifts] == [1] * 5
    assert (bench.tools.state.get("backfill") or {})["is_done"]


def test_a_backfill_that_dynamodb_stays_too_busy_for_is_not_done_and_goes_on_later(bench: Workbench) -> None:
    bench.settings(aegis={"enabled": False})
    gifts = [bench.give() for _ in range(3)]
    bench.clock.advance(600)
    bench.settings(aegis={"enabled": True})
    now = bench.clock()
    backfill = Backfill("the-old-gifts", "aegis", now - timedelta(days=1), now, (GIFTS,), "test", now)
    bench.tools.state.put("backfill", backfill.as_row(), None)

    def throttle(body: dict[str, Any]) -> Refusal | None:
        is_it = names(body, f"aegis/donation/{gifts[1]}/created") and names(body, "the-old-gifts")
        return cancelled(*["ThrottlingError"] * len(body["TransactItems"])) if is_it else None

    with answering(bench.dynamodb, "TransactWriteItems", throttle):
        outcome = bench.pickup()
    assert not (bench.tools.state.get("backfill") or {})["is_done"]
    assert "backfill" in outcome.troubles

    bench.run(ticks=15)

    assert [len(bench.transactions_of(gift)) for gift in gifts] == [1] * 3


def test_a_sweep_nudges_all_others_though_one_row_stays_in_conflict(bench: Workbench) -> None:
    bench.run(ticks=1)
    bench.aegis.faults.begin_outage("status")
    gifts = [bench.give() for _ in range(3)]
    bench.pickup()
    bench.sqs.purge_queue(QueueUrl=bench.queue_url)
    bench.aegis.faults.end_outage()
    bench.clock.advance(1000)
    stuck = f"aegis/donation/{gifts[0]}/created"

    def conflict(body: dict[str, Any]) -> Refusal | None:
        return refused("TransactionConflictException") if names(body, stuck) else None

    with answering(bench.dynamodb, "UpdateItem", conflict):
        assert bench.sweep().nudged == 2
    bench.drain()

    assert [len(bench.transactions_of(gift)) for gift in gifts] == [0, 1, 1]
    bench.run(ticks=3)
    assert [len(bench.transactions_of(gift)) for gift in gifts] == [1, 1, 1]


def test_a_transaction_that_was_made_is_found_though_its_fact_could_not_be_written(bench: Workbench) -> None:
    bench.run(ticks=1)
    gift = bench.give()
    bench.pickup()

    def throttle(body: dict[str, Any]) -> Refusal | None:
        is_fact = names(body, "aegis-invoice#") and len(body["TransactItems"]) > 1
        return cancelled(*["ThrottlingError"] * len(body["TransactItems"])) if is_fact else None

    with answering(bench.dynamodb, "TransactWriteItems", throttle):
        bench.work()
    assert bench.delivery(gift).state is State.SENDING

    bench.run(ticks=20)

    assert bench.delivery(gift).state is State.DELIVERED
    assert len(bench.transactions_of(gift)) == 1
