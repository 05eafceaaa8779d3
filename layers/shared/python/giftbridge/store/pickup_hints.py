"""The "again" flag: one row of the state table that says that RaiseDonors told of a change since the last look."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import TYPE_CHECKING

from giftbridge.domain.times import format_moment
from giftbridge.errors import LostRace
from giftbridge.store.rows import commit, put, read_one, to_item, update

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

FLAG = "hint#pickup"
_LONG_AGO = "0001-01-01T00:00:00.000000Z"


class PickupHints:
    """Every change of the flag is one write."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self.client = client
        self.table = table

    def put(self, now: datetime, stale_before: datetime) -> str | None:
        """Put the flag if there is none, or only a stale one; the mark of this flag, None when one stands."""
        mark = secrets.token_hex(6)
        row = {"name": FLAG, "at": format_moment(now), "mark": mark}
        free = "attribute_not_exists(#name) OR #at < :stale"
        write = put(self.table, row, FLAG, free, stale=format_moment(stale_before))
        write.arguments["ExpressionAttributeNames"] = {"#name": "name", "#at": "at"}
        try:
            commit(self.client, [write])
        except LostRace:
            return None
        return mark

    def make_stale(self, mark: str) -> None:
        """Leave the flag for a pickup to find, and let the next hint put a new one; another's flag is left alone."""
        write = update(self.table, {"name": FLAG}, {"at": _LONG_AGO}, FLAG, "mark = :mine", mine=mark)
        try:
            commit(self.client, [write])
        except LostRace:
            return

    def stands(self) -> bool:
        """Whether the flag is there now."""
        return read_one(self.client, self.table, {"name": FLAG}) is not None

    def take(self) -> bool:
        """Remove the flag; whether there was one."""
        answer = self.client.delete_item(TableName=self.table, Key=to_item({"name": FLAG}), ReturnValues="ALL_OLD")
        return bool(answer.get("Attributes"))
