"""What a merge did, in words for the activity: fields old and new, conflicts with winner and what the loser said."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from giftbridge.domain.contact_fields import GROUPS, group_of
from giftbridge.domain.contact_merging import OURS, THEIRS, Verdict
from giftbridge.domain.contacts import Contact
from giftbridge.domain.notices import FieldChange

if TYPE_CHECKING:
    from giftbridge.flows.contact_updates import DonorMerge


def changes_of(one: DonorMerge) -> list[FieldChange]:
    """Each value that was written to RaiseDonors, old and new (requirement E7).

    What an attempt that did not end had written is no difference any more when the donor is read anew: it is told from
    what that attempt had noted.
    """
    begun = {change.field: change for change in one.begun}
    changes = {change.field: change for change in one.begun if one.ours.get(change.field) == change.new}
    for group in one.merged.inward:
        for name in GROUPS[group]:
            old, new = one.ours.get(name), one.theirs.get(name)
            if old != new:
                changes[name] = FieldChange(name, begun[name].old if name in begun else old, new)
    return list(changes.values())


def as_fact(changes: Sequence[FieldChange]) -> str:
    """Changes as a delivery remembers them until they are told."""
    return json.dumps([[change.field, change.old, change.new] for change in changes], ensure_ascii=False)


def from_fact(fact: str | None) -> tuple[FieldChange, ...]:
    """Changes as they were remembered."""
    return tuple(FieldChange(field, old, new) for field, old, new in json.loads(fact or "[]"))


def conflicts_of(one: DonorMerge) -> list[dict[str, str]]:
    """Each conflict with its winner and what the loser said.

    One that an attempt that did not end had decided, and written, is none any more when both sides are read anew.
    """
    written = {change.field for change in one.begun if one.ours.get(change.field) == change.new}
    noted = [conflict for conflict in one.begun_conflicts if written.intersection(GROUPS[conflict["field"]])]
    return [*noted, *(_conflict(one, group) for group in one.merged.conflicts)]


def conflicts_as_fact(one: DonorMerge) -> str:
    """The conflicts that Virtuous wins, as a delivery remembers them until they are told."""
    return json.dumps([c for c in conflicts_of(one) if c["winner"] == THEIRS], ensure_ascii=False)


def conflicts_from_fact(fact: str | None) -> tuple[dict[str, str], ...]:
    """Conflicts as they were remembered."""
    return tuple(json.loads(fact or "[]"))


def told(contact: Contact, one: DonorMerge) -> dict[str, object]:
    """The details of a donor's line."""
    details: dict[str, object] = {"contact": str(contact.id), "donor": str(one.linked.record.donor.id)}
    if one.brought:
        details["changes"] = [{"field": c.field, "old": c.old, "new": c.new} for c in one.brought]
    conflicts = conflicts_of(one)
    if conflicts:
        details["conflicts"] = conflicts
    left = [group for group, verdict in one.merged.verdicts.items() if verdict is Verdict.EMPTY]
    if left:
        details["kept although empty in Virtuous"] = left
    if not one.linked.is_told:
        details["individual"] = "could not be told"
    return details


def _conflict(one: DonorMerge, group: str) -> dict[str, str]:
    has_ours_won = one.merged.verdicts[group] is Verdict.CONFLICT_OURS
    lost = one.theirs if has_ours_won else one.ours
    return {
        "field": group,
        "winner": OURS if has_ours_won else THEIRS,
        "lost": ", ".join(group_of(lost, group).values()),
    }
