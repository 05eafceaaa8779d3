"""`giftbridge erase`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ops.command.showing import pairs, table
from ops.command.terminal import Terminal, verb
from ops.operating import erasing
from ops.operating.erasing import NOT_REACHED, ErasePlan
from ops.operating.identifiers import donor_id
from ops.operating.problems import HEALTHY, PERSON_NEEDED


@verb
def erase(
    terminal: Terminal,
    donor: Annotated[str, typer.Argument(metavar="DONOR", help="The donor's id: 41 or donor/41.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    plan_only: Annotated[bool, typer.Option("--plan", help="Show what would be erased, and erase nothing.")] = False,
) -> int:
    """Erase what is stored of a donor's person; ids, amounts, states and moments stay.

    Erased are values in the activity, what both sides last agreed on, waiting notices, and what deliveries keep for
    later steps. It cannot be taken back. Where a request may still have landed, or a row is held by Virtuous' import
    tool, its values stay, because they tell whether it did: then the exit code is 1; erase again once it is settled.
    Erase the person on RaiseDonors, Aegis and Virtuous first: what they hold is read again when it changes.
    """
    stack, number = terminal.stack, donor_id(donor)
    with terminal.busy("looking"):
        plan = erasing.plan_erasure(stack, number)
    if plan_only or plan.is_empty:
        terminal.answer(_data(plan, erased=False), *_shown(plan))
        return PERSON_NEEDED if plan.unfinished else HEALTHY
    if not terminal.as_json:
        for part in _shown(plan):
            terminal.err.print(part, markup=False)
    if not terminal.agree(f"Erase what is stored of donor {number}? It cannot be taken back.", yes=yes):
        terminal.say("Nothing was changed.")
        return HEALTHY
    with terminal.busy("erasing"):
        left = erasing.erase(stack, plan, stack.operator())
    more = [] if left.is_empty else ["Something was added meanwhile: erase again."]
    terminal.answer(_data(plan, erased=True), f"Erased of donor {number}: {_counts(plan)}.", *_left(left), *more)
    return HEALTHY if left.is_empty and not left.unfinished else PERSON_NEEDED


def _shown(plan: ErasePlan) -> list[Any]:
    if plan.is_empty and not plan.unfinished:
        return [f"Nothing is stored of donor {plan.donor}'s person.", _beyond(plan)]
    rows = [("To erase", _counts(plan) or "nothing now"), ("Stays", "ids, amounts, states, moments, CRM keys")]
    if plan.open:
        rows.append(("Open", f"{len(plan.open)} deliveries go on: what they need is read from RaiseDonors again"))
    return [pairs(rows), *_left(plan), _beyond(plan)]


def _left(plan: ErasePlan) -> list[Any]:
    if not plan.unfinished:
        return []
    words = "Kept until these are settled, because it tells whether their request landed; erase again then:"
    return [words, table(("delivery", "state"), ((d.id, d.state.value) for d in plan.unfinished))]


def _beyond(plan: ErasePlan) -> str:
    return "Not reached: " + "; ".join([*NOT_REACHED, *plan.missed]) + "."


def _counts(plan: ErasePlan) -> str:
    return ", ".join(f"{count} {name}" for name, count in plan.counts.items() if count)


def _data(plan: ErasePlan, *, erased: bool) -> dict[str, Any]:
    return {
        "donor": plan.donor,
        "erased": erased,
        "counts": plan.counts,
        "unfinished": [delivery.id for delivery in plan.unfinished],
        "open": [delivery.id for delivery in plan.open],
        "not_reached": [*NOT_REACHED, *plan.missed],
    }
