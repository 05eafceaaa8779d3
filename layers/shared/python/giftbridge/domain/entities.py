"""Names of entities: a donor, a schedule or another record, as keys, notices and activity lines call it."""

from __future__ import annotations

import re

_DONOR = re.compile(r"donor#([0-9]{1,19})")


def donor_of(entity: str) -> int | None:
    """The donor that an entity is; None for another entity."""
    found = _DONOR.fullmatch(entity)
    return int(found[1]) if found is not None else None
