"""What happens after a gift: approvals, refunds, edits of donors and schedules, notes; and edits by Aegis' staff."""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from ops.simulators.aegis_store import AegisStore
from ops.simulators.population_edits import EDITS, DonorEdits
from ops.simulators.population_schedule_events import SCHEDULE_EVENTS, ScheduleEvents
from ops.simulators.raisedonors_records import Entry, just_after
from ops.simulators.raisedonors_store import RaiseDonorsStore

DONATION_ID = "RaiseDonors.Donation.Id"
DONOR_ID = "RaiseDonors.Donor.Id"
GIFT_EVENTS = {
    "approve": ("Pending", "Approved"),
    "refund": ("Approved", "Refunded"),
    "void": ("Approved", "Voided"),
    "refund_delivered": ("Approved", "Refunded"),
    "refund_undelivered": ("Approved", "Refunded"),
    "refund_adopted": ("Approved", "Refunded"),
}
"""Changes of a gift's status; `refund` and `void` happen to any approved gift, sent or not."""
EVENT_KINDS = (
    *GIFT_EVENTS,
    *(f"donor_{edit}" for edit in EDITS),
    *(f"stranger_{edit}" for edit in EDITS),
    "donor_noted",
    "stranger_noted",
    *(f"schedule_{event}" for event in SCHEDULE_EVENTS),
    "partner_edited",
    "pledge_edited",
)
"""What can happen. A stranger is a donor whom Aegis does not know and who never gave."""


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
        self._edits = DonorEdits(self._chance, raisedonors)
        self._schedules = ScheduleEvents(self._chance, raisedonors)
        self.happened: list[MadeEvent] = []

    def happen(self, kind: str, when: datetime | None = None, record_id: int | None = None) -> MadeEvent:
        """Let one thing happen, to the record named or to one that chance picks."""
        moment = when or self._raisedonors.clock()
        if kind not in EVENT_KINDS:
            raise ValueError(f"{kind!r} is not one of {', '.join(EVENT_KINDS)}")
        subject, _, event = kind.partition("_")
        acts: dict[str, Callable[[], int | str | None]] = {
            "schedule": lambda: self._schedule_event(event, moment, record_id),
            "partner": self._edit_partner,
            "pledge": self._edit_pledge,
            "donor": lambda: self._donor_event(event, moment, record_id, is_known=True),
            "stranger": lambda: self._donor_event(event, moment, record_id, is_known=False),
        }
        with self._raisedonors.lock, self._aegis.lock:
            act = acts.get(subject, lambda: self._gift_event(kind, moment, record_id))
            made = MadeEvent(kind, act())
        if made.record_id is not None:
            self.happened.append(made)
        return made

    def _gift_event(self, kind: str, moment: datetime, gift_id: int | None) -> int | None:
        before, after = GIFT_EVENTS[kind]
        sent = {transaction.attribute(DONATION_ID) for transaction in self._aegis.transactions.values()}

        def fits(gift: Entry) -> bool:
            members, is_adopted = gift.latest.members, bool(gift.first_members.get("crmKey"))
            if members.get("statusText") != before or members.get("isTestMode") or gift.bad:
                return False
            is_sent = str(gift.record_id) in sent
            return {
                "refund_delivered": is_sent,
                "refund_undelivered": not is_sent and not is_adopted,
                "refund_adopted": is_adopted,
            }.get(kind, True)

        entry = self._picked(self._raisedonors.gifts.visible(), fits, gift_id)
        if entry is None:
            return None
        self._raisedonors.set_gift_status(entry.record_id, after, modified=just_after(entry, moment))
        return entry.record_id

    def _schedule_event(self, event: str, moment: datetime, schedule_id: int | None) -> int | None:
        schedules = self._raisedonors.schedules.visible()
        entry = self._picked(schedules, lambda one: self._schedules.can(event, one), schedule_id)
        if entry is None:
            return None
        self._schedules.apply(event, entry, moment)
        return entry.record_id

    def _donor_event(self, event: str, moment: datetime, donor_id: int | None, *, is_known: bool) -> int | None:
        known = {transaction.attribute(DONOR_ID) for transaction in self._aegis.transactions.values()}
        gave = {gift.latest.members.get("donorId") for gift in self._raisedonors.gifts.all_entries()}

        def fits(donor: Entry) -> bool:
            if donor.bad or (event in EDITS and not self._edits.can(event, donor)):
                return False
            if is_known:
                return str(donor.record_id) in known
            own = self._raisedonors.expected_partners.get(donor.record_id)
            return donor.record_id not in gave and own == frozenset() and not donor.latest.members.get("crmKey")

        entry = self._picked(self._raisedonors.donors.visible(), fits, donor_id)
        if entry is None:
            return None
        if event == "noted":
            number = len(self._raisedonors.activities) + 1
            note = {"donorId": entry.record_id, "type": "Note", "subject": "Call back", "source": "Staff"}
            self._raisedonors.add("activity", {**note, "body": f"Call {number}: asked about missions"}, created=moment)
        else:
            self._edits.apply(event, entry, moment)
        return entry.record_id

    def _edit_partner(self) -> str | None:
        active = [partner["ID"] for partner in self._aegis.partners.values() if partner["IsActive"]]
        if not active:
            return None
        partner_id = str(self._chance.choice(active))
        number = self._chance.randint(1, 99)
        self._aegis.edit_partner(partner_id, {"Salutation": f"Dear friend {number}", "StaffRating": number})
        return partner_id

    def _edit_pledge(self) -> str | None:
        pledge_ids = [pledge.pledge_id for pledge in self._aegis.pledges.values() if pledge.model["Active"]]
        if not pledge_ids:
            return None
        pledge_id = self._chance.choice(pledge_ids)
        self._aegis.edit_pledge(pledge_id, {"StaffRemark": f"Called {self._chance.randint(1, 99)} times"})
        return pledge_id

    def _picked(self, entries: Iterable[Entry], fits: Callable[[Entry], bool], wanted: int | None) -> Entry | None:
        found = [entry for entry in entries if fits(entry) and wanted in (None, entry.record_id)]
        return self._chance.choice(found) if found else None
