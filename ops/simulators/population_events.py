"""What happens after a gift: approvals, refunds, edits of donors and schedules, notes; and edits by Aegis' staff."""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from ops.simulators.aegis_store import AegisStore
from ops.simulators.raisedonors_records import Entry
from ops.simulators.raisedonors_store import RaiseDonorsStore
from ops.simulators.raisedonors_time import moment_of

EVENT_KINDS = (
    "approve", "refund", "void", "donor_moved", "donor_phone", "donor_email", "donor_noted", "schedule_amount",
    "schedule_suspended", "schedule_resumed", "schedule_cancelled", "partner_edited",
)  # fmt: skip
"""What can happen."""


@dataclass(frozen=True, slots=True)
class MadeEvent:
    """Something that happened to a record; `record_id` is None where there was nothing it could happen to."""

    kind: str
    record_id: int | str | None


class Events:
    """Makes things happen to what a population holds."""

    def __init__(self, seed: int, raisedonors: RaiseDonorsStore, aegis: AegisStore) -> None:
        self._chance = random.Random(seed)
        self._raisedonors = raisedonors
        self._aegis = aegis

    def happen(self, kind: str, when: datetime | None = None) -> MadeEvent:
        """Let one thing happen, to a record that chance picks."""
        moment = when or self._raisedonors.clock()
        if kind not in EVENT_KINDS:
            raise ValueError(f"{kind!r} is not one of {', '.join(EVENT_KINDS)}")
        with self._raisedonors.lock, self._aegis.lock:
            if kind in ("approve", "refund", "void"):
                return MadeEvent(kind, self._gift_event(kind, moment))
            if kind.startswith("schedule_"):
                return MadeEvent(kind, self._schedule_event(kind, moment))
            if kind == "partner_edited":
                return MadeEvent(kind, self._edit_partner())
            return MadeEvent(kind, self._donor_event(kind, moment))

    def _gift_event(self, kind: str, moment: datetime) -> int | None:
        before, after = {
            "approve": ("Pending", "Approved"), "refund": ("Approved", "Refunded"), "void": ("Approved", "Voided"),
        }[kind]  # fmt: skip
        entry = self._picked(
            entry
            for entry in self._raisedonors.gifts.visible()
            if not entry.bad and entry.latest.members.get("statusText") == before and not _is_test(entry)
        )
        if entry is None:
            return None
        self._raisedonors.set_gift_status(entry.record_id, after, modified=_later(entry, moment))
        return entry.record_id

    def _schedule_event(self, kind: str, moment: datetime) -> int | None:
        wanted = "Suspended" if kind == "schedule_resumed" else "Active"
        schedules = self._raisedonors.schedules
        entry = self._picked(one for one in schedules.visible() if one.latest.members["statusText"] == wanted)
        if entry is None:
            return None
        if kind == "schedule_amount":
            self._raise_amount(entry, moment)
        else:
            text = {
                "schedule_suspended": "Suspended", "schedule_resumed": "Active", "schedule_cancelled": "Cancelled",
            }[kind]  # fmt: skip
            self._raisedonors.set_schedule_status(entry.record_id, text, modified=_later(entry, moment))
        return entry.record_id

    def _raise_amount(self, entry: Entry, moment: datetime) -> None:
        members, rise = entry.latest.members, Decimal("5.00")
        first, *others = members["projects"]
        changes = {
            "amount": members["amount"] + rise,
            "projects": [{**first, "amount": first["amount"] + rise}, *others],
        }
        self._raisedonors.edit("schedule", entry.record_id, changes, modified=_later(entry, moment))

    def _donor_event(self, kind: str, moment: datetime) -> int | None:
        entry = self._picked(one for one in self._raisedonors.donors.visible() if not one.bad)
        if entry is None:
            return None
        donor = entry.latest.members
        if kind == "donor_noted":
            note = {"donorId": entry.record_id, "type": "Note", "subject": "Call back", "body": "Asked about missions"}
            self._raisedonors.add("activity", note, created=moment)
            return entry.record_id
        if kind == "donor_moved":
            street = {"address1": f"{self._chance.randint(40000, 49999)} Elm Street", "address2": None}
            kept = [{**address, **street} for address in donor["donorAddresses"] if address["isPrimary"]]
            changes = {"donorAddresses": kept or donor["donorAddresses"]}
        else:
            collection = "donorPhoneNumbers" if kind == "donor_phone" else "donorEmailAddresses"
            value = f"307-555-01{self._chance.randint(0, 99):02d}"
            if kind == "donor_email":
                value = f"moved.{entry.record_id}.{self._chance.randint(1, 9999)}@example.org"
            changes = {collection: [{**held, "value": value} for held in donor[collection][:1]]}
        self._raisedonors.edit("donor", entry.record_id, changes, modified=_later(entry, moment))
        return entry.record_id

    def _edit_partner(self) -> str | None:
        active = [partner["ID"] for partner in self._aegis.partners.values() if partner["IsActive"]]
        if not active:
            return None
        partner_id = str(self._chance.choice(active))
        self._aegis.edit_partner(partner_id, {"Salutation": f"Dear friend {self._chance.randint(1, 99)}"})
        return partner_id

    def _picked(self, entries: Iterable[Entry]) -> Entry | None:
        found = list(entries)
        return self._chance.choice(found) if found else None


def _is_test(entry: Entry) -> bool:
    return bool(entry.latest.members.get("isTestMode"))


def _later(entry: Entry, moment: datetime) -> datetime:
    """The moment, or just after the record's last change if that is later."""
    return max(moment, moment_of(entry.latest.modified) + timedelta(microseconds=1))
