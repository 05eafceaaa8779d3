"""A stack's schedules: turned on once it has credentials that work."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from ops.operating.stack import Stack

# What an update of a schedule must repeat, or it is gone.
_KEPT = (
    "Name",
    "GroupName",
    "Description",
    "ScheduleExpression",
    "ScheduleExpressionTimezone",
    "StartDate",
    "EndDate",
    "FlexibleTimeWindow",
    "ActionAfterCompletion",
    "KmsKeyArn",
    "Target",
)


def turn_on(stack: Stack) -> tuple[str, ...]:
    """Enable every rule and every schedule of the template, and give their outputs; a local stack ticks by itself."""
    if stack.is_local:
        return ()
    rules = [name for name in stack.outputs if name.endswith("Rule")]
    schedules = [name for name in stack.outputs if name.endswith("Schedule")]
    for rule in rules:
        stack.client("events").enable_rule(Name=stack.output(rule))
    for schedule in schedules:
        _enable(stack.client("scheduler"), stack.output(schedule))
    return (*rules, *schedules)


def are_on(stack: Stack, *, with_batch: bool) -> bool | None:
    """Whether all are on, None where that may not be looked at; a local stack ticks by itself."""
    if stack.is_local:
        return True
    try:
        states = [
            stack.client("events").describe_rule(Name=value)["State"]
            for name, value in stack.outputs.items()
            if name.endswith("Rule")
        ]
        states += [
            stack.client("scheduler").get_schedule(Name=value)["State"]
            for name, value in stack.outputs.items()
            if with_batch and name.endswith("Schedule")
        ]
    except ClientError:
        return None
    return all(state == "ENABLED" for state in states)


def _enable(scheduler: Any, name: str) -> None:
    known = scheduler.get_schedule(Name=name)
    if known["State"] != "ENABLED":
        scheduler.update_schedule(**{field: known[field] for field in _KEPT if field in known}, State="ENABLED")
