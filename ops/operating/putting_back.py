"""Putting a reopened delivery back to how it was, where nobody has tried it since."""

from __future__ import annotations

from dataclasses import replace

from giftbridge.delivery_queue import new_nudge_name
from giftbridge.domain import delivery_life as life
from giftbridge.domain.deliveries import Delivery, State, Trouble
from ops.operating.stack import Stack

_LINES = 1_000


def is_untried(delivery: Delivery, reopened_as: int) -> bool:
    """Whether nothing was done about it since it was reopened, with this revision, but to have it wait."""
    if delivery.state is State.UNKNOWN:
        return delivery.revision == reopened_as
    has_begun = delivery.attempts > 0 or delivery.attempt is not None or bool(delivery.chunk)
    return delivery.state in {State.PENDING, State.WAITING} and not has_begun


def put_back(stack: Stack, delivery: Delivery, was: State, cause: str, why: str, who: str) -> Delivery:
    """Failed or ignored again, with the trouble it had. Raises LostRace when somebody has begun with it."""
    now = stack.tools.now()
    trouble = _trouble_before(stack, delivery, cause)
    ended = life.ignored if was is State.IGNORED else life.failed
    # Its nudge is still in line: it must not be taken for one that was redriven from the dead letters. Its dead letter
    # may be gone, because the sweep deletes those of deliveries that were reopened.
    letter = new_nudge_name(stack.tools.token) if was is State.FAILED and delivery.failed_nudge is not None else None
    name = letter or delivery.failed_nudge
    # The letter was never a message of the queue: whatever comes from there with its name was redriven.
    after = replace(ended(delivery, trouble, now), failed_nudge=name, failed_message=letter or delivery.failed_message)
    line = stack.tools.activity.line(
        delivery.donor_entity,
        now=now,
        what="put back",
        why=why,
        delivery_id=delivery.id,
        who=who,
        details={"kind": delivery.kind.value, "cause": trouble.cause},
    )
    saved = stack.tools.deliveries.save(delivery, after, line)
    if letter is not None:
        stack.queue_of(saved.destination).send_dead_letter(saved, letter)
    return saved


def _trouble_before(stack: Stack, delivery: Delivery, cause: str) -> Trouble:
    """Waiting puts another trouble in the row: then the one before is read from the activity."""
    if delivery.trouble is not None and delivery.state is not State.WAITING:
        return delivery.trouble
    for line in stack.tools.activity.of_entity(delivery.donor_entity, _LINES):
        details = line.get("details") or {}
        if line.get("delivery") == delivery.id and details.get("cause") == cause and line["what"] in _ENDED:
            field = details.get("field")
            text, _, remedy = str(line["why"]).removeprefix(f"{field}: ").partition(" — ")
            return Trouble(cause, text, field, remedy or None, tuple(details.get("candidates") or ()))
    return Trouble(cause, "as before the retry that was cancelled; its activity tells")


_ENDED = frozenset({"failed", "ignored"})
