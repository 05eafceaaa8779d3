"""A donor's own gift, read as far as the giving history shows it, however odd the rest of it is."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal, InvalidOperation

from giftbridge.domain.giving_history import DonorGift
from giftbridge.domain.times import parse_moment


def read_donor_gift(raw: object) -> DonorGift | None:
    """A Gift of listDonorGifts; None when it has no readable id, amount, status or date of creation."""
    gift = raw if isinstance(raw, dict) else {}
    number, amount, created = gift.get("id"), _amount(gift.get("amount")), _moment(gift.get("createdDate"))
    status = gift.get("statusText")
    if not isinstance(number, int) or amount is None or created is None or not isinstance(status, str):
        return None
    key, currency = gift.get("crmKey"), gift.get("currency")
    return DonorGift(
        id=number,
        amount=amount,
        currency=currency if isinstance(currency, str) and currency else None,
        status=status,
        created_at=created,
        modified_at=_moment(gift.get("modifiedDate")),
        is_test_mode=gift.get("isTestMode") is True,
        crm_key=str(key).strip() or None if isinstance(key, str | int) else None,
    )


def _amount(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _moment(value: object) -> datetime | None:
    try:
        return parse_moment(value) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None
