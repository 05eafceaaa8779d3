"""Who changed what since both sides were last brought together: known from the edits, never from the product's rows.

The oracle hears of each edit by a person, of each row that the import tool was handed and took in, and of each moment
at which the product read a contact. It judges by who set a value; the product can only judge by the value itself.
Where that cannot lead to the same result, the field is marked as one that nobody outside could tell (`untellable`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from ops.simulators.raisedonors_time import TICKS_PER_SECOND
from tests.convergence.looking import ADDRESS, Said, Subject

RAISEDONORS, VIRTUOUS = "raisedonors", "virtuous"
PERSON, ROW, SYNC = "person", "row", "sync"
REVERTED = "a landed row was taken back before it could be read"
TYPED_ALIKE = "a person typed what an outstanding row says"
TYPED_UNSEEN = "a person typed what a row says that landed and was changed before it could be read"
TAKEN_BACK = "taken back to what was agreed on"
TYPED_FORMER = "a person typed what the donor was like before, in a contact that nobody had read"
WRITTEN_UNTOLD = "what a process wrote before it died was replaced before the next could tell of it"
FieldKey = tuple[int, str]


@dataclass(frozen=True)
class Conflict:
    """A field that changed on both sides, and who wins."""

    donor_id: int
    group: str
    winner: str


@dataclass
class Edit:
    """What a person did to a field on one side."""

    step: int
    side: str
    key: FieldKey
    value: str
    fate: str = ""


@dataclass
class Track:
    """One field. `agreed_*` are what each side said when they were last together, `since` when that was."""

    agreed_ours: str
    agreed_theirs: str | None
    ours: str
    theirs: str
    since: int = 0
    ours_edited: int = -1
    ours_by: str = SYNC
    theirs_by: str = SYNC
    theirs_edited: int = -1
    row_made: int = -1
    row_landed: int = -1

    @property
    def is_ours_changed(self) -> bool:
        """Whether a person changed it on RaiseDonors since, to something else than it was."""
        return self.ours_edited > self.since and self.ours != self.agreed_ours


@dataclass
class HandedRow:
    """A row that the import tool was handed: what it says of each field, and what RaiseDonors' state it was made of."""

    donor_id: int
    made: int
    said: Said
    landed: int | None = None
    is_read: bool = False
    """Whether a look came after it landed."""
    is_hidden: bool = False
    """Whether something of it was replaced before that look: nothing shows that it landed."""
    handed_at: int = 0
    """In ticks."""
    looked_landed: bool = False
    """Whether a look came while it was held that showed all it says: who typed that cannot be told from the import."""


@dataclass
class _Judged:
    key: FieldKey
    verdict: str
    ours: str
    theirs: str
    winner: str


