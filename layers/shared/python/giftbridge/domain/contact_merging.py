"""The three-way merge of a donor and a contact on what both sides last agreed on (requirements E6, D5).

For each group of fields: who changed since? One side: its value travels. Both: the setting decides, and the loser's
value is kept in the activity. A value that comes back from a row of ours is recognised by value, never by time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from giftbridge.domain.agreed import EMAIL, Fields
from giftbridge.domain.contact_fields import (
    ADDRESS,
    GROUPS,
    PHONE,
    changed_groups,
    group_of,
    says_the_same_of,
    with_group,
)
from giftbridge.domain.contact_rows import (
    OUTDATED,
    Base,
    as_made,
    landed,
    listed,
    outdating,
    shows,
    undone_fields,
)
from giftbridge.domain.notices import FieldChange
from giftbridge.domain.settings import ConflictSettings

OURS, THEIRS = "raisedonors", "virtuous"


class Verdict(StrEnum):
    """What becomes of one group of fields."""

    SAME = "same on both sides"
    OUTWARD = "changed on RaiseDonors"
    INWARD = "changed in Virtuous"
    LANDED = "a row of ours landed"
    CONFLICT_OURS = "changed on both sides, RaiseDonors wins"
    CONFLICT_THEIRS = "changed on both sides, Virtuous wins"
    EMPTY = "empty in Virtuous, which erases nothing"


# After these, edits are told from what Virtuous says. A conflict that RaiseDonors won is among them: its value is an
# edit on top of the loser's, also when it goes back to what it was before.
_FROM_THEIRS = frozenset({Verdict.INWARD, Verdict.CONFLICT_THEIRS, Verdict.CONFLICT_OURS, Verdict.LANDED})


@dataclass(frozen=True, slots=True)
class Policy:
    """Winners by field, whether emptiness erases, and which side was modified last."""

    conflicts: ConflictSettings
    empty_erases: bool
    newest: str

    def winner(self, group: str) -> str:
        """Who wins a conflict over a group."""
        by_group: Mapping[str, str] = {ADDRESS: self.conflicts.address, PHONE: self.conflicts.phone}
        chosen = by_group.get(group, self.conflicts.name)
        return self.newest if chosen == "newest" else chosen


@dataclass(frozen=True, slots=True)
class ContactMerge:
    """What a merge decided: the new base, and the groups whose value in Virtuous is to be written to RaiseDonors."""

    base: Base
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    needs_row: bool = False

    @property
    def inward(self) -> tuple[str, ...]:
        """Groups to be written to RaiseDonors."""
        return tuple(g for g, v in self.verdicts.items() if v in {Verdict.INWARD, Verdict.CONFLICT_THEIRS})

    @property
    def conflicts(self) -> tuple[str, ...]:
        """Groups that changed on both sides."""
        return tuple(g for g, v in self.verdicts.items() if v in {Verdict.CONFLICT_OURS, Verdict.CONFLICT_THEIRS})


def merge(
    base: Base,
    ours: Fields,
    theirs: Fields,
    policy: Policy,
    modified_at: datetime | None = None,
    created_at: datetime | None = None,
) -> ContactMerge:
    """Decide each group. `ours` and `theirs` are what both sides say now, of a contact of these times.

    A row is needed when RaiseDonors' value must travel although no edit there is going to be noticed.
    """
    number = landed(base, theirs, modified_at, created_at)
    base = as_made(base, theirs, base.held[:number])
    agreed, seen = dict(base.ours), dict(base.known_theirs)
    verdicts: dict[str, Verdict] = {}
    undone: set[str] = set()
    needs_row = False
    for group in GROUPS:
        verdict = _verdict(group, base, ours, theirs, policy)
        if verdict is None:
            continue
        verdicts[group] = verdict
        seen = with_group(seen, group, group_of(theirs, group))
        is_undone = verdict is Verdict.LANDED and _is_outdated(group, base, theirs)
        if verdict is Verdict.SAME:
            agreed = with_group(agreed, group, group_of(ours, group))
        elif is_undone:
            undone.add(group)
        elif verdict in _FROM_THEIRS:
            agreed = with_group(agreed, group, group_of(theirs, group))
        is_ours_to_send = verdict is Verdict.LANDED and not says_the_same_of(group, ours, theirs)
        needs_row = needs_row or is_ours_to_send or verdict is Verdict.CONFLICT_OURS
    agreed, seen = _with_email(agreed, ours, theirs), {**seen, **_email(theirs)}
    renewed = {g for g, v in verdicts.items() if v in {Verdict.SAME, Verdict.INWARD, Verdict.CONFLICT_THEIRS}}
    held = [outdating(row, renewed, theirs) for row in base.held[number:]]
    rows = (*held, *undone_fields(base, undone, ours, theirs))
    return ContactMerge(Base(agreed, seen, rows), verdicts, needs_row)


def _verdict(group: str, base: Base, ours: Fields, theirs: Fields, policy: Policy) -> Verdict | None:
    """None when there is nothing to decide: neither side says anything new."""
    if says_the_same_of(group, ours, theirs):
        known = says_the_same_of(group, base.ours, ours) and says_the_same_of(group, base.known_theirs, theirs)
        return None if known and group_of(base.known_theirs, group) == group_of(theirs, group) else Verdict.SAME
    if says_the_same_of(group, base.known_theirs, theirs):
        return None if says_the_same_of(group, base.ours, ours) else Verdict.OUTWARD
    if any(shows(row, group, theirs, base.known_theirs) for row in base.held):
        return Verdict.LANDED
    if not group_of(theirs, group) and not policy.empty_erases:
        return Verdict.EMPTY
    is_unchanged = says_the_same_of(group, base.ours, ours)
    if is_unchanged or (not group_of(ours, group) and not policy.empty_erases):
        return Verdict.INWARD
    return Verdict.CONFLICT_THEIRS if policy.winner(group) == THEIRS else Verdict.CONFLICT_OURS


def _is_outdated(group: str, base: Base, theirs: Fields) -> bool:
    """Whether only rows landed that were made before both sides agreed anew: what RaiseDonors says is no new edit."""
    return all(group in listed(row, OUTDATED) for row in base.held if shows(row, group, theirs, base.known_theirs))


def _with_email(agreed: dict[str, str], ours: Fields, theirs: Fields) -> dict[str, str]:
    """An e-mail travels one way: once Virtuous has the donor's, both sides agree on it."""
    return {**agreed, **_email(ours)} if ours.get(EMAIL) == theirs.get(EMAIL) else agreed


