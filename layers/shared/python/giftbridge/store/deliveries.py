"""The deliveries table: one row for each delivery, each change of it conditional on what was read."""

from __future__ import annotations

import secrets
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from giftbridge.domain.deliveries import OPEN_STATES, Attempt, Delivery, Kind, State, Step, Trouble
from giftbridge.domain.times import format_moment, parse_moment
from giftbridge.errors import LostRace
from giftbridge.store.rows import Write, commit, from_item, put, read_many, read_one, to_item, update

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

FORMAT_VERSION = 1
SHARDS = 4


class Deliveries:
    """Reads are consistent reads of the table; the indexes only find ids for the sweep and for people."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self.client = client
        self.table = table

    def get(self, delivery_id: str) -> Delivery | None:
        """The delivery as it is now."""
        row = read_one(self.client, self.table, {"id": delivery_id})
        return _delivery(row) if row else None

    def get_many(self, delivery_ids: Iterable[str]) -> dict[str, Delivery]:
        """Those of the deliveries that exist."""
        rows = read_many(self.client, self.table, [{"id": name} for name in dict.fromkeys(delivery_ids)])
        return {row["id"]: _delivery(row) for row in rows}

    def add(self, delivery: Delivery, *also: Write) -> bool:
        """Put a new delivery; False when it is there already."""
        row = put(self.table, _row(delivery), delivery.id, "attribute_not_exists(id)")
        try:
            commit(self.client, [row, *also])
        except LostRace:
            return False
        return True

    def save(self, before: Delivery, after: Delivery, *also: Write) -> Delivery:
        """Write the step from `before` to `after`, with rows that belong to it, or nothing.

        A repeated write whose first answer was lost counts as made. Raises LostRace.
        """
        mark = secrets.token_hex(6)
        saved = replace(after, revision=before.revision + 1)
        try:
            commit(self.client, [self._change(before, saved, mark), *also])
        except LostRace:
            row = read_one(self.client, self.table, {"id": before.id})
            if row is None or row.get("write_mark") != mark:
                raise
        return saved

    def _change(self, before: Delivery, after: Delivery, mark: str) -> Write:
        old, new = _row(before), _row(after)
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
        """Remember which message was sent last for each; a delivery that moved on meanwhile is left out."""
        noted = []
        for delivery in deliveries:
            values = {"nudge": nudge, "nudged_at": format_moment(now)}
            write = update(
                self.table, {"id": delivery.id}, values, delivery.id, "revision = :seen", seen=delivery.revision
            )
            try:
                commit(self.client, [write])
            except LostRace:
                continue
            noted.append(delivery)
        return noted

    def due_ids(self, destination: str, now: datetime, limit: int, *, urgent: bool) -> list[str]:
        """Ids of open deliveries that are due, the longest due first, from the index: of money, or of edits."""
        found: list[tuple[str, str]] = []
        for shard in range(SHARDS):
            found += self._query_open(f"{_open(urgent=urgent)}#{destination}#{shard}", limit, until=now)
        return [delivery_id for _, delivery_id in sorted(found)[:limit]]

    def ids_in(self, bucket: str, destination: str, limit: int = 1000) -> list[str]:
        """Ids in a bucket: `open`, `failed`, or `ignored` followed by its cause, oldest first."""
        if bucket == "open":
            buckets = [f"{_open(urgent=urgent)}#{destination}#{n}" for urgent in (True, False) for n in range(SHARDS)]
            found = [row for name in buckets for row in self._query_open(name, limit)]
        else:
            found = self._query_open(f"{bucket}#{destination}", limit)
        return [delivery_id for _, delivery_id in sorted(found)[:limit]]

    def _query_open(self, partition: str, limit: int, until: datetime | None = None) -> list[tuple[str, str]]:
        values: dict[str, object] = {":bucket": partition}
        condition = "#open = :bucket"
        names = {"#open": "open"}
        if until is not None:
            values[":until"] = format_moment(until)
            condition += " AND #due <= :until"
            names["#due"] = "due"
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            IndexName="open",
            KeyConditionExpression=condition,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=to_item(values),
            PaginationConfig={"MaxItems": limit},
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


def _open(*, urgent: bool) -> str:
    return "open" if urgent else "later"


def bucket_of(delivery: Delivery) -> str | None:
    """The index partition a delivery belongs to; None when nobody needs to find it by its state."""
    shard = zlib.crc32(delivery.id.encode()) % SHARDS
    if delivery.state in OPEN_STATES or (delivery.state is State.DELIVERED and delivery.mirrors):
        return f"{_open(urgent=delivery.is_urgent)}#{delivery.destination}#{shard}"
    if delivery.state is State.FAILED:
        return f"failed#{delivery.destination}"
    if delivery.state is State.IGNORED and delivery.trouble is not None:
        return f"ignored:{delivery.trouble.cause}#{delivery.destination}"
    return None


def _row(delivery: Delivery) -> dict[str, Any]:
    bucket = bucket_of(delivery)
    return {
        "id": delivery.id,
        "v": FORMAT_VERSION,
        "revision": delivery.revision,
        "kind": delivery.kind.value,
        "destination": delivery.destination,
        "donor": f"donor#{delivery.donor_id}" if delivery.donor_id is not None else None,
        "entity": delivery.entity_id,
        "state": delivery.state.value,
        "open": bucket,
        "due": format_moment(delivery.due) if bucket else None,
        "created_at": format_moment(delivery.created_at),
        "updated_at": format_moment(delivery.updated_at),
        "attempts": delivery.attempts or None,
        "deaths": delivery.deaths or None,
        "first_failed_at": _text(delivery.first_failed_at),
        "attempt": _attempt_row(delivery.attempt),
        "lease_until": _text(delivery.lease_until),
        "nudge": delivery.nudge,
        "nudged_at": _text(delivery.nudged_at),
        "failed_nudge": delivery.failed_nudge,
        "trouble": _trouble_row(delivery.trouble),
        "fail_after_probe": _trouble_row(delivery.fail_after_probe),
        "result": dict(delivery.result) or None,
        "mirrors": list(delivery.mirrors) or None,
        "wanted": delivery.wanted or None,
        "served": delivery.served or None,
        "seen": delivery.seen or None,
    }


def _attempt_row(attempt: Attempt | None) -> dict[str, object] | None:
    if attempt is None:
        return None
    return {
        "id": attempt.id,
        "step": attempt.step.value,
        "started_at": format_moment(attempt.started_at),
        "first_started_at": format_moment(attempt.first_started_at),
        "values": dict(attempt.values),
    }


def _trouble_row(trouble: Trouble | None) -> dict[str, object] | None:
    if trouble is None:
        return None
    named = {"cause": trouble.cause, "text": trouble.text, "field": trouble.field, "remedy": trouble.remedy}
    found: dict[str, object] = {name: text for name, text in named.items() if text is not None}
    if trouble.candidates:
        found["candidates"] = list(trouble.candidates)
    return found


def _text(moment: datetime | None) -> str | None:
    return format_moment(moment) if moment else None


def _moment(row: Mapping[str, Any], name: str) -> datetime | None:
    return parse_moment(row[name]) if row.get(name) else None


def _delivery(row: Mapping[str, Any]) -> Delivery:
    donor = row.get("donor")
    created_at = parse_moment(row["created_at"])
    return Delivery(
        id=row["id"],
        kind=Kind(row["kind"]),
        destination=row["destination"],
        donor_id=int(str(donor).removeprefix("donor#")) if donor else None,
        entity_id=row["entity"],
        state=State(row["state"]),
        created_at=created_at,
        updated_at=parse_moment(row["updated_at"]),
        due=_moment(row, "due") or created_at,
        revision=int(row["revision"]),
        attempts=int(row.get("attempts", 0)),
        deaths=int(row.get("deaths", 0)),
        first_failed_at=_moment(row, "first_failed_at"),
        attempt=_attempt(row.get("attempt")),
        lease_until=_moment(row, "lease_until"),
        nudge=row.get("nudge"),
        nudged_at=_moment(row, "nudged_at"),
        failed_nudge=row.get("failed_nudge"),
        trouble=_trouble(row.get("trouble")),
        fail_after_probe=_trouble(row.get("fail_after_probe")),
        result=row.get("result", {}),
        mirrors=tuple(row.get("mirrors", ())),
        wanted=int(row.get("wanted", 0)),
        served=int(row.get("served", 0)),
        seen=str(row.get("seen", "")),
    )


def _attempt(row: Mapping[str, Any] | None) -> Attempt | None:
    if row is None:
        return None
    return Attempt(
        row["id"],
        Step(row["step"]),
        parse_moment(row["started_at"]),
        parse_moment(row["first_started_at"]),
        row["values"],
    )


def _trouble(row: Mapping[str, Any] | None) -> Trouble | None:
    if row is None:
        return None
    candidates: Sequence[str] = row.get("candidates", ())
    return Trouble(row["cause"], row["text"], row.get("field"), row.get("remedy"), tuple(candidates))
