"""Records that a feed shows without an id: an odd answer mostly, and then they have one at the next look."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from giftbridge.clients.raisedonors_sightings import mark_of_content
from giftbridge.domain.times import format_moment, parse_moment
from giftbridge.errors import LostRace
from giftbridge.flows.tools import Tools

# Looked at so long, a record has no id: a person is told of it, and the feed is whole without it.
LASTING_AFTER = timedelta(minutes=10)
_FORGOTTEN_AFTER = timedelta(days=2)


class UnnamedRecords:
    """Remembers in the state table since when each is seen, by the mark of its content."""

    def __init__(self, tools: Tools, feed: str) -> None:
        self.tools = tools
        self._row = f"unnamed#{feed}"

    def lasting(self, raws: list[Any], now: datetime) -> list[Any]:
        """Those that are seen without an id for long."""
        if not raws:
            return []
        row = self.tools.state.get(self._row)
        kept = {mark: parse_moment(at) for mark, at in ((row or {}).get("since") or {}).items()}
        since = {mark: at for mark, at in kept.items() if now - at < _FORGOTTEN_AFTER}
        marks = [mark_of_content(raw) for raw in raws]
        since |= {mark: now for mark in marks if mark not in since}
        if since != kept:
            try:
                values = {"since": {mark: format_moment(at) for mark, at in since.items()}}
                self.tools.state.put(self._row, values, row)
            except LostRace:
                # Another pickup remembers them too.
                return []
        return [raw for raw, mark in zip(raws, marks, strict=True) if now - since[mark] >= LASTING_AFTER]
