"""Retrying deliveries: planned first, then exactly the planned ones, with a result for each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from giftbridge.delivery_queue import new_nudge_name
from giftbridge.domain.deliveries import Delivery, State
from giftbridge.domain.sightings import LEFT_BY_A_PERSON
from giftbridge.errors import LostRace
from giftbridge.flows.work import Work
from ops.operating.identifiers import deliveries_named
from ops.operating.listing import MOST, Filter, find, in_bucket
from ops.operating.stack import Stack
from ops.operating.systems import DESTINATIONS

_CHUNK = 10
# A new donor's gift: a search, a partner, a transaction. A change: two reads and a save. An import row: look-ups of
# its codes and a call. A contact: itself, and what is written to its donor.
CALLS_EACH = 3
# What only a person can see in Aegis: to retry is to say that it is not there.
_WORD_OF_A_PERSON = {
    "refund-may-be-there": "is sent on your word that none of the candidates is this refund",
    LEFT_BY_A_PERSON: "is sent although a person decided to leave it",
    "note-outcome-unknown": "is sent once more, on your word that the note is not in Aegis",
}


class Way(StrEnum):
    """How a delivery is retried."""

    SEND = "send"
    LOOK_FIRST = "look first"
    NOW = "now"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class Item:
    """One delivery of a plan, as it was when the plan was made."""

    delivery: Delivery
    way: Way
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a retry would do. `calls_to` is what it costs each system at most; `seconds` how long, where that is known.

    Systems are called side by side: the slowest of those whose calls are limited counts.
    """

    items: tuple[Item, ...]
    calls_to: Mapping[str, int]
    seconds: float | None

    @property
    def calls(self) -> int:
        return sum(self.calls_to.values())

    @property
    def to_do(self) -> tuple[Item, ...]:
        return tuple(item for item in self.items if item.way is not Way.LEAVE)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one planned delivery: `retried`, or `left` because it changed since the plan was made."""

    id: str
    outcome: str
    text: str


def plan_named(stack: Stack, names: Iterable[str]) -> Plan:
    """A plan for the deliveries that arguments name. Raises WrongUsage."""
    found = {delivery.id: delivery for name in names for delivery in deliveries_named(stack, name)}
    return _plan(stack, found.values())


def plan_matching(stack: Stack, wanted: Filter, most: int = MOST) -> Plan:
    """A plan for the deliveries that a list of this filter shows, so many at most."""
    return _plan(stack, find(stack, wanted, most, most_pages=most).deliveries)


def plan_failed(stack: Stack, cause: str | None = None) -> Plan:
    """A plan for all failed deliveries, or those of one cause."""
    failed = in_bucket(stack, "failed")
    return _plan(stack, (d for d in failed if cause is None or (d.trouble is not None and d.trouble.cause == cause)))


def _plan(stack: Stack, deliveries: Iterable[Delivery]) -> Plan:
    now = stack.tools.now()
    items = tuple(Item(delivery, *_way(delivery, now)) for delivery in deliveries)
    counts = Counter(item.delivery.destination for item in items if item.way is not Way.LEAVE)
    calls = {name: CALLS_EACH * counts[name] for name in DESTINATIONS if counts[name]}
    limits = stack.versions.current().settings.limits
    limited = {name: getattr(limits, f"{name}_per_hour") for name in calls}
    seconds = [calls[name] * 3600 / per_hour for name, per_hour in limited.items() if per_hour]
    return Plan(items, calls, max(seconds, default=None))


def _way(delivery: Delivery, now: datetime) -> tuple[Way, str]:
    """How this one is retried, and why so. Nothing here shortens the wait after a lost answer."""
    if delivery.state in {State.FAILED, State.IGNORED}:
        if delivery.attempt is not None:
            return Way.LOOK_FIRST, "an earlier request may have landed: it is looked for, and sent only if not found"
        if delivery.trouble is None:
            return Way.SEND, "failed"
        return Way.SEND, _WORD_OF_A_PERSON.get(delivery.trouble.cause) or delivery.trouble.explain()
    sooner = {
        State.WAITING: "was due again later",
        State.SENT: "is held by the import tool: is looked up now, and not sent again",
        State.PENDING: "waits for the batch: goes to the import tool alone, now",
    }
    if delivery.state in sooner and (delivery.state is not State.PENDING or delivery.is_in_outbox):
        return Way.NOW, sooner[delivery.state]
    reasons = {
        State.DELIVERED: "is delivered already",
        State.UNKNOWN: "is looked for by itself after the wait; nothing may be sent before",
        State.SENDING: "is being sent right now" if delivery.is_leased(now) else "is taken up by the sweep",
        State.PENDING: f"goes with {delivery.chunk}" if delivery.chunk else "is worked on by itself",
    }
    return Way.LEAVE, reasons[delivery.state]


def carry_out(stack: Stack, plan: Plan, who: str) -> Iterator[Result]:
    """Retry exactly the planned deliveries; one that changed since the plan was made is left alone."""
    to_do = plan.to_do
    for start in range(0, len(to_do), _CHUNK):
        retried: list[Delivery] = []
        results: list[Result] = []
        for item in to_do[start : start + _CHUNK]:
            try:
                retried.append(reopen(stack, item.delivery, item.way, f"retried by {who}", who))
            except LostRace:
                results.append(Result(item.delivery.id, "left", "changed since the plan was made; left alone"))
        nudged = nudge(stack, retried)
        results += [Result(delivery.id, "retried", nudged.get(delivery.destination, "")) for delivery in retried]
        yield from results


def reopen(stack: Stack, before: Delivery, way: Way, why: str, who: str, run: str | None = None) -> Delivery:
    """Have a delivery tried as its way says; `why` and the run stand in its activity. Raises LostRace."""
    tools = stack.tools
    if way is not Way.NOW:
        work = Work(tools, before)
        work.reopen(why, run)
        return work.delivery
    now = tools.now()
    line = tools.activity.line(
        before.donor_entity,
        now=now,
        what="retried",
        why=f"{why}: wanted now",
        delivery_id=before.id,
        who=who,
        details={"kind": before.kind.value, **({"run": run} if run is not None else {})},
    )
    return tools.deliveries.save(before, replace(before, due=now, updated_at=now), line)


def nudge(stack: Stack, deliveries: list[Delivery]) -> dict[str, str]:
    """Send a message for each, and what that does by destination, in words.

    Also while a destination is closed: the row then waits for it, and no dead letter of the failed one is its nudge.
    """
    name, now = new_nudge_name(stack.tools.token), stack.tools.now()
    noted = stack.tools.deliveries.note_nudges(deliveries, name, now)
    said: dict[str, str] = {}
    for destination in {delivery.destination for delivery in deliveries}:
        stack.queue_of(destination).send([one for one in noted if one.destination == destination], name)
        blocked = stack.tools.state.destination(destination).blocks("", now)
        closed = f"goes out when {destination} is open again: {blocked[0]}" if blocked else ""
        said[destination] = closed or "is worked on now"
    return said
