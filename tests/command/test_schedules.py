"""Connecting turns on every schedule of the template, rules and schedules alike."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from ops.operating.schedules import turn_on
from tests.deployment.template import own_template

TARGET = {
    "Arn": "arn:aws:lambda:us-east-1:123456789012:function:batch",
    "RoleArn": "arn:aws:iam::123456789012:role/scheduler",
    "RetryPolicy": {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60},
}


OUTPUTS = {"DonationPickupRule": "pickup", "DeliverySweepRule": "sweep", "DailyBatchSchedule": "batch"}


@pytest.fixture
def stack() -> Iterator[Any]:
    """As much of a stack as its schedules need, all of them off."""
    with mock_aws():
        session: Any = boto3.Session(region_name="us-east-1", aws_access_key_id="t", aws_secret_access_key="t")
        clients = {name: session.client(name) for name in ("events", "scheduler")}
        for rule in ("pickup", "sweep"):
            clients["events"].put_rule(Name=rule, ScheduleExpression="rate(1 minute)", State="DISABLED")
        clients["scheduler"].create_schedule(
            Name="batch",
            ScheduleExpression="rate(1 minute)",
            FlexibleTimeWindow={"Mode": "OFF"},
            State="DISABLED",
            Target=TARGET,
        )
        outputs = {**OUTPUTS, "DailyBatchFunction": "function"}
        yield SimpleNamespace(outputs=outputs, output=outputs.__getitem__, client=clients.__getitem__, is_local=False)


def test_rules_and_schedules_are_turned_on_and_stay_what_they_were(stack: Any) -> None:
    assert turn_on(stack) == tuple(OUTPUTS)

    assert [stack.client("events").describe_rule(Name=rule)["State"] for rule in ("pickup", "sweep")] == ["ENABLED"] * 2
    found = stack.client("scheduler").get_schedule(Name="batch")
    assert (found["State"], found["ScheduleExpression"], found["Target"]) == ("ENABLED", "rate(1 minute)", TARGET)
    assert found["FlexibleTimeWindow"] == {"Mode": "OFF"}


def test_turning_on_twice_changes_nothing(stack: Any) -> None:
    turn_on(stack)
    changed = stack.client("scheduler").get_schedule(Name="batch")["LastModificationDate"]

    turn_on(stack)

    assert stack.client("scheduler").get_schedule(Name="batch")["LastModificationDate"] == changed


def test_a_local_stack_ticks_by_itself(stack: Any) -> None:
    stack.is_local = True

    assert turn_on(stack) == ()
    assert stack.client("scheduler").get_schedule(Name="batch")["State"] == "DISABLED"


def test_the_outputs_that_are_turned_on_are_the_schedules_of_the_template() -> None:
    template = own_template()
    events = {
        f"{name}{event}"
        for name, function in template["Resources"].items()
        for event, told in function.get("Properties", {}).get("Events", {}).items()
        if isinstance(told, dict) and told.get("Type") in {"Schedule", "ScheduleV2"}
    }
    turned_on = {
        output["Value"]["Ref"] for name, output in template["Outputs"].items() if name.endswith(("Rule", "Schedule"))
    }

    assert turned_on == events
