"""A gift of the feed, read as far as the pickup needs it, however odd the rest of it is."""

from __future__ import annotations

import hashlib
from datetime import datetime

import simplejson

from giftbridge.domain.sightings import Sighting
from giftbridge.domain.times import parse_moment


def read_sighting(raw: object) -> Sighting:
    """As much of a raw gift as can be read: a record that is odd elsewhere still becomes a delivery.

    A gift without an id is named by its content, so that it is reported once.
    """
    gift = raw if isinstance(raw, dict) else {}
    number = _whole_number(gift.get("id"))
    return Sighting(
        donation_id=str(number) if number is not None else f"unreadable-{_digest(raw)}",
        donor_id=_whole_number(gift.get("donorId")),
        status=str(gift.get("statusText") or "").strip().casefold(),
        crm_key=str(gift["crmKey"]).strip() or None if gift.get("crmKey") else None,
        is_test_mode=gift.get("isTestMode") is True,
        created_at=_moment(gift.get("createdDate")),
        modified_at=_moment(gift.get("modifiedDate")),
    )


def _digest(raw: object) -> str:
    text = simplejson.dumps(raw, use_decimal=True, sort_keys=True, ignore_nan=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _whole_number(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else None


def _moment(value: object) -> datetime | None:
    try:
        return parse_moment(value) if isinstance(value, str) else None
    except ValueError:
        return None
