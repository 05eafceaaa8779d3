"""The review queue: both sides of what only a person can decide, and the decision."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from ops.console.pages.delivery import delivery_named
from ops.console.visit import NoSuchPageError, Visit, acts, looks
from ops.operating.deciding import decide
from ops.operating.problems import WrongUsage
from ops.operating.reviewing import QUESTIONS, Case, Choice, Side, case_of, waiting
from ops.operating.stack import Stack

# What tells records apart without telling of a person.
_IMPERSONAL = frozenset(
    {"active", "amount", "appeal", "date", "donor_id", "frequency", "member_since", "pledged", "recorded",
     "recorded_by", "start"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cell:
    """What one candidate says of a field."""

    value: str
    agrees: bool


@dataclass(frozen=True, slots=True)
class CompareRow:
    """A field on both sides."""

    name: str
    is_personal: bool
    subject: str
    cells: tuple[Cell, ...]


def count_waiting(stack: Stack) -> int:
    """How many deliveries wait for a decision."""
    return len(waiting(stack))


def queue(visit: Visit) -> Response:
    """All that wait, the longest waiting first."""
    found = [
        (delivery, QUESTIONS[delivery.trouble.cause].words, delivery.trouble.candidates)
        for delivery in waiting(visit.stack)
        if delivery.trouble is not None
    ]
    return visit.page("review.html", "Review", found=found)


def case(visit: Visit) -> Response:
    """Both sides of one, read anew from the systems, and what may be decided."""
    found = delivery_named(visit, visit.part("id"))
    if found.trouble is None or found.trouble.cause not in QUESTIONS:
        raise NoSuchPageError(f"{found.id} ({found.state}) waits for no decision.")
    opened = case_of(visit.stack, found.id)
    return visit.page(
        "case.html",
        opened.question,
        case=opened,
        key=visit.session.keep(opened),
        entity=opened.delivery.donor_entity,
        shown=visit.is_revealed(opened.delivery.donor_entity),
        rows=_rows(opened.subject, opened.candidates),
        choices=[(f"{choice.name} {choice.candidate or ''}".strip(), choice) for choice in opened.choices],
    )


def _rows(subject: Side, candidates: tuple[Side, ...]) -> list[CompareRow]:
    names = dict.fromkeys([*subject.fields, *(name for side in candidates for name in side.fields)])
    return [
        CompareRow(
            name,
            name not in _IMPERSONAL,
            subject.fields.get(name, ""),
            tuple(Cell(side.fields.get(name, ""), name in side.agrees) for side in candidates),
        )
        for name in names
    ]


def decided(visit: Visit) -> Response:
    """Carry out the decision, on the case as it was shown."""
    key = visit.needed("case", "The case")
    found = visit.session.kept(key)
    if not isinstance(found, Case):
        raise WrongUsage("The case is no longer open here; nothing was decided.", ["Open it again."])
    name, _, candidate = visit.needed("choice", "A choice").partition(" ")
    choice = Choice(name, candidate or None, "", "")
    after = decide(visit.stack, found, choice.name, choice.candidate, visit.given("why") or "", visit.who())
    visit.session.drop(key)
    return visit.go("/review", f"Decided: {after.id} is {after.state.value}.")


ROUTES = (looks("/review", queue), looks("/case/{id:path}", case), acts("/review", decided))
