"""Amounts of money as texts: the way servers and people write them, and the way a delivery remembers one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

# More than any id or amount has, and as many as a table holds.
MOST_DIGITS = 38
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


def counted(written: str) -> Decimal | None:
    """A number, exact; None for what is none, and for one beyond all that is counted."""
    try:
        number = Decimal(written)
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number.adjusted()) <= MOST_DIGITS else None


@dataclass(frozen=True, slots=True)
class Money:
    """An amount and its currency, which is empty where it was not told; as text `-25.00 USD`."""

    amount: Decimal
    currency: str

    def __str__(self) -> str:
        return f"{self.amount:.2f} {self.currency}".strip()

    @classmethod
    def read(cls, text: object) -> Money | None:
        """The money that a text tells; None for anything else."""
        number, _, currency = str(text).partition(" ")
        return cls(Decimal(number), currency) if _PLAIN.fullmatch(number) else None
