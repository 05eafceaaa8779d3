"""`giftbridge restored`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from giftbridge.domain.times import format_moment
from ops.command.showing import moment
from ops.command.terminal import Terminal, verb
from ops.operating import restoring
from ops.operating.problems import HEALTHY
from ops.operating.restoring import RestorePlan


@verb
def restored(
    terminal: Terminal,
    to: Annotated[
        datetime,
        typer.Option("--to", formats=["%Y-%m-%dT%H:%M:%S"], help="The moment (UTC) to which the tables were restored."),
    ],
    plan_only: Annotated[bool, typer.Option("--plan", help="Show what it entails, and do nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> int:
    """Tell that the tables were restored to an earlier moment.

    What was done since is forgotten: it is looked for in Aegis before anything is sent, and the feeds are read again.
    Stop the functions before you restore, and let them run after this.
    """
    stack = terminal.stack
    with terminal.busy("looking"):
        plan = restoring.plan(stack, to.replace(tzinfo=UTC), stack.operator())
    if plan_only:
        terminal.answer(_data(plan), *_shown(plan))
        return HEALTHY
    if not terminal.as_json:
        for line in _shown(plan):
            terminal.err.print(line, markup=False)
    if not terminal.agree("Were the tables restored to that moment?", yes=yes):
        terminal.say("Nothing was changed.")
        return HEALTHY
    marked = restoring.carry_out(stack, plan)
    terminal.answer(
        {**_data(plan), "looked_for": marked}, f"Told: {marked} deliveries are looked for before they are sent."
    )
    return HEALTHY


def _shown(plan: RestorePlan) -> list[str]:
    return [
        f"The tables are as they were at {moment(plan.restore.to)} (UTC).",
        f"- Open then, and looked for before they are sent: {len(plan.deliveries)} deliveries.",
        f"- Read again from there: {', '.join(plan.feeds) or 'no feed was read beyond it'}.",
        "- What is picked up again and carries no CRM key is looked for in Aegis before it is sent.",
    ]


def _data(plan: RestorePlan) -> dict[str, Any]:
    return {
        "to": format_moment(plan.restore.to),
        "deliveries": list(plan.deliveries),
        "feeds": list(plan.feeds),
    }
