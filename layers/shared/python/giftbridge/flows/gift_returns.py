"""One cursor of gifts serves all destinations: one that was off meanwhile finds it where it was when it went."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from giftbridge.store.state import StateTable

_CURSOR = "cursor#gifts"
_ROW = "cursor#gifts/left"


def begin_where_it_was_left(state: StateTable, served: Collection[str]) -> None:
    """Move the cursor of gifts back for a destination that is on again, and remember where one was that went off.

    Raises LostRace.
    """
    seen, cursor = state.get(_ROW), state.get(_CURSOR)
    before = set(seen["served"]) if seen is not None else set(served)
    left: dict[str, str] = dict(seen["left"]) if seen is not None else {}
    if cursor is not None:
        at = min(cursor[name] for name in ("at", "bound", "long_look_at") if name in cursor)
        left |= dict.fromkeys(before - set(served), at)
    back = [left.pop(name) for name in served if name in left]
    if back and cursor is not None and min(back) < cursor["at"]:
        # As if the last long look had been then: what became visible late is seen, too.
        place = {"at": min(back), "long_look_at": min(back), "start": cursor["start"]}
        state.put(_CURSOR, place, cursor)
    after: dict[str, Any] = {"served": sorted(served), "left": left}
    if seen is None or any(seen[name] != value for name, value in after.items()):
        state.put(_ROW, after, seen)
