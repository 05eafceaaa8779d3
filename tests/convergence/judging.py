"""Whether both sides are right in the end."""

from __future__ import annotations

from collections import Counter

from giftbridge.domain.deliveries import State
from giftbridge.domain.delivery_ids import VIRTUOUS as TO_VIRTUOUS
from giftbridge.domain.delivery_ids import donor_updated_id
from ops.simulators.virtuous_records import RowState
from tests.convergence.looking import (
    contact_of,
    emails_in_virtuous,
    emails_on_raisedonors,
    said_by_raisedonors,
    said_by_virtuous,
)
from tests.convergence.oracle import RAISEDONORS, REVERTED, TAKEN_BACK, TYPED_UNSEEN, VIRTUOUS, Conflict, Edit
from tests.convergence.play import Play

MOST_ROUNDS = 8


def judged(play: Play) -> list[str]:
    """What is wrong after days on which nobody edits, the last one without any call that could write."""
    play.tested.virtuous.store.outbox.mishaps.clear()
    quiet = 0
    for _ in range(MOST_ROUNDS):
        quiet = quiet + 1 if play.round() == 0 else 0
        # A look at the very end of a day is ended by the next.
        if quiet == 2 or (quiet and not _states(play)):
            break
    else:
        return [f"still writing after {MOST_ROUNDS} quiet days: {play.tap.writes[-6:]}"]
    back = [f"a row of ours was written to RaiseDonors: {one}" for one in play.oracle.written_back]
    fates = [*_conflicts(play), *_fates(play), *_states(play)]
    return [*_differences(play), *_emails(play), *_creations(play), *back, *fates]


def _differences(play: Play) -> list[str]:
    wrong = []
    for subject in play.people.subjects:
        ours, theirs = said_by_raisedonors(play.tested, subject), said_by_virtuous(play.tested, subject)
        if theirs is None:
            # Who was edited and edited back needs no row: then nothing made a contact.
            is_edited = any(ours[group] != play.oracle.tracks[subject.donor_id, group].agreed_ours for group in ours)
            wrong += [f"donor {subject.donor_id} never came to Virtuous"] if is_edited else []
            continue
        for group in subject.groups:
            key = subject.donor_id, group
            is_told = play.oracle.untellable.get(key) not in {REVERTED, TYPED_UNSEEN}
            if ours[group] != theirs[group] and is_told and not is_kept_empty(play, key, ours[group], theirs[group]):
                wrong.append(f"{key}: {ours[group]!r} on RaiseDonors, {theirs[group]!r} in Virtuous")
    return wrong


def is_kept_empty(play: Play, key: tuple[int, str], ours: str, theirs: str) -> bool:
    """A value that a person took away on one side stays on the other: what is empty erases nothing (E6)."""
    side = RAISEDONORS if not ours else VIRTUOUS if not theirs else None
    emptied = [e.step for e in play.oracle.edits if e.key == key and e.side == side and not e.value]
    others = [e for e in play.oracle.edits if e.key == key and e.side != side and emptied and e.step > emptied[-1]]
    is_back = bool(others) and others[-1].fate == TAKEN_BACK
    is_told = any(not e.fate for e in others) and not is_back
    return bool(emptied) and (not is_told or key in play.oracle.untellable)


def _emails(play: Play) -> list[str]:
    """What was typed in Virtuous never came to RaiseDonors; what was typed there last is in Virtuous (E5, D1)."""
    wrong = []
    for entry in play.tested.bench.raisedonors.store.donors.all_entries():
        crossed = [one["value"] for one in entry.latest.members["donorEmailAddresses"]]
        wrong += [f"crossed: {one}" for one in crossed if one.startswith("virtuous.") or one.endswith("example.net")]
    for subject in play.people.subjects:
        mine = emails_on_raisedonors(play.tested, subject)[0]
        known = contact_of(play.tested, subject) is not None
        if known and mine not in emails_in_virtuous(play.tested, subject):
            wrong.append(f"e-mail of {subject.donor_id} did not arrive")
    return wrong + [f"{call} with an e-mail address" for call in play.tap.emails_written]


def _creations(play: Play) -> list[str]:
    """One donor for each person whom staff added, none else."""
    entries = play.tested.bench.raisedonors.store.donors.all_entries()
    extra = len(entries) - len(play.people.subjects) - len(play.people.added_people)
    return [f"{extra} donors too many"] if extra else []


def _conflicts(play: Play) -> list[str]:
    expected = Counter(one for one in play.oracle.conflicts if _can_be_told(play, one))
    decided = Counter(one for one in play.decided if _can_be_told(play, one))
    missing = [f"not decided: {one}" for one in (expected - decided).elements()]
    return missing + [f"decided, but no conflict: {one}" for one in (decided - expected).elements()]


def _can_be_told(play: Play, conflict: Conflict) -> bool:
    return (conflict.donor_id, conflict.group) not in play.oracle.untellable


def _fates(play: Play) -> list[str]:
    """Each edit by a person arrived, was replaced by the next one of its side, or lost a conflict that is told of."""
    return [f"lost: {edit}" for edit in play.oracle.edits if fate_of(play, edit) is None]


def fate_of(play: Play, edit: Edit) -> str | None:
    """What became of an edit; None when it was lost."""
    other = VIRTUOUS if edit.side == RAISEDONORS else RAISEDONORS
    if not edit.value:
        return "empty erases nothing"
    if edit.value in play.oracle.was_since(other, edit.key, edit.step):
        return "arrived"
    if edit.fate:
        return edit.fate
    if any(later.step > edit.step and (later.side, later.key) == (edit.side, edit.key) for later in play.oracle.edits):
        return "replaced by its own side"
    if Conflict(*edit.key, other) in play.decided:
        return "lost a conflict"
    return play.oracle.untellable.get(edit.key)


def _states(play: Play) -> list[str]:
    wrong = []
    held = {row.identity for row in play.tested.virtuous.store.rows if row.state is RowState.HELD}
    hidden = {str(row.donor_id) for row in play.oracle.rows if row.is_hidden}
    for row in play.tested.bench.rows("DeliveriesTable"):
        state = State(row["state"])
        if state is State.DELIVERED or (state is State.IGNORED and row.get("trouble")):
            continue
        donor = str(row["id"]).split("/")[2]
        is_row = row["id"] == donor_updated_id(donor, TO_VIRTUOUS)
        if not (state is State.SENT and is_row and donor in held | hidden):
            wrong.append(f"{row['id']} is {state}: {row.get('trouble')}")
    return wrong
