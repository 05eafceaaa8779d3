"""Which values can be the id of a contact in Virtuous."""

from __future__ import annotations

from typing import TypeGuard

MOST_DIGITS = 18


def is_contact_id(value: object) -> TypeGuard[int]:
    """Whether a value is a whole number above 0 of at most 18 digits; a boolean is an integer to Python alone."""
    return type(value) is int and 0 < value < 10**MOST_DIGITS
