"""Deliveries: filters in the address, a page at a time, and a retry of those that are ticked."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

from starlette.responses import Response

from giftbridge.domain.deliveries import Kind, State
from ops.console.shaping import DeliveryRow, row_of
from ops.console.visit import Visit, looks
from ops.operating.identifiers import donor_id
from ops.operating.listing import Filter, page_of
from ops.operating.problems import WrongUsage

_SIZES = (25, 50, 100, 200)
_FILTERS = ("state", "destination", "kind", "donor", "day", "cause", "text")
_CAUSE = re.compile(r"[\w:. /#-]{1,120}")


def deliveries(visit: Visit) -> Response:
    """One page of the deliveries that the address asks for."""
    wanted = wanted_by(visit)
    size = _size(visit.asked("size"))
    page = page_of(visit.stack, wanted, size, visit.asked("cursor"))
    asked = {name: visit.asked(name) for name in _FILTERS}
    rows: list[DeliveryRow] = [row_of(delivery) for delivery in page.deliveries]
    query = {**asked, "size": visit.asked("size")}
    return visit.page(
        "deliveries.html",
        "Deliveries",
        rows=rows,
        searched=page.searched,
        asked=asked,
        is_filtered=any(asked.values()),
        size=size,
        sizes=_SIZES,
        states=[state.value for state in State],
        kinds=[kind.value for kind in Kind],
        destinations=visit.stack.destinations,
        is_later_page=visit.asked("cursor") is not None,
        first_page=visit.url("/deliveries", **query),
        next_page=visit.url("/deliveries", **query, cursor=page.next_cursor) if page.next_cursor else None,
    )


def wanted_by(visit: Visit) -> Filter:
    """The filter that an address names. Raises WrongUsage for what is none."""
    state, kind, donor = visit.asked("state"), visit.asked("kind"), visit.asked("donor")
    destination, cause = visit.asked("destination"), visit.asked("cause")
    if state is not None and state not in list(State):
        raise WrongUsage(f"{state!r} is no state; choose one of {', '.join(State)}.")
    if kind is not None and kind not in list(Kind):
        raise WrongUsage(f"{kind!r} is no kind; choose one of {', '.join(Kind)}.")
    if cause is not None and not _CAUSE.fullmatch(cause):
        raise WrongUsage("That is no cause; the failures page lists them.")
    return Filter(
        state=State(state) if state is not None else None,
        kind=Kind(kind) if kind is not None else None,
        destination=visit.stack.destinations_named(destination)[0] if destination is not None else None,
        donor=asked_donor(donor) if donor is not None else None,
        day=asked_day(visit.asked("day")),
        cause=cause,
        text=visit.asked("text"),
    )


def asked_donor(text: str) -> int:
    """A donor's id from an address. Raises WrongUsage."""
    if len(text) > 20:
        raise WrongUsage("That is no donor's id.")
    return donor_id(text)


def asked_day(text: str | None) -> date | None:
    """A UTC day from an address. Raises WrongUsage."""
    if text is None:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise WrongUsage(f"{text[:40]!r} is no day; write it like 2026-01-31.") from None


def _size(text: str | None) -> int:
    if text is None:
        return 50
    if text not in map(str, _SIZES):
        raise WrongUsage(f"A page has {', '.join(map(str, _SIZES))} rows.")
    return int(text)


ROUTES = (looks("/deliveries", deliveries),)
