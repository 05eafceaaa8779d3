"""After a restore of the tables: nothing is sent before it was looked for, and the feeds are read again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from giftbridge.domain.backfills import Backfill, read_backfill
from giftbridge.domain.deliveries import Delivery, State
from giftbridge.domain.restores import Restore
from giftbridge.domain.times import format_moment
from giftbridge.errors import LostRace
from giftbridge.flows.backfill import ROW as BACKFILL
from giftbridge.flows.change_feeds import DonorFeed, NoteFeed, ScheduleFeed, VirtuousDonorFeed
from giftbridge.flows.gift_feed import GiftFeed
from giftbridge.store.restores import ROW
from ops.operating import story
from ops.operating.problems import NeedsPerson, WrongUsage
from ops.operating.stack import Stack

_FEEDS = (GiftFeed.name, ScheduleFeed.name, DonorFeed.name, VirtuousDonorFeed.name, NoteFeed.name, "contacts")
_MOST = 100_000
_TRIES = 4


@dataclass(frozen=True, slots=True)
class RestorePlan:
    """What telling of a restore entails: deliveries that are looked for first, feeds that are read again."""

    restore: Restore
    deliveries: tuple[str, ...]
    feeds: tuple[str, ...]


def plan(stack: Stack, to: datetime, who: str) -> RestorePlan:
    """Look what was open then, and which feeds were read beyond. Raises WrongUsage for a moment to come."""
    now = stack.tools.now()
    if to >= now:
        raise WrongUsage("--to lies in the future: name the moment to which the tables were restored.")
    found = [one.id for one in _open(stack)]
    beyond = [feed for feed in _FEEDS if _is_beyond(stack.tools.state.get(f"cursor#{feed}"), format_moment(to))]
    if _backfill_anew(stack.tools.state.get(BACKFILL), to) is not None:
        beyond.append(BACKFILL)
    return RestorePlan(Restore(to, now, who), tuple(found), tuple(beyond))


def carry_out(stack: Stack, asked: RestorePlan) -> int:
    """First the restore is told of, so that whatever is picked up from now on is looked for; then the rest.

    How many deliveries are looked for first. It can be repeated.
    """
    state, restore = stack.tools.state, asked.restore
    try:
        state.put(ROW, restore.as_row(), state.get(ROW))
    except LostRace:
        raise NeedsPerson("Somebody else told of a restore just now.", ["Do it once more."]) from None
    marked = sum(_mark(stack, one.id, restore) for one in _open(stack))
    for feed in _FEEDS:
        _move_back(stack, feed, format_moment(restore.to))
    _begin_backfill_anew(stack, restore.to)
    why = f"the tables are as they were at {format_moment(restore.to)}: {marked} deliveries are looked for first"
    story.record(stack, "system#tables", what="restored", why=why, who=restore.by)
    return marked


def _open(stack: Stack) -> list[Delivery]:
    """What was not settled then: it may have been sent since."""
    ids = [
        name
        for destination in stack.destinations
        for bucket in ("open", "failed")
        for name in stack.tools.deliveries.ids_in(bucket, destination, _MOST)
    ]
    rows = stack.tools.deliveries.get_many(ids).values()
    return [row for row in rows if row.state not in {State.DELIVERED, State.IGNORED}]


def _mark(stack: Stack, name: str, restore: Restore) -> bool:
    for _ in range(_TRIES):
        before = stack.tools.deliveries.get(name)
        if before is None or before.state in {State.DELIVERED, State.IGNORED, State.SENT}:
            return False
        try:
            stack.tools.deliveries.save(before, restore.marked(before, None))
        except LostRace:
            continue
        return True
    raise NeedsPerson(f"{name} is being worked on.", ["Stop the stack's functions first, then do it once more."])


def _is_beyond(row: dict[str, Any] | None, to: str) -> bool:
    return row is not None and str(row["at"]) > to


def _backfill_anew(row: dict[str, Any] | None, to: datetime) -> Backfill | None:
    return read_backfill(row).anew_since(to) if row is not None else None


def _begin_backfill_anew(stack: Stack, to: datetime) -> None:
    """What it made since is gone: what is still there is left as it is, the rest is looked for first."""
    row = stack.tools.state.get(BACKFILL)
    anew = _backfill_anew(row, to)
    if anew is None:
        return
    try:
        stack.tools.state.put(BACKFILL, anew.as_row(), row)
    except LostRace:
        raise NeedsPerson(
            "The backfill is being read.", ["Stop the stack's functions first, then do it once more."]
        ) from None


def _move_back(stack: Stack, feed: str, to: str) -> None:
    """The feed goes on from the restore point, with a long look back from there."""
    name = f"cursor#{feed}"
    row = stack.tools.state.get(name)
    if row is None or not _is_beyond(row, to):
        return
    kept = {key: value for key, value in row.items() if key not in {"name", "revision", "bound", "skip", "began"}}
    moved = {**kept, "at": to}
    if "long_look_at" in kept:
        moved["long_look_at"] = min(to, str(kept["long_look_at"]))
    try:
        stack.tools.state.put(name, moved, row)
    except LostRace:
        raise NeedsPerson(
            f"The feed {feed} is being read.", ["Stop the stack's functions first, then do it once more."]
        ) from None
