"""Once a day, at `batch_at`: a notice with the totals of the day before, for the notification list (requirement G7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from giftbridge.domain.daily_times import last_batch_time
from giftbridge.domain.delivery_ids import VIRTUOUS
from giftbridge.domain.digest import Reconciled, Standing, day_before, digest_notice, span_of, tally_of
from giftbridge.domain.notices import Notice
from giftbridge.domain.settings import Settings
from giftbridge.domain.times import format_moment, parse_moment, readable_moment
from giftbridge.errors import LostRace
from giftbridge.flows.tools import Tools
from giftbridge.flows.vitals import MOST_FAILED, RECONCILIATION, VitalSigns
from giftbridge.store.index_pages import day_index
from giftbridge.store.rows import commit

LAST = "digest#last"
MOST_LINES = 50_000
_MOST_WAITING = 1_000


@dataclass(frozen=True, slots=True)
class DigestOutcome:
    """`day` is the day that was told of; `why_idle` says why none was."""

    why_idle: str | None = None
    day: str | None = None


class DailyDigest:
    """The notice and the row that remembers it are one write: a killed run tells nothing, or everything once."""

    def __init__(self, tools: Tools, destinations: Sequence[str]) -> None:
        self.tools = tools
        self.destinations = destinations

    def run(self) -> DigestOutcome:
        """Write the digest that is due. Where nobody is to be told it is left out, not kept for later."""
        if not self.destinations:
            return DigestOutcome("no destination is connected")
        _, settings = self.tools.settings()
        now, row = self.tools.now(), self.tools.state.get(LAST)
        due = last_batch_time(now, settings.time_zone, settings.batch_at)
        if row is not None and parse_moment(row["at"]) >= due:
            return DigestOutcome("not due")
        writes = [self.tools.state.replacing(LAST, {"at": format_moment(now)}, row)]
        # The first run waits for its time, and what was missed for days is not made up for.
        is_told = row is not None and _somebody_listens(settings)
        day = day_before(due, settings.time_zone)
        if is_told:
            writes.append(self.tools.notices.waiting(self._notice(settings, due), now))
        try:
            commit(self.tools.state.client, writes)
        except LostRace:
            return DigestOutcome("another run wrote it")
        return DigestOutcome(day=day.isoformat()) if is_told else DigestOutcome("nobody is to be told")

    def _notice(self, settings: Settings, due: datetime) -> Notice:
        now, day = self.tools.now(), day_before(due, settings.time_zone)
        signs = VitalSigns(self.tools, self.destinations)
        held = signs.held(now) if VIRTUOUS in self.destinations else None
        return digest_notice(
            day,
            tally_of(self._lines(*span_of(day, settings.time_zone))),
            [self._standing(name, signs, now) for name in self.destinations],
            (held.count, timedelta(seconds=held.oldest_seconds)) if held is not None else None,
            _reconciled(self.tools.state.get(RECONCILIATION)),
        )

    def _lines(self, first: datetime, end: datetime) -> list[dict[str, Any]]:
        """The activity of the span: its days in UTC are two, or three where the clocks go back."""
        activity = self.tools.activity
        index, since, until = day_index(activity.client, activity.table), format_moment(first), format_moment(end)
        begins, ends = parse_moment(since).date(), parse_moment(until).date()
        days = [begins + timedelta(days=n) for n in range((ends - begins).days + 1)]
        marks = [
            mark for day in days for mark in index.newest(day.isoformat(), MOST_LINES, since=since, until=until)[0]
        ]
        return activity.of_keys({"entity": mark.entity, "at": mark.at} for mark in marks)

    def _standing(self, destination: str, signs: VitalSigns, now: datetime) -> Standing:
        failed = self.tools.deliveries.ids_in("failed", destination, MOST_FAILED)
        first = self.tools.deliveries.get_many(failed[:1])
        waiting = self.tools.deliveries.ids_of("open", destination, _MOST_WAITING)
        return Standing(
            destination,
            len(failed),
            next((now - row.updated_at for row in first.values()), None),
            len(waiting),
            max((now - row.created_at for row in signs.undelivered(destination)), default=None),
        )


def _somebody_listens(settings: Settings) -> bool:
    told = settings.notifications
    return told.digest and bool(told.sender) and bool(told.recipients)


def _reconciled(row: dict[str, Any] | None) -> Reconciled | None:
    if row is None:
        return None
    money = f"{row.get('open_money', '0')} {row.get('currency', '')}".strip()
    return Reconciled(readable_moment(row.get("finished_at")), int(row.get("open", 0)), money)
