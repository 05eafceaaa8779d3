"""`giftbridge failures`."""

from __future__ import annotations

from typing import Any

from giftbridge.domain.times import format_moment
from ops.command.showing import moment, table
from ops.command.terminal import Terminal, verb
from ops.operating.listing import FailureGroup
from ops.operating.listing import failures as grouped_failures
from ops.operating.problems import HEALTHY, PERSON_NEEDED
from ops.operating.runbook import page_of


@verb
def failures(terminal: Terminal) -> int:
    """Show failed deliveries, grouped by cause.

    Each cause comes with how often and since when it is seen, and with what to do about it. Exit code 1 when there
    are any.
    """
    stack = terminal.stack
    with terminal.busy("looking"):
        groups = grouped_failures(stack)
    data = {"failed": sum(group.count for group in groups), "causes": [_data(group) for group in groups]}
    if not groups:
        terminal.answer(data, "Nothing failed.")
        return HEALTHY
    columns = ("cause", "count", "first seen (UTC)", "last seen (UTC)", "what is wrong", "what to do", "such as")
    hint = f"After putting a cause right: giftbridge retry --cause CAUSE {stack.hint}"
    terminal.answer(data, table(columns, (_row(group) for group in groups)), hint)
    return PERSON_NEEDED


def _row(group: FailureGroup) -> tuple[str, ...]:
    return (
        group.cause,
        str(group.count),
        moment(group.first_seen),
        moment(group.last_seen),
        group.text,
        ". ".join(told for told in (group.remedy, page_of(group.cause)) if told),
        group.sample[-1],
    )


def _data(group: FailureGroup) -> dict[str, Any]:
    return {
        "cause": group.cause,
        "count": group.count,
        "first_seen": format_moment(group.first_seen),
        "last_seen": format_moment(group.last_seen),
        "text": group.text,
        "remedy": group.remedy,
        "runbook": page_of(group.cause),
        "destinations": list(group.destinations),
        "sample": list(group.sample),
    }
