"""A donor's own gift, read as far as the giving history shows it, however odd the rest of it is."""

from __future__ import annotations

from giftbridge.clients.json_values import exact_number
from giftbridge.clients.whole_answers import positive_number
from giftbridge.domain.giving_history import DonorGift
from giftbridge.domain.times import readable_moment


def read_donor_gift(raw: object) -> DonorGift | None:
    """A Gift of listDonorGifts; None when it has no readable id, amount, status or date of creation."""
    gift = raw if isinstance(raw, dict) else {}
    number, amount, created = (
        positive_number(gift.get("id")),
        exact_number(gift.get("amount")),
        readable_moment(gift.get("createdDate")),
    )
    status = gift.get("statusText")
    if number is None or amount is None or created is None or not isinstance(status, str):
        return None
    key, currency = gift.get("crmKey"), gift.get("currency")
    return DonorGift(
        id=number,
        amount=amount,
        currency=currency if isinstance(currency, str) and currency else None,
        status=status,
        created_at=created,
        modified_at=readable_moment(gift.get("modifiedDate")),
        is_test_mode=gift.get("isTestMode") is True,
        crm_key=str(key).strip() or None if isinstance(key, str | int) else None,
    )
