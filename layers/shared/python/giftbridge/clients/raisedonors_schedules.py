"""The only write to a schedule: a full replace in which the key alone is new (replaceRecurringGift)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from giftbridge.clients.raisedonors_wire import read_schedule
from giftbridge.clients.whole_answers import NotWhole
from giftbridge.errors import Rejected

# Members of a schedule that the service makes itself; a replace sends back everything else as it was read.
READ_ONLY_OF_SCHEDULE = frozenset(
    {"id", "createdDate", "modifiedDate", "formattedFrequency", "isTestMode", "statusText"}
)


def require_replaceable(raw: Mapping[str, Any]) -> None:
    """A schedule that may be sent back: what a replace steers by is there. Raises NotWhole.

    A replacement that lacks a member clears it, and the schedule charges cards.
    """
    try:
        read_schedule(raw)
    except Rejected as rejected:
        raise NotWhole(f"{rejected.field} cannot be read") from rejected
    projects = raw.get("projects")
    if not isinstance(projects, list) or not projects or not all(isinstance(one, dict) for one in projects):
        raise NotWhole("no list projects")
    if type(raw.get("status")) is not int or not isinstance(raw.get("statusText"), str):
        raise NotWhole("no status")


def schedule_with_key(raw: Mapping[str, Any], crm_key: str) -> dict[str, Any]:
    """The replacement of a schedule in which the pledge id alone is new."""
    return {**{name: value for name, value in raw.items() if name not in READ_ONLY_OF_SCHEDULE}, "crmKey": crm_key}


def changed_members(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Members of a schedule that differ after our replace, other than the key and the modification time."""
    expected = {"crmKey", "modifiedDate"}
    return sorted(n for n in before.keys() | after.keys() if before.get(n) != after.get(n) and n not in expected)