@dataclass
class Oracle:
    """All fields of all donors that are edited."""

    subjects: dict[int, Subject] = field(default_factory=dict)
    step: int = 0
    tracks: dict[FieldKey, Track] = field(default_factory=dict)
    edits: list[Edit] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    rows: list[HandedRow] = field(default_factory=list)
    untellable: dict[FieldKey, str] = field(default_factory=dict)
    was: dict[tuple[str, FieldKey], list[tuple[int, str]]] = field(default_factory=dict)
    """What each side said of a field, with the step from which on it did."""
    last_look: Counter[int] = field(default_factory=Counter)
    written_back: list[str] = field(default_factory=list)
    """Values of our own rows that the product wrote to RaiseDonors as if a person had typed them in Virtuous."""
    _judged: dict[int, list[_Judged]] = field(default_factory=dict)
    _alike: dict[int, list[HandedRow]] = field(default_factory=dict)
    _untold: dict[FieldKey, int] = field(default_factory=dict)
    """Fields that a process wrote before it died, with the contact whose next look tells of that."""

    # --- what happens -------------------------------------------------------------------------------------

    def begins(self, subject: Subject, ours: Said, theirs: Said | None) -> None:
        """A donor as both sides have them in the beginning."""
        self.subjects[subject.donor_id] = subject
        for group in subject.groups:
            key = subject.donor_id, group
            there = theirs[group] if theirs is not None else None
            self.tracks[key] = Track(ours[group], there, ours[group], there or "")

    def edited(self, side: str, subject: Subject, group: str, value: str) -> None:
        """A person gave a field another value."""
        track = self.tracks[subject.donor_id, group]
        if side == VIRTUOUS:
            self._hide((subject.donor_id, group))
        elif (subject.donor_id, group) in self._untold:
            self.untellable[subject.donor_id, group] = WRITTEN_UNTOLD
        edit = Edit(self.step, side, (subject.donor_id, group), value)
        if value == (track.agreed_ours if side == RAISEDONORS else track.agreed_theirs):
            edit.fate = TAKEN_BACK
        if side == RAISEDONORS:
            track.ours, track.ours_edited, track.ours_by = value, self.step, PERSON
        else:
            track.theirs, track.theirs_by, track.theirs_edited = value, PERSON, self.step
        self.edits.append(edit)

    def landed(self, row: HandedRow, mates: list[Subject]) -> None:
        """The import took a row in. For the others of a household, its address came from somebody else."""
        row.landed = self.step
        for group, value in row.said.items():
            if not value:
                continue
            for subject in [self.subjects[row.donor_id], *(mates if group == ADDRESS else [])]:
                track = self.tracks[subject.donor_id, group]
                if track.theirs == value:
                    continue
                self._overwritten(track, (subject.donor_id, group))
                if subject.donor_id != row.donor_id:
                    self._hide((subject.donor_id, group))
                track.theirs = value
                if row.looked_landed:
                    self.untellable[subject.donor_id, group] = TYPED_ALIKE
                if subject.donor_id == row.donor_id and not row.looked_landed:
                    track.theirs_by, track.row_made, track.row_landed = ROW, row.made, self.step
                else:
                    track.theirs_by, track.theirs_edited = PERSON, self.step

    def _hide(self, key: FieldKey) -> None:
        """What a field says is replaced: it shows no more that a row brought it."""
        for row in self.rows:
            is_there = row.donor_id == key[0] and row.said.get(key[1]) == self.tracks[key].theirs
            row.is_hidden = row.is_hidden or (is_there and row.landed is not None and not row.is_read)

    def _overwritten(self, track: Track, key: FieldKey) -> None:
        """A person's edit that nobody had read is gone: no operation shows what was there before."""
        if track.theirs_by == PERSON and track.theirs_edited > self.last_look[key[0]]:
            for edit in self.edits:
                if edit.side == VIRTUOUS and edit.key == key and edit.step == track.theirs_edited:
                    edit.fate = edit.fate or "overwritten by the import unread"

    def observed(self, subject: Subject, ours: Said, theirs: Said | None) -> None:
        """What both sides say now. What the product wrote to RaiseDonors shows here."""
        for group in subject.groups:
            key = subject.donor_id, group
            track = self.tracks[key]
            if track.ours != ours[group]:
                if track.theirs_by == ROW and theirs is not None and ours[group] == theirs[group]:
                    self.written_back.append(f"step {self.step}, {key}: {ours[group]!r}")
                track.ours, track.ours_by = ours[group], SYNC
            self._note(RAISEDONORS, key, ours[group])
            if theirs is not None:
                track.theirs = theirs[group]
                self._note(VIRTUOUS, key, theirs[group])

    def _note(self, side: str, key: FieldKey, value: str) -> None:
        said = self.was.setdefault((side, key), [])
        if not said or said[-1][1] != value:
            said.append((self.step, value))

    def was_since(self, side: str, key: FieldKey, step: int) -> set[str]:
        """What a side said of a field at some moment from a step on."""
        said = self.was.get((side, key), [])
        before = [value for at, value in said if at <= step][-1:]
        return {*before, *(value for at, value in said if at > step)}

    # --- the moments ----------------------------------------------------------------------------------------

    def looks(self, contact_id: int, said: dict[int, tuple[Said, Said]], newest: dict[int, str], setting: str) -> None:
        """The product reads a contact; `said` is what both sides say of each of its donors."""
        judged: list[_Judged] = []
        self._alike.pop(contact_id, None)
        for donor_id, (ours, theirs) in said.items():
            for group in self.subjects[donor_id].groups:
                winner = newest[donor_id] if setting == "newest" else setting
                verdict = self._verdict((donor_id, group), ours[group], theirs[group])
                judged.append(_Judged((donor_id, group), verdict, ours[group], theirs[group], winner))
        self._judged[contact_id] = judged

    def sees_rows(self, contact_id: int, donor_id: int, theirs: Said, modified: int) -> None:
        """What a contact, last modified at these ticks, says of the rows of one of its donors that are still held."""
        held = [row for row in self.rows if row.donor_id == donor_id and row.landed is None]
        is_there = [all(theirs[group] == value for group, value in row.said.items() if value) for row in held]
        is_since = [row.handed_at <= modified + TICKS_PER_SECOND for row in held]
        last = max((n for n, both in enumerate(zip(is_there, is_since, strict=True)) if all(both)), default=-1)
        self._alike.setdefault(contact_id, []).extend(held[: last + 1])

    def recorded(self, contact_id: int) -> None:
        """What was decided at the last look is written down."""
        self._untold = {key: number for key, number in self._untold.items() if number != contact_id}
        for row in self._alike.pop(contact_id, []):
            row.looked_landed = row.looked_landed or row.landed is None
        for judged in self._judged.pop(contact_id, []):
            self._apply(judged)
            self.last_look[judged.key[0]] = self.step
            for row in self.rows:
                if row.donor_id == judged.key[0] and row.landed is not None:
                    row.is_read = True

    def died(self, now_ours: dict[int, Said]) -> None:
        """The process died. What it had decided holds where its write shows; the rest is looked at anew."""
        for contact_id, judged_all in self._judged.items():
            for judged in judged_all:
                donor_id, group = judged.key
                is_written = judged.ours != judged.theirs == now_ours[donor_id][group]
                if judged.verdict == "conflict" and judged.winner == VIRTUOUS and is_written:
                    self._apply(judged)
                    self._untold[judged.key] = contact_id
        self._judged.clear()
        self._alike.clear()

    def _verdict(self, key: FieldKey, ours: str, theirs: str) -> str:
        track = self.tracks[key]
        track.ours = ours
        if ours == theirs:
            self._note_look_alike(key, theirs)
            return "same"
        if track.agreed_theirs is None and theirs == track.agreed_ours and track.theirs_by == PERSON:
            self.untellable[key] = TYPED_FORMER
        if theirs == track.agreed_theirs:
            if track.row_landed > self.last_look[key[0]]:
                self.untellable[key] = REVERTED
            return "nothing new"
        if not theirs:
            return "empty"
        if track.theirs_by == ROW:
            return "landed"
        alike = [row for row in self.rows if row.donor_id == key[0] and row.said.get(key[1]) == theirs]
        if any(row.is_hidden for row in alike):
            self.untellable[key] = TYPED_UNSEEN
        elif any(not row.is_read for row in alike):
            self.untellable[key] = TYPED_ALIKE
        return "conflict" if track.is_ours_changed and ours else "inward"

    def _note_look_alike(self, key: FieldKey, theirs: str) -> None:
        """A person typed what a held row says: that row, and so those before it, look as if they had landed."""
        held = [row.said[key[1]] for row in self.rows if row.donor_id == key[0] and row.landed is None]
        others = [value for value in held if value and value != theirs]
        if self.tracks[key].theirs_by == PERSON and theirs in held and others:
            self.untellable[key] = TYPED_ALIKE

    def _apply(self, judged: _Judged) -> None:
        track = self.tracks[judged.key]
        if judged.verdict == "nothing new":
            return
        if judged.verdict == "conflict":
            self.conflicts.append(Conflict(*judged.key, judged.winner))
        track.agreed_theirs = judged.theirs
        if judged.verdict == "empty":
            return
        if judged.verdict == "conflict" and judged.winner == RAISEDONORS:
            # What RaiseDonors says is from now on an edit on top of what the loser said.
            track.agreed_ours = judged.theirs
            return
        if judged.verdict == "landed":
            track.since = max(track.since, track.row_made)
            track.agreed_ours = judged.theirs if track.ours_edited > track.since else judged.ours
        else:
            track.since, track.agreed_ours = self.step, judged.theirs
