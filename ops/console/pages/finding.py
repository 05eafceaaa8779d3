"""Find: a name, an e-mail address, an id, an invoice number or an amount leads to donors and deliveries."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from starlette.responses import Response

from ops.console.shaping import row_of
from ops.console.visit import Visit, looks
from ops.operating.finding import Found, find_text
from ops.operating.identifiers import donor_id
from ops.operating.problems import WrongUsage

_DONORS = 20
_ROWS = 100
_KEPT_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class DonorRow:
    """A donor that may be meant; the name is masked until it is revealed."""

    donor_id: int
    entity: str
    name: str
    email: str
    why: str
    is_shown: bool


def find(visit: Visit) -> Response:
    """What the text may mean. Names are asked of RaiseDonors, and not kept."""
    text = visit.asked("q")
    if text is None:
        return visit.page("find.html", "Find", text=None, donors=[], rows=[], found=None, hidden=0)
    # Revealing leads back here: that need not search again.
    found = visit.office.lately(f"find {text}", _KEPT_SECONDS, lambda: find_text(visit.stack, text, _DONORS))
    rows = [row_of(delivery) for delivery in found.deliveries]
    return visit.page(
        "find.html",
        "Find",
        text=text,
        found=found,
        donors=_donors(visit, text, found),
        rows=rows[:_ROWS],
        hidden=max(0, len(rows) - _ROWS),
    )


def _donors(visit: Visit, text: str, found: Found) -> list[DonorRow]:
    """The donors, and the one that the text itself names."""
    rows = [
        DonorRow(hit.donor_id, f"donor#{hit.donor_id}", hit.name, hit.email, hit.why, _is_shown(visit, hit.donor_id))
        for hit in found.donors
    ]
    with contextlib.suppress(WrongUsage):
        number = donor_id(text)
        if number not in {row.donor_id for row in rows} and visit.stack.tools.deliveries.of_donor(number, 1):
            rows.insert(0, DonorRow(number, f"donor#{number}", "", "", "donor id", _is_shown(visit, number)))
    return rows


def _is_shown(visit: Visit, number: int) -> bool:
    return visit.is_revealed(f"donor#{number}")


ROUTES = (looks("/find", find),)
