"""DynamoDB's writes and reads of single rows, and what it refuses."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError, ParamValidationError

from tests.simulation.contract.conftest import Aws

KEY = {"id": {"S": "a"}, "at": {"S": "1"}}


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    """The code of a refusal."""
    return str(error.value.response["Error"]["Code"])


def update(aws: Aws, expression: str, **more: Any) -> dict[str, Any]:
    """Update the row."""
    answer: dict[str, Any] = aws.dynamodb.update_item(TableName=aws.table, Key=KEY, UpdateExpression=expression, **more)
    return answer


def names(**given: str) -> dict[str, str]:
    return {f"#{name}": value for name, value in given.items()}


def values(**given: Any) -> dict[str, Any]:
    return {f":{name}": value for name, value in given.items()}


def test_a_row_is_read_as_it_was_put(aws: Aws) -> None:
    content = {
        "text": {"S": "żółć"},
        "empty": {"S": ""},
        "number": {"N": "12.5"},
        "yes": {"BOOL": True},
        "none": {"NULL": True},
        "inner": {"M": {"list": {"L": [{"S": "x"}, {"N": "1"}]}}},
        "bytes": {"B": b"\x00\x01"},
    }
    aws.put("a", **content)

    assert aws.get("a") == {**KEY, **content}
    assert aws.get("b") is None


def test_what_is_handed_out_is_not_what_is_kept(aws: Aws) -> None:
    aws.put("a", inner={"M": {"x": {"S": "1"}}})
    found = aws.get("a")
    assert found is not None
    found["inner"]["M"]["x"]["S"] = "2"
    found["more"] = {"S": "3"}

    assert aws.get("a") == {**KEY, "inner": {"M": {"x": {"S": "1"}}}}


def test_numbers_lose_what_does_not_count(aws: Aws) -> None:
    aws.is_wrong("moto", why="gives numbers back as they were written")
    aws.put("a", n={"N": "0012.500"})

    found = aws.get("a")
    assert found is not None and found["n"] == {"N": "12.5"}


@pytest.mark.parametrize("value", [{"N": 1.5}, {"S": 5}, {"BOOL": "true"}])
def test_values_of_the_wrong_type_do_not_leave_boto3(aws: Aws, value: Any) -> None:
    with pytest.raises(ParamValidationError):
        aws.put("a", x=value)


@pytest.mark.parametrize("value", [{"N": "x"}, {"N": "NaN"}, {"N": "1" * 39}, {"SS": []}, {"SS": ["a", "a"]}])
def test_values_that_dynamodb_does_not_take_are_refused(aws: Aws, value: Any) -> None:
    aws.is_wrong("moto", why="takes any number and any set")
    with pytest.raises(ClientError) as error:
        aws.put("a", x=value)

    assert code_of(error) == "ValidationException"


@pytest.mark.parametrize(
    "key",
    [
        {"id": {"S": "a"}},
        {"id": {"S": "a"}, "at": {"N": "1"}},
        {"id": {"S": "a"}, "at": {"S": "1"}, "more": {"S": "x"}},
        {"id": {"S": ""}, "at": {"S": "1"}},
    ],
)
def test_a_key_that_does_not_fit_is_refused(aws: Aws, key: Any) -> None:
    if key["id"]["S"] == "" or len(key) == 3 or "N" in key.get("at", ()):
        aws.is_wrong("moto", why="reads any key")
    with pytest.raises(ClientError) as error:
        aws.dynamodb.get_item(TableName=aws.table, Key=key)

    assert code_of(error) == "ValidationException"


@pytest.mark.parametrize("more", [{"shelf": {"N": "1"}}, {"shelf": {"S": ""}, "due": {"S": "1"}}])
def test_an_attribute_that_an_index_cannot_take_is_refused(aws: Aws, more: Any) -> None:
    if "due" not in more:
        aws.is_wrong("moto", why="looks only at rows that have all keys of the index")
    with pytest.raises(ClientError) as error:
        aws.put("a", **more)

    assert code_of(error) == "ValidationException"


def test_a_row_above_400_kilobytes_is_refused(aws: Aws) -> None:
    aws.is_wrong("moto", why="counts otherwise")
    aws.put("a", x={"S": "x" * (400 * 1024 - 100)})
    with pytest.raises(ClientError) as error:
        aws.put("a", x={"S": "x" * 400 * 1024})

    assert code_of(error) == "ValidationException"


def test_a_condition_decides_whether_a_row_is_put(aws: Aws) -> None:
    arguments = {"TableName": aws.table, "Item": KEY, "ConditionExpression": "attribute_not_exists(id)"}
    aws.dynamodb.put_item(**arguments)
    with pytest.raises(ClientError) as error:
        aws.dynamodb.put_item(**arguments)

    assert code_of(error) == "ConditionalCheckFailedException"


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("n = :two", True),
        ("n <> :two", False),
        ("absent <> :two", True),
        ("absent = :two", False),
        ("n < :two OR n >= :two", True),
        ("NOT n = :two", False),
        ("n BETWEEN :one AND :two", True),
        ("n IN (:one, :two)", True),
        ("begins_with(t, :pre)", True),
        ("contains(t, :pre)", True),
        ("size(t) = :size", True),
        ("attribute_type(t, :string)", True),
        ("t < :two", False),
        ("(n = :one OR n = :two) AND attribute_exists(t)", True),
        ("m.x = :pre", True),
        ("l[1] = :two", True),
        ("l[7] = :two", False),
    ],
)
def test_conditions_are_read_as_dynamodb_reads_them(aws: Aws, condition: str, holds: bool) -> None:
    aws.put(
        "a",
        n={"N": "2"},
        t={"S": "prefix"},
        m={"M": {"x": {"S": "pre"}}},
        l={"L": [{"N": "1"}, {"N": "2"}]},
    )
    known = {
        ":one": {"N": "1"}, ":two": {"N": "2.0"}, ":pre": {"S": "pre"}, ":size": {"N": "6"}, ":string": {"S": "S"},
    }  # fmt: skip
    used = {name: value for name, value in known.items() if name in re.findall(r":\w+", condition)}
    if condition == "t < :two":
        aws.is_wrong("moto", why="compares a text with a number and dies")
    arguments: dict[str, Any] = {"ExpressionAttributeValues": used} if used else {}
    if not holds:
        with pytest.raises(ClientError) as error:
            aws.dynamodb.delete_item(TableName=aws.table, Key=KEY, ConditionExpression=condition, **arguments)
        assert code_of(error) == "ConditionalCheckFailedException"
    else:
        aws.dynamodb.delete_item(TableName=aws.table, Key=KEY, ConditionExpression=condition, **arguments)
        assert aws.get("a") is None


@pytest.mark.parametrize(
    ("condition", "given"),
    [
        ("id = ", {":v": {"S": "x"}}),
        ("id == :v", {":v": {"S": "x"}}),
        ("status = :v", {":v": {"S": "x"}}),
        ("id = :v", {}),
        ("id = :v", {":v": {"S": "x"}, ":more": {"S": "y"}}),
        ("nonsense(id)", None),
        ("((id = :v))", {":v": {"S": "x"}}),
        ("id = :v AND", {":v": {"S": "x"}}),
        ("#unknown = :v", {":v": {"S": "x"}}),
        ("", None),
    ],
)
def test_a_condition_that_is_wrong_is_refused(aws: Aws, condition: str, given: Any) -> None:
    aws.is_wrong("moto", why="does not check conditions so closely")
    if condition == "nonsense(id)":
        aws.is_wrong("local", why="takes an unknown function for one that holds")
    arguments = {"ExpressionAttributeValues": given} if given is not None else {}
    with pytest.raises(ClientError) as error:
        aws.dynamodb.delete_item(TableName=aws.table, Key=KEY, ConditionExpression=condition, **arguments)

    assert code_of(error) == "ValidationException"


def test_an_unused_name_is_refused(aws: Aws) -> None:
    with pytest.raises(ClientError) as error:
        update(
            aws,
            "SET #a = :v",
            ExpressionAttributeNames=names(a="a", b="b"),
            ExpressionAttributeValues=values(v={"S": "x"}),
        )

    assert code_of(error) == "ValidationException"


def test_an_update_sets_removes_adds_and_deletes(aws: Aws) -> None:
    aws.put("a", gone={"S": "x"}, n={"N": "5"}, tags={"SS": ["x", "y"]}, l={"L": [{"S": "1"}]})
    update(
        aws,
        "SET n = n + :one, fresh = if_not_exists(fresh, :one), l = list_append(l, :more) "
        "REMOVE gone ADD c :one DELETE tags :x",
        ExpressionAttributeValues=values(one={"N": "1"}, more={"L": [{"S": "2"}]}, x={"SS": ["x"]}),
    )

    assert aws.get("a") == {
        **KEY,
        "n": {"N": "6"},
        "fresh": {"N": "1"},
        "c": {"N": "1"},
        "tags": {"SS": ["y"]},
        "l": {"L": [{"S": "1"}, {"S": "2"}]},
    }


def test_an_update_makes_a_row_that_is_not_there(aws: Aws) -> None:
    update(aws, "SET x = :v", ExpressionAttributeValues=values(v={"S": "x"}))

    assert aws.get("a") == {**KEY, "x": {"S": "x"}}


@pytest.mark.parametrize(
    "expression",
    ["SET x = :v SET y = :v", "SET x = :v, x = :v", "SET id = :v", "SET x :v", "PUT x = :v", "SET x = absent + :v"],
)
def test_an_update_that_is_wrong_is_refused(aws: Aws, expression: str) -> None:
    if expression in ("SET x = :v SET y = :v", "SET x = :v, x = :v", "SET x :v"):
        aws.is_wrong("local", why="takes what it can read of an update")
    with pytest.raises(ClientError) as error:
        update(aws, expression, ExpressionAttributeValues=values(v={"N": "1"}))

    assert code_of(error) == "ValidationException"
    assert aws.get("a") is None


def test_the_old_row_is_given_back_when_it_is_asked_for(aws: Aws) -> None:
    aws.put("a", x={"S": "old"})
    answer = update(aws, "SET x = :v", ExpressionAttributeValues=values(v={"S": "new"}), ReturnValues="UPDATED_NEW")
    gone = aws.dynamodb.delete_item(TableName=aws.table, Key=KEY, ReturnValues="ALL_OLD")
    nothing = aws.dynamodb.delete_item(TableName=aws.table, Key=KEY, ReturnValues="ALL_OLD")

    assert answer["Attributes"] == {"x": {"S": "new"}}
    assert gone["Attributes"] == {**KEY, "x": {"S": "new"}}
    assert "Attributes" not in nothing


def test_a_table_that_is_not_there_is_refused(aws: Aws) -> None:
    with pytest.raises(ClientError) as error:
        aws.dynamodb.get_item(TableName="no-such-table", Key=KEY)

    assert code_of(error) == "ResourceNotFoundException"


def test_an_unknown_parameter_does_not_leave_boto3(aws: Aws) -> None:
    with pytest.raises((ParamValidationError, TypeError)):
        aws.dynamodb.put_item(TableName=aws.table, Item=KEY, Condition="x")


def test_a_projection_shows_what_is_asked_for(aws: Aws) -> None:
    aws.put("a", x={"S": "1"}, status={"S": "2"})
    answer = aws.dynamodb.get_item(
        TableName=aws.table,
        Key=KEY,
        ProjectionExpression="x, #s, absent",
        ExpressionAttributeNames={"#s": "status"},
    )

    assert answer["Item"] == {"x": {"S": "1"}, "status": {"S": "2"}}


def test_exact_numbers_stay_exact(aws: Aws) -> None:
    aws.put("a", n={"N": "0.1"})
    update(aws, "SET n = n + :v", ExpressionAttributeValues=values(v={"N": "0.2"}))

    found = aws.get("a")
    assert found is not None and Decimal(found["n"]["N"]) == Decimal("0.3")
