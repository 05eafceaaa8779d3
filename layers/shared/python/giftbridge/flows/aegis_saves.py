"""Saving a whole record in Aegis: hold, intent, a last look, full replace (contract partner/Save, pledge/Save)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from giftbridge.domain.aegis_merging import Merge, Record
from giftbridge.domain.deliveries import Step
from giftbridge.domain.mapping_rows import Body
from giftbridge.errors import RecordMissing, RetryLater
from giftbridge.flows.holds import key_or_free
from giftbridge.flows.tools import Tools
from giftbridge.flows.work import HELD, Work
from giftbridge.store.rows import Write

SYSTEM = "aegis"
_MOST_LOOKS = 4


def save_whole(
    tools: Tools,
    work: Work,
    entity: str,
    record: Record,
    read: Callable[[], dict[str, Any] | None],
    merge: Callable[[Record], Merge],
    save: Callable[[Body], None],
    intent: Write,
) -> Merge:
    """Save what `merge` makes of a record that was just read; what was saved.

    `intent` says what is being sent, until both sides agree again. The record is read again right before, and merged
    again if somebody changed it meanwhile: there is no ETag. Raises Held, RecordMissing when it is gone by then, and
    what the calls raise.
    """
    merged = merge(record)
    if not merged.changes:
        return merged
    held = f"saving:{entity}"
    free = key_or_free(tools, work, held, SYSTEM)
    work.hold_key(held, free.ended)
    work.also.append(intent)
    work.begin(Step.SAVE, {HELD: held})
    for _ in range(_MOST_LOOKS):
        fresh = read()
        if fresh is None:
            raise RecordMissing(f"{entity} is gone", cause="record-missing", field=entity)
        if fresh == record:
            save(merged.record)
            return merged
        record, merged = fresh, merge(fresh)
        if not merged.changes:
            return merged
    raise RetryLater(f"{entity} keeps changing in Aegis", cause="changed-meanwhile", system=SYSTEM)


def told(merged: Merge) -> dict[str, object]:
    """What was changed in Aegis, for the activity: each member with old and new value."""
    return {"changes": [{"field": c.field, "old": c.old, "new": c.new} for c in merged.changes]}
