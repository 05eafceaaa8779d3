"""Activity: what was done to whom, why and with what result; of a donor, of a delivery, or lately of all."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from giftbridge.domain.deliveries import Delivery, Kind
from giftbridge.domain.notices import WaitingNotice
from giftbridge.store.rows import commit
from ops.operating.stack import Stack

_LINES_OF_DONOR = 1_000
_DAYS_BACK = 7
_MOST_NOTICES = 10_000


def of_donor(stack: Stack, donor: int, limit: int) -> list[dict[str, Any]]:
    """A donor's lines, newest first: gifts, refunds, schedules, edits, notes, and notices that wait for an e-mail."""
    entity = f"donor#{donor}"
    lines = stack.tools.activity.of_entity(entity, limit)
    told = {line.get("delivery") for line in lines}
    waiting = [
        _as_line(one, entity)
        for one in stack.tools.notices.oldest(_MOST_NOTICES)
        if one.notice.about == entity or (one.notice.delivery_id is not None and one.notice.delivery_id in told)
    ]
    merged = sorted([*lines, *waiting], key=lambda line: str(line["at"]), reverse=True)
    return _plain_lines(merged[:limit])


def of_delivery(stack: Stack, delivery: Delivery, limit: int) -> list[dict[str, Any]]:
    """A delivery's lines, newest first."""
    entities = [delivery.donor_entity]
    if delivery.kind is Kind.CONTACT_UPDATED and delivery.donor_id is not None:
        # As long as nobody knew whose contact it is, its lines stood under its own name.
        entities.append(f"delivery#{delivery.id}")
    lines = [line for entity in entities for line in stack.tools.activity.of_entity(entity, _LINES_OF_DONOR)]
    own = sorted((ln for ln in lines if ln.get("delivery") == delivery.id), key=lambda ln: str(ln["at"]), reverse=True)
    return _plain_lines(own[:limit])


def of_day(stack: Stack, day: date, limit: int) -> list[dict[str, Any]]:
    """A UTC day's lines, newest first."""
    return _plain_lines(stack.tools.activity.of_day(day.isoformat(), limit))


def recent(stack: Stack, limit: int) -> list[dict[str, Any]]:
    """The newest lines of the last days."""
    today = stack.tools.now().date()
    lines: list[dict[str, Any]] = []
    for back in range(_DAYS_BACK):
        lines += of_day(stack, today - timedelta(days=back), limit - len(lines))
        if len(lines) >= limit:
            break
    return lines


def record(stack: Stack, entity: str, *, what: str, why: str, who: str) -> None:
    """An activity line for something an operator did to other than a delivery."""
    commit(
        stack.tools.activity.client,
        [stack.tools.activity.line(entity, now=stack.tools.now(), what=what, why=why, who=who)],
    )


def _as_line(waiting: WaitingNotice, entity: str) -> dict[str, Any]:
    """A notice that nobody was mailed yet, as a line of the story."""
    notice = waiting.notice
    changes = [{"field": change.field, "old": change.old, "new": change.new} for change in notice.changes]
    details: dict[str, Any] = {"notice": notice.kind, **({"changes": changes} if changes else {})}
    return {
        "entity": entity,
        "at": waiting.key,
        "what": "notice waits",
        "why": notice.text,
        "who": "giftbridge",
        "delivery": notice.delivery_id,
        "details": details,
    }


def _plain_lines(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Lines with the moment apart from what makes it unique, and numbers as JSON knows them."""
    return [{**_plain(line), "at": str(line["at"]).partition("#")[0]} for line in lines]


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(inner) for inner in value]
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value
