"""Writing to the simulated RaiseDonors: a gift's key, schedules as a full replace, donor activity."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from ops.simulators.raisedonors_answers import (
    missing,
    page_bounds,
    problem,
    read_body,
    record_id,
    refuse,
    text_member,
    whole_number,
)
from ops.simulators.raisedonors_records import Entry
from ops.simulators.raisedonors_store import SCHEDULE_STATUS_TEXTS, RaiseDonorsStore
from ops.simulators.raisedonors_time import parse_timestamp
from ops.simulators.raisedonors_writes import stored
from ops.simulators.wire import Answer, Call

KEY_LENGTH = 100
SUBJECT_LENGTH = 250
ACTIVITY_TYPES = ("Note", "CrmSync")
OFFERED = 200
SCHEDULE_WRITTEN = (
    "donorId", "frequency", "nextChargeDate", "startDate", "amount", "currencyCode", "status", "projects", "crmKey",
    "sourceCode", "segmentCode", "motivationCodeLegacy", "gatewayId", "gatewayCustomerKey", "profileNumber",
    "paymentMethodId", "premiumId", "cardBrand", "isAnonymous", "notes", "billingAddress", "motivationCode",
    "billingFirstName", "billingLastName", "paymentType",
)  # fmt: skip
SCHEDULE_REQUIRED = ("donorId", "frequency", "amount", "status", "projects")
FREQUENCIES = (52, 26, 12, 4, 2, 1, 0, 100)


class GiftOperations:
    """The writing operations on gifts."""

    def __init__(self, store: RaiseDonorsStore) -> None:
        self._store = store

    def set_key(self, call: Call) -> Answer:
        """Store the Aegis invoice number on a gift, where the account has this operation."""
        status = self._store.settings.crmkey_answers
        if status != OFFERED:
            return Answer(405) if status == 405 else problem(status, "This operation is not offered.")
        gift_id = record_id(call)
        if self._store.gifts.get(gift_id) is None:
            raise missing("The gift")
        key = text_member(read_body(call), "crmKey", KEY_LENGTH)
        if key is None:
            raise refuse("crmKey", "The crmKey field is required.")
        self._store.edit("gift", gift_id, {"crmKey": key or None})
        return stored(self._store, lambda: self._store.render("gift", self._store.gifts.entry(gift_id)))


class ScheduleOperations:
    """The writing operations on schedules."""

    def __init__(self, store: RaiseDonorsStore) -> None:
        self._store = store

    def replace(self, call: Call) -> Answer:
        """Replace a schedule; a member left out is cleared."""
        entry = self._entry(call)
        body = read_body(call)
        _require_schedule(body)
        latest = entry.latest.members
        if latest["statusText"] == "Cancelled" and body["status"] != latest["status"]:
            raise refuse("status", "A cancelled schedule stays cancelled.")
        if self._store.donors.get(body["donorId"]) is None:
            raise refuse("donorId", "There is no such donor.")
        kept = {name: value for name, value in latest.items() if name not in SCHEDULE_WRITTEN}
        written = {name: body.get(name) for name in SCHEDULE_WRITTEN}
        same_status = body["status"] == latest["status"]
        kept["statusText"] = latest["statusText"] if same_status else SCHEDULE_STATUS_TEXTS[body["status"]]
        changed = tuple(name for name in SCHEDULE_WRITTEN if (written[name] or None) != (latest.get(name) or None))
        if set(changed) - {"crmKey"}:
            self._store.overwritten_schedules.append((entry.record_id, changed))
        self._store.edit("schedule", entry.record_id, {**kept, **written}, replace=True)
        return self._stored(entry)

    def cancel(self, call: Call) -> Answer:
        """End a schedule for good."""
        entry = self._entry(call)
        self._store.set_schedule_status(entry.record_id, "Cancelled")
        return self._stored(entry)

    def _entry(self, call: Call) -> Entry:
        entry = self._store.schedules.get(record_id(call))
        if entry is None:
            raise missing("The schedule")
        return entry

    def _stored(self, entry: Entry) -> Answer:
        return stored(self._store, lambda: self._store.render("schedule", entry))


class ActivityOperations:
    """Donor activity: the list of entries and new ones."""

    def __init__(self, store: RaiseDonorsStore) -> None:
        self._store = store

    def listing(self, call: Call) -> Answer:
        """Entries by modification time, then by id."""
        skip, take = page_bounds(call)
        since = None
        if "ModifiedSince" in call.query:
            try:
                since = parse_timestamp(call.query["ModifiedSince"])
            except ValueError as error:
                raise refuse("ModifiedSince", str(error)) from error
        ids = self._store.activities.modified_since(since)
        if "DonorId" in call.query:
            donor_id = whole_number("DonorId", call.query["DonorId"], 0)
            ids = [one for one in ids if self._store.activities.entry(one).latest.members["donorId"] == donor_id]
        renderer = self._store.renderers["activity"]
        return Answer.of_json(renderer.page(self._store.activities, ids[skip : skip + take], len(ids)))

    def add(self, call: Call) -> Answer:
        """Add an entry."""
        body = read_body(call)
        donor_id = whole_number("donorId", body.get("donorId"), 0)
        if self._store.donors.get(donor_id) is None:
            raise refuse("donorId", "There is no such donor.")
        if body.get("type") not in ACTIVITY_TYPES:
            raise refuse("type", f"The value '{body.get('type')}' is not valid.")
        subject = text_member(body, "subject", SUBJECT_LENGTH)
        if not subject:
            raise refuse("subject", "The subject field is required.")
        members = {"donorId": donor_id, "type": body["type"], "subject": subject}
        members |= {name: text_member(body, name) for name in ("body", "source")}
        activity_id = self._store.add("activity", members)
        return Answer.of_json(self._store.render("activity", self._store.activities.entry(activity_id)))


def _require_schedule(body: Mapping[str, Any]) -> None:
    for name in SCHEDULE_REQUIRED:
        if body.get(name) is None:
            raise refuse(name, f"The {name} field is required.")
    whole_number("donorId", body["donorId"], 0)
    whole_number("status", body["status"], min(SCHEDULE_STATUS_TEXTS), max(SCHEDULE_STATUS_TEXTS))
    if body["frequency"] not in FREQUENCIES:
        raise refuse("frequency", f"The value '{body['frequency']}' is not valid.")
    _require_amount("amount", body["amount"])
    projects = body["projects"]
    if not isinstance(projects, list) or not projects:
        raise refuse("projects", "At least one project is required.")
    for n, project in enumerate(projects):
        if not isinstance(project, Mapping):
            raise refuse(f"projects[{n}]", "An object is expected.")
        whole_number(f"projects[{n}].projectId", project.get("projectId"), 0)
        _require_amount(f"projects[{n}].amount", project.get("amount"))


def _require_amount(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise refuse(name, "A number is expected.")
