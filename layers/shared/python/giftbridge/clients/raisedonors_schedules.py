"""The only write to a schedule: a full replace in which the key alone is new (replaceRecurringGift)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Members of a schedule that the service makes itself; a replace sends back everything else as it was read.
READ_ONLY_OF_SCHEDULE = frozenset(
    {"id", "createdDate", "modifiedDate", "formattedFrequency", "isTestMode", "statusText"}
)


def schedule_with_key(raw: Mapping[str, Any], crm_key: str) -> dict[str, Any]:
    """The replacement of a schedule in which the pledge id alone is new."""
    return {**{name: value for name, value in raw.items() if name not in READ_ONLY_OF_SCHEDULE}, "crmKey": crm_key}


def changed_members(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Members of a schedule that differ after our replace, other than the key and the modification time."""
    expected = {"crmKey", "modifiedDate"}
    return sorted(n for n in before.keys() | after.keys() if before.get(n) != after.get(n) and n not in expected)
