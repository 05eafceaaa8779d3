"""`giftbridge redrive`."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.command.terminal import Terminal, verb
from ops.operating.dead_letters import Redrive, begin, follow
from ops.operating.problems import HEALTHY, PERSON_NEEDED
from ops.operating.systems import system_named


@verb
def redrive(
    terminal: Terminal,
    destination: Annotated[str, typer.Argument(help="Whose dead letters.")] = "aegis",
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until all are moved.")] = True,
) -> int:
    """Move all dead letters back into their queue, as AWS does it.

    Each one reopens its delivery as a retry, which looks first where an earlier request may have landed. The same as
    the redrive of the AWS console.
    """
    system, stack = system_named(destination), terminal.stack
    with terminal.busy("starting the redrive"):
        task = begin(stack, system)
    if task is None:
        terminal.answer({"status": "EMPTY", "moved": 0, "to_move": 0}, "There are no dead letters.")
        return HEALTHY
    if wait:
        with terminal.counting("moving", task.to_move or None) as count:
            for seen in follow(stack, system, task):
                task = seen
                count(task.moved)
    data = {"status": task.status, "moved": task.moved, "to_move": task.to_move, "failure": task.failure}
    terminal.answer(data, _words(task))
    return HEALTHY if task.is_running or task.status == "COMPLETED" else PERSON_NEEDED


def _words(task: Redrive) -> str:
    if task.is_running:
        return f"AWS moves {task.to_move or 'the'} messages back; `giftbridge status` shows how many are left."
    if task.status == "COMPLETED":
        return f"{task.moved} messages are back in their queue."
    return f"The redrive ended as {task.status} after {task.moved} messages: {task.failure or 'AWS gives no reason'}."
