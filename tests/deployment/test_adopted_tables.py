"""A stack that goes on with tables that are there already, restored ones or those of a stack that was deleted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.deployment.template import EXISTING, as_deployed, own_template

TABLES = ("CrmKeysTable", "DeliveriesTable", "ActivityTable", "StateTable")
VARIABLES = ("CRM_KEYS_TABLE", "DELIVERIES_TABLE", "ACTIVITY_TABLE", "STATE_TABLE")
ALL = {EXISTING + table: f"restored-{table}" for table in TABLES}


def mentions(value: Any, table: str) -> bool:
    """Whether a table of the stack's own is referred to anywhere."""
    text = json.dumps(value)
    return any(
        f in text for f in (f'{{"Ref": "{table}"}}', f'"Fn::GetAtt": ["{table}"', f"${{{table}.", f"${{{table}}}")
    )


def renamed(value: Any, table: str) -> Any:
    """What refers to a table of the stack's own, as it refers to the existing one."""
    if isinstance(value, list):
        return [renamed(one, table) for one in value]
    if not isinstance(value, dict):
        return value
    if value == {"Ref": table}:
        return {"Ref": EXISTING + table}
    if value == {"Fn::GetAtt": [table, "Arn"]}:
        place = "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/"
        return {"Fn::Sub": f"{place}${{{EXISTING}{table}}}"}
    return {name: renamed(one, table) for name, one in value.items()}


def test_all_tables_can_be_there_already_and_then_none_is_made_nor_referred_to() -> None:
    adopting = as_deployed(own_template(), ALL)

    assert [name for name, one in adopting["Resources"].items() if one["Type"] == "AWS::DynamoDB::Table"] == []
    for part in ("Resources", "Globals", "Outputs"):
        assert [table for table in TABLES if mentions(adopting[part], table)] == [], part


@pytest.mark.parametrize("table", TABLES)
def test_one_table_that_is_there_already_takes_the_place_of_the_stacks_own_everywhere(table: str) -> None:
    making = as_deployed(own_template())
    adopting = as_deployed(own_template(), {EXISTING + table: "restored"})
    del making["Resources"][table]

    for part in ("Resources", "Globals", "Outputs"):
        assert mentions(making[part], table), part
        assert adopting[part] == renamed(making[part], table), part


def test_functions_are_told_of_the_tables_and_the_command_finds_them_in_the_outputs() -> None:
    adopting = as_deployed(own_template(), ALL)
    told = adopting["Globals"]["Function"]["Environment"]["Variables"]

    assert [told[name] for name in VARIABLES] == [{"Ref": EXISTING + table} for table in TABLES]
    assert [adopting["Outputs"][table]["Value"] for table in TABLES] == [{"Ref": EXISTING + table} for table in TABLES]


def test_a_table_that_gives_way_is_kept() -> None:
    resources = own_template()["Resources"]

    assert {resources[table]["DeletionPolicy"] for table in TABLES} == {"Retain"}
