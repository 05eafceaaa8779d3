"""Whether each edit by a person arrived on the other side, or lost a conflict that is told of; and echoes.

Values are compared moment by moment: an edit has arrived once the other side said the same, whatever came after.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from ops.simulators.access_log import AccessLog
from ops.simulators.raisedonors_records import Entry
from ops.simulators.raisedonors_time import TICKS_PER_SECOND, ticks_of
from ops.simulators.raisedonors_wire import primary_of
from ops.simulators.tally_values import phone_mark, said
from ops.simulators.virtuous_records import IMPORT, Contact, JournalLine
from ops.simulators.virtuous_tally_result import VirtuousFinding, VirtuousTally
from ops.simulators.virtuous_tally_values import donor_home, donor_name, donor_phone, home_of, individual_of

# Times of modification are coarse.
SLACK = TICKS_PER_SECOND + TICKS_PER_SECOND // 10
Value = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RecordedConflict:
    """A conflict as the product tells of it; `field` is one of address, phone, first name, last name, organization."""

    donor_id: int
    field: str
    winner: str
    lost: str


@dataclass(frozen=True, slots=True)
class Beside:
    """What the tally of edits needs beside the stores: the conflicts told of, and when each record was read."""

    conflicts: Sequence[RecordedConflict] = ()
    contact_reads: Mapping[int, Sequence[int]] = field(default_factory=dict)
    donor_reads: Mapping[int, Sequence[int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """What a field said from a moment on, and whether a person wrote that.

    `is_linked` is False of what was said of a contact before it had the donor's reference.
    """

    at: int
    value: Value
    is_human: bool
    is_linked: bool = True


Timeline = list[Change]
Timelines = dict[str, Timeline]


def reads_of(log: AccessLog, operation: str) -> dict[int, list[int]]:
    """When each record was read, by id. A call that failed read nothing."""
    reads: dict[int, list[int]] = {}
    answered = [entry for entry in log.of(operation) if entry.status is not None and entry.status < 300]
    for entry in answered:
        number = entry.path.partition("?")[0].rstrip("/").rpartition("/")[2]
        if number.isdecimal():
            reads.setdefault(int(number), []).append(ticks_of(entry.at))
    return reads


def timelines_of_donor(donor: Entry) -> Timelines:
    """Each field of a donor from the beginning, change by change."""
    lines: Timelines = {}
    for number, version in enumerate(donor.history):
        for name, value in _donor_fields(version.members).items():
            own = lines.setdefault(name, [])
            if not own or own[-1].value != value:
                own.append(Change(version.modified, value, number > 0 and not version.via_api))
    return lines


def timelines_of_contacts(
    contacts: Sequence[Contact], journal: Mapping[int, list[JournalLine]], source: str, donor: Entry
) -> Timelines:
    """The same of the contacts that a donor has, or had before a merge."""
    lines: Timelines = {}
    for contact in contacts:
        person = individual_of(contact, source, donor)
        own_id = person["id"] if person is not None else None
        linked = min(one.since for one in contact.references if (one.source, one.id) == (source, str(donor.record_id)))
        for line in journal.get(contact.contact_id, []):
            if line.individual_id not in (None, own_id):
                continue
            is_human = line.by != IMPORT and line.at > contact.created
            for name, value in _line_fields(line.field, line.new).items():
                lines.setdefault(name, []).append(Change(line.at, value, is_human, line.at >= linked - SLACK))
    for name, own in lines.items():
        own.sort(key=lambda change: change.at)
        lines[name] = own[:1] + [after for before, after in pairwise(own) if before.value != after.value]
    return lines


def compare_edits(
    donor: Entry, contacts: Sequence[Contact], ours: Timelines, theirs: Timelines, beside: Beside, result: VirtuousTally
) -> None:
    """Judge every edit of one donor and their contacts, in both directions."""
    recorded = [one for one in beside.conflicts if one.donor_id == donor.record_id]
    contact_reads = sorted(at for one in contacts for at in beside.contact_reads.get(one.contact_id, ()))
    donor_reads = sorted(beside.donor_reads.get(donor.record_id, ()))
    for name in ours.keys() & theirs.keys():
        sides = (
            ("RaiseDonors", ours[name], theirs[name], donor_reads),
            ("Virtuous", theirs[name], ours[name], contact_reads),
        )
        # An e-mail travels one way.
        for side, own, other, reads in sides[: 1 if name == "email" else 2]:
            for place, change in enumerate(own):
                if change.is_human and change.is_linked and any(change.value):
                    fate = _fate(name, own, place, other, recorded, reads)
                    _count(side, fate, own, place, result)
                    if fate == "lost":
                        finding = VirtuousFinding(f"donor {donor.record_id}", f"{name} edited on the side of {side}")
                        result.lost_edits.append(finding)


def _fate(
    name: str, own: Timeline, place: int, other: Timeline, recorded: Sequence[RecordedConflict], reads: Sequence[int]
) -> str:
    change = own[place]
    if any(one.value == change.value for one in other[_first_since(other, change.at - SLACK) :]):
        return "arrived"
    later = own[place + 1 :]
    if any(one.is_human for one in later):
        return "overtaken by the next one"
    if any(
        one.value == change.value and bisect_right(reads, after.at) == bisect_right(reads, change.at)
        for one, after in pairwise(own[: place + 1])
    ):
        return "taken back before anybody read it"
    if any(one.field == name and _is_said(name, change.value, one.lost) for one in recorded):
        return "lost a conflict"
    if later and bisect_right(reads, later[0].at) == bisect_right(reads, change.at - SLACK):
        return "overwritten before anybody read it"
    return "lost"


def _count(side: str, fate: str, own: Timeline, place: int, result: VirtuousTally) -> None:
    result.counts[f"edits on {side}"] += 1
    result.counts[f"edits on {side} {fate}"] += 1
    ours_before = {one.value for one in own[1:place] if not one.is_human}
    if own[place].value in ours_before and own[place - 1].value != own[place].value:
        result.counts[f"edits on {side} back to a value we wrote"] += 1
        result.counts[f"edits on {side} back to a value we wrote, {fate}"] += 1


def find_written_echoes(
    donor: Entry, ours: Timelines, theirs: Timelines, housemates: Iterable[Timelines], result: VirtuousTally
) -> None:
    """Find values that we wrote to a donor although no person ever entered them, in Virtuous or for a housemate."""
    mates = list(housemates)
    for name, own in ours.items():
        people = {one.value for one in theirs.get(name, []) if one.is_human}
        # What a contact began with was entered by a person too, unless the import made it.
        people |= {one.value for one in theirs.get(name, [])[:1]}
        people |= {
            one.value for mate in mates for place, one in enumerate(mate.get(name, [])) if one.is_human or not place
        }
        for change in own[1:]:
            if not change.is_human and any(change.value) and change.value not in people:
                result.echoes.append(
                    VirtuousFinding(f"donor {donor.record_id}", f"{name} was written back to RaiseDonors")
                )


def find_sent_echoes(donor: Entry, rows: Sequence[Any], theirs: Timelines, result: VirtuousTally) -> None:
    """Find rows that tell Virtuous nothing it does not say, with no edit behind them."""
    edited = sorted(
        after.modified for before, after in pairwise(donor.history)
        if not after.via_api and _told(before.members) != _told(after.members)
    )  # fmt: skip
    previous: Any = None
    for row in rows:
        if previous is not None and row.row == previous.row:
            result.counts["contact rows sent again"] += 1
            continue
        since = 0 if previous is None else previous.received
        has_reason = bisect_right(edited, row.received + SLACK) > bisect_right(edited, since - SLACK)
        carried = _row_fields(row.row)
        news = [
            name
            for name, value in carried.items()
            if any(value) and value != _value_at(theirs.get(name, []), row.received)
        ]
        result.counts["contact rows"] += 1
        if not has_reason and not news:
            result.echoes.append(VirtuousFinding(f"donor {donor.record_id}", f"row {row.number} was sent to Virtuous"))
        previous = row


def count_conflicts(beside: Beside, result: VirtuousTally) -> None:
    """Count the conflicts told of, by their winner."""
    won = Counter(one.winner for one in beside.conflicts)
    result.counts["conflicts"] = won.total()
    result.counts |= Counter({f"conflicts won by {winner}": count for winner, count in won.items()})


def _first_since(own: Timeline, at: int) -> int:
    """The place of what was in force at a moment."""
    return max(0, bisect_right([change.at for change in own], at) - 1)


def _value_at(own: Timeline, at: int) -> Value | None:
    return own[_first_since(own, at)].value if own else None


def _is_said(name: str, value: Value, text: str) -> bool:
    if name == "phone":
        return phone_mark(text) == value[0]
    return next((part for part in value if part), "").casefold() in text.casefold()


def _told(donor: Mapping[str, Any]) -> object:
    emails = sorted(said(one["value"]).casefold() for one in donor.get("donorEmailAddresses") or [])
    return _donor_fields(donor), emails


def _donor_fields(donor: Mapping[str, Any]) -> dict[str, Value]:
    email = primary_of(donor.get("donorEmailAddresses"))
    fields: dict[str, Value] = {"address": donor_home(donor), "phone": (donor_phone(donor),)}
    return fields | {"email": (said(email and email["value"]).casefold(),)} | _names(donor_name(donor))


def _names(name: Value) -> dict[str, Value]:
    if len(name) == 1:
        return {"organization": name}
    return {"first name": name[:1], "last name": name[1:]}


def _line_fields(field_name: str, value: Any) -> dict[str, Value]:
    if field_name == "address":
        return {"address": home_of(value)}
    if field_name == "phone":
        return {"phone": (phone_mark(value),)}
    if field_name == "email":
        return {"email": (said(value).casefold(),)}
    return _names((said(value),) if isinstance(value, str) else tuple(map(said, value)))


def _row_fields(row: Mapping[str, Any]) -> dict[str, Value]:
    """What a contact row says; names alone are no news, they come with every row."""
    lines = ("address1", "address2", "city", "state", "postal", "country")
    fields: dict[str, Value] = {
        "address": home_of([row.get(name) for name in lines]),
        "phone": (phone_mark(row.get("phone")),),
        "email": (said(row.get("email")).casefold(),),
    }
    if row.get("contactType") == "Household":
        return fields | _names((said(row.get("firstName")), said(row.get("lastName"))))
    return fields | _names((said(row.get("name")),))
