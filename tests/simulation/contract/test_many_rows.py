"""Transactions, batches, queries and indexes."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.simulation.contract.conftest import Aws
from tests.simulation.contract.test_rows import code_of


def put(aws: Aws, id: str, at: str = "1", condition: str | None = None, **values: Any) -> dict[str, Any]:
    """A put of a transaction."""
    arguments = {"TableName": aws.table, "Item": {"id": {"S": id}, "at": {"S": at}, **values}}
    return {"Put": arguments | ({"ConditionExpression": condition} if condition else {})}


def transact(aws: Aws, *items: dict[str, Any], **more: Any) -> None:
    aws.dynamodb.transact_write_items(TransactItems=list(items), **more)


def query(aws: Aws, condition: str, given: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = aws.dynamodb.query(
        TableName=aws.table, KeyConditionExpression=condition, ExpressionAttributeValues=given, **more
    )
    return answer


# --- transactions ---------------------------------------------------------------------------------------------


def test_a_transaction_makes_all_of_its_writes(aws: Aws) -> None:
    aws.put("gone")
    key = {"id": {"S": "gone"}, "at": {"S": "1"}}
    transact(aws, put(aws, "a"), put(aws, "b"), {"Delete": {"TableName": aws.table, "Key": key}})

    assert aws.get("a") and aws.get("b") and aws.get("gone") is None


def test_a_condition_that_fails_cancels_all_and_says_which(aws: Aws) -> None:
    aws.put("b")
    with pytest.raises(ClientError) as error:
        transact(aws, put(aws, "a"), put(aws, "b", condition="attribute_not_exists(id)"))

    assert code_of(error) == "TransactionCanceledException"
    reasons: Any = error.value.response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["None", "ConditionalCheckFailed"]
    assert aws.get("a") is None


def test_a_transaction_takes_a_hundred_writes_and_no_more(aws: Aws) -> None:
    transact(aws, *(put(aws, f"a{n}") for n in range(100)))
    with pytest.raises(ClientError) as error:
        transact(aws, *(put(aws, f"b{n}") for n in range(101)))

    assert code_of(error) == "ValidationException"


def test_two_writes_of_one_row_are_refused(aws: Aws) -> None:
    with pytest.raises(ClientError) as error:
        transact(aws, put(aws, "a"), put(aws, "a"))

    assert code_of(error) == "ValidationException"
    assert aws.get("a") is None


def test_a_check_of_a_condition_changes_nothing(aws: Aws) -> None:
    aws.put("b", x={"S": "1"})
    check = {
        "TableName": aws.table,
        "Key": {"id": {"S": "b"}, "at": {"S": "1"}},
        "ConditionExpression": "x = :x",
        "ExpressionAttributeValues": {":x": {"S": "1"}},
    }
    transact(aws, put(aws, "a"), {"ConditionCheck": check})

    assert aws.get("a") and aws.get("b") == {"id": {"S": "b"}, "at": {"S": "1"}, "x": {"S": "1"}}


def test_a_transaction_repeated_with_its_token_is_made_once(aws: Aws) -> None:
    aws.is_wrong("moto", why="knows no tokens")
    key = {"id": {"S": "n"}, "at": {"S": "1"}}
    count = {"TableName": aws.table, "Key": key, "UpdateExpression": "ADD c :one"}
    item = {"Update": {**count, "ExpressionAttributeValues": {":one": {"N": "1"}}}}
    transact(aws, item, ClientRequestToken="token-1")
    transact(aws, item, ClientRequestToken="token-1")
    with pytest.raises(ClientError) as error:
        transact(aws, put(aws, "other"), ClientRequestToken="token-1")

    found = aws.get("n")
    assert found is not None and found["c"] == {"N": "1"}
    assert code_of(error) == "IdempotentParameterMismatchException"


# --- batches --------------------------------------------------------------------------------------------------


def test_a_batch_of_reads_takes_a_hundred_different_keys(aws: Aws) -> None:
    for n in range(3):
        aws.put(f"a{n}")
    keys = [{"id": {"S": f"a{n}"}, "at": {"S": "1"}} for n in range(101)]
    answer = aws.dynamodb.batch_get_item(RequestItems={aws.table: {"Keys": keys[:100], "ConsistentRead": True}})
    for wrong in (keys, [keys[0], keys[0]]):
        with pytest.raises(ClientError) as error:
            aws.dynamodb.batch_get_item(RequestItems={aws.table: {"Keys": wrong}})
        assert code_of(error) == "ValidationException"

    assert sorted(item["id"]["S"] for item in answer["Responses"][aws.table]) == ["a0", "a1", "a2"]
    assert not answer.get("UnprocessedKeys")


def test_a_batch_of_writes_takes_twenty_five(aws: Aws) -> None:
    requests = [{"PutRequest": {"Item": {"id": {"S": f"a{n}"}, "at": {"S": "1"}}}} for n in range(26)]
    aws.dynamodb.batch_write_item(RequestItems={aws.table: requests[:25]})
    aws.dynamodb.batch_write_item(
        RequestItems={aws.table: [{"DeleteRequest": {"Key": {"id": {"S": "a0"}, "at": {"S": "1"}}}}]}
    )
    assert aws.get("a0") is None and aws.get("a24")
    aws.is_wrong("moto", why="takes more than 25")
    with pytest.raises(ClientError) as error:
        aws.dynamodb.batch_write_item(RequestItems={aws.table: requests})

    assert code_of(error) == "ValidationException"


# --- queries --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "more", "found"),
    [
        ("id = :id", {}, ["1", "2", "3"]),
        ("id = :id AND #at > :one", {":one": {"S": "1"}}, ["2", "3"]),
        ("id = :id AND #at >= :two", {":two": {"S": "2"}}, ["2", "3"]),
        ("id = :id AND #at <= :two", {":two": {"S": "2"}}, ["1", "2"]),
        ("id = :id AND #at BETWEEN :two AND :three", {":two": {"S": "2"}, ":three": {"S": "3"}}, ["2", "3"]),
        ("id = :id AND begins_with(#at, :two)", {":two": {"S": "2"}}, ["2"]),
        ("id = :id AND #at = :two", {":two": {"S": "2"}}, ["2"]),
        ("#at = :two AND id = :id", {":two": {"S": "2"}}, ["2"]),
    ],
)
def test_a_query_finds_a_partition_in_order(aws: Aws, condition: str, more: dict[str, Any], found: list[str]) -> None:
    for at in ("3", "1", "2"):
        aws.put("a", at)
    aws.put("b", "1")
    names: dict[str, Any] = {"ExpressionAttributeNames": {"#at": "at"}} if "#at" in condition else {}
    answer = query(aws, condition, {":id": {"S": "a"}, **more}, **names)
    backwards = query(aws, condition, {":id": {"S": "a"}, **more}, ScanIndexForward=False, **names)

    assert [item["at"]["S"] for item in answer["Items"]] == found
    assert [item["at"]["S"] for item in backwards["Items"]] == found[::-1]
    assert answer["Count"] == len(found) and "LastEvaluatedKey" not in answer


@pytest.mark.parametrize(
    ("condition", "given"),
    [
        ("#at = :v", {":v": {"S": "1"}}),
        ("id > :v", {":v": {"S": "1"}}),
        ("id = :v OR #at = :v", {":v": {"S": "1"}}),
        ("id = :v AND x = :v", {":v": {"S": "1"}}),
        ("id = :v", {":v": {"N": "1"}}),
        ("id = :v", {":v": {"S": ""}}),
    ],
)
def test_a_key_condition_that_is_wrong_is_refused(aws: Aws, condition: str, given: dict[str, Any]) -> None:
    if given in ({":v": {"N": "1"}}, {":v": {"S": ""}}) or "OR" in condition or "x =" in condition:
        aws.is_wrong("moto", why="does not check key conditions so closely")
    if "OR" in condition:
        aws.is_wrong("local", why="reads only what comes first")
    names: dict[str, Any] = {"ExpressionAttributeNames": {"#at": "at"}} if "#at" in condition else {}
    with pytest.raises(ClientError) as error:
        query(aws, condition, given, **names)

    assert code_of(error) == "ValidationException"


def test_pages_follow_each_other_to_the_end(aws: Aws) -> None:
    for n in range(5):
        aws.put("a", str(n))
    found, start = [], None
    for _ in range(5):
        more: dict[str, Any] = {"ExclusiveStartKey": start} if start else {}
        answer = query(aws, "id = :id", {":id": {"S": "a"}}, Limit=2, **more)
        found += [item["at"]["S"] for item in answer["Items"]]
        start = answer.get("LastEvaluatedKey")
        if start is None:
            break

    assert found == ["0", "1", "2", "3", "4"]


def test_a_filter_hides_rows_after_they_were_counted(aws: Aws) -> None:
    for n in range(4):
        aws.put("a", str(n), n={"N": str(n)})
    answer = query(aws, "id = :id", {":id": {"S": "a"}, ":two": {"N": "2"}}, FilterExpression="n >= :two", Limit=3)

    assert [item["at"]["S"] for item in answer["Items"]] == ["2"]
    assert answer["ScannedCount"] == 3 and answer["LastEvaluatedKey"]["at"] == {"S": "2"}


def test_an_index_is_sparse_and_shows_keys_only(aws: Aws) -> None:
    aws.put("a", shelf={"S": "open"}, due={"S": "2"}, secret={"S": "x"})
    aws.put("b", shelf={"S": "open"}, due={"S": "1"})
    aws.put("c", due={"S": "0"})
    aws.dynamodb.update_item(
        TableName=aws.table,
        Key={"id": {"S": "a"}, "at": {"S": "1"}},
        UpdateExpression="SET due = :due",
        ExpressionAttributeValues={":due": {"S": "3"}},
    )
    answer = query(aws, "shelf = :b", {":b": {"S": "open"}}, IndexName="open")
    aws.dynamodb.delete_item(TableName=aws.table, Key={"id": {"S": "b"}, "at": {"S": "1"}})
    after = query(aws, "shelf = :b", {":b": {"S": "open"}}, IndexName="open")

    shown = {"shelf": {"S": "open"}, "at": {"S": "1"}}
    assert answer["Items"] == [
        {**shown, "id": {"S": "b"}, "due": {"S": "1"}},
        {**shown, "id": {"S": "a"}, "due": {"S": "3"}},
    ]
    assert [item["id"]["S"] for item in after["Items"]] == ["a"]


def test_an_index_cannot_be_read_consistently(aws: Aws) -> None:
    with pytest.raises(ClientError) as error:
        query(aws, "shelf = :b", {":b": {"S": "open"}}, IndexName="open", ConsistentRead=True)

    assert code_of(error) == "ValidationException"


def test_pages_of_an_index_follow_each_other(aws: Aws) -> None:
    for n in range(5):
        aws.put(f"a{n}", shelf={"S": "open"}, due={"S": "same"})
    found: list[str] = []
    start: Any = None
    while True:
        more: dict[str, Any] = {"ExclusiveStartKey": start} if start else {}
        answer = query(aws, "shelf = :b", {":b": {"S": "open"}}, IndexName="open", Limit=2, **more)
        found += [item["id"]["S"] for item in answer["Items"]]
        start = answer.get("LastEvaluatedKey")
        if start is None:
            break

    assert sorted(found) == [f"a{n}" for n in range(5)]


def test_counting_gives_no_rows(aws: Aws) -> None:
    aws.put("a")
    answer = query(aws, "id = :id", {":id": {"S": "a"}}, Select="COUNT")

    assert answer["Count"] == 1 and "Items" not in answer


def test_a_scan_gives_every_row_once(aws: Aws) -> None:
    for n in range(7):
        aws.put(f"a{n}")
    found: list[str] = []
    start: Any = None
    while True:
        more: dict[str, Any] = {"ExclusiveStartKey": start} if start else {}
        answer = aws.dynamodb.scan(TableName=aws.table, Limit=3, **more)
        found += [item["id"]["S"] for item in answer["Items"]]
        start = answer.get("LastEvaluatedKey")
        if start is None:
            break

    assert sorted(found) == [f"a{n}" for n in range(7)]
