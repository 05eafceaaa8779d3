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
    FIRST_NAME,
    GROUPS,
    LAST_NAME,
    ORGANIZATION,
    PHONE,
    changed_groups,
    group_of,
    says_the_same_of,
    with_group,
)
from giftbridge.domain.notices import FieldChange
from giftbridge.domain.settings import ConflictSettings
from giftbridge.domain.times import format_moment

OURS, THEIRS = "raisedonors", "virtuous"
SENT_AT = "sent at"
# Of a row: groups that it only carries along, and groups that were agreed on anew since it was made.
ALONG, OUTDATED = "carried along", "outdated"
_NAMES = (FIRST_NAME, LAST_NAME, ORGANIZATION)


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
class Base:
    """What is known of both sides. `ours` and `theirs` are what each said when they were last brought together.

    `theirs` is None until the contact was seen: then it is taken to be as `ours`. `rows` are the fields of rows that
    were sent and have not landed, oldest first.
    """

    ours: Fields
    theirs: Fields | None = None
    rows: tuple[Fields, ...] = ()

    @property
    def known_theirs(self) -> Fields:
        return self.ours if self.theirs is None else self.theirs


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
    base: Base, ours: Fields, theirs: Fields, policy: Policy, modified_at: datetime | None = None
) -> ContactMerge:
    """Decide each group. `ours` and `theirs` are what both sides say now; the contact was modified at `modified_at`.

    A row is needed when RaiseDonors' value must travel although no edit there is going to be noticed.
    """
    agreed, seen = dict(base.ours), dict(base.known_theirs)
    verdicts: dict[str, Verdict] = {}
    needs_row = False
    for group in GROUPS:
        verdict = _verdict(group, base, ours, theirs, policy)
        if verdict is None:
            continue
        verdicts[group] = verdict
        seen = with_group(seen, group, group_of(theirs, group))
        if verdict is Verdict.SAME:
            agreed = with_group(agreed, group, group_of(ours, group))
        elif verdict in _FROM_THEIRS and not _is_outdated(group, verdict, base, theirs):
            agreed = with_group(agreed, group, group_of(theirs, group))
        is_ours_to_send = verdict is Verdict.LANDED and not says_the_same_of(group, ours, theirs)
        needs_row = needs_row or is_ours_to_send or verdict is Verdict.CONFLICT_OURS
    agreed, seen = _with_email(agreed, ours, theirs), {**seen, **_email(theirs)}
    number = _landed(base, theirs, modified_at)
    # An outdated row that landed is kept until RaiseDonors' value is on its way again: it says what is to be sent.
    kept = [row for row in base.rows[:number] if _is_to_be_undone(row, ours, theirs)]
    renewed = {g for g, v in verdicts.items() if v in {Verdict.SAME, Verdict.INWARD, Verdict.CONFLICT_THEIRS}}
    rows = tuple(_outdating(row, renewed, theirs) for row in (*kept, *base.rows[number:]))
    return ContactMerge(Base(agreed, seen, rows), verdicts, needs_row)


def _verdict(group: str, base: Base, ours: Fields, theirs: Fields, policy: Policy) -> Verdict | None:
    """None when there is nothing to decide: neither side says anything new."""
    if says_the_same_of(group, ours, theirs):
        known = says_the_same_of(group, base.ours, ours) and says_the_same_of(group, base.known_theirs, theirs)
        return None if known and group_of(base.known_theirs, group) == group_of(theirs, group) else Verdict.SAME
    if says_the_same_of(group, base.known_theirs, theirs):
        return None if says_the_same_of(group, base.ours, ours) else Verdict.OUTWARD
    if any(_shows(row, group, theirs) for row in base.rows):
        return Verdict.LANDED
    if not group_of(theirs, group) and not policy.empty_erases:
        return Verdict.EMPTY
    is_unchanged = says_the_same_of(group, base.ours, ours)
    if is_unchanged or (not group_of(ours, group) and not policy.empty_erases):
        return Verdict.INWARD
    return Verdict.CONFLICT_THEIRS if policy.winner(group) == THEIRS else Verdict.CONFLICT_OURS


def _listed(row: Fields, name: str) -> frozenset[str]:
    return frozenset(row[name].split(", ")) if row.get(name) else frozenset()


def _own(row: Fields) -> list[str]:
    """The groups for whose sake a row was made."""
    along = _listed(row, ALONG)
    return [group for group in GROUPS if group_of(row, group) and group not in along]


def _shows(row: Fields, group: str, theirs: Fields) -> bool:
    """Whether Virtuous says what a row does. A name that was only carried along tells nothing by itself."""
    if not group_of(row, group) or not says_the_same_of(group, row, theirs):
        return False
    own = _own(row)
    is_there = any(says_the_same_of(one, row, theirs) for one in own)
    return group in own or is_there or (EMAIL in row and row[EMAIL] == theirs.get(EMAIL))


