"""The state table: cursors, leases, destinations' health, budgets, remembered look-ups, settings versions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from giftbridge.domain.destinations import Destination
from giftbridge.domain.times import format_moment, parse_moment
from giftbridge.errors import LostRace
from giftbridge.store.rows import Write, commit, delete, put, read_one

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_MOMENTS = ("stopped_at", "opened_at", "probe_at", "not_before", "asked_at", "last_success_at")
_TEXTS = ("paused_by", "stopped_why", "stopped_versions", "trial")
_TRIES = 5


class StateTable:
    """Rows by name. Every change is a compare-and-set on the row's revision."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self.client = client
        self.table = table

    def get(self, name: str) -> dict[str, Any] | None:
        """The row as it is now."""
        return read_one(self.client, self.table, {"name": name})

    def put(self, name: str, values: Mapping[str, object], seen: Mapping[str, Any] | None) -> None:
        """Replace the row that was seen (None: put a new one). Raises LostRace."""
        commit(self.client, [self.replacing(name, values, seen)])

    def replacing(self, name: str, values: Mapping[str, object], seen: Mapping[str, Any] | None) -> Write:
        """The write that replaces the row that was seen."""
        revision = int(seen["revision"]) if seen else 0
        row = {**values, "name": name, "revision": revision + 1}
        if seen is None:
            return put(self.table, row, name, "attribute_not_exists(revision)")
        return put(self.table, row, name, "revision = :seen", seen=revision)

    # --- leases: one process at a time -------------------------------------------------------------------

    def take_lease(self, name: str, owner: str, now: datetime, seconds: float) -> bool:
        """Whether this process may work now; the lease ends by itself."""
        row = {"name": f"lease#{name}", "owner": owner, "until": format_moment(now + timedelta(seconds=seconds))}
        free = "attribute_not_exists(#name) OR #until < :now OR #owner = :me"
        write = put(self.table, row, name, free, now=format_moment(now), me=owner)
        write.arguments["ExpressionAttributeNames"] = {"#name": "name", "#until": "until", "#owner": "owner"}
        try:
            commit(self.client, [write])
        except LostRace:
            return False
        return True

    def end_lease(self, name: str, owner: str) -> None:
        """Give the lease back; somebody else's is left alone."""
        write = delete(self.table, {"name": f"lease#{name}"}, name, "#owner = :me", me=owner)
        write.arguments["ExpressionAttributeNames"] = {"#owner": "owner"}
        try:
            commit(self.client, [write])
        except LostRace:
            return

    # --- destinations ------------------------------------------------------------------------------------

    def destination(self, name: str) -> Destination:
        """A destination's health; a healthy one when nothing is known."""
        row = self.get(f"destination#{name}")
        return _destination(name, row) if row else Destination(name)

    def change_destination(self, name: str, change: Callable[[Destination], Destination]) -> Destination:
        """Apply a change to the row as it is now, again when somebody else was faster."""
        for _ in range(_TRIES):
            seen = self.get(f"destination#{name}")
            before = _destination(name, seen) if seen else Destination(name)
            after = change(before)
            if after == before:
                return before
            try:
                self.put(f"destination#{name}", _destination_row(after), seen)
            except LostRace:
                continue
            return replace(after, revision=before.revision + 1)
        raise LostRace(f"the row of {name} changed {_TRIES} times meanwhile", (name,))


def _destination(name: str, row: Mapping[str, Any]) -> Destination:
    moments = {field: parse_moment(row[field]) for field in _MOMENTS if row.get(field)}
    texts = {field: str(row[field]) for field in _TEXTS if row.get(field)}
    donors = tuple(row.get("failed_donors", ()))
    return Destination(name, revision=int(row["revision"]), failed_donors=donors, **moments, **texts)  # type: ignore[arg-type]


def _destination_row(destination: Destination) -> dict[str, object]:
    moments = {field: getattr(destination, field) for field in _MOMENTS}
    row: dict[str, object] = {field: format_moment(moment) for field, moment in moments.items() if moment is not None}
    row.update({field: getattr(destination, field) for field in _TEXTS})
    row["failed_donors"] = list(destination.failed_donors) or None
    return row
