"""Pausing a system and resuming it: deliveries wait meanwhile, nothing is lost."""

from __future__ import annotations

from dataclasses import replace

from giftbridge.domain.destinations import Destination
from ops.operating import story
from ops.operating.stack import Stack
from ops.operating.systems import System


def pause(stack: Stack, system: System, who: str) -> Destination:
    """No more calls to this system until it is resumed. Who paused it first stays on record."""
    before = stack.tools.state.destination(system.name)
    after = stack.tools.state.change_destination(system.name, lambda d: replace(d, paused_by=d.paused_by or who))
    if before.paused_by is None:
        story.record(stack, f"system#{system.name}", what="paused", why="an operator said so", who=who)
    return after


def resume(stack: Stack, system: System, who: str) -> tuple[Destination, Destination]:
    """End a pause, an open breaker and a stop, so that it is tried at once; the row before and after.

    What the system itself asked for (429 with a time) stays.
    """
    before = stack.tools.state.destination(system.name)
    after = stack.tools.state.change_destination(system.name, _opened)
    if not before.is_healthy:
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
    )
