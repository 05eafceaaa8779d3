"""The crm-keys table: which record at a destination is ours, who is settling that right now, and who claims what.

A row is a key (settled), a hold (a delivery is settling it), or both absent (nothing known). Claim rows such as
`aegis-invoice#7` say which donation a transaction belongs to: put if absent, so a race has one winner.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from giftbridge.domain.contact_ids import ContactLink
from giftbridge.domain.delivery_ids import VIRTUOUS
from giftbridge.domain.entities import donor_of
from giftbridge.domain.times import format_moment
from giftbridge.store.rows import Write, delete, from_item, put, read_many, read_one, to_item, update

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

FORMAT_VERSION = 1
_FREE_OR_MINE = "attribute_not_exists(entity) OR (attribute_not_exists(crm_key) AND held_by IN (:me, :ended))"


@dataclass(frozen=True, slots=True)
class CrmKey:
    """What is known of an entity at a destination. `rule` and `since` say how and when the key was found.

    `by` names the delivery that settled it; a row of the version before does not say.
    """

    entity: str
    system: str
    key: str | None
    hold: str | None
    rule: str | None
    since: str | None
    by: str = ""


def invoice_claim(number: object) -> str:
    """The row that says whose a transaction in Aegis is."""
    return f"aegis-invoice#{number}"


def pledge_claim(pledge_id: object) -> str:
    """The row that says whose a pledge in Aegis is."""
    return f"aegis-pledge#{pledge_id}"


def project_claim(project_id: object) -> str:
    """The row that says whose a project in Virtuous is."""
    return f"virtuous-project#{project_id}"


class CrmKeys:
    """Reads are consistent; writes are parts of a delivery's transaction."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self.client = client
        self.table = table

    def get(self, entity: str, system: str) -> CrmKey | None:
        """The row as it is now."""
        row = read_one(self.client, self.table, {"entity": entity, "system": system})
        if row is None:
            return None
        return CrmKey(
            entity,
            system,
            row.get("crm_key"),
            row.get("held_by"),
            row.get("rule"),
            row.get("since"),
            str(row.get("by", "")),
        )

    def contact_link(self, entity: str) -> ContactLink | None:
        """Whom a donor is in Virtuous, where that is settled."""
        row = self.get(entity, VIRTUOUS)
        return ContactLink.read(row.key) if row is not None else None

    def entities_with(self, system: str, key: str) -> list[str]:
        """Entities that have this key, from the index: for people and for caution, not for decisions."""
        answer = self.client.query(
            TableName=self.table,
            IndexName="by-key",
            KeyConditionExpression="system_key = :key",
            ExpressionAttributeValues=to_item({":key": f"{system}#{key}"}),
        )
        return [str(from_item(item)["entity"]) for item in answer["Items"]]

    def donors_with(self, system: str, key: str) -> list[int]:
        """Donors that have this key, as the index has them."""
        return [number for name in self.entities_with(system, key) if (number := donor_of(name)) is not None]

    def claimed_by(self, entities: Iterable[str], system: str) -> dict[str, str]:
        """Which delivery claims each of these records, for those that are claimed."""
        keys = [{"entity": entity, "system": system} for entity in dict.fromkeys(entities)]
        rows = read_many(self.client, self.table, keys)
        return {row["entity"]: row["crm_key"] for row in rows if row.get("crm_key")}

    def hold(self, entity: str, system: str, delivery_id: str, now: datetime, ended: str = "") -> Write:
        """Take the hold, unless the key is settled or another delivery holds it; `ended` named one that gave up."""
        values = {"entity": entity, "system": system, "held_by": delivery_id, "since": format_moment(now)}
        row = {**values, "v": FORMAT_VERSION}
        return put(self.table, row, entity, _FREE_OR_MINE, me=delivery_id, ended=ended or delivery_id)

    def release(self, entity: str, system: str, delivery_id: str) -> Write:
        """Give a hold back, where it is still this delivery's."""
        key = {"entity": entity, "system": system}
        return delete(self.table, key, entity, "attribute_not_exists(entity) OR held_by = :me", me=delivery_id)

    def settle(
        self, entity: str, system: str, key: str, rule: str, delivery_id: str, now: datetime, ended: str = ""
    ) -> Write:
        """Store the key, unless it is settled already or another delivery holds it."""
        values = {**_settled(entity, system, key, rule, now), "by": delivery_id}
        return put(self.table, values, entity, _FREE_OR_MINE, me=delivery_id, ended=ended or delivery_id)

    def link(self, entity: str, system: str, key: str, rule: str, seen: CrmKey | None, now: datetime) -> Write:
        """Store the key in place of the one that was seen: of a record that others may merge into another.

        Of a donor's key in Virtuous, the contact is what the index finds.
        """
        values = _settled(entity, system, key, rule, now)
        if seen is None or seen.key is None:
            return put(self.table, values, entity, "attribute_not_exists(crm_key)")
        return put(self.table, values, entity, "crm_key = :seen", seen=seen.key)

    def unlink(self, entity: str, system: str, seen: str) -> Write:
        """Forget the key of a record that is gone."""
        return delete(self.table, {"entity": entity, "system": system}, entity, "crm_key = :seen", seen=seen)

    def lose(self, entity: str, system: str, key: str, delivery_id: str, now: datetime) -> Write:
        """Turn a key that the destination no longer honours into this delivery's hold."""
        values = {
            "crm_key": None,
            "system_key": None,
            "held_by": delivery_id,
            "lost_key": key,
            "since": format_moment(now),
        }
        return update(self.table, {"entity": entity, "system": system}, values, entity, "crm_key = :old", old=key)

    def refuse(self, entity: str, system: str, keys: Iterable[str], now: datetime) -> Write:
        """Remember records that a person said are not this entity's: no rule and no imported key leads there again."""
        values = {"entity": entity, "system": f"{system}/refused", "refused": sorted(keys), "since": format_moment(now)}
        return put(self.table, {**values, "v": FORMAT_VERSION}, f"{entity} refused")

    def refused(self, entity: str, system: str) -> frozenset[str]:
        """The records that a person said are not this entity's."""
        row = read_one(self.client, self.table, {"entity": entity, "system": f"{system}/refused"})
        return frozenset(map(str, row.get("refused", ()))) if row else frozenset()

    def claim(self, entity: str, system: str, delivery_id: str, now: datetime, *, take_over: bool = False) -> Write:
        """Say that a record at the destination belongs to this delivery."""
        values = {
            "entity": entity,
            "system": system,
            "crm_key": delivery_id,
            "since": format_moment(now),
            "v": FORMAT_VERSION,
        }
        if take_over:
            return put(self.table, values, entity)
        return put(self.table, values, entity, "attribute_not_exists(entity) OR crm_key = :me", me=delivery_id)


def _settled(entity: str, system: str, key: str, rule: str, now: datetime) -> dict[str, object]:
    link = ContactLink.read(key) if system == VIRTUOUS else None
    return {
        "entity": entity,
        "system": system,
        "crm_key": key,
        "system_key": f"{system}#{link.contact_id if link is not None else key}",
        "rule": rule,
        "since": format_moment(now),
        "v": FORMAT_VERSION,
    }
