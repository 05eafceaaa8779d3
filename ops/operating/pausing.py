"""Pausing a system and resuming it: deliveries wait meanwhile, nothing is lost."""

from __future__ import annotations

from dataclasses import replace

from giftbridge.domain.deliveries import Delivery
from giftbridge.domain.destinations import Destination
from giftbridge.errors import LostRace
from giftbridge.flows.health import TOO_MANY_CALLS
from ops.operating import story
from ops.operating.stack import Stack
from ops.operating.systems import System

# Those whose calls were answered with 429: the others wait for the system, not for a moment.
_MOST_WOKEN = 1_000


def pause(stack: Stack, system: System, who: str) -> Destination:
    """No more calls to this system until it is resumed. Who paused it first stays on record."""
    before = stack.tools.state.destination(system.name)
    after = stack.tools.state.change_destination(system.name, lambda d: replace(d, paused_by=d.paused_by or who))
    if before.paused_by is None:
        story.record(stack, f"system#{system.name}", what="paused", why="an operator said so", who=who)
    return after


def resume(stack: Stack, system: System, who: str) -> tuple[Destination, Destination]:
    """End a pause, an open breaker, a stop and a wait the system asked for, so that it is tried at once.

    The row before and after; the wait in it is the one that was in force.
    """
    before, now = stack.tools.state.destination(system.name), stack.tools.now()
    before = replace(before, not_before=before.waits_until(now))
    after = stack.tools.state.change_destination(system.name, _opened)
    _wake(stack)
    if not before.is_healthy or before.not_before is not None:
        story.record(stack, f"system#{system.name}", what="resumed", why="an operator said so", who=who)
    return before, after


def _opened(destination: Destination) -> Destination:
    return replace(
        destination,
        paused_by=None,
        stopped_at=None,
        stopped_why=None,
        stopped_versions=None,
        opened_at=None,
        probe_at=None,
        trial=None,
        failed_donors=(),
        not_before=None,
        asked_at=None,
    )


def _wake(stack: Stack) -> None:
    """Deliveries whose own call was answered with 429 are due now; those of another system's meet its wait again."""
    deliveries, now = stack.tools.deliveries, stack.tools.now()
    for destination in stack.destinations:
        for bucket in ("open", "later", "sent"):
            found = deliveries.get_many(deliveries.ids_due_after(destination, now, _MOST_WOKEN, bucket))
            for delivery in filter(_was_asked_to_wait, found.values()):
                try:
                    deliveries.save(delivery, replace(delivery, due=now, updated_at=now))
                except LostRace:
                    continue


def _was_asked_to_wait(delivery: Delivery) -> bool:
    return delivery.trouble is not None and delivery.trouble.cause == TOO_MANY_CALLS
