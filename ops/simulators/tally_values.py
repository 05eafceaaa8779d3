"""Comparing values that two systems write down differently."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ops.simulators.countries import code_of

PHONE_DIGITS = 10
# No system takes these: what stands between them counts as words of one line.
_CONTROLS = re.compile(r"\s*[\x00-\x1f\x7f-\x9f]+\s*")


def said(value: Any) -> str:
    """A text without its outer blanks and control characters; nothing for what is absent, null or blank."""
    return _CONTROLS.sub(" ", str(value)).strip() if value is not None else ""


def same(one: Any, other: Any) -> bool:
    """Whether two members are equal; absent, null, blank, empty and false are the same."""
    return (one or None) == (other or None)


def phone_mark(value: Any) -> str:
    """The digits that tell one number from another, however it is written."""
    return "".join(character for character in said(value) if character.isdigit())[-PHONE_DIGITS:]


def address_of(place: Mapping[str, Any] | None, names: Iterable[str]) -> tuple[str, ...]:
    """An address by the given member names, the last one of which is the country: its code, or none for an unknown one.

    A country that nobody knows is left out of what is sent.
    """
    *lines, country = (said((place or {}).get(name)) for name in names)
    return (*lines, code_of(country) or "")


def primary_entry(points: Iterable[Mapping[str, Any]] | None) -> Mapping[str, Any] | None:
    """The primary one of a partner's phones or e-mails: the first of the smallest priority."""
    return min(points or (), key=lambda point: point.get("Priority") or 99, default=None)
