"""How many deliveries arrived lately, out of the activity: followed from look to look, never counted from the start."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from giftbridge.domain.times import format_moment, readable_moment
from giftbridge.store.rows import from_item, read_many, to_item
from ops.operating.stack import Stack

_HOURS = 24
_STEPS, _STEP_SECONDS = 30, 120
_MOST_LINES = 20_000
_PAGE = 500
_SECONDS_FOR_THE_PAST = 1.0
# The index may show a line a little later than a newer one.
_OVERLAP = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class Throughput:
    """Deliveries that arrived: in the last hour, the last 24 hours, and every two minutes of the hour, the latest last.

    `is_whole` is False while not all lines of the day are read, or where there are too many: then there are more.
    """

    last_hour: int
    last_day: int
    lately: tuple[int, ...]
    is_whole: bool


class ThroughputWatch:
    """Remembers what it counted: a look reads what was written since the last one, and some more of the past."""

    def __init__(self) -> None:
        self._minutes: Counter[datetime] = Counter()
        self._read_until: datetime | None = None
        self._past: Iterator[list[dict[str, Any]]] = iter(())
        self._past_read = 0
        self._is_whole = False
        self._seen: set[str] = set()
        self._lock = threading.Lock()

    def look(self, stack: Stack) -> Throughput:
        """The numbers as of now."""
        now = stack.tools.now()
        with self._lock:
            if self._read_until is None:
                self._past = _lines_since(stack, now - timedelta(hours=_HOURS), now)
            else:
                for lines in _lines_since(stack, self._read_until - _OVERLAP, now):
                    self._count(lines, now)
            self._read_past(now)
            self._read_until = now
            self._seen = {name for name in self._seen if name >= format_moment(now - _OVERLAP)}
            return self._counted(now)

    def _read_past(self, now: datetime) -> None:
        """A page of the day before at least, and as many as there is time for."""
        ends = time.monotonic() + _SECONDS_FOR_THE_PAST
        while self._past_read < _MOST_LINES:
            lines = next(self._past, None)
            if lines is None:
                self._is_whole = True
                return
            self._past_read += len(lines)
            self._count(lines, now)
            if time.monotonic() > ends:
                return

    def _count(self, lines: list[dict[str, Any]], now: datetime) -> None:
        for line in lines:
            name, at = str(line["at"]), readable_moment(str(line["at"]).partition("#")[0])
            if at is None or name in self._seen:
                continue
            if at >= now - _OVERLAP:
                self._seen.add(name)
            if line.get("what") == "delivered":
                self._minutes[at.replace(second=0, microsecond=0)] += 1

    def _counted(self, now: datetime) -> Throughput:
        oldest = now - timedelta(hours=_HOURS)
        self._minutes = Counter({minute: n for minute, n in self._minutes.items() if minute >= oldest})
        lately = [0] * _STEPS
        for minute, number in self._minutes.items():
            back = int((now - minute).total_seconds() // _STEP_SECONDS)
            if back < _STEPS:
                lately[_STEPS - 1 - max(0, back)] += number
        return Throughput(sum(lately), sum(self._minutes.values()), tuple(lately), self._is_whole)


def _lines_since(stack: Stack, moment: datetime, now: datetime) -> Iterator[list[dict[str, Any]]]:
    """Pages of lines after a moment, the latest first."""
    activity, since = stack.tools.activity, format_moment(moment)
    days = {now.date() - timedelta(days=back) for back in range(2)}
    for day in sorted((d for d in days if d.isoformat() >= since[:10]), reverse=True):
        query: dict[str, Any] = {
            "TableName": activity.table,
            "IndexName": "by-day",
            "KeyConditionExpression": "#day = :day AND #at > :since",
            "ExpressionAttributeNames": {"#day": "day", "#at": "at"},
            "ExpressionAttributeValues": to_item({":day": day.isoformat(), ":since": since}),
            "ScanIndexForward": False,
            "Limit": _PAGE,
        }
        while True:
            answer = activity.client.query(**query)
            keys = [from_item(item) for item in answer["Items"]]
            names = [{"entity": key["entity"], "at": key["at"]} for key in keys]
            yield read_many(activity.client, activity.table, names) if names else []
            if not answer.get("LastEvaluatedKey"):
                break
            query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
