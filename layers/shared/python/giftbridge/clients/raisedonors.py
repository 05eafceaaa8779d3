"""RaiseDonors: what changed there, and the keys we store there (contracts/raisedonors.openapi.yaml)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from giftbridge.clients.http import Wire
from giftbridge.clients.json_values import exact_number
from giftbridge.clients.raisedonors_donors import (
    DonorRecord,
    activity_body,
    our_subjects,
    read_donor_record,
    readable_records,
    without_email,
)
from giftbridge.clients.raisedonors_notes import read_note
from giftbridge.clients.raisedonors_schedules import changed_members, schedule_with_key
from giftbridge.clients.raisedonors_wire import (
    read_donation,
    read_donor,
    read_project,
    read_schedule,
)
from giftbridge.domain.donations import Donation, Donor, Note, Project, Schedule
from giftbridge.domain.times import format_moment
from giftbridge.errors import RecordMissing, Rejected, RetryLater, UnknownOutcome

PAGE_SIZE = 100
METHOD_NOT_ALLOWED = 405
_LONGEST_PROJECT_LIST = 200 * PAGE_SIZE
_LONGEST_ACTIVITY = 50 * PAGE_SIZE
_MOST_HITS = 5 * PAGE_SIZE


class RaiseDonors:
    """The operations GiftBridge needs, in our own words."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    def gifts_modified_since(self, bound: datetime, skip: int) -> list[Any]:
        """A page of raw gifts with modifiedDate at or after `bound`, in the order of modification (queryGifts)."""
        return self._modified_since("queryGifts", "/api/Gift/query", bound, skip)

    def schedules_modified_since(self, bound: datetime, skip: int) -> list[Any]:
        """A page of raw schedules, likewise (queryRecurringGifts)."""
        return self._modified_since("queryRecurringGifts", "/api/RecurringGift/query", bound, skip)

    def donors_modified_since(self, bound: datetime, skip: int) -> list[Any]:
        """A page of raw donors, likewise (queryDonors)."""
        return self._modified_since("queryDonors", "/api/Donor/query", bound, skip)

    def notes_modified_since(self, bound: datetime, skip: int) -> list[Any]:
        """A page of raw entries of the donors' activity, likewise (listDonorActivity)."""
        return self._activity({"ModifiedSince": format_moment(bound), "Skip": skip})

    def note(self, donor_id: int, note_id: str, modified_at: datetime) -> Note:
        """A note as it is now (listDonorActivity: there is no read by id). Raises RecordMissing."""
        for skip in range(0, _LONGEST_ACTIVITY, PAGE_SIZE):
            page = self._activity({"DonorId": donor_id, "ModifiedSince": format_moment(modified_at), "Skip": skip})
            for entry in page:
                if isinstance(entry, dict) and str(entry.get("id")) == note_id:
                    return read_note(entry)
            if len(page) < PAGE_SIZE:
                break
        raise _no_longer_there("donorActivity.id")

    def _modified_since(self, operation: str, path: str, bound: datetime, skip: int) -> list[Any]:
        condition = {"parameter": "Modified Date", "operator": "OnOrAfter", "value": format_moment(bound)}
        query = {
            "skip": skip,
            "take": PAGE_SIZE,
            "sortBy": "modifieddate",
            "descending": False,
            "groups": [{"conditions": [condition]}],
        }
        return _items(self.wire.call(operation, "POST", path, writes=False, body=query).body)

    def _activity(self, params: dict[str, str | int]) -> list[Any]:
        page = {**params, "Take": PAGE_SIZE}
        return _items(
            self.wire.call("listDonorActivity", "GET", "/api/DonorActivity/list", writes=False, params=page).body
        )

    def donation(self, donation_id: str) -> Donation:
        """A donation as it is now (getGift). Raises RecordMissing, Rejected when it cannot be read."""
        return read_donation(self._one("getGift", f"/api/Gift/{donation_id}", "gift.id"))

    def donor(self, donor_id: int) -> Donor:
        """A donor as they are now (getDonor)."""
        return read_donor(self._one("getDonor", f"/api/Donor/{donor_id}", "gift.donorId"))

    def donor_gifts(self, donor_id: int, skip: int) -> tuple[list[Any], int | None]:
        """A page of a donor's own raw gifts, and how many there are, where that is said (listDonorGifts).

        Raises RecordMissing for an unknown donor.
        """
        page: dict[str, str | int] = {"Skip": skip, "Take": PAGE_SIZE}
        answer = self.wire.call("listDonorGifts", "GET", f"/api/Donor/{donor_id}/gifts", writes=False, params=page)
        items = answer.body.get("items") if isinstance(answer.body, dict) else None
        if not isinstance(items, list):
            raise RetryLater(
                "listDonorGifts: no page in the answer", cause="unreadable-answer", system=self.wire.system
            )
        total = answer.body.get("total")
        return items, total if isinstance(total, int) else None

    def gifts_of_amount(self, amount: Decimal, most: int) -> tuple[list[int], bool]:
        """Ids of gifts of an amount, whatever their currency, and whether there are more (listGifts, by amount).

        The list cannot be asked for an amount: its order leads there, in as many calls as the list can be halved.
        """
        _, high = self._gifts_by_amount(0, 1)
        low = 0
        while low < high:
            middle = (low + high) // 2
            page, _ = self._gifts_by_amount(middle, 1)
            if page and page[0][1] < amount:
                low = middle + 1
            else:
                high = middle
        page, total = self._gifts_by_amount(low, min(most, PAGE_SIZE))
        ids = [number for number, value in page if value == amount]
        return ids, bool(ids) and len(ids) == len(page) and low + len(page) < total

    def _gifts_by_amount(self, skip: int, take: int) -> tuple[list[tuple[int, Decimal]], int]:
        """So many gifts (id, amount) of the list by amount, and how long it is."""
        page: dict[str, str | int] = {"Skip": skip, "Take": take, "SortBy": "amount"}
        body = self.wire.call("listGifts", "GET", "/api/Gift/list", writes=False, params=page).body
        total = body.get("total") if isinstance(body, dict) else None
        if not isinstance(total, int):
            raise RetryLater("listGifts: the answer names no total", cause="unreadable-answer", system=self.wire.system)
        read = ((gift.get("id"), exact_number(gift.get("amount"))) for gift in _items(body) if isinstance(gift, dict))
        return [(number, value) for number, value in read if isinstance(number, int) and value is not None], total

    def schedule(self, schedule_id: int) -> Schedule:
        """A schedule as it is now (getRecurringGift)."""
        return read_schedule(self._raw_schedule(schedule_id))

    def project(self, project_id: int) -> Project:
        """A project (getProject)."""
        return read_project(self._one("getProject", f"/api/Project/{project_id}", "projects[].projectId"))

    def projects(self) -> dict[int, Project]:
        """All projects by id (listProjects)."""
        found: dict[int, Project] = {}
        for skip in range(0, _LONGEST_PROJECT_LIST, PAGE_SIZE):
            page: dict[str, str | int] = {"Skip": skip, "Take": PAGE_SIZE, "SortBy": "id"}
            answer = self.wire.call("listProjects", "GET", "/api/Project/list", writes=False, params=page)
            items = answer.body.get("items", []) if isinstance(answer.body, dict) else []
            found.update({project.id: project for project in map(read_project, items)})
            if len(items) < PAGE_SIZE:
                break
        return found

    def ping(self) -> None:
        """A harmless read that proves address and token."""
        self.wire.call("listProjects", "GET", "/api/Project/list", writes=False, params={"Skip": 0, "Take": 1})

    def store_donation_key(self, donation_id: str, invoice_number: str) -> bool:
        """Store the invoice number on the gift; False when this account does not offer that (setGiftCrmKey)."""
        path = f"/api/Gift/{donation_id}/crmkey"
        try:
            self.wire.call("setGiftCrmKey", "PATCH", path, writes=True, body={"crmKey": invoice_number})
        except Rejected as refused:
            # On a gift known to exist, either answer means that the account lacks the operation (setGiftCrmKey).
            return _not_offered(refused)
        return True

    def store_donor_key(self, donor_id: int, partner_id: str) -> None:
        """Store the partner id on the donor (patchDonor)."""
        self.patch_donor(donor_id, {"crmKeys": {"Aegis": partner_id}})

    def store_schedule_key(self, schedule_id: int, pledge_id: str) -> list[str]:
        """Store the pledge id on a schedule; the names of members that changed besides, which must be none.

        The only write is a full replace that steers real charges (replaceRecurringGift): read straight before, change
        the key alone, read again.
        """
        before = self._raw_schedule(schedule_id)
        if before.get("crmKey") == pledge_id:
            return []
        body = schedule_with_key(before, pledge_id)
        self.wire.call("replaceRecurringGift", "PUT", f"/api/RecurringGift/{schedule_id}", writes=True, body=body)
        return changed_members(before, self._raw_schedule(schedule_id))

    # --- donors, as the contacts of Virtuous change them ----------------------------------------------------

    def donor_record(self, donor_id: int) -> DonorRecord:
        """A donor as they are now, with the ids that a write needs (getDonor).

        Raises RecordMissing, Rejected when it cannot be read.
        """
        return read_donor_record(self._one("getDonor", f"/api/Donor/{donor_id}", "donor.id"))

    def donors_matching(self, text: str) -> list[DonorRecord]:
        """What the loose search finds of readable donors, 500 at most; a hit proves nothing (searchDonors)."""
        found: dict[int, DonorRecord] = {}
        for skip in range(0, _MOST_HITS, PAGE_SIZE):
            page: dict[str, str | int] = {"filter": text, "Skip": skip, "Take": PAGE_SIZE}
            hits = _items(self.wire.call("searchDonors", "GET", "/api/Donor/search", writes=False, params=page).body)
            found.update({record.donor.id: record for record in readable_records(hits)})
            if len(hits) < PAGE_SIZE:
                break
        return list(found.values())

    def create_donor(self, body: Mapping[str, object]) -> int:
        """Create a donor; the new id (createDonor). Raises ValueError for an e-mail address."""
        created = without_email(body)
        made = self.wire.call("createDonor", "POST", "/api/Donor", writes=True, body=created).body
        new_id = made.get("id") if isinstance(made, dict) else None
        if type(new_id) is not int:
            raise UnknownOutcome("createDonor: the answer names no id", system=self.wire.system, counts=False)
        return new_id

    def patch_donor(self, donor_id: int, changes: Mapping[str, object]) -> None:
        """Change members of a donor; an empty text clears (patchDonor). Raises ValueError for an e-mail address."""
        body = without_email(changes)
        self.wire.call("patchDonor", "PATCH", f"/api/Donor/{donor_id}", writes=True, body=body)

    def put_address(self, donor_id: int, address_id: int | None, body: Mapping[str, object]) -> None:
        """Replace an address whole, or add one; it is the primary one then (updateDonorAddress, addDonorAddress)."""
        path, whole = f"/api/Donor/{donor_id}/address", {**body, "isPrimary": True}
        if address_id is None:
            self.wire.call("addDonorAddress", "POST", path, writes=True, body=whole)
        else:
            self.wire.call("updateDonorAddress", "PUT", f"{path}/{address_id}/update", writes=True, body=whole)

    def put_phone(self, donor_id: int, phone_id: int | None, value: str) -> None:
        """Change a phone number, or add one; it is the primary one then (patchDonorPhone, addDonorPhone)."""
        path, body = f"/api/Donor/{donor_id}/phone", {"value": value, "isPrimary": True}
        if phone_id is None:
            self.wire.call("addDonorPhone", "POST", path, writes=True, body=body)
        else:
            self.wire.call("patchDonorPhone", "PATCH", f"{path}/{phone_id}", writes=True, body=body)

    def add_activity(self, donor_id: int, subject: str, body: str) -> bool:
        """Show an entry under a donor's activity; False when this account does not offer that (addDonorActivity)."""
        entry = activity_body(donor_id, subject, body)
        try:
            self.wire.call("addDonorActivity", "POST", "/api/DonorActivity", writes=True, body=entry)
        except Rejected as refused:
            return _not_offered(refused)
        return True

    def activity_subjects(self, donor_id: int, since: datetime) -> list[str]:
        """The subjects of our own entries under a donor's activity, modified since (listDonorActivity)."""
        subjects: list[str] = []
        for skip in range(0, _LONGEST_ACTIVITY, PAGE_SIZE):
            page = self._activity({"DonorId": donor_id, "ModifiedSince": format_moment(since), "Skip": skip})
            subjects += our_subjects(page)
            if len(page) < PAGE_SIZE:
                break
        return subjects

    def _raw_schedule(self, schedule_id: int) -> dict[str, Any]:
        return self._one("getRecurringGift", f"/api/RecurringGift/{schedule_id}", "gift.recurringGiftId")

    def _one(self, operation: str, path: str, field: str) -> dict[str, Any]:
        try:
            body = self.wire.call(operation, "GET", path, writes=False).body
        except RecordMissing as missing:
            raise _no_longer_there(field) from missing
        if not isinstance(body, dict):
            raise _no_longer_there(field)
        return body


def _not_offered(refused: Rejected) -> bool:
    """False for an answer that means that the account lacks the operation; anything else is raised again."""
    if isinstance(refused, RecordMissing) or refused.status == METHOD_NOT_ALLOWED:
        return False
    raise refused


def _items(body: Any) -> list[Any]:
    items = body.get("items") if isinstance(body, dict) else None
    return items if isinstance(items, list) else []


def _no_longer_there(field: str) -> RecordMissing:
    return RecordMissing(
        "no such record on RaiseDonors any more",
        cause="source-record-missing",
        field=field,
        remedy="restore the record on RaiseDonors and retry, or record the gift in Aegis by hand",
    )
