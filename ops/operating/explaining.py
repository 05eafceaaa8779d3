"""A delivery in words and for machines."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from giftbridge.domain.deliveries import OPEN_STATES, Delivery, Kind, State, Trouble, donation_created_id
from giftbridge.domain.times import format_moment
from ops.operating.stack import Stack
from ops.operating.systems import SOURCE


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
        State.PENDING: "Is worked on by itself as soon as it is its turn.",
        State.SENDING: _while_sending(delivery, now),
        State.WAITING: f"Is tried again by itself at {due}{_behind(delivery)}.",
        State.UNKNOWN: f"Looks in {delivery.destination} at {due} whether the request landed; sends only if not.",
        State.DELIVERED: f"Done{mirrors}.",
        State.FAILED: f"Waits for you: put the cause right, then {retry}.{look}",
        State.IGNORED: f"Is not sent, and needs nothing. {retry} would take it up all the same.",
    }[delivery.state]


def _behind(delivery: Delivery) -> str:
    """That somebody else comes first, and who: a refund's original, the holder of a key."""
    trouble = delivery.trouble
    return f"; it {trouble.text}" if trouble is not None and trouble.cause == "original-open" else ""


def original_of(stack: Stack, delivery: Delivery) -> Delivery | None:
    """The delivery of the donation that a refund reverses; None for what is no refund."""
    if delivery.kind is not Kind.DONATION_REFUNDED:
        return None
    return stack.tools.deliveries.get(donation_created_id(delivery.entity_id, delivery.destination))


def _blocked(stack: Stack, delivery: Delivery, now: datetime) -> str | None:
    """Why no delivery moves at present: the system it goes to, or the one it comes from, is closed."""
    if delivery.state not in {State.PENDING, State.WAITING, State.UNKNOWN}:
        return None
    reasons = (stack.tools.state.destination(s).blocks(delivery.id, now) for s in (delivery.destination, SOURCE))
    return next((reason[0] for reason in reasons if reason is not None), None)


def _while_sending(delivery: Delivery, now: datetime) -> str:
    if delivery.is_leased(now) and delivery.lease_until is not None:
        return f"Is being sent right now, until {_at(delivery.lease_until)} at the latest."
    return "The process that was sending it ended; the sweep takes it up within a minute."


def _at(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def as_json(delivery: Delivery) -> dict[str, Any]:
    """A delivery for machines: every value, moments as text, what is not set left out."""
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
        "result": dict(delivery.result) or None,
        "mirrors": list(delivery.mirrors) or None,
        "wanted": delivery.wanted or None,
        "served": delivery.served if delivery.wanted else None,
    }
    return {name: _plain(value) for name, value in values.items() if value is not None}


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
