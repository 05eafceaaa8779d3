"""Deliveries as rows and pairs of words for a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from giftbridge.domain.deliveries import Delivery, Kind, State
from ops.console.story_lines import IMPERSONAL, INTERNAL, Fact
from ops.operating.explaining import told_result, why

KIND_WORDS = {
    Kind.DONATION_CREATED: "gift",
    Kind.DONATION_REFUNDED: "refund",
    Kind.DONATION_ADJUSTED: "adjustment",
    Kind.SCHEDULE_CHANGED: "schedule",
    Kind.SCHEDULE_ENDED: "end of a schedule",
    Kind.DONOR_UPDATED: "donor's edit",
    Kind.DONOR_NOTED: "note",
    Kind.PROJECT_CHANGED: "project",
    Kind.CONTACT_UPDATED: "contact",
    Kind.IMPORT_CHUNK: "rows for the import tool",
}
# What a write said, as far as it tells of no person; beside what activity details may say.
_SENT_IMPERSONAL = IMPERSONAL | {"appeal", "fee", "frequency", "pledged", "recorded_by", "start"}


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """A delivery in a list."""

    id: str
    state: State
    donor_id: int | None
    kind: str
    destination: str
    updated_at: datetime
    why: str
    cause: str | None


def row_of(delivery: Delivery) -> DeliveryRow:
    """A delivery in a list, with its trouble or what came of it."""
    trouble = delivery.trouble
    return DeliveryRow(
        id=delivery.id,
        state=delivery.state,
        donor_id=delivery.donor_id,
        kind=KIND_WORDS[delivery.kind],
        destination=delivery.destination,
        updated_at=delivery.updated_at,
        why=why(delivery),
        cause=trouble.cause if trouble is not None else None,
    )


def facts_of(values: Mapping[str, str]) -> list[Fact]:
    """Named values of a write as it was sent; what may tell of a person is apart."""
    return [Fact(name, value, name not in _SENT_IMPERSONAL) for name, value in values.items() if value]


def results_of(delivery: Delivery) -> list[tuple[str, str]]:
    """The ids found and made so far."""
    return [
        (name.replace("_", " "), value)
        for name, value in sorted(told_result(delivery).items())
        if value and name not in INTERNAL
    ]
