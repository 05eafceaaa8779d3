"""What an answer says, and of whom: the record, the system, the credentials, or a gateway in between."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any

import requests
import simplejson

from giftbridge.domain.amounts import MOST_DIGITS, counted
from giftbridge.domain.destinations import LONGEST_WAIT
from giftbridge.errors import (
    BudgetSpent,
    Forbidden,
    GiftBridgeError,
    RecordMissing,
    Rejected,
    RetryLater,
    UnknownOutcome,
)

CONFLICT = 409
_NOT_FOUND = 404
_NOT_ALLOWED = 405
# A backslash that is escaped itself, a whole character in two halves, or one half alone.
_ESCAPES = re.compile(
    r"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
# These name the request's own content; every other 4xx speaks of the call, the moment or the way there.
_SPEAKS_OF_THE_RECORD = frozenset({400, 402, CONFLICT, 413, 422})


class Absence(StrEnum):
    """What a 404 to a call may mean. A call that names no record cannot miss one: there it means a wrong way.

    The record that the address names does not exist; or the system does not offer the operation, which a 405 says too.
    """

    RECORD = "record"
    OPERATION = "operation"


class Body(StrEnum):
    """What came as the body of an answer."""

    JSON = "JSON"
    NOTHING = "nothing"
    PAGE = "something other than JSON"


@dataclass(frozen=True, slots=True)
class Said:
    """The body of an answer: its JSON with decimals exact, None where it has none."""

    kind: Body
    value: Any = None

    @classmethod
    def of(cls, content: bytes) -> Said:
        """Read the body, whatever its headers call it."""
        if not content.strip():
            return cls(Body.NOTHING)
        try:
            text = _without_half_characters(content.decode("utf-8-sig"))
            return cls(Body.JSON, simplejson.loads(text, parse_int=_whole, parse_float=_fraction, allow_nan=True))
        except (ValueError, RecursionError):
            return cls(Body.PAGE)


def _whole(text: str) -> int | float:
    """A whole number; none (NaN) where it has so many digits that it names nothing and takes long to read."""
    return int(text) if len(text) <= MOST_DIGITS else math.nan


def _fraction(text: str) -> Decimal | float:
    """A number with a point or an exponent, exact; none (NaN) where it lies beyond all that is counted."""
    number = counted(text)
    return math.nan if number is None else number


def _without_half_characters(text: str) -> str:
    """JSON in which half a character, such as is left of an emoji that was cut, is a blank: no table could hold it."""
    if "\\ud" not in text and "\\uD" not in text:
        return text
    return _ESCAPES.sub(lambda found: "\\u0020" if found["half"] else found[0], text)


def error_for(
    system: str,
    operation: str,
    response: requests.Response,
    *,
    writes: bool,
    now: datetime,
    absence: Absence | None = None,
) -> GiftBridgeError | None:
    """The table from an answer to what happens next.

    | answer                                          | on a read     | on a write      |
    |-------------------------------------------------|---------------|-----------------|
    | 2xx                                             | fine          | fine            |
    | 401, 403, 3xx                                   | Forbidden     | Forbidden       |
    | 429                                             | BudgetSpent   | BudgetSpent     |
    | 404 where the address names a record, no page   | RecordMissing | RecordMissing   |
    | 404 where the operation may not be offered      | RecordMissing | RecordMissing   |
    | 405 where the operation may not be offered      | Rejected      | Rejected        |
    | 400, 402, 409, 413, 422 with JSON               | Rejected      | Rejected        |
    | everything else                                 | RetryLater    | UnknownOutcome  |

    A page, or no body, where JSON is owed comes from a gateway: it says nothing of the record.
    """
    status = response.status_code
    if 200 <= status < 300:
        return None
    said = Said.of(response.content)
    if status == 429:
        not_before = retry_after(response.headers.get("Retry-After"), now)
        return BudgetSpent(f"{operation}: 429", cause="too-many-calls", not_before=not_before, system=system)
    if status in {401, 403} or 300 <= status < 400:
        is_from_gateway = status != 401 and (said.kind is not Body.JSON or status < 400)
        return Forbidden(operation, system=system, status=status, is_from_gateway=is_from_gateway)
    if _speaks_of_the_record(status, said, absence):
        return _refusal(operation, status, said, system)
    what = f"{operation}: answered with {status}" + ("" if said.kind is Body.JSON else f" and {said.kind}")
    if writes:
        return UnknownOutcome(what, system=system)
    return RetryLater(what, cause=f"status-{status}", system=system)


def _speaks_of_the_record(status: int, said: Said, absence: Absence | None) -> bool:
    if absence is Absence.OPERATION and status in {_NOT_FOUND, _NOT_ALLOWED}:
        return True
    if status == _NOT_FOUND:
        return absence is Absence.RECORD and said.kind is not Body.PAGE
    return status in _SPEAKS_OF_THE_RECORD and (said.kind is Body.JSON or status == CONFLICT)


def unreadable(system: str, operation: str, what: str, *, writes: bool = False) -> GiftBridgeError:
    """What to raise for an answer that is not whole: on a read later, on a write an unknown outcome."""
    if writes:
        return UnknownOutcome(f"{operation}: {what}", system=system, counts=False)
    return RetryLater(f"{operation}: {what}", cause="unreadable-answer", system=system)


def retry_after(header: str | None, now: datetime) -> datetime | None:
    """Until when the other side asks for a pause, one hour at most; None where it does not say so in earnest."""
    if not header:
        return None
    latest = now + LONGEST_WAIT
    try:
        seconds = float(header)
    except ValueError:
        return _at_most(header, latest)
    if math.isnan(seconds):
        return None
    return now + timedelta(seconds=min(LONGEST_WAIT.total_seconds(), max(0.0, seconds)))


def _at_most(header: str, latest: datetime) -> datetime | None:
    try:
        moment = parsedate_to_datetime(header)
        return min(latest, (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC))
    except (ValueError, TypeError, OverflowError):
        return None


def _refusal(operation: str, status: int, said: Said, system: str) -> Rejected:
    """What a 4xx says about which member, in the destination's own words (see `_problems`)."""
    problems = _problems(said)
    field = next((name for name in problems if "partner" in name.casefold()), next(iter(problems), None))
    if status == _NOT_FOUND:
        text = f"{operation}: not found"
        return RecordMissing(text, cause="record-missing", field=field, status=status, system=system)
    text = "; ".join(problems.values()) or f"{operation} was refused with {status}"
    return Rejected(
        text[:400],
        cause=f"refused:{field or operation}",
        field=field,
        remedy="correct the value named, then retry",
        status=status,
        system=system,
    )


def _problems(said: Said) -> dict[str, str]:
    """What an error body says by member: ModelState, RFC 7807 errors, or an error's details; else its one message."""
    if isinstance(said.value, str) and said.value.strip():
        return {"": said.value}
    body = _plain_names(said.value)
    error = _plain_names(body.get("error"))
    listed = body.get("modelstate") or body.get("errors") or _by_member(error.get("details"))
    if isinstance(listed, dict) and listed:
        return {
            str(name): "; ".join(map(str, texts if isinstance(texts, list) else [texts]))
            for name, texts in listed.items()
        }
    text = body.get("message") or error.get("message") or body.get("detail") or body.get("title") or error.get("code")
    return {"": str(text)} if text else {}


def _by_member(details: object) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for entry in map(_plain_names, details if isinstance(details, list) else []):
        text = entry.get("message") or entry.get("code")
        if text:
            found.setdefault(str(entry.get("field") or ""), []).append(str(text))
    return found


def _plain_names(value: object) -> dict[str, Any]:
    """An object with its names in small letters; empty for anything else."""
    return {str(name).casefold(): member for name, member in value.items()} if isinstance(value, dict) else {}
