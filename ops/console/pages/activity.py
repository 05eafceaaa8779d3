"""Activity: what was done to whom, why, and by whom; lately, or of a day."""

from __future__ import annotations

from datetime import date, timedelta

from starlette.responses import Response

from ops.console.pages.deliveries import asked_day
from ops.console.story_lines import shaped
from ops.console.visit import Visit, looks
from ops.operating import story

_LINES = 200


def activity(visit: Visit) -> Response:
    """The newest lines, or those of a day."""
    day = asked_day(visit.asked("day"))
    limit = _LINES
    lines = story.of_day(visit.stack, day, limit) if day is not None else story.recent(visit.stack, limit)
    own = visit.asked("by") == "people"
    shown = [line for line in map(shaped, lines) if line.is_by_person or not own]
    return visit.page(
        "activity.html",
        "Activity",
        lines=shown,
        day=day,
        own=own,
        is_cut=len(lines) == limit,
        limit=limit,
        before=visit.url("/activity", day=_moved(day or visit.now.date(), -1), by=visit.asked("by")),
        after=visit.url("/activity", day=_moved(day, 1), by=visit.asked("by"))
        if day and day < visit.now.date()
        else None,
    )


def _moved(day: date, days: int) -> date:
    """The day before or after; the calendar's first and last have none."""
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return day


ROUTES = (looks("/activity", activity),)
