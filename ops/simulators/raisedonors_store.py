"""What the simulated RaiseDonors holds: gifts, donors, schedules, projects and donor activity."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import RLock
from typing import Any

from ops.simulators.raisedonors_paging import PageHabits
from ops.simulators.raisedonors_records import Entry, Records
from ops.simulators.raisedonors_time import parse_timestamp, ticks_of
from ops.simulators.raisedonors_wire import (
    ACTIVITY_OPTIONAL,
    DONOR_OPTIONAL,
    GIFT_OPTIONAL,
    PROJECT_OPTIONAL,
    SCHEDULE_OPTIONAL,
    Renderer,
    complete_donor,
    complete_schedule,
)

GIFT_STATUS_NUMBERS = {"Pending": 1, "Approved": 2, "Declined": 3, "Refunded": 4, "Voided": 5}
OTHER_STATUS_NUMBER = 9
SCHEDULE_STATUS_TEXTS = {1: "Active", 2: "Suspended", 3: "Cancelled", 4: "Expired", 5: "Failing", 6: "Unknown"}
FIRST_IDS = {"gift": 900001, "donor": 48001, "schedule": 70001, "project": 301, "activity": 1}
DONOR_LISTS = ("donorAddresses", "donorEmailAddresses", "donorPhoneNumbers")
MIRRORED = (("email", "donorEmailAddresses"), ("phone", "donorPhoneNumbers"))


@dataclass(slots=True)
class RaiseDonorsSettings:
    """How this RaiseDonors behaves where the contract leaves a choice."""

    crmkey_answers: int = 200
    """What Gift crmkey PATCH answers: 200 for a service that has it, 404 or 405 for one that has not."""
    write_answers: str = "vary"
    """What a write answers where the contract allows both: `200`, `204`, or `vary` for one and the other in turn."""
    pages: PageHabits = field(default_factory=PageHabits)
    """How it cuts the pages of its queries."""


class RaiseDonorsStore:
    """The whole content of one simulated RaiseDonors."""

    def __init__(self, clock: Callable[[], datetime], settings: RaiseDonorsSettings | None = None) -> None:
        self.lock = RLock()
        self.clock = clock
        self.settings = settings or RaiseDonorsSettings()
        self.renderers = {
            "gift": Renderer("gift", GIFT_OPTIONAL),
            "donor": Renderer("donor", DONOR_OPTIONAL, complete_donor),
            "schedule": Renderer("schedule", SCHEDULE_OPTIONAL, complete_schedule),
            "project": Renderer("project", PROJECT_OPTIONAL),
            "activity": Renderer("activity", ACTIVITY_OPTIONAL),
        }
        self.clear()

    def clear(self) -> None:
        """Forget everything; numbering starts anew."""
        self._records = {kind: Records(kind, self.clock, first) for kind, first in FIRST_IDS.items()}
        self._next_detail_id = 1
        self.writes = 0
        self.expected_partners: dict[int, frozenset[str]] = {}
        """For donors of whom it is certain: the IDs of the partners in Aegis that they are; empty means a new one."""
        self.foreign_partners: dict[int, frozenset[str]] = {}
        """Partners in Aegis that look like a donor and are someone else."""
        self.overwritten_schedules: list[tuple[int, tuple[str, ...]]] = []
        """Schedules whose replacement by a caller changed more than the key, with the members changed."""

    def records(self, kind: str) -> Records:
        """The records of a kind: gift, donor, schedule, project or activity."""
        return self._records[kind]

    @property
    def gifts(self) -> Records:
        """All gifts."""
        return self._records["gift"]

    @property
    def donors(self) -> Records:
        """All donors."""
        return self._records["donor"]

    @property
    def schedules(self) -> Records:
        """All schedules."""
        return self._records["schedule"]

    @property
    def projects(self) -> Records:
        """All projects."""
        return self._records["project"]

    @property
    def activities(self) -> Records:
        """All donor activity."""
        return self._records["activity"]

    def add(
        self,
        kind: str,
        members: Mapping[str, Any],
        *,
        created: datetime | None = None,
        modified: datetime | None = None,
        visible_after: timedelta | None = None,
        label: str | None = None,
        bad: bool = False,
    ) -> int:
        """Add a record and return its id; `visible_after` counts from its own modification time."""
        own = dict(members)
        times = {name: own.pop(name, None) for name in ("createdDate", "modifiedDate")}
        created_at = ticks_of(created) if created else _given(times["createdDate"])
        modified_at = ticks_of(modified) if modified else _given(times["modifiedDate"])
        changed = modified_at if modified_at is not None else created_at
        shown_at = None
        if visible_after is not None:
            changed = changed if changed is not None else ticks_of(self.clock())
            shown_at = changed + visible_after // timedelta(microseconds=1) * 10
        record_id = own.pop("id", None)
        self._fill_in(kind, own)
        with self.lock:
            self.writes += 1
            return self._records[kind].add(
                own, record_id=record_id, created=created_at, modified=changed, visible_at=shown_at, kind=label, bad=bad
            )

    def edit(
        self,
        kind: str,
        record_id: int,
        changes: Mapping[str, Any],
        *,
        modified: datetime | None = None,
        visible_after: timedelta | None = None,
        replace: bool = False,
        via_api: bool = False,
    ) -> None:
        """Change a record; its modification time moves.

        A donor's `email`, `phone` and `primaryAddress` change the primary entry of the collection behind them.
        """
        shown_at = None
        moment = ticks_of(modified) if modified else None
        if visible_after is not None:
            start = moment if moment is not None else ticks_of(self.clock())
            shown_at = start + visible_after // timedelta(microseconds=1) * 10
        with self.lock:
            self.writes += 1
            if kind == "donor":
                changes = self._with_primaries(self.donors.entry(record_id).latest.members, changes)
            records = self._records[kind]
            records.edit(record_id, changes, modified=moment, visible_at=shown_at, replace=replace, via_api=via_api)

    def set_gift_status(self, gift_id: int, status_text: str, *, modified: datetime | None = None) -> None:
        """Approve, decline, refund or void a gift."""
        number = GIFT_STATUS_NUMBERS.get(status_text, OTHER_STATUS_NUMBER)
        self.edit("gift", gift_id, {"statusText": status_text, "status": number}, modified=modified)

    def set_schedule_status(self, schedule_id: int, status_text: str, *, modified: datetime | None = None) -> None:
        """Suspend, resume, cancel or expire a schedule."""
        number = next(number for number, text in SCHEDULE_STATUS_TEXTS.items() if text == status_text)
        self.edit("schedule", schedule_id, {"statusText": status_text, "status": number}, modified=modified)

    def new_detail_id(self) -> int:
        """An id for an address, an e-mail address or a phone number of a donor."""
        self._next_detail_id += 1
        return self._next_detail_id

    def render(self, kind: str, entry: Entry) -> dict[str, Any]:
        """A record as it is read."""
        return self.renderers[kind].render(entry)

    def snapshot(self) -> dict[str, Any]:
        """The whole content, ready to be written as JSON; records that cannot be seen yet are included."""
        with self.lock:
            shown = {
                kind: [self._snapshot_of(kind, entry) for entry in records.all_entries()]
                for kind, records in self._records.items()
            }
        names = {"gift": "gifts", "donor": "donors", "schedule": "schedules", "project": "projects"}
        return {names.get(kind, "activities"): entries for kind, entries in shown.items()} | {"writes": self.writes}

    def _snapshot_of(self, kind: str, entry: Entry) -> dict[str, Any]:
        record = self.renderers[kind].render(entry, entry.latest)
        beside = {"kind": entry.kind, "bad": entry.bad, "visible": entry.seen is not None, "statuses": entry.statuses}
        return {**record, "_sim": {**beside, "firstCrmKey": entry.first_members.get("crmKey")}}

    def _with_primaries(self, donor: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
        own = dict(changes)
        for single, collection in (*MIRRORED, ("primaryAddress", "donorAddresses")):
            if single not in own:
                continue
            value = own.pop(single)
            new = value if isinstance(value, Mapping) else {"value": value}
            entries = list(donor[collection])
            primary = next((entry for entry in entries if entry["isPrimary"]), None)
            others = [entry for entry in entries if entry is not primary]
            base = primary or {"id": self.new_detail_id(), "isPrimary": True}
            own.setdefault(collection, [{**base, **new}, *others] if value else others)
        return own

    def _fill_in(self, kind: str, members: dict[str, Any]) -> None:
        if kind == "gift":
            members.setdefault("statusText", "Approved")
            members.setdefault("status", GIFT_STATUS_NUMBERS.get(members["statusText"], OTHER_STATUS_NUMBER))
            members.setdefault("currency", "USD")
            members.setdefault("isTestMode", False)
        elif kind == "schedule":
            members.setdefault("status", 1)
            members.setdefault("statusText", SCHEDULE_STATUS_TEXTS[members["status"]])
            members.setdefault("isTestMode", False)
        elif kind == "donor":
            self._fill_in_donor(members)
        elif kind == "project":
            members.setdefault("isActive", True)

    def _fill_in_donor(self, donor: dict[str, Any]) -> None:
        for flag in ("isOrganization", "isTestMode", "isArchived"):
            donor.setdefault(flag, False)
        for single, collection in MIRRORED:
            value = donor.pop(single, None)
            if value and not donor.get(collection):
                donor[collection] = [{"value": value, "isPrimary": True}]
        address = donor.pop("primaryAddress", None)
        if address and not donor.get("donorAddresses"):
            donor["donorAddresses"] = [{**address, "isPrimary": True}]
        for collection in DONOR_LISTS:
            donor[collection] = [{"id": self.new_detail_id(), **entry} for entry in donor.get(collection) or []]
        donor.pop("name", None)


def _given(text: Any) -> int | None:
    return parse_timestamp(text) if isinstance(text, str) else None
