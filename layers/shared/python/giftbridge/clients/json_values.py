"""Values of anybody's JSON, read exactly or not at all."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from giftbridge.domain.amounts import amount_in


def exact_number(value: object) -> Decimal | None:
    """A finite number, given as a number or as text; None when it is none."""
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        return None
    try:
        number = amount_in(value) if isinstance(value, str) else Decimal(value)
    except (InvalidOperation, ValueError):
        return None
    return number if number.is_finite() else None
