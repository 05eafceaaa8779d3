"""What a destination and RaiseDonors last agreed on of a donor or a schedule: rows beside the CRM keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from giftbridge.domain.times import format_moment
from giftbridge.errors import LostRace
from giftbridge.store.rows import Write, commit, put, read_many, read_one

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

FORMAT_VERSION = 1


class Agreed:
    """Fields by entity. A row without fields says that what the destination was sent is not known for sure."""

    def __init__(self, client: DynamoDBClient, crm_keys_table: str) -> None:
        self.client = client
        self.table = crm_keys_table

    def get_many(self, entities: Iterable[str], destination: str) -> dict[str, dict[str, str]]:
        """The fields of those entities that have a row, as they are now."""
        system = _system(destination)
        keys = [{"entity": entity, "system": system} for entity in dict.fromkeys(entities)]
        return {row["entity"]: dict(row.get("fields", {})) for row in read_many(self.client, self.table, keys)}

    def get(self, entity: str, destination: str) -> dict[str, str] | None:
        """An entity's fields, or None when it was never seen."""
        return self.get_many([entity], destination).get(entity)

    def bases(self, entity: str, destination: str) -> tuple[dict[str, str], ...]:
        """What the destination may hold: the fields agreed on, and those of a save whose outcome is not known.

        Nothing when the entity was never seen.
        """
        row = read_one(self.client, self.table, {"entity": entity, "system": _system(destination)})
        if row is None:
            return ()
        agreed = dict(row.get("fields", {}))
        return (agreed, dict(row["sent"])) if "sent" in row else (agreed,)

    def sending(
        self, entity: str, destination: str, agreed: Mapping[str, str], sent: Mapping[str, str], now: datetime
    ) -> Write:
        """The write of what is being sent, to be made with the intent: it stays until both sides agree again."""
        row = {**_row(entity, destination, agreed, now), "sent": dict(sent)}
        return put(self.table, row, f"{entity} agreed")

    def agree(self, entity: str, destination: str, fields: Mapping[str, str], now: datetime) -> Write:
        """The write of what is agreed on from now, to be made with the fact."""
        return put(self.table, _row(entity, destination, fields, now), f"{entity} agreed")

    def first(self, entity: str, destination: str, fields: Mapping[str, str], now: datetime) -> Write:
        """The write of an entity that was never seen: it fails when somebody knew it already."""
        return put(self.table, _row(entity, destination, fields, now), entity, "attribute_not_exists(entity)")

    def first_sight(self, entity: str, destination: str, fields: Mapping[str, str], now: datetime) -> bool:
        """Record an entity that was never seen; False when somebody knew it already."""
        try:
            commit(self.client, [self.first(entity, destination, fields, now)])
        except LostRace:
            return False
        return True


def _row(entity: str, destination: str, fields: Mapping[str, str], now: datetime) -> dict[str, object]:
    return {
        "entity": entity,
        "system": _system(destination),
        "fields": dict(fields),
        "since": format_moment(now),
        "v": FORMAT_VERSION,
    }


def _system(destination: str) -> str:
    """Beside the key's own row, so that neither write can undo the other."""
    return f"{destination}/agreed"
