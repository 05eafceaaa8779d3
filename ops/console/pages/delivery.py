"""One delivery: everything that is known of it, what happens next, what can be done; and correcting a gift."""

from __future__ import annotations

import json

from starlette.datastructures import UploadFile
from starlette.responses import Response

from giftbridge.domain.deliveries import Delivery, Kind, State
from ops.console.shaping import KIND_WORDS, facts_of, results_of
from ops.console.story_lines import shaped
from ops.console.visit import NoSuchPageError, Visit, acts, looks
from ops.operating import story
from ops.operating.explaining import held_text, original_of, row_as_sent, what_next
from ops.operating.identifiers import kind_of
from ops.operating.problems import NeedsPerson, WrongUsage
from ops.operating.replaying import ReplayPlan, editable, plan_replay, replay
from ops.operating.reviewing import QUESTIONS

_LINES = 50
_EDITABLE = frozenset({State.FAILED, State.IGNORED})


def delivery(visit: Visit) -> Response:
    """Explain it."""
    found = delivery_named(visit, visit.part("id"))
    trouble = found.trouble
    shown = visit.is_revealed(found.donor_entity)
    row = row_as_sent(found)
    return visit.page(
        "delivery.html",
        found.id,
        delivery=found,
        kind=KIND_WORDS[found.kind],
        next=what_next(visit.stack, found),
        held=held_text(visit.stack, found),
        original=original_of(visit.stack, found),
        lines=[shaped(line) for line in story.of_delivery(visit.stack, found, _LINES)],
        results=results_of(found),
        sent=facts_of(found.attempt.values) if found.attempt is not None else [],
        row=json.dumps(row, ensure_ascii=False, indent=2) if row is not None and shown else None,
        has_row=row is not None,
        shown=shown,
        has_personal=found.donor_id is not None or row is not None or found.attempt is not None,
        is_review=found.state is State.FAILED and trouble is not None and trouble.cause in QUESTIONS,
        is_editable=found.kind is Kind.DONATION_CREATED and found.state in _EDITABLE,
        is_retryable=found.state in _EDITABLE | {State.WAITING, State.SENT} or found.is_in_outbox,
        runbook=runbook_name(trouble.cause) if trouble is not None else None,
    )


def runbook_name(cause: str) -> str:
    """The runbook's page of a cause: what follows a colon names a record."""
    return cause.partition(":")[0]


def delivery_named(visit: Visit, delivery_id: str) -> Delivery:
    """The delivery of that id. Raises NoSuchPageError."""
    if len(delivery_id) > 200 or kind_of(delivery_id) is None:
        raise NoSuchPageError("That is no delivery's id; one looks like aegis/donation/987/created.")
    found = visit.stack.tools.deliveries.get(delivery_id)
    if found is None:
        raise NoSuchPageError(f"There is no delivery {delivery_id}.")
    return found


def edit(visit: Visit) -> Response:
    """The fields of a gift that can be corrected; they tell of a person, so they show once revealed."""
    found = delivery_named(visit, visit.part("id"))
    shown = visit.is_revealed(found.donor_entity)
    values = editable(visit.stack, found) if shown else {}
    return visit.page("edit.html", "Correct and replay", delivery=found, values=values, shown=shown)


def plan(visit: Visit) -> Response:
    """Check the correction and show the difference."""
    found = delivery_named(visit, visit.part("id"))
    if not visit.is_revealed(found.donor_entity):
        raise NeedsPerson("Personal data is hidden again.", ["Reveal it, then correct."])
    given = {
        name.removeprefix("f:"): _typed(value)
        for name, value in visit.form.multi_items()
        if name.startswith("f:") and not isinstance(value, UploadFile)
    }
    values = editable(visit.stack, found)
    changes = {name: value for name, value in given.items() if value != _typed(values.get(name, ""))}
    planned = plan_replay(visit.stack, found, changes)
    key = visit.session.keep(planned) if planned.diff and not planned.problems else None
    return visit.page("edit_plan.html", "What would be sent otherwise", delivery=found, plan=planned, key=key)


def _typed(text: str) -> str:
    """A text as a form gives it back, without a browser's own line ends: what nobody touched is no change."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def send(visit: Visit) -> Response:
    """Keep the correction that was shown, and send."""
    key = visit.needed("plan", "The plan")
    planned = visit.session.kept(key)
    if not isinstance(planned, ReplayPlan):
        raise WrongUsage("The plan is no longer there; nothing was sent.", ["Plan it again."])
    visit.session.drop(key)
    after = replay(visit.stack, planned, visit.who())
    return visit.go(f"/delivery/{after.id}", "It goes out with the correction.")


ROUTES = (
    looks("/delivery/{id:path}", delivery),
    looks("/edit/{id:path}", edit),
    acts("/edit/{id:path}", plan),
    acts("/replay", send),
)
