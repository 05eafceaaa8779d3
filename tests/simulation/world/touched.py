"""Which rows a call to AWS touches, and what it makes of them: for people who read the trace."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

DELIVERIES = "DeliveriesTable"


def single_delivery(operation: str, arguments: Mapping[str, Any]) -> str | None:
    """The delivery whose row a call reads or writes, where it is one."""
    if operation in {"get_item", "update_item", "put_item"}:
        return _id_of(arguments) if arguments["TableName"] == DELIVERIES else None
    if operation == "transact_write_items":
        writes = [one for item in arguments["TransactItems"] for one in item.values()]
        ids = {_id_of(one) for one in writes if one["TableName"] == DELIVERIES}
        return ids.pop() if len(ids) == 1 else None
    return None


def touched(operation: str, arguments: Mapping[str, Any]) -> str:
    """The rows or messages that a call names, with the state that a delivery is brought to."""
    return ", ".join(dict.fromkeys(_named(operation, arguments)))


def _named(operation: str, arguments: Mapping[str, Any]) -> Iterator[str]:
    if operation == "transact_write_items":
        for item in arguments["TransactItems"]:
            for one in item.values():
                yield _row(one)
    elif operation == "batch_get_item":
        for table, asked in arguments["RequestItems"].items():
            yield from (_row({"TableName": table, "Key": key}) for key in asked["Keys"])
    elif "TableName" in arguments and ("Key" in arguments or "Item" in arguments):
        yield _row(arguments)
    elif operation == "send_message_batch":
        yield from (_body(str(entry["MessageBody"])) for entry in arguments["Entries"])


def _body(text: str) -> str:
    try:
        return str(json.loads(text).get("delivery", "a hint"))
    except ValueError:
        return "a message"


def _row(one: Mapping[str, Any]) -> str:
    key = one.get("Key") or one.get("Item") or {}
    name = next((key[part]["S"] for part in ("id", "name", "entity") if part in key), "?")
    values = one.get("ExpressionAttributeValues", {})
    state = values.get(":set_state") or (one.get("Item") or {}).get("state")
    return f"{name} becomes {state['S']}" if state and one["TableName"] == DELIVERIES else str(name)


def _id_of(one: Mapping[str, Any]) -> str:
    return str((one.get("Key") or one.get("Item") or {})["id"]["S"])
