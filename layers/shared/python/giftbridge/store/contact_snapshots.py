"""What a donor and their contact in Virtuous last agreed on: rows beside the CRM keys, each write on what was read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from giftbridge.domain.contact_rows import Base
from giftbridge.domain.times import format_moment
from giftbridge.store.rows import Write, put, read_many, read_one

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

FORMAT_VERSION = 1
SYSTEM = "virtuous/agreed"
_MOST_ROWS = 5


@dataclass(frozen=True, slots=True)
class ContactSnapshot:
    """The base of a donor's merges. `echo_of` names the delivery that last wrote to the donor for Virtuous' sake.

    `contact_type` is the contact's own, to be sent back; `revision` counts the writes, None when there is no row.
    """

    entity: str
    base: Base
    contact_type: str | None = None
    echo_of: str | None = None
    revision: int | None = None


class ContactSnapshots:
    """Rows by donor entity."""

    def __init__(self, client: DynamoDBClient, crm_keys_table: str) -> None:
        self.client = client
        self.table = crm_keys_table

    def get(self, entity: str) -> ContactSnapshot | None:
        """A donor's snapshot as it is now, None when they were never seen."""
        row = read_one(self.client, self.table, {"entity": entity, "system": SYSTEM})
        return _snapshot(row) if row is not None else None

    def get_many(self, entities: Iterable[str]) -> dict[str, ContactSnapshot]:
        """The snapshots of those donors that have one."""
        keys = [{"entity": entity, "system": SYSTEM} for entity in dict.fromkeys(entities)]
        found = map(_snapshot, read_many(self.client, self.table, keys))
        return {snapshot.entity: snapshot for snapshot in found}

    def write(self, seen: ContactSnapshot | None, after: ContactSnapshot, now: datetime) -> Write:
        """The write that replaces what was seen, to be made with the fact. It loses against any other write since."""
        label = f"{after.entity} agreed"
        base = after.base
        row: dict[str, object] = {
            "entity": after.entity,
            "system": SYSTEM,
            "fields": dict(base.ours),
            "theirs": dict(base.theirs) if base.theirs is not None else None,
            "rows": [dict(fields) for fields in base.rows[-_MOST_ROWS:]] or None,
            "contact_type": after.contact_type,
            "echo_of": after.echo_of,
            "revision": (seen.revision or 0 if seen is not None else 0) + 1,
            "since": format_moment(now),
            "v": FORMAT_VERSION,
        }
        if seen is None or seen.revision is None:
            return put(self.table, row, label, "attribute_not_exists(entity)")
        if seen.revision == 0:
            return put(self.table, row, label, "attribute_exists(entity) AND attribute_not_exists(revision)")
        return put(self.table, row, label, "revision = :seen", seen=seen.revision)


def _snapshot(row: Mapping[str, Any]) -> ContactSnapshot:
    theirs = row.get("theirs")
    base = Base(
        dict(row.get("fields", {})),
        dict(theirs) if theirs is not None else None,
        tuple(dict(fields) for fields in row.get("rows", ())),
    )
    return ContactSnapshot(
        row["entity"], base, row.get("contact_type"), row.get("echo_of"), int(row.get("revision", 0))
    )
