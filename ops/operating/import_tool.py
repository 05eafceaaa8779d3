"""How what goes to Virtuous' import tool stands: what waits for the batch, what is held, and since when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from giftbridge.domain.daily_times import next_batch_time
from giftbridge.domain.deliveries import Delivery, State
from giftbridge.domain.delivery_ids import VIRTUOUS
from giftbridge.domain.settings import Settings
from giftbridge.domain.times import parse_moment
from giftbridge.flows.daily_batch import LAST
from giftbridge.flows.vitals import held_since, missed_batch
from ops.operating.stack import Stack

MOST_COUNTED = 10_000
_LOOKED_AT = 1_000
# The query of modified contacts is made every hour.
QUERY_LATE = timedelta(hours=3)


@dataclass(frozen=True, slots=True)
class ImportStatus:
    """Rows that wait for the batch, rows that the import tool holds, and the batches themselves.

    Counts stop at MOST_COUNTED. `next_batch` is None where the settings do not say when: on a local stack.
    `queried_at` is when modified contacts were last asked for, `switches` what of Virtuous is switched on.
    """

    outbox: int
    held: int
    held_since: datetime | None
    last_batch: datetime | None
    last_counts: dict[str, int]
    next_batch: datetime | None
    missed_batch: datetime | None
    queried_at: datetime | None
    switches: dict[str, bool]


def read_import_status(stack: Stack, settings: Settings) -> ImportStatus:
    """Look at the outbox, at what is held, and at the last batch."""
    deliveries, now = stack.tools.deliveries, stack.tools.now()
    held = deliveries.ids_in("sent", VIRTUOUS, MOST_COUNTED)
    last = stack.tools.state.get(LAST)
    ticked = parse_moment(last["at"]) if last is not None else None
    was_run = last is not None and "batch" in last
    query = stack.tools.state.get("cursor#contacts")
    ticks = settings.virtuous.enabled and not stack.is_local
    return ImportStatus(
        outbox=len(deliveries.ids_in("outbox", VIRTUOUS, MOST_COUNTED)),
        held=len(held),
        held_since=_oldest(deliveries.get_many(held[:_LOOKED_AT]).values()),
        last_batch=ticked if was_run else None,
        last_counts={name: int(last[name]) for name in ("gifts", "contacts") if name in last} if last else {},
        next_batch=next_batch_time(now, settings.time_zone, settings.batch_at) if ticks else None,
        missed_batch=missed_batch(now, settings, ticked) if ticks else None,
        queried_at=parse_moment(query["at"]) if query is not None else None,
        switches={sort: bool(getattr(settings.virtuous, f"sync_{sort}")) for sort in ("gifts", "contacts", "projects")},
    )


def _oldest(held: Iterable[Delivery]) -> datetime | None:
    """Since when the longest held row is held."""
    return min((held_since(row) for row in held if row.state is State.SENT), default=None)
