"""A delivery in words and for machines."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from giftbridge.domain.daily_times import next_batch_time
from giftbridge.domain.deliveries import (
    BATCHED,
    OPEN_STATES,
    WAITS_FOR_ANOTHER,
    Delivery,
    Kind,
    State,
    Trouble,
)
from giftbridge.domain.delivery_ids import RAISEDONORS, VIRTUOUS, donation_created_id
from giftbridge.domain.remembered import is_for_later
from giftbridge.domain.times import format_moment
from giftbridge.flows.vitals import held_since
from ops.operating.stack import Stack
from ops.operating.systems import SOURCE


def why(delivery: Delivery) -> str:
    """In a few words: the trouble of a delivery, or what came of it."""
    if delivery.state is State.DELIVERED:
        names = ("invoice", "refund_of", "pledge", "partner", "gift", "reversed", "contact", "project", "rows")
        named = {name.replace("_", " "): delivery.result.get(name) for name in names}
        return ", ".join(f"{name} {value}" for name, value in named.items() if value)
    if delivery.trouble is not None:
        return delivery.trouble.explain()
    if delivery.state is State.SENT:
        return "held by the import tool"
    if delivery.is_in_outbox:
        return "waits for the batch"
    return f"goes with {delivery.chunk}" if delivery.chunk else ""


def what_next(stack: Stack, delivery: Delivery) -> str:
    """What becomes of a delivery by itself, or what a person has to do."""
    now = stack.tools.now()
    blocked = _blocked(stack, delivery, now)
    if blocked is not None:
        return f"Waits, and goes on by itself after this: {blocked}."
    retry = f"`giftbridge retry {delivery.id}`"
    look = " The retry first looks whether an earlier request landed." if delivery.attempt else ""
    mirrors = "; its keys are still to be stored on RaiseDonors" if delivery.mirrors else ""
    due = _at(delivery.due)
    return {
        State.PENDING: _while_pending(stack, delivery),
        State.SENDING: _while_sending(delivery, now),
        State.WAITING: f"Is tried again by itself at {due}{_behind(delivery)}.",
        State.UNKNOWN: _while_unknown(delivery, due),
        State.SENT: f"Lands when somebody runs the import in Virtuous; is looked up at {due}. Nothing is sent again.",
        State.DELIVERED: f"Done{mirrors}.",
        State.FAILED: f"Waits for you: put the cause right, then {retry}.{look}",
        State.IGNORED: f"Is not sent, and needs nothing. {retry} would take it up all the same.",
    }[delivery.state]


def _while_pending(stack: Stack, delivery: Delivery) -> str:
    if delivery.chunk:
        return f"Goes to the import tool with {delivery.chunk}."
    if not delivery.is_in_outbox:
        return "Is worked on by itself as soon as it is its turn."
    settings = stack.versions.current().settings
    when = (
        ""
        if stack.is_local
        else f" at {_at(next_batch_time(stack.tools.now(), settings.time_zone, settings.batch_at))}"
    )
    sends = "`giftbridge batch run` sends all that wait now"
    return f"Waits for the batch{when}; {sends}, `giftbridge retry {delivery.id}` this one alone."


def _while_unknown(delivery: Delivery, due: str) -> str:
    if delivery.destination == VIRTUOUS and delivery.kind in {*BATCHED, Kind.IMPORT_CHUNK}:
        return f"The answer was lost: at {due} the same rows are sent again, which the import tool knows as the same."
    return f"Looks in {delivery.destination} at {due} whether the request landed; sends only if not."


def held_text(stack: Stack, delivery: Delivery) -> str:
    """Since when the import tool holds the row; nothing for what it does not hold."""
    return f"since {_at(held_since(delivery))}" if delivery.state is State.SENT else ""


def _behind(delivery: Delivery) -> str:
    """That somebody else comes first, and who: a refund's original, the holder of a key."""
    trouble = delivery.trouble
    return f"; it {trouble.text}" if trouble is not None and trouble.cause in WAITS_FOR_ANOTHER else ""


