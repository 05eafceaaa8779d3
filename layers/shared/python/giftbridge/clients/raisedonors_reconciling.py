"""A gift of the feed, read as far as a reconciliation compares it, however odd the rest of it is."""

from __future__ import annotations

from decimal import Decimal

from giftbridge.clients.json_values import exact_number
from giftbridge.clients.raisedonors_sightings import read_sighting
from giftbridge.domain.reconciliation import GiftFact


def read_gift_fact(raw: object) -> GiftFact | None:
    """A Gift of queryGifts; None when it has no readable id, amount or date of creation."""
    gift = raw if isinstance(raw, dict) else {}
    seen, amount = read_sighting(raw), exact_number(gift.get("amount"))
    if not seen.donation_id.isdigit() or amount is None or seen.created_at is None:
        return None
    currency = gift.get("currency")
    return GiftFact(
        id=int(seen.donation_id),
        donor_id=seen.donor_id,
        amount=amount,
        currency=currency.strip().upper() if isinstance(currency, str) else "",
        status=seen.status,
        created_at=seen.created_at,
        modified_at=seen.modified_at,
        is_test_mode=seen.is_test_mode,
        crm_key=seen.crm_key,
        shares=_shares(gift.get("projects")),
    )


def _shares(projects: object) -> tuple[tuple[int, Decimal], ...]:
    """The allocations that can be read."""
    listed = projects if isinstance(projects, list) else []
    read = ((one.get("projectId"), exact_number(one.get("amount"))) for one in listed if isinstance(one, dict))
    return tuple((project, amount) for project, amount in read if isinstance(project, int) and amount is not None)
