"""What need not have been sent: changes made while their destination was switched off, or before it was connected.

What only staff can put in order: a pledge that they moved to the partner of another donor. What a restore of the
tables has taken away for good. And what somebody changed in the moment in which a record was saved whole.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from ops.simulators.raisedonors_records import Entry
from ops.simulators.raisedonors_store import RaiseDonorsStore
from ops.simulators.raisedonors_time import ticks_of
from ops.simulators.tally_partners import PARTNER_HOME

# What the tally calls a value of a donor: the members of a donor that say it, and those of a partner.
_VALUES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "first name": (("firstName", "isOrganization"), ("FirstName",)),
    "last name": (("lastName", "isOrganization"), ("LastName",)),
    "company": (("organizationName", "isOrganization"), ("Company",)),
    "address": (("donorAddresses",), PARTNER_HOME),
    "phone": (("donorPhoneNumbers",), ("PartnerPhones",)),
    "e-mail": (("donorEmailAddresses",), ("PartnerEmails",)),
}


@dataclass(frozen=True, slots=True)
class Span:
    """A time in which changes need not go to a destination."""

    destination: str
    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A restore: the tables named are as they were `to`; what they held of the time until `at` is gone.

    `told` is when `giftbridge restored` told of it: the product knows no other end of the life before.
    """

    tables: Collection[str]
    to: datetime
    at: datetime
    told: datetime

    def line_is_gone(self, ended_at: datetime) -> bool:
        """A delivery that ended in that time may have lost its line, where its own row was not restored."""
        return "ActivityTable" in self.tables and self.to <= ended_at <= self.at

    def hold_is_left(self, held_at: datetime) -> bool:
        """A hold of that time may have lost its delivery, and a new one of the same name that is ignored knows of none.

        Nobody waits for it: the next delivery that needs the key takes it over from one that ended.
        """
        return "DeliveriesTable" in self.tables and "CrmKeysTable" not in self.tables and self.to <= held_at <= self.at

    def row_is_gone(self, held_at: datetime) -> bool:
        """A row that the import tool was given in that time may go once more with what RaiseDonors says by then.

        What the tool holds nobody can look up, and of two rows with one id it keeps the first.
        """
        return "DeliveriesTable" in self.tables and self.to <= held_at <= self.at


@dataclass(frozen=True, slots=True)
class Overwritten:
    """Members of a record that somebody changed after a caller's last look at it, and before its save landed.

    The systems take no record that was changed only if it is still as it was read: nobody can do better than to look
    right before (docs/limits.md).
    """

    record: str
    members: frozenset[str]


class Excuses:
    """Looks records up by kind and id."""

    def __init__(
        self,
        raisedonors: RaiseDonorsStore,
        spans: Sequence[Span],
        moved_pledges: Collection[str] = (),
        notices: Sequence[Mapping[str, Any]] = (),
        forgotten: Forgotten | None = None,
        overwritten: Sequence[Overwritten] = (),
    ) -> None:
        self._raisedonors = raisedonors
        self._spans = spans
        self.left_to_staff = frozenset(one for one in moved_pledges if any(one in row["text"] for row in notices))
        """Pledges that staff moved with a merge, and that a notice names: Aegis does not tell us where they are now."""
        self.forgotten = forgotten
        self._overwritten = overwritten
        self._notices = notices

    def is_overwritten(self, record: str, members: Collection[str]) -> bool:
        """Whether each of these members of a record was changed in a moment in which nobody could see it."""
        found = frozenset[str]().union(*(one.members for one in self._overwritten if one.record == record))
        return found >= set(members)

    def may_be_forgotten(self, kind: str, record_id: int) -> bool:
        """Whether the deliveries of a record may have been there before a restore, and be gone with it.

        A gift given back by then goes to Virtuous with its reversal: a row that is held there nobody can look up.
        """
        one = self.forgotten
        entry = self._entry(kind, record_id)
        return one is not None and entry is not None and entry.history[0].modified <= ticks_of(one.told)

    def is_left_to_a_person(self, donor_id: int, value: str) -> bool:
        """Whether a person was asked, since a restore, what a partner is to have of a donor's value as it is now.

        What both sides agreed on last is gone with the tables, so that nobody else can tell which side was edited. An
        edit made after the person was told has to arrive like any other.
        """
        one, donor = self.forgotten, self._entry("donor", donor_id)
        if one is None or donor is None:
            return False
        members, shown = _VALUES[value]
        told = [
            datetime.fromisoformat(str(row["at"]).partition("#")[0])
            for row in self._notices
            if row["kind"] == "donor-edit-forgotten"
            and row["about"] == f"donor#{donor_id}"
            and any(change["field"] in shown for change in row["changes"])
        ]
        return bool(told) and _last_changed(donor, members) <= ticks_of(max(told))

    def _entry(self, kind: str, record_id: int) -> Entry | None:
        return next((one for one in self._raisedonors.records(kind).all_entries() if one.record_id == record_id), None)

    def excuse_then(self, destination: str, ticks: int) -> bool:
        """Whether a destination was switched off at a moment, or just about then."""
        spans = (span for span in self._spans if span.destination == destination)
        return any(ticks_of(span.begins) <= ticks <= ticks_of(span.ends) for span in spans)

    def excuse(self, destination: str, kind: str, record_id: int) -> bool:
        """Whether a record of RaiseDonors was made or changed in such a time."""
        entry = self._entry(kind, record_id)
        return entry is not None and any(
            span.destination == destination and _touched(entry, span) for span in self._spans
        )


def _last_changed(entry: Entry, members: Collection[str]) -> int:
    """When one of these members last changed, or came with the record."""
    changed = [
        after.modified
        for before, after in pairwise(entry.history)
        if any(before.members.get(member) != after.members.get(member) for member in members)
    ]
    return max(changed, default=entry.history[0].modified)


def _touched(entry: Entry, span: Span) -> bool:
    moments = [version.modified for version in entry.history if not version.via_api]
    # A record that shows late is as if it were made by then.
    moments += [version.visible_at for version in entry.history if not version.via_api]
    begins, ends = ticks_of(span.begins), ticks_of(span.ends)
    return any(begins <= moment <= ends for moment in moments)
