"""The activity table: an append-only line for what was done to whom, why, and with what result."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from giftbridge.domain.times import format_moment
from giftbridge.store.rows import Write, from_item, put, read_many, to_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

FORMAT_VERSION = 1


class Activity:
    """Lines of one entity, in time order; the day index finds recent lines of all."""

    def __init__(
        self,
        client: DynamoDBClient,
        table: str,
        keep_days: Callable[[], int] = lambda: 730,
        token: Callable[[int], str] = secrets.token_hex,
    ) -> None:
        self.client = client
        self.token = token
        self.table = table
        self.keep_days = keep_days

    def line(
        self,
        entity: str,
        *,
        now: datetime,
        what: str,
        why: str,
        delivery_id: str | None = None,
        who: str = "giftbridge",
        details: Mapping[str, object] | None = None,
    ) -> Write:
        """The write of one line, to be made together with the fact it tells of."""
        values = {
            "entity": entity,
            "at": f"{format_moment(now)}#{self.token(4)}",
            "day": now.strftime("%Y-%m-%d"),
            "what": what,
            "why": why,
            "who": who,
            "delivery": delivery_id,
            "details": dict(details) if details else None,
            "expires_at": int((now + timedelta(days=self.keep_days())).timestamp()),
            "v": FORMAT_VERSION,
        }
        return put(self.table, values, "activity")

    def of_entity(self, entity: str, limit: int = 200) -> list[dict[str, Any]]:
        """An entity's lines, newest first."""
        answer = self.client.query(
            TableName=self.table,
            KeyConditionExpression="entity = :entity",
            ExpressionAttributeValues=to_item({":entity": entity}),
            ScanIndexForward=False,
            Limit=limit,
        )
        return [_shown(from_item(item)) for item in answer["Items"]]

    def since(self, entity: str, at: str) -> list[dict[str, Any]]:
        """An entity's lines from a moment on, newest first; consistent."""
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression="entity = :entity AND #at >= :at",
            ExpressionAttributeNames={"#at": "at"},
            ExpressionAttributeValues=to_item({":entity": entity, ":at": at}),
            ScanIndexForward=False,
            ConsistentRead=True,
        )
        return [_shown(from_item(item)) for page in pages for item in page["Items"]]

    def of_keys(self, keys: Iterable[Mapping[str, str]]) -> list[dict[str, Any]]:
        """The lines with these keys (entity, at) that exist, newest first."""
        rows = read_many(self.client, self.table, keys)
        return sorted(map(_shown, rows), key=lambda line: str(line["at"]), reverse=True)

    def of_day(self, day: str, limit: int = 200) -> list[dict[str, Any]]:
        """A UTC day's lines of all entities, newest first."""
        answer = self.client.query(
            TableName=self.table,
            IndexName="by-day",
            KeyConditionExpression="#day = :day",
            ExpressionAttributeNames={"#day": "day"},
            ExpressionAttributeValues=to_item({":day": day}),
            ScanIndexForward=False,
            Limit=limit,
        )
        keys = [from_item(item) for item in answer["Items"]]
        return self.of_keys({"entity": key["entity"], "at": key["at"]} for key in keys)


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    hidden = {"v", "expires_at", "day"}
    return {name: value for name, value in row.items() if name not in hidden}