def original_of(stack: Stack, delivery: Delivery) -> Delivery | None:
    """The delivery of the donation that a refund reverses; None for what is no refund."""
    if delivery.kind is not Kind.DONATION_REFUNDED:
        return None
    return stack.tools.deliveries.get(donation_created_id(delivery.entity_id, delivery.destination))


def _blocked(stack: Stack, delivery: Delivery, now: datetime) -> str | None:
    """Why no delivery moves at present: the system it goes to, or the one it comes from, is closed."""
    if delivery.state not in {State.PENDING, State.WAITING, State.UNKNOWN} or delivery.is_in_outbox:
        return None
    source = VIRTUOUS if delivery.destination == RAISEDONORS else SOURCE
    reasons = (stack.tools.state.destination(s).blocks(delivery.id, now) for s in (delivery.destination, source))
    return next((reason[0] for reason in reasons if reason is not None), None)


def _while_sending(delivery: Delivery, now: datetime) -> str:
    if delivery.is_leased(now) and delivery.lease_until is not None:
        return f"Is being sent right now, until {_at(delivery.lease_until)} at the latest."
    return "The process that was sending it ended; the sweep takes it up within a minute."


def _at(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def told_result(delivery: Delivery) -> dict[str, str]:
    """The ids found and made so far; what holds a person's details is left out."""
    return {name: value for name, value in delivery.result.items() if not is_for_later(name)}


def as_json(delivery: Delivery, *, with_row: bool = False) -> dict[str, Any]:
    """A delivery for machines: every value, moments as text, what is not set left out.

    The row as sent holds names and addresses: it is shown only when asked for.
    """
    values: dict[str, Any] = {
        "id": delivery.id,
        "state": delivery.state.value,
        "kind": delivery.kind.value,
        "destination": delivery.destination,
        "donor": delivery.donor_id,
        "entity": delivery.entity_id,
        "created_at": delivery.created_at,
        "updated_at": delivery.updated_at,
        "due": delivery.due if delivery.state in OPEN_STATES else None,
        "attempts": delivery.attempts,
        "first_failed_at": delivery.first_failed_at,
        "trouble": _trouble_json(delivery.trouble),
        "attempt": _attempt_json(delivery),
        "lease_until": delivery.lease_until,
        "nudge": delivery.nudge,
        "nudged_at": delivery.nudged_at,
        "failed_nudge": delivery.failed_nudge,
        "result": told_result(delivery) or None,
        "mirrors": list(map(str, delivery.mirrors)) or None,
        "corrections": dict(delivery.corrections) or None,
        "wanted": delivery.wanted or None,
        "served": delivery.served if delivery.wanted else None,
        "chunk": delivery.chunk or None,
        "members": list(delivery.members) or None,
        "row": row_as_sent(delivery) if with_row else None,
    }
    return {name: _plain(value) for name, value in values.items() if value is not None}


def row_as_sent(delivery: Delivery) -> dict[str, Any] | None:
    """The import row, as it was sent or is going to be, with the Reference Source of its call; None without one."""
    return dict(json.loads(delivery.row)) if delivery.row else None


def _trouble_json(trouble: Trouble | None) -> dict[str, Any] | None:
    if trouble is None:
        return None
    named = {name: getattr(trouble, name) for name in ("cause", "text", "field", "remedy")}
    return {**named, "candidates": list(trouble.candidates)}


def _attempt_json(delivery: Delivery) -> dict[str, Any] | None:
    attempt = delivery.attempt
    if attempt is None:
        return None
    return {
        "step": attempt.step.value,
        "started_at": format_moment(attempt.started_at),
        "first_started_at": format_moment(attempt.first_started_at),
        "values": dict(attempt.values),
    }


def _plain(value: Any) -> Any:
    return format_moment(value) if isinstance(value, datetime) else value
