"""`giftbridge undo`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ops.command.showing import table
from ops.command.terminal import Terminal, verb
from ops.operating.explaining import why
from ops.operating.identifiers import donor_id
from ops.operating.problems import HEALTHY
from ops.operating.undoing import UndoPlan, plan_undo
from ops.operating.undoing import undo as carry_out


@verb
def undo(
    terminal: Terminal,
    donor: Annotated[str, typer.Argument(metavar="DONOR", help="The donor whose match was wrong: 41 or donor/41.")],
    to: Annotated[str | None, typer.Option(metavar="PARTNER", help="The right partner; else matched anew.")] = None,
    reason: Annotated[str, typer.Option("--why", help="Your reason, kept in the activity.")] = "",
    plan_only: Annotated[bool, typer.Option("--plan", help="Show what it entails, and do nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> int:
    """Undo the match of a donor with a partner in Aegis. What that entails is listed first."""
    stack = terminal.stack
    with terminal.busy("looking"):
        plan = plan_undo(stack, donor_id(donor))
    if plan_only:
        terminal.answer({"plan": _data(plan)}, *_shown(plan))
        return HEALTHY
    if not terminal.as_json:
        for part in _shown(plan):
            terminal.err.print(part, markup=False)
    instead = f"Partner {to} takes its place" if to is not None else "Their next gift is matched anew"
    if not terminal.agree(f"Undo the match of donor {plan.donor_id} with partner {plan.partner}? {instead}.", yes=yes):
        terminal.say("Nothing was changed.")
        return HEALTHY
    told = carry_out(stack, plan, to, reason, stack.operator())
    data = {"plan": _data(plan), "instead": to, "told": told}
    terminal.answer(data, f"Undone: partner {plan.partner} is not donor {plan.donor_id}. {told}")
    return HEALTHY


def _shown(plan: UndoPlan) -> list[Any]:
    head = f"Donor {plan.donor_id} is partner {plan.partner}, by {plan.rule}, since {plan.since[:19].replace('T', ' ')}"
    arrived = table(("arrived there", "what"), ((delivery.id, why(delivery)) for delivery in plan.deliveries))
    return [head, *([arrived] if plan.deliveries else []), *(f"- {line}" for line in plan.consequences)]


def _data(plan: UndoPlan) -> dict[str, Any]:
    return {
        "donor": plan.donor_id,
        "partner": plan.partner,
        "rule": plan.rule,
        "since": plan.since,
        "consequences": list(plan.consequences),
        "deliveries": [delivery.id for delivery in plan.deliveries],
    }
