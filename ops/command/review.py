"""`giftbridge review`."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from giftbridge.domain.deliveries import Delivery
from giftbridge.domain.times import format_moment
from ops.command.showing import age, table
from ops.command.terminal import Terminal, verb
from ops.operating import explaining, reviewing
from ops.operating.deciding import decide
from ops.operating.identifiers import FORMS
from ops.operating.problems import HEALTHY, PERSON_NEEDED, WrongUsage
from ops.operating.reviewing import CREATE, IGNORE, PICK, SEND, Case, Choice


@verb
def review(
    terminal: Terminal,
    name: Annotated[str | None, typer.Argument(metavar="ID", help=f"The delivery to decide on: {FORMS}.")] = None,
    pick: Annotated[str | None, typer.Option(metavar="CANDIDATE", help="It is this one.")] = None,
    create: Annotated[bool, typer.Option("--create", help="It is none of them: make a new one.")] = False,
    send: Annotated[bool, typer.Option("--send", help="It is not there: send it, on your word.")] = False,
    ignore: Annotated[bool, typer.Option("--ignore", help="Leave it: nothing is sent.")] = False,
    why: Annotated[str, typer.Option(help="Your reason, kept in the activity.")] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> int:
    """Decide what only a person can: which partner a donor is, whether a gift is there.

    Where an answer was lost, several records may be the one that was sent. Without an ID those that wait are listed;
    with one both sides are shown, side by side, and what may be decided.
    """
    chosen = {PICK: pick is not None, CREATE: create, SEND: send, IGNORE: ignore}
    if sum(chosen.values()) > 1 or (name is None and any(chosen.values())):
        raise WrongUsage("Give an ID and one of --pick, --create, --send, --ignore.")
    stack = terminal.stack
    if name is None:
        with terminal.busy("looking"):
            found = reviewing.waiting(stack)
        return _list(terminal, found)
    with terminal.busy("reading both sides"):
        case = reviewing.case_of(stack, name)
    decision = next((word for word, is_chosen in chosen.items() if is_chosen), None)
    if decision is None:
        terminal.answer(case_data(case), *_case_shown(case, stack.hint))
        return PERSON_NEEDED
    choice = _offered(case, decision, pick)
    question = f"{choice.words}? {choice.consequence}"
    if not terminal.agree(question, yes=yes):
        terminal.say("Nothing was decided.")
        return HEALTHY
    after = decide(stack, case, decision, pick, why, stack.operator())
    data = {"decided": decision, "candidate": pick, "delivery": explaining.as_json(after)}
    terminal.answer(data, f"Decided: {choice.words}. {after.id} is {after.state}.")
    return HEALTHY


def _offered(case: Case, decision: str, candidate: str | None) -> Choice:
    for choice in case.choices:
        if (choice.name, choice.candidate) == (decision, candidate):
            return choice
    offered = ", ".join(f"--{choice.name} {choice.candidate or ''}".strip() for choice in case.choices)
    raise WrongUsage(f"{case.delivery.id} does not offer that.", [f"It offers: {offered}."])


def _list(terminal: Terminal, found: list[Delivery]) -> int:
    rows = [_row(terminal, delivery) for delivery in found]
    data = {"waiting": [explaining.as_json(delivery) for delivery in found]}
    if not found:
        terminal.answer(data, "Nothing waits for a decision.")
        return HEALTHY
    hint = f"Both sides of one: giftbridge review ID {terminal.stack.hint}"
    terminal.answer(data, table(("delivery", "donor", "waits since", "question", "candidates"), rows), hint)
    return PERSON_NEEDED


def _row(terminal: Terminal, delivery: Delivery) -> tuple[str, ...]:
    trouble = delivery.trouble
    cause = trouble.cause if trouble is not None else ""
    candidates = ", ".join(trouble.candidates) if trouble is not None else ""
    question = reviewing.QUESTIONS[cause].words
    donor = "" if delivery.donor_id is None else str(delivery.donor_id)
    return delivery.id, donor, age(delivery.updated_at, terminal.stack.tools.now()), question, candidates


def _case_shown(case: Case, hint: str) -> list[Any]:
    choices = table(
        ("decide", "what comes of it"),
        ((f"--{c.name} {c.candidate or ''}".strip(), c.consequence) for c in case.choices),
    )
    return [f"{case.delivery.id}: {case.question}", _side_by_side(case), choices, f"giftbridge review ID ... {hint}"]


def _side_by_side(case: Case) -> Table:
    """The subject and its candidates as columns; what agrees is green and says so."""
    names = dict.fromkeys([*case.subject.fields, *(name for side in case.candidates for name in side.fields)])
    rows = []
    for name in names:
        cells: list[str | Text] = [name.replace("_", " "), case.subject.fields.get(name, "")]
        for side in case.candidates:
            value = side.fields.get(name, "")
            cells.append(Text(f"= {value}", style="green") if name in side.agrees else Text(value))
        rows.append(cells)
    return table(("", case.subject.title, *(side.title for side in case.candidates)), rows)


def case_data(case: Case) -> dict[str, Any]:
    """A case for machines."""
    sides = [
        {"id": side.id, "title": side.title, "fields": dict(side.fields), "agrees": sorted(side.agrees)}
        for side in case.candidates
    ]
    return {
        "delivery": explaining.as_json(case.delivery),
        "question": case.question,
        "since": format_moment(case.delivery.updated_at),
        "subject": {"id": case.subject.id, "fields": dict(case.subject.fields)},
        "candidates": sides,
        "choices": [
            {"name": c.name, "candidate": c.candidate, "words": c.words, "consequence": c.consequence}
            for c in case.choices
        ],
    }
