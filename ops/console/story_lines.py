"""Activity lines as a page shows them: who did what and why, ids open, what tells of a person apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from giftbridge.domain.delivery_ids import destination_of
from giftbridge.domain.entities import donor_of

# Details that name records and counts. Whatever is not among them may hold a person's details, and is masked.
IMPERSONAL = frozenset(
    {
        "alone",
        "amount",
        "batch",
        "candidates",
        "cause",
        "chunk",
        "contact",
        "count",
        "currency",
        "date",
        "donor",
        "donors",
        "entity",
        "field",
        "found by",
        "fund",
        "gift",
        "how",
        "instead",
        "invoice",
        "kept although empty in Virtuous",
        "kind",
        "matched_by",
        "message",
        "notice",
        "partner",
        "pledge",
        "project",
        "queue",
        "refund_of",
        "report",
        "reversal",
        "reversed",
        "rows",
        "rule",
        "run",
        "sent_at",
        "system",
        "version",
    }
)
# What deliveries to the import tool remember for themselves: nobody is told anything by it.
INTERNAL = frozenset({"leads", "looks", "modified", "sent", "turn"})
TONES = {
    "delivered": "good",
    "failed": "bad",
    "unknown": "warn",
    "waiting": "warn",
    "sent": "info",
    "ignored": "quiet",
    "reopened": "info",
    "retried": "info",
    "revealed": "warn",
    "paused": "warn",
}


@dataclass(frozen=True, slots=True)
class Fact:
    """A named value beside a line; a personal one is masked until revealed."""

    name: str
    value: str
    is_personal: bool


@dataclass(frozen=True, slots=True)
class FieldDiff:
    """A field that changed, or that both sides had changed: then `lost` is what the loser said."""

    field: str
    old: str
    new: str
    winner: str = ""
    lost: str = ""


@dataclass(frozen=True, slots=True)
class StoryLine:
    """One line: `entity` is whose personal data it may hold."""

    at: str
    what: str
    tone: str
    why: str
    who: str
    entity: str
    donor: int | None
    delivery: str | None
    facts: tuple[Fact, ...]
    diffs: tuple[FieldDiff, ...]
    system: str

    @property
    def is_by_person(self) -> bool:
        """Whether an operator did it."""
        return self.who != "giftbridge"

    @property
    def has_personal(self) -> bool:
        """Whether anything of it is masked until revealed."""
        return bool(self.diffs) or any(fact.is_personal for fact in self.facts)


def shaped(line: Mapping[str, Any]) -> StoryLine:
    """A line of the activity table for a page."""
    details = dict(line.get("details") or {})
    changes, conflicts = details.pop("changes", None) or (), details.pop("conflicts", None) or ()
    entity, delivery = str(line.get("entity", "")), line.get("delivery")
    what = str(line.get("what", ""))
    return StoryLine(
        at=str(line.get("at", "")),
        what=what,
        tone=TONES.get(what, "plain"),
        why=str(line.get("why", "")),
        who=str(line.get("who", "")),
        entity=entity,
        donor=donor_of(entity),
        delivery=str(delivery) if delivery else None,
        facts=tuple(
            Fact(name, said(value), name not in IMPERSONAL) for name, value in details.items() if name not in INTERNAL
        ),
        diffs=(
            *(FieldDiff(said(c.get("field")), said(c.get("old")), said(c.get("new"))) for c in changes),
            *(_conflict(c) for c in conflicts),
        ),
        system=_system(entity, str(delivery or "")),
    )


def _conflict(conflict: Mapping[str, Any]) -> FieldDiff:
    return FieldDiff(said(conflict.get("field")), "", "", said(conflict.get("winner")), said(conflict.get("lost")))


def _system(entity: str, delivery: str) -> str:
    if delivery:
        return destination_of(delivery)
    kind, _, name = entity.partition("#")
    return name if kind == "system" else ""


def said(value: Any) -> str:
    """A value on one line; what is absent or empty is said to be."""
    if value is None or value == "":
        return "(empty)"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else " / ".join(str(value).split("\n"))
