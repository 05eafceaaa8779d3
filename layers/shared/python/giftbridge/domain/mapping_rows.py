"""A mapping as data: rows that each say which member gets which value, and the body they make."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

Body = dict[str, object]
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Row(Generic[S]):
    """`member` (a dotted path) gets `value(source)`; `source` names it for people."""

    member: str
    source: str
    value: Callable[[S], object]


def fill(rows: Iterable[Row[S]], source: S) -> Body:
    """The body that the rows make of a source; a value of None leaves its member out."""
    body: Body = {}
    for row in rows:
        value = row.value(source)
        if value is None:
            continue
        *path, name = row.member.split(".")
        inner = body
        for part in path:
            inner = inner.setdefault(part, {})  # type: ignore[assignment]
        inner[name] = value
    return body