def _email(fields: Fields) -> dict[str, str]:
    return {EMAIL: fields[EMAIL]} if EMAIL in fields else {}


def groups_to_send(base: Base, ours: Fields) -> frozenset[str]:
    """What a row must carry: all that differs from what is agreed on, or from a row that may still land.

    The landing of what is outdated is noticed, and answered: it goes along, but for its sake alone no row is sent.
    What is empty on RaiseDonors is not among it: the import tool erases nothing.
    """
    changed, beside = set(changed_groups(base.ours, ours)), set[str]()
    for row in base.rows:
        other = {g for g in GROUPS if group_of(row, g) and not says_the_same_of(g, row, ours)}
        beside |= other & listed(row, OUTDATED)
        changed |= other - listed(row, OUTDATED)
        changed |= {EMAIL} if EMAIL in row and row[EMAIL] != ours.get(EMAIL) else set()
    filled = {group for group in GROUPS if group_of(ours, group)} | ({EMAIL} if EMAIL in ours else set())
    return frozenset((changed | beside) & filled) if changed & filled else frozenset()


def emptied_agreed(base: Base, ours: Fields) -> dict[str, str]:
    """The agreed fields once what became empty on RaiseDonors is known to stay as it is in Virtuous."""
    agreed = dict(base.ours)
    for group in changed_groups(base.ours, ours):
        if group in GROUPS and not group_of(ours, group):
            agreed = with_group(agreed, group, {})
        elif group == EMAIL and EMAIL not in ours:
            agreed.pop(EMAIL, None)
    return agreed


def with_written(base: Base, ours: Fields, changes: Sequence[FieldChange]) -> Base:
    """The base once RaiseDonors shows what we wrote there ourselves: both sides said so, whatever they say by now."""
    written = {change.field: change.new for change in changes if ours.get(change.field) == change.new}
    if not written:
        return base
    return replace(base, ours=_having(base.ours, written), theirs=_having(base.known_theirs, written))


def _having(fields: Fields, values: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in {**fields, **values}.items() if value is not None}
