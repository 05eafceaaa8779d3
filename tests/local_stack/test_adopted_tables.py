"""A stack that is told to go on with tables that are there already, deployed to the emulated AWS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from ops.local_stack.build import local_build
from ops.local_stack.deploy import deploy
from ops.local_stack.paths import STACK_NAME
from ops.local_stack.runner import LocalStack

TABLES = ("CrmKeysTable", "DeliveriesTable", "ActivityTable", "StateTable")
OF_AN_INDEX = ("IndexName", "KeySchema", "Projection")


def restored(dynamodb: Any, table: str) -> str:
    """A table of another name with the keys and indexes of this one, as a point-in-time recovery makes it."""
    name = f"restored-{table}"
    old = dynamodb.describe_table(TableName=table)["Table"]
    indexes = [{part: index[part] for part in OF_AN_INDEX} for index in old.get("GlobalSecondaryIndexes", [])]
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=old["KeySchema"],
        AttributeDefinitions=old["AttributeDefinitions"],
        **({"GlobalSecondaryIndexes": indexes} if indexes else {}),
    )
    return name


@pytest.fixture
def adopted(stack: LocalStack) -> Iterator[dict[str, str]]:
    """The stack goes on with restored tables, by the name of each; afterwards with its own again."""
    names = {table: restored(stack.client("dynamodb"), stack.outputs[table]) for table in TABLES}
    own, parameters = stack.outputs, stack.options.parameters()
    existing = {f"Existing{table}": name for table, name in names.items()}
    stack.outputs = deploy(stack.client, local_build(), {**parameters, **existing})
    yield names
    stack.outputs = deploy(stack.client, local_build(), parameters)
    assert stack.outputs == own


def test_a_stack_goes_on_with_tables_that_are_there_already(stack: LocalStack, adopted: dict[str, str]) -> None:
    resources = stack.client("cloudformation").describe_stack_resources(StackName=STACK_NAME)["StackResources"]
    function = stack.outputs["DeliverySweepFunction"]
    told = stack.client("lambda").get_function_configuration(FunctionName=function)
    role = told["Role"].rpartition("/")[2]
    iam = stack.client("iam")
    policies = json.dumps(
        [
            iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
        ]
    )

    assert {table: stack.outputs[table] for table in TABLES} == adopted
    assert [one["LogicalResourceId"] for one in resources if one["ResourceType"] == "AWS::DynamoDB::Table"] == []
    variables = told["Environment"]["Variables"]
    assert {variables[name] for name in variables if name.endswith("_TABLE")} == set(adopted.values())
    assert f"table/{adopted['DeliveriesTable']}/index/open" in policies
    answer = stack.client("lambda").invoke(FunctionName=function, Payload=b"{}")
    assert "FunctionError" not in answer, answer["Payload"].read()
