"""`giftbridge redrive`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ops.command.terminal import Terminal, verb
from ops.operating.dead_letters import Redrive, begin, follow
from ops.operating.problems import HEALTHY, PERSON_NEEDED
from ops.operating.stack import Stack
from ops.operating.systems import SYSTEMS

EMPTY = Redrive("EMPTY", 0, 0)
# The whole is as its worst part.
_WORST_FIRST = ("FAILED", "CANCELLED", "CANCELLING", "RUNNING", "COMPLETED", "EMPTY")


@verb
def redrive(
    terminal: Terminal,
    destination: Annotated[
        str | None, typer.Option("--destination", help="Only the queue to this system; else all.", show_default=False)
    ] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until all are moved.")] = True,
) -> int:
    """Move all dead letters back into their queue, as AWS does it.

    Each one reopens its delivery as a retry, which looks first where an earlier request may have landed. The same as
    the redrive of the AWS console.
    """
    stack = terminal.stack
    with terminal.busy("starting the redrive"):
        tasks = {name: begin(stack, name) or EMPTY for name in stack.destinations_named(destination)}
    if wait:
        for name, task in tasks.items():
            tasks[name] = _followed(terminal, stack, name, task)
    told = {name: task for name, task in tasks.items() if task is not EMPTY}
    words = [f"To {SYSTEMS[name].title}: {_words(task)}" for name, task in told.items()]
    terminal.answer(_data(tasks), *(words or ["There are no dead letters."]))
    is_well = all(task.is_running or task.status in {"COMPLETED", "EMPTY"} for task in tasks.values())
    return HEALTHY if is_well else PERSON_NEEDED


def _followed(terminal: Terminal, stack: Stack, name: str, task: Redrive) -> Redrive:
    if task is EMPTY:
        return task
    with terminal.counting(f"moving to {SYSTEMS[name].title}", task.to_move or None) as count:
        for seen in follow(stack, name, task):
            task = seen
            count(task.moved)
    return task


def _data(tasks: dict[str, Redrive]) -> dict[str, Any]:
    """The whole, and each queue."""
    named = {task.status for task in tasks.values()}
    worst = next((status for status in _WORST_FIRST if status in named), next(iter(named), EMPTY.status))
    failures = [task.failure for task in tasks.values() if task.failure]
    return {
        "status": worst,
        "moved": sum(task.moved for task in tasks.values()),
        "to_move": sum(task.to_move for task in tasks.values()),
        "failure": "; ".join(failures) or None,
        "queues": {name: _one(task) for name, task in tasks.items()},
    }


def _one(task: Redrive) -> dict[str, Any]:
    return {"status": task.status, "moved": task.moved, "to_move": task.to_move, "failure": task.failure}


def _words(task: Redrive) -> str:
    if task.is_running:
        return f"AWS moves {task.to_move or 'the'} messages back; `giftbridge status` shows how many are left."
    if task.status == "COMPLETED":
        return f"{task.moved} messages are back in their queue."
    return f"The redrive ended as {task.status} after {task.moved} messages: {task.failure or 'AWS gives no reason'}."
