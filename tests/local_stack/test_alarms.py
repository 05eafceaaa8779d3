"""The template's alarms on the local AWS, which makes no figures of logs: each goes into alarm by its figure."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ops.local_stack.paths import STACK_NAME
from ops.local_stack.runner import LocalStack
from tests.deployment.template import resources

ALARMS = sorted(resources("AWS::CloudWatch::Alarm"))


def deployed(stack: LocalStack, logical_id: str) -> Any:
    """The alarm as it stands."""
    found = stack.client("cloudformation").describe_stack_resource(StackName=STACK_NAME, LogicalResourceId=logical_id)
    name = found["StackResourceDetail"]["PhysicalResourceId"]
    [alarm] = stack.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return alarm


@pytest.mark.parametrize("name", ALARMS)
def test_a_figure_above_the_limit_starts_the_alarm(stack: LocalStack, name: str) -> None:
    before = deployed(stack, name)
    stack.client("cloudwatch").put_metric_data(
        Namespace=before["Namespace"],
        MetricData=[
            {
                "MetricName": before["MetricName"],
                "Dimensions": before.get("Dimensions", []),
                "Value": before["Threshold"] + 1,
            }
        ],
    )

    after = deployed(stack, name)

    assert before["Namespace"] in {f"GiftBridge/{STACK_NAME}", "AWS/SQS"}
    assert after["StateValue"] == "ALARM"
    assert before["AlarmActions"] == before["OKActions"] == [stack.outputs["AlarmTopic"]]


def test_the_dashboard_is_there_and_its_widgets_are_of_this_stack(stack: LocalStack) -> None:
    found = stack.client("cloudwatch").get_dashboard(DashboardName=stack.outputs["Dashboard"])
    widgets = json.loads(found["DashboardBody"])["widgets"]

    assert len(widgets) > 10
    assert f"GiftBridge/{STACK_NAME}" in json.dumps(widgets)
    assert "${" not in json.dumps(widgets)


def test_the_sweep_is_ticked_here_by_the_ticker_alone(stack: LocalStack) -> None:
    rule = stack.client("events").describe_rule(Name=stack.outputs["DeliverySweepRule"])

    assert rule["State"] == "DISABLED"
