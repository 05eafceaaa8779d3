"""What counts as a page, a record and a created id. Anything else is no answer, and nothing is concluded from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

# A number that nobody has given: what a service writes that made no record (Guid.Empty of .NET).
_NO_RECORD = frozenset({"", "0", "00000000-0000-0000-0000-000000000000", "null", "none", "undefined"})
_WORDS_OF_AN_ERROR = ("message", "exceptionmessage", "error", "errors", "modelstate")
_LONGEST_NUMBER = 18


class NotWhole(ValueError):
    """An answer lacks what its contract requires; the text names the member, never its content."""


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of a list, raw, and how many the whole list has."""

    rows: list[Any]
    total: int


def read_page(body: object, rows: str, total: str, skip: int, *, empty_is_none: bool = False) -> Page:
    """A page that begins after `skip` rows. Raises NotWhole when it has no list or count, or they contradict.

    `empty_is_none` allows null for a list without rows.
    """
    members = read_object(body)
    listed, count = members.get(rows), members.get(total)
    if listed is None and empty_is_none and rows in members and count == 0:
        listed = []
    if not isinstance(listed, list):
        raise NotWhole(f"no list {rows}")
    number = read_count(count, total)
    if listed and skip + len(listed) > number:
        raise NotWhole(f"{skip + len(listed)} {rows} where {total} is {number}")
    if not listed and skip < number:
        raise NotWhole(f"no {rows} after {skip} where {total} is {number}")
    return Page(listed, number)


def rows_of_all(page: Callable[[int], Page], most: int) -> list[Any] | None:
    """The rows of all pages, each asked for by how many rows were read before; None for more than so many."""
    rows: list[Any] = []
    while len(rows) < most:
        got = page(len(rows))
        rows += got.rows
        if len(rows) >= got.total:
            return rows
    return None


def read_object(body: object) -> Mapping[str, Any]:
    """A JSON object. Raises NotWhole."""
    if not isinstance(body, dict):
        raise NotWhole("no object in the answer")
    return body


def read_count(value: object, member: str) -> int:
    """A count, from zero on. Raises NotWhole."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise NotWhole(f"{member} is no count")
    return value


def positive_number(value: object) -> int | None:
    """A positive whole number, given as a number or as its digits; None for anything else."""
    if isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value():
        value = int(value)
    if isinstance(value, str) and value.isascii() and value.strip().isdigit() and len(value.strip()) <= _LONGEST_NUMBER:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if value > 0 else None


def id_text(value: object) -> str | None:
    """The id of a record, whose form is its own system's; None where it names none."""
    if isinstance(value, str):
        return None if value.strip().casefold() in _NO_RECORD else value
    number = positive_number(value)
    return None if number is None else str(number)


def is_named(raw: object, *members: str) -> bool:
    """Whether a record has an id, and so do the other members that name whose it is."""
    if not isinstance(raw, dict):
        return False
    return all(positive_number(raw.get(member)) is not None for member in ("id", *members))


def require_named(rows: list[Any]) -> None:
    """Every row of a page has its id. Raises NotWhole."""
    unnamed = sum(not is_named(raw) for raw in rows)
    if unnamed:
        raise NotWhole(f"{unnamed} records without an id")


def require_titled(rows: list[Any]) -> None:
    """Every row of a list that was searched by name shows its name. Raises NotWhole."""
    untitled = sum(not isinstance(raw, dict) or not isinstance(raw.get("name"), str) for raw in rows)
    if untitled:
        raise NotWhole(f"{untitled} records without a name")


def require_same(asked: object, answered: object, member: str) -> None:
    """The record that was asked for is the one that was answered. Raises NotWhole."""
    if isinstance(answered, Decimal):
        # 17.0 is how some servers write 17.
        answered = positive_number(answered)
    if str(asked).strip().casefold() != str(answered).strip().casefold():
        raise NotWhole(f"{member} is that of another record")


def read_record(raw: object, member: str, asked: object) -> dict[str, Any]:
    """The record that was asked for by a member. Raises NotWhole."""
    record = read_object(raw)
    require_same(asked, record.get(member), member)
    return dict(record)


def tells_an_error(body: object) -> bool:
    """Whether an answer that should tell of success is an error's body: words of an error, and no record."""
    if not isinstance(body, dict):
        return False
    named = {str(name).casefold(): value for name, value in body.items()}
    return any(named.get(word) for word in _WORDS_OF_AN_ERROR) and not named.get("id")
