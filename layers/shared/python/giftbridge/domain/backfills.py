"""A backfill: the past of a period, sent because somebody asked for it (requirement H3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from giftbridge.domain import delivery_life as life
from giftbridge.domain.deliveries import OPEN_STATES, Delivery, State, Trouble
from giftbridge.domain.on_periods import OnPeriods
from giftbridge.domain.settings import Settings
from giftbridge.domain.sightings import Sighting, delivery_for
from giftbridge.domain.times import format_moment, parse_moment

GIFTS, CONTACTS = "gifts", "contacts"
HOW = "backfill"
_DAYLESS = Trouble(
    "unreadable-record",
    "is no date: whether the gift is of the period cannot be told",
    field="gift.createdDate",
    remedy="see the donation on RaiseDonors; retry sends it",
)


@dataclass(frozen=True, slots=True)
class Backfill:
    """What was asked for. The period begins with `since` and ends before `until`, by when a record was created.

    `what` is gifts, contacts or both; contacts go to Virtuous alone. `counts` says what came of it so far. `done_at` is
    when it came to its end: one that was taken back has none. `walk` counts how often it was begun anew.
    """

    id: str
    destination: str
    since: datetime
    until: datetime
    what: tuple[str, ...]
    by: str
    asked_at: datetime
    is_done: bool = False
    counts: Mapping[str, int] | None = None
    done_at: datetime | None = None
    walk: int = 0

    def ended(self, now: datetime) -> Backfill:
        """All of the period was read."""
        return replace(self, is_done=True, done_at=now)

    def anew_since(self, to: datetime) -> Backfill | None:
        """It is walked once more where a restore to then may have taken what it made; else None."""
        is_whole_by_then = self.done_at is None or self.done_at <= to
        if self.is_done and is_whole_by_then:
            return None
        return replace(self, is_done=False, done_at=None, walk=self.walk + 1)

    def covers(self, moment: datetime | None) -> bool:
        """Whether a record made then is of the period."""
        return moment is not None and self.since <= moment < self.until

    def as_row(self) -> dict[str, Any]:
        """As the state table holds it."""
        return {
            "id": self.id,
            "destination": self.destination,
            "since": format_moment(self.since),
            "until": format_moment(self.until),
            "what": list(self.what),
            "by": self.by,
            "asked_at": format_moment(self.asked_at),
            "is_done": self.is_done,
            "counts": dict(self.counts or {}),
            "done_at": format_moment(self.done_at) if self.done_at is not None else None,
            "walk": self.walk,
        }


def read_backfill(row: Mapping[str, Any]) -> Backfill:
    """The backfill that a row of the state table holds."""
    return Backfill(
        row["id"],
        row["destination"],
        parse_moment(row["since"]),
        parse_moment(row["until"]),
        tuple(row["what"]),
        row["by"],
        parse_moment(row["asked_at"]),
        bool(row["is_done"]),
        {name: int(count) for name, count in row.get("counts", {}).items()},
        parse_moment(row["done_at"]) if row.get("done_at") else None,
        int(row.get("walk", 0)),
    )


def backfilled_gift(
    sighting: Sighting, known: Delivery | None, backfill: Backfill, settings: Settings, now: datetime
) -> Delivery | None:
    """The next row of a gift of the period, by the same rules as live work; None when nothing is to be done.

    A gift that carries a CRM key is adopted, one that was delivered stays so. A person decides about one whose day
    cannot be read: it may be of the period.
    """
    if sighting.created_at is not None and not backfill.covers(sighting.created_at):
        return None
    after = delivery_for(sighting, known, settings, OnPeriods.since(backfill.since), now, backfill.destination)
    if after is None:
        return None
    if sighting.created_at is None:
        if known is not None:
            return None
        after = life.failed(after, _DAYLESS, now) if after.state is State.PENDING else after
    is_to_be_sent = after.state in {State.PENDING, State.UNKNOWN}
    return replace(after, is_backfill=is_to_be_sent, result={**after.result, HOW: backfill.id})


def backfilled_contact(known: Delivery | None, new: Delivery, now: datetime) -> Delivery:
    """The next row of a donor of the period: all there is goes to the import tool, changed or not."""
    if known is None:
        return replace(new, wanted=1, seen=HOW, is_backfill=True)
    more = replace(known, wanted=known.wanted + 1, seen=HOW, is_backfill=True, updated_at=now)
    if known.state in OPEN_STATES:
        return more
    fresh = more if known.state is State.FAILED else replace(more, attempt=None, row="")
    return life.reopened(fresh, now)
