"""A delivery as a row of its table, and the partition of the index that finds it."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from giftbridge.domain.deliveries import OPEN_STATES, Attempt, Delivery, Kind, State, Step, Trouble
from giftbridge.domain.times import format_moment, parse_moment

FORMAT_VERSION = 1
SHARDS = 4


def bucket_of(delivery: Delivery) -> str | None:
    """The index partition a delivery belongs to; None when nobody needs to find it by its state."""
    sharded = _sharded_bucket(delivery)
    if sharded is not None:
        return f"{sharded}#{delivery.destination}#{zlib.crc32(delivery.id.encode()) % SHARDS}"
    if delivery.state is State.FAILED:
        return f"failed#{delivery.destination}"
    if delivery.state is State.IGNORED and delivery.trouble is not None:
        return f"ignored:{delivery.trouble.cause}#{delivery.destination}"
    return None


def _sharded_bucket(delivery: Delivery) -> str | None:
    if delivery.waits_for_a_batch:
        # In a chunk too: should that end without having sent it, the next batch finds it.
        return "outbox"
    if delivery.state is State.SENT:
        return "sent"
    if delivery.state in OPEN_STATES or (delivery.state in {State.DELIVERED, State.IGNORED} and delivery.mirrors):
        return "open" if delivery.is_urgent else "later"
    return None


def row_of(delivery: Delivery) -> dict[str, Any]:
    """The row of a delivery; what is absent or zero is left out."""
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
        "failed_message": delivery.failed_message or None,
        "trouble": _trouble_row(delivery.trouble),
        "fail_after_probe": _trouble_row(delivery.fail_after_probe),
        "result": dict(delivery.result) or None,
        "mirrors": list(delivery.mirrors) or None,
        "wanted": delivery.wanted or None,
        "served": delivery.served or None,
        "seen": delivery.seen or None,
        "row": delivery.row or None,
        "chunk": delivery.chunk or None,
        "members": list(delivery.members) or None,
        "backfill": delivery.is_backfill or None,
        "corrections": dict(delivery.corrections) or None,
        "corrected_from": dict(delivery.corrected_from) or None,
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
    named["waits_for"] = trouble.waits_for
    found: dict[str, object] = {name: text for name, text in named.items() if text is not None}
    if trouble.candidates:
        found["candidates"] = list(trouble.candidates)
    return found


def _text(moment: datetime | None) -> str | None:
    return format_moment(moment) if moment else None


def _moment(row: Mapping[str, Any], name: str) -> datetime | None:
    return parse_moment(row[name]) if row.get(name) else None


def delivery_of(row: Mapping[str, Any]) -> Delivery:
    """The delivery that a row holds."""
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
        failed_message=str(row.get("failed_message", "")),
        trouble=_trouble(row.get("trouble")),
        fail_after_probe=_trouble(row.get("fail_after_probe")),
        result=row.get("result", {}),
        mirrors=tuple(row.get("mirrors", ())),
        wanted=int(row.get("wanted", 0)),
        served=int(row.get("served", 0)),
        seen=str(row.get("seen", "")),
        row=str(row.get("row", "")),
        chunk=str(row.get("chunk", "")),
        members=tuple(row.get("members", ())),
        is_backfill=bool(row.get("backfill", False)),
        corrections=row.get("corrections", {}),
        corrected_from=row.get("corrected_from", {}),
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
    waits_for = row.get("waits_for")
    return Trouble(row["cause"], row["text"], row.get("field"), row.get("remedy"), tuple(candidates), waits_for)
