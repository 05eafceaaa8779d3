"""Which values can be the id of a contact in Virtuous, and what a donor's key there names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeGuard

MOST_DIGITS = 18
_KEY = re.compile(r"([0-9]+)(?:/([0-9]+))?")


def is_contact_id(value: object) -> TypeGuard[int]:
    """Whether a value is a whole number above 0 of at most 18 digits; a boolean is an integer to Python alone."""
    return type(value) is int and 0 < value < 10**MOST_DIGITS


@dataclass(frozen=True, slots=True)
class ContactLink:
    """Whom a donor is in Virtuous: a contact, and in a household one individual of it; as text `4107/5203`."""

    contact_id: int
    individual_id: int | None = None

    def __str__(self) -> str:
        return str(self.contact_id) + (f"/{self.individual_id}" if self.individual_id is not None else "")

    @classmethod
    def read(cls, key: str | None) -> ContactLink | None:
        """What a key names; None where it names no contact."""
        found = _KEY.fullmatch(key or "")
        return cls(int(found[1]), int(found[2]) if found[2] else None) if found else None
