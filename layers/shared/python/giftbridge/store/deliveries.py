"""The deliveries table: one row for each delivery, each change of it conditional on what was read."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from giftbridge.domain.deliveries import OPEN_STATES, Delivery
from giftbridge.domain.times import format_moment
from giftbridge.errors import LostRace
from giftbridge.store.delivery_rows import SHARDS, delivery_of, row_of
from giftbridge.store.rows import TableBusy, Write, commit, from_item, put, read_many, read_one, to_item, update

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

log = logging.getLogger("giftbridge")


class Deliveries:
    """Reads are consistent reads of the table; the indexes only find ids for the sweep and for people."""

    def __init__(self, client: DynamoDBClient, table: str, token: Callable[[int], str] = secrets.token_hex) -> None:
        self.client = client
        self.table = table
        self.token = token

    def get(self, delivery_id: str) -> Delivery | None:
        """The delivery as it is now."""
        row = read_one(self.client, self.table, {"id": delivery_id})
        return delivery_of(row) if row else None

    def get_many(self, delivery_ids: Iterable[str]) -> dict[str, Delivery]:
        """Those of the deliveries that exist."""
        rows = read_many(self.client, self.table, [{"id": name} for name in dict.fromkeys(delivery_ids)])
        return {row["id"]: delivery_of(row) for row in rows}

    def add(self, delivery: Delivery, *also: Write) -> bool:
        """Put a new delivery; False when it is there already."""
        row = put(self.table, row_of(delivery), delivery.id, "attribute_not_exists(id)")
        try:
            commit(self.client, [row, *also])
        except LostRace:
            return False
        return True

    def save(self, before: Delivery, after: Delivery, *also: Write) -> Delivery:
        """Write the step from `before` to `after`, with rows that belong to it, or nothing.

        A repeated write whose first answer was lost counts as made. Raises LostRace.
        """
        mark = self.token(6)
        saved = replace(after, revision=before.revision + 1)
        try:
            commit(self.client, [self._change(before, saved, mark), *also])
        except LostRace:
            row = read_one(self.client, self.table, {"id": before.id})
            if row is None or row.get("write_mark") != mark:
                raise
        return saved

    def _change(self, before: Delivery, after: Delivery, mark: str) -> Write:
        old, new = row_of(before), row_of(after)
        changed = {n: new.get(n) for n in old.keys() | new.keys() if old.get(n) != new.get(n) and n not in _UNOWNED}
        condition, values = "revision = :seen", {"seen": before.revision}
        if before.wanted and after.state not in OPEN_STATES:
            # Nothing that can happen again ends while a sighting came in that it has not served.
            condition, values = f"{condition} AND wanted = :counted", {**values, "counted": before.wanted}
        return update(self.table, {"id": before.id}, {**changed, "write_mark": mark}, before.id, condition, **values)

    def count_sighting(self, before: Delivery, seen: str) -> bool:
        """Count one more sighting of what is under way, without costing its worker a write; False if it has ended."""
        write = update(
            self.table,
            {"id": before.id},
            {"wanted": before.wanted + 1, "seen": seen},
            before.id,
            "wanted = :counted AND #state IN (:pending, :sending, :waiting, :unknown)",
            counted=before.wanted,
            **{state.value: state.value for state in OPEN_STATES},
        )
        write.arguments["ExpressionAttributeNames"]["#state"] = "state"
        try:
            commit(self.client, [write])
        except LostRace:
            return False
        return True

    def note_nudges(self, deliveries: Iterable[Delivery], nudge: str, now: datetime) -> list[Delivery]:
        """Remember which message was sent last for each; a delivery that moved on meanwhile is left out.

        So is one whose row another process is writing, and all that come after a throttled one: they are due again.
        """
        noted: list[Delivery] = []
        for delivery in deliveries:
            values = {"nudge": nudge, "nudged_at": format_moment(now)}
            write = update(
                self.table, {"id": delivery.id}, values, delivery.id, "revision = :seen", seen=delivery.revision
            )
            try:
                commit(self.client, [write])
            except LostRace:
                continue
            except TableBusy as busy:
                log.warning("a nudge could not be noted", extra={"delivery": delivery.id, "code": busy.code})
                if not busy.is_of_one_row:
                    return noted
                continue
            noted.append(delivery)
        return noted

    def due_ids(self, destination: str, now: datetime, limit: int, bucket: str) -> list[str]:
        """Ids of deliveries that are due, the longest due first, from the index.

        `bucket` is `open` (of money), `later` (of edits), `sent` (rows to look up) or `outbox`.
        """
        found: list[tuple[str, str]] = []
        for shard in range(SHARDS):
            found += self._query_open(f"{bucket}#{destination}#{shard}", limit, until=now)
        return [delivery_id for _, delivery_id in sorted(found)[:limit]]

    def ids_due_after(self, destination: str, moment: datetime, limit: int, bucket: str) -> list[str]:
        """Ids of deliveries that are due later than a moment, from the same partitions of the index."""
        partitions = (f"{bucket}#{destination}#{shard}" for shard in range(SHARDS))
        found = [row for partition in partitions for row in self._query_open(partition, limit, after=moment)]
        return [delivery_id for _, delivery_id in sorted(found)[:limit]]

    def ids_of(self, bucket: str, destination: str, limit: int) -> list[str]:
        """Ids in the four partitions of one of those buckets, due or not, by when they are due: `limit` of each."""
        found = [row for shard in range(SHARDS) for row in self._query_open(f"{bucket}#{destination}#{shard}", limit)]
        return [delivery_id for _, delivery_id in sorted(found)]

    def ids_in(self, bucket: str, destination: str, limit: int = 1000) -> list[str]:
        """Ids in a bucket: `open`, `outbox`, `sent`, `failed`, or `ignored` followed by its cause, oldest first."""
        if bucket in _SHARDED:
            buckets = [f"{name}#{destination}#{n}" for name in _SHARDED[bucket] for n in range(SHARDS)]
            found = [row for name in buckets for row in self._query_open(name, limit)]
        else:
            found = self._query_open(f"{bucket}#{destination}", limit)
        return [delivery_id for _, delivery_id in sorted(found)[:limit]]

    def _query_open(
        self, partition: str, limit: int, until: datetime | None = None, after: datetime | None = None
    ) -> list[tuple[str, str]]:
        values: dict[str, object] = {":bucket": partition}
        condition = "#open = :bucket"
        names = {"#open": "open"}
        for sign, moment in (("<=", until), (">", after)):
            if moment is not None:
                values[":due"] = format_moment(moment)
                condition += f" AND #due {sign} :due"
                names["#due"] = "due"
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            IndexName="open",
            KeyConditionExpression=condition,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=to_item(values),
            # Without the size of a page, a whole megabyte would be read and paid for.
            PaginationConfig={"MaxItems": limit, "PageSize": limit},
        )
        return [(row["due"], row["id"]) for page in pages for row in map(from_item, page["Items"])]

    def of_donor(self, donor_id: int, limit: int = 200) -> list[Delivery]:
        """A donor's deliveries, newest first, found through the index and read from the table."""
        answer = self.client.query(
            TableName=self.table,
            IndexName="by-donor",
            KeyConditionExpression="donor = :donor",
            ExpressionAttributeValues=to_item({":donor": f"donor#{donor_id}"}),
            ScanIndexForward=False,
            Limit=limit,
        )
        found = self.get_many(str(from_item(item)["id"]) for item in answer["Items"])
        return sorted(found.values(), key=lambda delivery: delivery.created_at, reverse=True)


# Written by the nudger alone, without a new revision, so that nudging never costs a worker its write.
_UNOWNED = frozenset({"nudge", "nudged_at", "id", "created_at"})
# What people call open is in several partitions of the index.
_SHARDED = {"open": ("open", "later", "outbox"), "outbox": ("outbox",), "sent": ("sent",)}