def _is_outdated(group: str, verdict: Verdict, base: Base, theirs: Fields) -> bool:
    """Whether only rows landed that were made before both sides agreed anew: what RaiseDonors says is no new edit."""
    showing = [row for row in base.rows if _shows(row, group, theirs)] if verdict is Verdict.LANDED else []
    return bool(showing) and all(group in _listed(row, OUTDATED) for row in showing)


def _is_to_be_undone(row: Fields, ours: Fields, theirs: Fields) -> bool:
    shown = [group for group in _listed(row, OUTDATED) if _shows(row, group, theirs)]
    return any(not says_the_same_of(group, ours, theirs) for group in shown)


def _outdating(row: Fields, renewed: set[str], theirs: Fields) -> Fields:
    """The row with the groups marked that were agreed on anew while it was held."""
    other = {g for g in renewed if group_of(row, g) and not says_the_same_of(g, row, theirs)}
    outdated = _listed(row, OUTDATED) | other
    return {**row, OUTDATED: ", ".join(sorted(outdated))} if outdated else row


def _landed(base: Base, theirs: Fields, modified_at: datetime | None) -> int:
    """How many of the oldest rows have surely landed: the import works through a donor's rows in their order.

    A row that says what the contact said anyway has landed when the contact was modified since it was sent.
    """
    landed = 0
    for number, row in enumerate(base.rows, start=1):
        own = _own(row)
        shown = [g for g in own if says_the_same_of(g, row, theirs)]
        is_new = any(not says_the_same_of(g, base.known_theirs, theirs) for g in shown)
        new_email = row.get(EMAIL) is not None and row.get(EMAIL) == theirs.get(EMAIL)
        is_since = modified_at is None or row.get(SENT_AT, "") <= format_moment(modified_at)
        is_whole = is_since and own == shown and (EMAIL not in row or new_email)
        if is_new or is_whole or (new_email and base.known_theirs.get(EMAIL) != theirs.get(EMAIL)):
            landed = number
    return landed


def _with_email(agreed: dict[str, str], ours: Fields, theirs: Fields) -> dict[str, str]:
    """An e-mail travels one way: once Virtuous has the donor's, both sides agree on it."""
    return {**agreed, **_email(ours)} if ours.get(EMAIL) == theirs.get(EMAIL) else agreed


def _email(fields: Fields) -> dict[str, str]:
    return {EMAIL: fields[EMAIL]} if EMAIL in fields else {}


def groups_to_send(base: Base, ours: Fields) -> frozenset[str]:
    """What a row must carry: all that differs from what is agreed on, or from a row that may still land.

    What is empty on RaiseDonors is not among it: the import tool erases nothing.
    """
    changed: set[str] = set(changed_groups(base.ours, ours))
    for row in base.rows:
        changed |= {g for g in GROUPS if group_of(row, g) and not says_the_same_of(g, row, ours)}
        changed |= {EMAIL} if EMAIL in row and row[EMAIL] != ours.get(EMAIL) else set()
    filled = {group for group in GROUPS if group_of(ours, group)} | ({EMAIL} if EMAIL in ours else set())
    return frozenset(changed & filled)


def emptied_agreed(base: Base, ours: Fields) -> dict[str, str]:
    """The agreed fields once what became empty on RaiseDonors is known to stay as it is in Virtuous."""
    agreed = dict(base.ours)
    for group in changed_groups(base.ours, ours):
        if group in GROUPS and not group_of(ours, group):
            agreed = with_group(agreed, group, {})
        elif group == EMAIL and EMAIL not in ours:
            agreed.pop(EMAIL, None)
    return agreed


def row_fields(ours: Fields, groups: frozenset[str], now: datetime) -> dict[str, str]:
    """The fields that a row with these groups carries, and when it was made. No row goes without the names."""
    along = [group for group in _NAMES if group not in groups and group_of(ours, group)]
    wanted = {*groups, *along}
    carried = {name: value for group in GROUPS if group in wanted for name, value in group_of(ours, group).items()}
    beside = {SENT_AT: format_moment(now), **({ALONG: ", ".join(along)} if along else {})}
    return {**carried, **(_email(ours) if EMAIL in groups else {}), **beside}


def with_written(base: Base, ours: Fields, changes: Sequence[FieldChange]) -> Base:
    """The base once RaiseDonors shows what we wrote there ourselves: both sides said so, whatever they say by now."""
    written = {change.field: change.new for change in changes if ours.get(change.field) == change.new}
    if not written:
        return base
    return replace(base, ours=_having(base.ours, written), theirs=_having(base.known_theirs, written))


def _having(fields: Fields, values: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in {**fields, **values}.items() if value is not None}


def rows_sent_after(rows: Sequence[Fields], moment: datetime) -> tuple[Fields, ...]:
    """Rows made later than a moment."""
    return tuple(row for row in rows if row.get(SENT_AT, "") > format_moment(moment))
