"""`giftbridge pause` and `giftbridge resume`."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.command.terminal import Terminal, verb
from ops.operating import pausing
from ops.operating.problems import HEALTHY
from ops.operating.systems import SYSTEMS, system_named

_WHICH = f"One of: {', '.join(SYSTEMS)}."


@verb
def pause(terminal: Terminal, system: Annotated[str, typer.Argument(help=_WHICH)]) -> int:
    """Make no more calls to a system; deliveries wait.

    Nothing is lost: what happens meanwhile goes out after `giftbridge resume`. Work in hand ends first.
    """
    named, stack = system_named(system), terminal.stack
    with terminal.busy("pausing"):
        after = pausing.pause(stack, named, stack.operator())
    words = f"{named.title} is paused by {after.paused_by}. Go on with: giftbridge resume {named.name} {stack.hint}"
    terminal.answer({"system": named.name, "paused_by": after.paused_by}, words)
    return HEALTHY


@verb
def resume(terminal: Terminal, system: Annotated[str, typer.Argument(help=_WHICH)]) -> int:
    """Call a system again, at once.

    Ends a pause; closes an open breaker, lifts a stop for refused credentials and ends a wait the system asked for
    (429) too, so that it is tried without waiting.
    """
    named, stack = system_named(system), terminal.stack
    with terminal.busy("resuming"):
        before, _ = pausing.resume(stack, named, stack.operator())
    ended = {
        "pause": before.paused_by is not None,
        "stop": before.stopped_at is not None,
        "breaker": before.opened_at is not None,
        "wait": before.not_before is not None,
    }
    names = [name for name, was_so in ended.items() if was_so]
    words = (
        f"{named.title} is tried within a minute; ended: {', '.join(names)}." if names else f"{named.title} was open."
    )
    terminal.answer({"system": named.name, "ended": names}, words)
    return HEALTHY
