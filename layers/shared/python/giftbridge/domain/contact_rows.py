"""Rows that were sent and not seen to have landed: what they say, and what tells that one has (requirements D3, D5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from giftbridge.domain.agreed import EMAIL, Fields
from giftbridge.domain.contact_fields import (
    FIRST_NAME,
    GROUPS,
    LAST_NAME,
    ORGANIZATION,
    group_of,
    says_the_same_of,
    with_group,
)
from giftbridge.domain.times import format_moment

SENT_AT = "sent at"
# Of a row: groups that it only carries along, and groups that were agreed on anew since it was made.
ALONG, OUTDATED = "carried along", "outdated"
# Groups in which a row that landed undid what was agreed on: no row, but what is to be sent anew.
UNDONE = "undone"
_NAMES = (FIRST_NAME, LAST_NAME, ORGANIZATION)
# Times of modification may be cut to the second.
_COARSE = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Base:
    """What is known of both sides. `ours` and `theirs` are what each said when they were last brought together.

    `theirs` is None until the contact was seen: then it is taken to be as `ours`. `rows` are the fields of rows that
    were sent and have not landed, oldest first; after them, once, what Virtuous says because an outdated one landed.
    """

    ours: Fields
    theirs: Fields | None = None
    rows: tuple[Fields, ...] = ()

    @property
    def known_theirs(self) -> Fields:
        return self.ours if self.theirs is None else self.theirs

    @property
    def held(self) -> tuple[Fields, ...]:
        """The rows that may still land."""
        return tuple(row for row in self.rows if UNDONE not in row)


def row_fields(ours: Fields, groups: frozenset[str], now: datetime) -> dict[str, str]:
    """The fields that a row with these groups carries, and when it was made. No row goes without the names."""
    along = [group for group in _NAMES if group not in groups and group_of(ours, group)]
    wanted = {*groups, *along}
    carried = {name: value for group in GROUPS if group in wanted for name, value in group_of(ours, group).items()}
    beside = {SENT_AT: format_moment(now), **({ALONG: ", ".join(along)} if along else {})}
    email = {EMAIL: ours[EMAIL]} if EMAIL in groups and EMAIL in ours else {}
    return {**carried, **email, **beside}


def listed(row: Fields, name: str) -> frozenset[str]:
    """The groups that a row names under ALONG, OUTDATED or UNDONE."""
    return frozenset(row[name].split(", ")) if row.get(name) else frozenset()


def _own(row: Fields) -> list[str]:
    """The groups for whose sake a row was made."""
    along = listed(row, ALONG)
    return [group for group in GROUPS if group_of(row, group) and group not in along]


def _to_arrive(row: Fields) -> list[str]:
    """All for whose sake a row was made: its groups, and the e-mail address."""
    return [*_own(row), *([EMAIL] if EMAIL in row else [])]


def shows(row: Fields, group: str, theirs: Fields, known: Fields) -> bool:
    """Whether Virtuous says what a row does, where it said `known` before.

    A name that was only carried along tells nothing by itself; it does beside what the row was made for, or when all
    of that was replaced meanwhile: by a person, or by the row of somebody at the same address.
    """
    if not group_of(row, group) or not says_the_same_of(group, row, theirs):
        return False
    wanted = _to_arrive(row)
    is_there = any(_is_said(name, row, theirs) for name in wanted)
    # Which of a person's e-mail addresses a contact shows depends on the donor, too: that tells of no edit.
    is_replaced = EMAIL not in wanted and not any(_is_said(name, known, theirs) for name in wanted)
    return group in wanted or is_there or is_replaced


def outdating(row: Fields, renewed: set[str], theirs: Fields) -> Fields:
    """The row with the groups marked that were agreed on anew while it was held."""
    other = {g for g in renewed if group_of(row, g) and not says_the_same_of(g, row, theirs)}
    outdated = listed(row, OUTDATED) | other
    return {**row, OUTDATED: ", ".join(sorted(outdated))} if outdated else row


def undone_fields(base: Base, groups: set[str], ours: Fields, theirs: Fields) -> tuple[Fields, ...]:
    """What is kept of rows that landed and undid these groups, or did before, until either side says something else."""
    before = [row for row in base.rows if UNDONE in row]
    known = {g for row in before for g in listed(row, UNDONE) if says_the_same_of(g, row, theirs)}
    left = sorted(g for g in groups | known if not says_the_same_of(g, ours, theirs))
    values = {name: value for group in left for name, value in group_of(theirs, group).items()}
    return ({**values, UNDONE: ", ".join(left)},) if left else ()


def landed(base: Base, theirs: Fields, modified_at: datetime | None, created_at: datetime | None) -> int:
    """How many of the oldest rows have surely landed: the import works through a donor's rows in their order.

    A row has landed when all is there that it was to change, and what it repeats is still there: one of several values
    a person may have typed too. Of a contact made since the row was sent one will do, unless a gift may have made it of
    what the donor was like before. A row that says what the contact said anyway has landed when all of it is there and
    the contact was modified since it was sent. What the contact said before that, no row has brought.
    """
    found, before = 0, base.known_theirs
    for number, row in enumerate(base.held, start=1):
        is_made = base.theirs is None and created_at is not None and _is_sent_by(row, created_at)
        before = {} if is_made and number == 1 else before
        own = _to_arrive(row)
        carried = [*own, *listed(row, ALONG)]
        news = [name for name in own if not _is_said(name, row, before)]
        shown = [name for name in carried if _is_said(name, row, theirs)]
        is_new = any(name in shown and (is_made or not _is_said(name, base.known_theirs, theirs)) for name in news)
        missing = [name for name in carried if name not in shown and (name in news or _is_said(name, row, before))]
        is_older = is_made and all(_is_said(name, base.ours, row) for name in own if name in shown)
        is_refuted = any(not is_made or (is_older and _is_said(name, base.ours, theirs)) for name in missing)
        is_since = modified_at is None or _is_sent_by(row, modified_at + _COARSE)
        if is_since and ((is_new and not is_refuted) or carried == shown):
            found = number
        before = _with_row(before, row)
    return found


def as_made(base: Base, theirs: Fields, landed: Sequence[Fields]) -> Base:
    """Of a contact seen for the first time: what a row made it, a person has changed where it says something else."""
    if base.theirs is not None or not landed:
        return base
    known, made = base.ours, base.ours
    for row in landed:
        made = _with_row(made, row)
    for group in GROUPS:
        if not says_the_same_of(group, made, theirs):
            known = with_group(known, group, group_of(made, group))
    return replace(base, theirs=known)


def _with_row(fields: Fields, row: Fields) -> Fields:
    """What a contact says once a row has landed in it."""
    for group in GROUPS:
        if group_of(row, group):
            fields = with_group(fields, group, group_of(row, group))
    return {**fields, EMAIL: row[EMAIL]} if EMAIL in row else fields


def _is_said(name: str, one: Fields, other: Fields) -> bool:
    return one.get(EMAIL) == other.get(EMAIL) if name == EMAIL else says_the_same_of(name, one, other)


def _is_sent_by(row: Fields, moment: datetime) -> bool:
    return row.get(SENT_AT, "") <= format_moment(moment)
