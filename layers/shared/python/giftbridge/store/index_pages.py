"""Reading an index from its newest end a part at a time: for people who page through lists, never for decisions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from giftbridge.store.rows import from_item, to_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# Before and after every moment, as text.
_FIRST, _LAST = "0", "9999"


@dataclass(frozen=True, slots=True)
class Mark:
    """An entry of an index: its moment as text, and what it finds. Newest first is the order of marks backwards."""

    at: str
    id: str
    entity: str = ""


@dataclass(frozen=True, slots=True)
class IndexPages:
    """One index of keys: `partition` and `moment` name its attributes, `id` what an entry finds."""

    client: DynamoDBClient
    table: str
    index: str
    partition: str
    moment: str
    id: str = "id"

    def newest(
        self, of: str, limit: int, before: Mark | None = None, since: str = _FIRST, until: str = _LAST
    ) -> tuple[list[Mark], bool]:
        """Entries of a partition, newest first, after `before`; and whether there may be more.

        Entries of one moment come in the order of their ids, and all or none of them: an index keeps no order there.
        """
        found: list[Mark] = []
        until = min(until, before.at) if before is not None else until
        while len(found) < limit and since <= until:
            part, goes_on = self._query(of, since, until, limit + 1)
            if goes_on:
                oldest = part[-1].at
                same, _ = self._query(of, oldest, oldest, None)
                part = [mark for mark in part if mark.at != oldest] + same
                until = _just_before(oldest)
            fresh = [mark for mark in part if before is None or (mark.at, mark.id) < (before.at, before.id)]
            found += sorted(fresh, key=lambda mark: (mark.at, mark.id), reverse=True)
            if not goes_on:
                return found, False
        return found, since <= until

    def _query(self, of: str, since: str, until: str, limit: int | None) -> tuple[list[Mark], bool]:
        """So many entries at most, and whether there are more."""
        found: list[Mark] = []
        arguments: dict[str, Any] = {"Limit": limit} if limit is not None else {}
        while True:
            answer: Any = self.client.query(
                TableName=self.table,
                IndexName=self.index,
                KeyConditionExpression="#partition = :of AND #moment BETWEEN :since AND :until",
                ExpressionAttributeNames={"#partition": self.partition, "#moment": self.moment},
                ExpressionAttributeValues=to_item({":of": of, ":since": since, ":until": until}),
                ScanIndexForward=False,
                **arguments,
            )
            rows = map(from_item, answer["Items"])
            found += [Mark(row[self.moment], row[self.id], row.get("entity", "")) for row in rows]
            start = answer.get("LastEvaluatedKey")
            if not start or (limit is not None and len(found) >= limit):
                return found, bool(start)
            arguments["ExclusiveStartKey"] = start


def _just_before(moment: str) -> str:
    """The greatest text that is less, as far as moments go."""
    return f"{moment[:-1]}{chr(ord(moment[-1]) - 1)}\uffff"


def state_index(client: DynamoDBClient, table: str) -> IndexPages:
    """Deliveries by the partition of their state."""
    return IndexPages(client, table, "open", "open", "due")


def donor_index(client: DynamoDBClient, table: str) -> IndexPages:
    """Deliveries by donor, by the moment they were picked up."""
    return IndexPages(client, table, "by-donor", "donor", "created_at")


def day_index(client: DynamoDBClient, table: str) -> IndexPages:
    """Activity lines by day."""
    return IndexPages(client, table, "by-day", "day", "at", "at")
