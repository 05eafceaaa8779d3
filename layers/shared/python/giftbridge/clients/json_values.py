"""Values of anybody's JSON, read exactly or not at all."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation


def exact_number(value: object) -> Decimal | None:
    """A finite number, given as a number or as text; None when it is none."""
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
