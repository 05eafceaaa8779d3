"""The product's tables and queues as they lie there, read without any part of the product."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from tests.simulation.aws.template import Account

OPEN = frozenset({"pending", "sending", "waiting", "unknown"})
ENDED = frozenset({"delivered", "failed", "ignored"})
_plain = TypeDeserializer()
DEAD_LETTERS = ("AegisDeadLetterQueue", "VirtuousDeadLetterQueue", "RaiseDonorsDeadLetterQueue")


class RawTables:
    """Rows as plain values."""

    def __init__(self, account: Account) -> None:
        self.account = account

    def rows(self, table: str) -> Iterator[dict[str, Any]]:
        """All rows of a table."""
        for item in self.account.dynamodb.tables[table].rows.values():
            yield {name: _plain.deserialize(value) for name, value in item.items()}

    def deliveries(self) -> dict[str, dict[str, Any]]:
        """All deliveries by id."""
        return {row["id"]: row for row in self.rows("DeliveriesTable")}

    def unfinished(self) -> bool:
        """Whether some delivery is on its way."""
        rows = self.account.dynamodb.tables["DeliveriesTable"].rows.values()
        return any(row["state"]["S"] in OPEN for row in rows)

    def told_of(self) -> set[str]:
        """The deliveries that an activity line speaks of."""
        return {str(row["delivery"]) for row in self.rows("ActivityTable") if row.get("delivery")}

    def noticed(self) -> set[str]:
        """The deliveries that a notice to people speaks of."""
        return {str(row["delivery"]) for row in self.notices() if row.get("delivery")}

    def notices(self) -> list[dict[str, Any]]:
        """What people are told: the notices that wait to be mailed."""
        return [row for row in self.rows("ActivityTable") if row["entity"] == "notices#waiting"]

    def holds(self) -> list[dict[str, Any]]:
        """Keys that somebody is settling."""
        return [row for row in self.rows("CrmKeysTable") if row.get("held_by") and not row.get("crm_key")]

    def dead_letters(self) -> list[dict[str, Any]]:
        """The bodies of all dead letters."""
        urls = self.account.queue_urls
        queues = [self.account.sqs.queues[urls[name]] for name in DEAD_LETTERS]
        return [json.loads(message.body) for queue in queues for message in queue.messages.values()]

    def shown_in_index(self, delivery_id: str) -> bool:
        """Whether the index of states shows a delivery, once it has caught up."""
        table = self.account.dynamodb.tables["DeliveriesTable"]
        index = table.indexes["open"]
        table.catch_up(index, wholly=True)
        return (delivery_id,) in index.items
