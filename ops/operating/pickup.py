"""The pickup: run it now, or look at what it would take without writing anything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from giftbridge.clients.raisedonors import PAGE_SIZE, RaiseDonors
from giftbridge.clients.raisedonors_sightings import read_sighting
from giftbridge.domain.deliveries import Delivery, State, donation_created_id
from giftbridge.domain.settings import Settings
from giftbridge.domain.sightings import Sighting, delivery_for
from giftbridge.domain.times import parse_moment
from giftbridge.flows.feed_walk import LOOK_BACK
from ops.operating.problems import NeedsPerson
from ops.operating.reaching import raisedonors
from ops.operating.stack import Stack

# PickupOutcome.why_idle when the lease is taken: not a trouble, the other run does the same work.
ANOTHER_RUNS = "another pickup is running"
_TRIES = 20
_BEFORE_GO_LIVE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run of the pickup did; `why_idle` says why nothing was read."""

    why_idle: str | None
    seen: int
    counts: dict[str, int]
    nudged: int
    is_complete: bool


def run(stack: Stack) -> Outcome:
    """Run the pickup function now and wait for its outcome; one that runs already is waited for."""
    answer = _invoke(stack)
    for _ in range(_TRIES):
        if answer.get("why_idle") != ANOTHER_RUNS:
            break
        stack.sleep(1.0)
        answer = _invoke(stack)
    return Outcome(
        answer.get("why_idle"),
        int(answer.get("seen", 0)),
        {str(state): int(count) for state, count in (answer.get("counts") or {}).items()},
        int(answer.get("nudged", 0)),
        bool(answer.get("is_complete", True)),
    )


def _invoke(stack: Stack) -> dict[str, Any]:
    function = stack.output("DonationPickupFunction")
    answer = stack.client("lambda").invoke(FunctionName=function, InvocationType="RequestResponse", Payload=b"{}")
    payload = json.loads(answer["Payload"].read() or b"null")
    if answer.get("FunctionError"):
        kind = payload.get("errorType", "error") if isinstance(payload, dict) else "error"
        raise NeedsPerson(
            f"The pickup function ended with an error ({kind}).", [f"Its log group tells more: function {function}."]
        )
    return payload if isinstance(payload, dict) else {}


@dataclass(frozen=True, slots=True)
class Preview:
    """What would become of one gift: `new`, `adopted`, `ignored`, `failed`, `not yet`, `known`, `reopened`."""

    donation_id: str
    donor_id: int | None
    status: str
    fate: str
    why: str


@dataclass(frozen=True, slots=True)
class PreviewRange:
    """From which modification time gifts are read, from which creation time they are sent, and on what assumption."""

    read_from: datetime
    send_from: datetime
    assumption: str | None


def preview_range(stack: Stack, since: datetime | None) -> PreviewRange:
    """What the next pickup would read, or everything changed since a moment."""
    settings, now = stack.versions.current().settings, stack.tools.now()
    enabled = stack.tools.state.get("enabled#aegis")
    start, assumption = settings.raisedonors.start_from, None
    if start is None and enabled is not None and settings.aegis.enabled:
        start = parse_moment(enabled["at"])
    if start is None:
        start = since or now - _BEFORE_GO_LIVE
        assumption = "deliveries to Aegis are not enabled yet: shown is what a start from there would take"
    if since is not None:
        return PreviewRange(since, start, assumption)
    row = stack.tools.state.get("cursor#gifts")
    cursor = parse_moment(row["at"]) if row is not None and parse_moment(row["start"]) <= start else start
    return PreviewRange(max(start, cursor) - LOOK_BACK, start, assumption)


def preview(stack: Stack, reach: PreviewRange, limit: int) -> Iterator[Preview]:
    """Gift by gift, in the order of modification, what the pickup would do. Nothing is written."""
    settings = stack.versions.current().settings
    source = raisedonors(stack)
    seen: set[str] = set()
    for sightings in _pages(source, reach.read_from):
        fresh = [sighting for sighting in sightings if sighting.donation_id not in seen]
        seen.update(sighting.donation_id for sighting in fresh)
        known = stack.tools.deliveries.get_many(donation_created_id(sighting.donation_id) for sighting in fresh)
        for sighting in fresh:
            before = known.get(donation_created_id(sighting.donation_id))
            fate, why = _fate(sighting, before, settings, reach.send_from, stack.tools.now())
            yield Preview(sighting.donation_id, sighting.donor_id, sighting.status, fate, why)
        if len(seen) >= limit:
            return


def _pages(source: RaiseDonors, bound: datetime) -> Iterator[list[Sighting]]:
    skip = 0
    while True:
        page = source.gifts_modified_since(bound, skip)
        yield [read_sighting(raw) for raw in page]
        if len(page) < PAGE_SIZE:
            return
        skip += len(page)


def _fate(
    sighting: Sighting, before: Delivery | None, settings: Settings, start: datetime, now: datetime
) -> tuple[str, str]:
    after = delivery_for(sighting, before, settings, start, now)
    if before is not None:
        if after is not None:
            return "reopened", f"was {before.state.value}; changed on RaiseDonors since"
        return "known", f"is {before.state.value}"
    if after is None:
        return "not yet", f"the payment is {sighting.status}"
    if after.state is State.DELIVERED:
        return "adopted", f"carries CRM key {sighting.crm_key}: counts as delivered, is never sent"
    if after.trouble is not None:
        return after.state.value, after.trouble.explain()
    return "new", "would be sent"
