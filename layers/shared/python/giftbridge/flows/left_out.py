"""What could not be carried is told once for each delivery, however often it is tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from giftbridge.domain.donations import LeftOut
from giftbridge.domain.left_out import names_of

WHAT = "left out"
# Among a result's facts, for later tries alone: the fields whose loss the activity tells already.
TOLD = "left_out:told"


def untold(facts: Mapping[str, str], left_out: Sequence[LeftOut]) -> str:
    """The fields to tell of; none where a line tells of exactly these."""
    names = names_of(left_out)
    return names if names != facts.get(TOLD, "") else ""


def telling(names: str) -> str:
    """The line's sentence. The fields alone: the note in the CRM holds what they said."""
    return f"could not be carried, and stands in the note: {names}"
