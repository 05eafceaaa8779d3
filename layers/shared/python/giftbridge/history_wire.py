"""The history route on the wire (docs/api.openapi.yaml, getDonorHistory): the request as a question, pages as JSON."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlencode

from giftbridge.domain.giving_history import GivingRow, Mark
from giftbridge.domain.times import format_moment, parse_moment
from giftbridge.errors import Rejected
from giftbridge.flows.donor_history import HistoryPage, Question, SourceState

_PARAMETERS = ("from", "to", "page", "asOf", "upTo")
_DONOR = re.compile(r"[1-9][0-9]{0,17}")
_PAGE = re.compile(r"[1-9][0-9]{0,5}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z")
_UP_TO = re.compile(r"([0-9]{1,40}|-)\.([0-9]{1,18}|-)")
_CENT = Decimal("0.01")
_LONGEST_RETRY = 300


def read_question(event: Mapping[str, Any]) -> Question:
    """What a request asks for. Raises Rejected naming the field, what is wrong with it, and the remedy."""
    donor = str((event.get("pathParameters") or {}).get("donorId", ""))
    if _DONOR.fullmatch(donor) is None:
        raise _refused("donorId", "is no donor id", "give RaiseDonors' donor id, in digits without leading zeros")
    given = _parameters(str(event.get("rawQueryString") or ""))
    first, last = _day(given, "from"), _day(given, "to")
    if first is not None and last is not None and first > last:
        raise _refused("from", "is after `to`", "give the earlier day as `from`; both days are included")
    page = given.get("page", "1")
    if _PAGE.fullmatch(page) is None:
        raise _refused("page", "is no page number", "give a whole number from 1")
    return Question(int(donor), first, last, int(page), _mark(given))


def _parameters(query: str) -> dict[str, str]:
    given: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True, errors="replace"):
        if name not in _PARAMETERS:
            raise _refused(name[:40], "is unknown", f"use no other parameters than {', '.join(_PARAMETERS)}")
        if name in given:
            raise _refused(name, "is given twice", "give it once")
        given[name] = value
    return given


def _day(given: Mapping[str, str], name: str) -> date | None:
    text = given.get(name)
    if text is None:
        return None
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise _refused(name, "is no day", "give a day such as 2026-01-31")


def _mark(given: Mapping[str, str]) -> Mark | None:
    if "asOf" not in given and "upTo" not in given:
        return None
    remedy = "follow the link `next` as it is given, or leave asOf and upTo out to begin anew"
    numbers = _UP_TO.fullmatch(given.get("upTo", ""))
    if numbers is None:
        raise _refused("upTo", "is not from a link of ours", remedy)
    text = given.get("asOf", "")
    try:
        moment = parse_moment(text) if _MOMENT.fullmatch(text) else None
    except ValueError:
        moment = None
    if moment is None:
        raise _refused("asOf", "is not from a link of ours", remedy)
    invoice, donation = (None if number == "-" else int(number) for number in numbers.groups())
    return Mark(moment, invoice, donation)


def _refused(field: str, text: str, remedy: str) -> Rejected:
    return Rejected(text, cause="bad-request", field=field, remedy=remedy)


def page_body(page: HistoryPage, question: Question, path: str) -> dict[str, object]:
    """A page as JSON: amounts as exact decimal text, moments in UTC."""
    history = page.history
    return {
        "donorId": question.donor_id,
        "rows": [_row(row) for row in page.rows],
        "page": question.page,
        "pages": page.pages,
        "total": page.total,
        "complete": history.is_complete,
        "reason": _why(history.raisedonors, history.aegis),
        "asOf": format_moment(page.mark.at),
        "sources": {"aegis": _state(history.aegis), "raisedonors": _state(history.raisedonors)},
        "next": f"{path}?{_next_query(page, question)}" if question.page < page.pages else None,
    }


def seconds_until(moment: datetime | None, now: datetime) -> int:
    """The seconds of a Retry-After."""
    wait = (moment - now).total_seconds() if moment is not None else 0.0
    return max(1, min(_LONGEST_RETRY, math.ceil(wait)))


def _row(row: GivingRow) -> dict[str, object]:
    shown: dict[str, object] = {
        "id": row.id,
        "source": row.source,
        "kind": row.kind,
        "date": format_moment(row.at) if row.at is not None else None,
        "amount": _money(row.amount),
        "currency": row.currency,
        "invoiceNumber": row.invoice_number,
        "donationId": row.donation_id,
        "status": row.status,
        "refundOf": row.refund_of,
        "refundedBy": row.refunded_by,
    }
    if row.aegis_amount is not None:
        shown["aegisAmount"] = _money(row.aegis_amount)
    return shown


def _money(amount: Decimal) -> str:
    """Exact, with at least two decimals, never with an exponent."""
    exact = amount + 0 if amount.is_zero() else amount
    exponent = exact.as_tuple().exponent
    is_coarse = isinstance(exponent, int) and exponent > -2
    return format(exact.quantize(_CENT) if is_coarse and abs(exact) < 10**20 else exact, "f")


def _state(state: SourceState) -> dict[str, object]:
    return {"state": state.state, "cause": state.cause, "reason": state.reason}


def _why(*states: SourceState) -> str | None:
    """Why rows are missing, or why a side was not asked."""
    return "; ".join(state.reason for state in states if state.reason) or None


def _next_query(page: HistoryPage, question: Question) -> str:
    days = {"from": question.first, "to": question.last}
    numbers = ("-" if number is None else str(number) for number in (page.mark.invoice, page.mark.donation))
    return urlencode(
        {
            **{name: day.isoformat() for name, day in days.items() if day is not None},
            "page": question.page + 1,
            "asOf": format_moment(page.mark.at.astimezone(UTC)),
            "upTo": ".".join(numbers),
        }
    )
