"""`giftbridge replay`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from giftbridge.domain.deliveries import Delivery, Kind, State
from ops.command.showing import table
from ops.command.terminal import Terminal, verb
from ops.operating import explaining
from ops.operating.identifiers import deliveries_named
from ops.operating.problems import HEALTHY, PERSON_NEEDED, WrongUsage
from ops.operating.replaying import ReplayPlan, editable, plan_replay
from ops.operating.replaying import replay as carry_out
from ops.operating.stack import Stack


@verb
def replay(
    terminal: Terminal,
    name: Annotated[str, typer.Argument(metavar="ID", help="A failed gift: 987 or virtuous/donation/987/created.")],
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="A correction; can be repeated.")
    ] = None,
    plan_only: Annotated[bool, typer.Option("--plan", help="Check and show the difference, and do nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> int:
    """Correct a failed gift and send it so: codes, addresses and texts, not the money.

    Without --set the fields that can be corrected are listed. A correction is checked as its destination would check
    it, shown beside what RaiseDonors says, and kept with the delivery.
    """
    stack = terminal.stack
    with terminal.busy("reading the gift"):
        delivery = _gift(stack, name)
        if not changes:
            return _list(terminal, delivery)
        plan = plan_replay(stack, delivery, dict(map(_pair, changes)))
    if plan_only or plan.problems:
        terminal.answer({"plan": _data(plan)}, *_shown(plan))
        return PERSON_NEEDED if plan.problems else HEALTHY
    if not terminal.as_json:
        for part in _shown(plan):
            terminal.err.print(part, markup=False)
    if not terminal.agree(f"Send {delivery.id} so?", yes=yes):
        terminal.say("Nothing was changed.")
        return HEALTHY
    after = carry_out(stack, plan, stack.operator())
    data = {"plan": _data(plan), "delivery": explaining.as_json(after)}
    terminal.answer(data, f"{after.id} goes out so. What became of it: giftbridge deliveries {after.id} {stack.hint}")
    return HEALTHY


def _gift(stack: Stack, name: str) -> Delivery:
    """The gift that is meant: of one that goes to both CRMs, the one that failed."""
    gifts = [one for one in deliveries_named(stack, name) if one.kind is Kind.DONATION_CREATED]
    if not gifts:
        raise WrongUsage(f"{name} is no gift; only gifts can be corrected.")
    failed = [one for one in gifts if one.state is State.FAILED]
    if len(failed) > 1:
        raise WrongUsage(f"{name} failed on both ways.", [f"Name one: {', '.join(one.id for one in failed)}."])
    return (failed or gifts)[0]


def _pair(text: str) -> tuple[str, str]:
    field, sign, value = text.partition("=")
    if not sign or not field.strip():
        raise WrongUsage(f"--set takes FIELD=VALUE, not {text!r}.")
    return field.strip(), value


def _list(terminal: Terminal, delivery: Delivery) -> int:
    values = editable(terminal.stack, delivery)
    hint = f"Correct one: giftbridge replay {delivery.id} --set FIELD=VALUE {terminal.stack.hint}"
    terminal.answer({"id": delivery.id, "fields": values}, table(("field", "value"), values.items()), hint)
    return HEALTHY


def _shown(plan: ReplayPlan) -> list[Any]:
    diff = table(("field", "RaiseDonors says", "is sent as"), plan.diff) if plan.diff else "Nothing is corrected."
    return [diff, *(f"Would be refused: {problem}" for problem in plan.problems)]


def _data(plan: ReplayPlan) -> dict[str, Any]:
    return {
        "id": plan.delivery.id,
        "diff": [{"field": field, "old": old, "new": new} for field, old, new in plan.diff],
        "problems": list(plan.problems),
    }
