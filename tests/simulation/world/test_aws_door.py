"""Between a process and AWS: boto3's retries, what they repeat, and what a process sees in the end."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from tests.simulation.aws.template import Account
from tests.simulation.clock.scheduler import Process, Scheduler
from tests.simulation.world.aws_door import READ_TIMEOUT_SECONDS, TRIES, AwsDoor
from tests.simulation.world.trace import Trace
from tests.simulation.world.weather import Weather

BEGIN = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
ROW = {"name": {"S": "a"}}
COUNT = {
    "TableName": "StateTable",
    "Key": ROW,
    "UpdateExpression": "ADD n :one",
    "ExpressionAttributeValues": {":one": {"N": "1"}},
}


class Planned(Weather):
    """Weather of which each fault strikes as often as it was planned."""

    def __init__(self, **planned: int) -> None:
        super().__init__(1, {}, frozenset(), random.Random(1))
        self.planned = {kind.replace("_", "-"): count for kind, count in planned.items()}

    def strikes(self, seconds: float, *kinds: str) -> str | None:
        for kind in kinds:
            if self.planned.get(kind):
                self.planned[kind] -= 1
                return kind
        return None


def played(act: Callable[[AwsDoor], Any], service: str = "dynamodb", **planned: int) -> tuple[Process, Account, float]:
    """One process that does this in such weather."""
    scheduler = Scheduler(BEGIN)
    account = Account(scheduler.monotonic)
    memory = account.dynamodb if service == "dynamodb" else account.sqs
    door = AwsDoor(service, memory, scheduler, Planned(**planned), Trace())
    ended: list[float] = []
    process = scheduler.start("p", lambda: act(door), then=lambda _: ended.append(scheduler.seconds))
    scheduler.run(1000)
    return process, account, ended[0]


def counted(account: Account) -> str:
    """How often the row was counted up."""
    row = account.dynamodb.get_item(TableName="StateTable", Key=ROW).get("Item", {})
    return str(row.get("n", {}).get("N", "0"))


def test_a_write_whose_answer_is_lost_is_made_again_by_boto3() -> None:
    process, account, seconds = played(lambda door: door.update_item(**COUNT), aws_lost_after=1)

    assert process.error is None and counted(account) == "2" and seconds > READ_TIMEOUT_SECONDS


def test_a_transaction_whose_answer_is_lost_is_made_once_for_its_token() -> None:
    items = [{"Update": COUNT}]
    process, account, _ = played(lambda door: door.transact_write_items(TransactItems=items), aws_lost_after=2)

    assert process.error is None and counted(account) == "1"


def test_a_transaction_in_progress_is_asked_for_again_and_made_once() -> None:
    items = [{"Update": COUNT}]
    process, account, _ = played(lambda door: door.transact_write_items(TransactItems=items), aws_in_progress=1)

    assert process.error is None and counted(account) == "1"


def test_a_condition_that_held_does_not_hold_for_the_repeated_write() -> None:
    item = {"TableName": "StateTable", "Item": ROW, "ConditionExpression": "attribute_not_exists(#n)"}
    process, account, _ = played(
        lambda door: door.put_item(**item, ExpressionAttributeNames={"#n": "name"}), aws_lost_after=1
    )

    assert isinstance(process.error, ClientError)
    assert process.error.response["Error"]["Code"] == "ConditionalCheckFailedException"
    assert account.dynamodb.tables["StateTable"].rows


@pytest.mark.parametrize(
    ("fault", "error", "made"),
    [
        ("aws_throttled", ClientError, "0"),
        ("aws_lost_before", EndpointConnectionError, "0"),
        ("aws_lost_after", ReadTimeoutError, str(TRIES)),
    ],
)
def test_after_five_tries_the_process_sees_the_error(fault: str, error: type[Exception], made: str) -> None:
    process, account, _ = played(lambda door: door.update_item(**COUNT), **{fault: TRIES})

    assert isinstance(process.error, error) and counted(account) == made


def test_a_cancelled_transaction_is_not_tried_again() -> None:
    items = [{"Update": COUNT}]
    process, account, _ = played(lambda door: door.transact_write_items(TransactItems=items), aws_conflict=1)

    assert isinstance(process.error, ClientError) and counted(account) == "0"
    reasons: Any = process.error.response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["TransactionConflict"]


@pytest.mark.parametrize(("nth", "made"), [(1, "0"), (2, "1")])
def test_a_process_dies_before_or_after_its_call_and_no_handler_sees_it(nth: int, made: str) -> None:
    seen: list[str] = []

    def act(door: AwsDoor) -> None:
        try:
            door.update_item(**COUNT)
        except Exception:
            seen.append("error")
        finally:
            door.update_item(**COUNT)

    class NthDeath(Planned):
        """The weather in which the process dies at the n-th occasion."""

        def strikes(self, seconds: float, *kinds: str) -> str | None:
            if "death" in kinds:
                self.planned["occasions"] = self.planned.get("occasions", 0) + 1
                return "death" if self.planned["occasions"] == nth else None
            return None

    scheduler = Scheduler(BEGIN)
    account = Account(scheduler.monotonic)
    door = AwsDoor("dynamodb", account.dynamodb, scheduler, NthDeath(), Trace())
    process = scheduler.start("p", lambda: act(door))
    scheduler.run(100)

    assert process.is_dead and not seen and counted(account) == made


def test_keys_left_unread_are_named_and_can_be_asked_for_again() -> None:
    keys = [{"name": {"S": str(n)}} for n in range(4)]

    def act(door: AwsDoor) -> list[int]:
        answer = door.batch_get_item(RequestItems={"StateTable": {"Keys": keys, "ConsistentRead": True}})
        again = door.batch_get_item(RequestItems=answer["UnprocessedKeys"])
        return [len(answer["UnprocessedKeys"]["StateTable"]["Keys"]), len(again["UnprocessedKeys"])]

    process, _, _ = played(act, aws_unprocessed=1)

    assert process.result == [2, 0]


def test_the_paginator_ends_where_the_items_do_or_where_it_is_told_to() -> None:
    def act(door: AwsDoor) -> list[int]:
        for n in range(7):
            item = {"entity": {"S": "e"}, "at": {"S": str(n)}}
            door.put_item(TableName="ActivityTable", Item=item)
        arguments = {
            "TableName": "ActivityTable",
            "KeyConditionExpression": "entity = :e",
            "ExpressionAttributeValues": {":e": {"S": "e"}},
        }
        whole = door.get_paginator("query").paginate(PaginationConfig={"PageSize": 3}, **arguments)
        some = door.get_paginator("query").paginate(PaginationConfig={"PageSize": 3, "MaxItems": 4}, **arguments)
        return [sum(len(page["Items"]) for page in pages) for pages in (whole, some)]

    process, _, _ = played(act)

    assert process.result == [7, 4]
