"""Amounts of money as texts, the way servers and people write them."""

from __future__ import annotations

import re
from decimal import Decimal

_GAP = "[ \u00a0\u2009\u202f'\u2019]"
_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?", re.ASCII)
# Thousands are set off by commas, by points or by gaps; a group that could as well be decimals is not among these.
_READABLE = (
    re.compile(r"-?\d{1,3}(,\d{3})+\.\d+|-?\d{1,3}(,\d{3}){2,}", re.ASCII),
    re.compile(rf"-?\d{{1,3}}({_GAP}\d{{3}})+(\.\d+)?", re.ASCII),
)
_READABLE_WITH_COMMA = (
    re.compile(r"-?\d{1,3}(\.\d{3})+,\d+|-?\d{1,3}(\.\d{3}){2,}", re.ASCII),
    re.compile(rf"-?\d{{1,3}}({_GAP}\d{{3}})+,\d{{1,2}}", re.ASCII),
    re.compile(r"-?\d+,\d{1,2}", re.ASCII),
)


def amount_in(text: str) -> Decimal:
    """The amount that a text names, whether points or commas set off the cents.

    Raises ValueError for what is no amount, and for what could be two: `1,250` is 1250 here and 1.25 there.
    """
    written = text.strip()
    if _PLAIN.fullmatch(written):
        return Decimal(written)
    if any(form.fullmatch(written) for form in _READABLE):
        return Decimal(re.sub(rf"{_GAP}|,", "", written))
    if any(form.fullmatch(written) for form in _READABLE_WITH_COMMA):
        return Decimal(re.sub(rf"{_GAP}|\.", "", written).replace(",", "."))
    raise ValueError(f"{written[:20]!r} is no amount, or could be two: write it like 1250.00")
