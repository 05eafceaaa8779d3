"""Notices that wait for the next e-mail: rows of the activity table, outside its day index, expiring like its lines.

Old and new values are personal data. They are in these rows and in the e-mail, nowhere else.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

from giftbridge.domain.notices import FieldChange, Notice, WaitingNotice
from giftbridge.domain.times import format_moment
from giftbridge.store.rows import Write, from_item, put, read_many, to_item, wait_before

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

FORMAT_VERSION = 1
WAITING = "notices#waiting"
# A donor may have pasted a book into a field; the e-mail shows its beginning.
_LONGEST_VALUE = 500
_BATCH_WRITE = 25


class Notices:
    """Written with the fact they tell of, read oldest first, gone once mailed."""

    def __init__(
        self,
        client: DynamoDBClient,
        activity_table: str,
        keep_days: Callable[[], int] = lambda: 730,
        token: Callable[[int], str] = secrets.token_hex,
    ) -> None:
        self.client = client
        self.token = token
        self.table = activity_table
        self.keep_days = keep_days
        self._sequence = count()

    def waiting(self, notice: Notice, now: datetime) -> Write:
        """The write of a waiting notice, to be made together with the fact it tells of."""
        # The running number keeps notices of one moment in the order in which they were written.
        key = f"{format_moment(now)}#{next(self._sequence) % 1_000_000:06d}#{self.token(4)}"
        values = {
            "entity": WAITING,
            "at": key,
            "kind": notice.kind,
            "about": notice.about,
            "text": _cut(notice.text),
            "changes": [_change_row(change) for change in notice.changes] or None,
            "delivery": notice.delivery_id,
            "expires_at": int((now + timedelta(days=self.keep_days())).timestamp()),
            "v": FORMAT_VERSION,
        }
        return put(self.table, values, "notice")

    def oldest(self, most: int) -> list[WaitingNotice]:
        """So many of the waiting notices, oldest first; consistent, read page by page."""
        found: list[WaitingNotice] = []
        for page in self._pages(most):
            found += [_waiting(from_item(item)) for item in page["Items"]]
            if len(found) >= most:
                break
        return found[:most]

    def of_keys(self, keys: Sequence[str]) -> list[WaitingNotice]:
        """Those of the named notices that still wait, oldest first."""
        rows = read_many(self.client, self.table, [{"entity": WAITING, "at": key} for key in keys])
        return sorted(map(_waiting, rows), key=lambda waiting: waiting.key)

    def count(self, most: int) -> int:
        """How many notices wait; counting stops at `most`."""
        counted = 0
        for page in self._pages(most, Select="COUNT"):
            counted += page["Count"]
            if counted >= most:
                break
        return min(counted, most)

    def forget(self, keys: Iterable[str]) -> None:
        """Delete notices that were mailed; one that is gone already does no harm."""
        left = list(keys)
        while left:
            batch, left = left[:_BATCH_WRITE], left[_BATCH_WRITE:]
            requests: Any = [{"DeleteRequest": {"Key": to_item({"entity": WAITING, "at": key})}} for key in batch]
            tries = 0
            while requests:
                answer = self.client.batch_write_item(RequestItems={self.table: requests})
                requests = answer.get("UnprocessedItems", {}).get(self.table, [])
                if requests:
                    wait_before(tries)
                    tries += 1

    def _pages(self, most: int, **more: Any) -> Iterable[Any]:
        """The waiting rows, a page at a time."""
        start: Mapping[str, Any] = {}
        while True:
            arguments: dict[str, Any] = {"ExclusiveStartKey": start} if start else {}
            page = self.client.query(
                TableName=self.table,
                KeyConditionExpression="entity = :entity",
                ExpressionAttributeValues=to_item({":entity": WAITING}),
                ConsistentRead=True,
                Limit=most,
                **more,
                **arguments,
            )
            yield page
            start = page.get("LastEvaluatedKey", {})
            if not start:
                return


def _change_row(change: FieldChange) -> dict[str, str | None]:
    return {"field": change.field, "old": _cut(change.old), "new": _cut(change.new)}


def _cut(value: str | None) -> str | None:
    """The beginning of a long value; half a surrogate pair, which no table takes, becomes a question mark."""
    if value is None:
        return None
    storable = value.encode("utf-8", "replace").decode()
    return storable if len(storable) <= _LONGEST_VALUE else storable[: _LONGEST_VALUE - 1] + "…"


def _waiting(row: Mapping[str, Any]) -> WaitingNotice:
    changes = tuple(FieldChange(c["field"], c.get("old"), c.get("new")) for c in row.get("changes", ()))
    notice = Notice(row["kind"], row["about"], row["text"], changes, row.get("delivery"))
    return WaitingNotice(str(row["at"]), notice)
