"""RaiseDonors: what changed there, and the keys we store there (contracts/raisedonors.openapi.yaml)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar

from giftbridge.clients.answers import Absence
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
from giftbridge.clients.raisedonors_schedules import changed_members, require_replaceable, schedule_with_key
from giftbridge.clients.raisedonors_wire import (
    read_donation,
    read_donor,
    read_project,
    read_schedule,
)
from giftbridge.clients.whole_answers import (
    Page,
    positive_number,
    read_object,
    read_page,
    read_record,
    require_named,
    require_same,
    rows_of_all,
    tells_an_error,
)
from giftbridge.domain.donations import Donation, Donor, Note, Project, Schedule
from giftbridge.domain.times import format_moment
from giftbridge.errors import RecordMissing, Rejected

PAGE_SIZE = 100
_LONGEST_PROJECT_LIST = 200 * PAGE_SIZE
_LONGEST_ACTIVITY = 50 * PAGE_SIZE
_MOST_HITS = 50 * PAGE_SIZE
_NOT_OFFERED = frozenset({404, 405})
T = TypeVar("T")


class RaiseDonors:
    """The operations GiftBridge needs, in our own words."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    def gifts_modified_since(self, bound: datetime, skip: int, *, with_unnamed: bool = False) -> Page:
        """A page of raw gifts with modifiedDate at or after `bound`, in the order of modification (queryGifts).

        `with_unnamed` is for who comes by again: else a page in which a record has no id is none.
        """
        return self._modified_since("queryGifts", "/api/Gift/query", bound, skip, with_unnamed=with_unnamed)

    def schedules_modified_since(self, bound: datetime, skip: int, *, with_unnamed: bool = False) -> Page:
        """A page of raw schedules, likewise (queryRecurringGifts)."""
        return self._modified_since(
            "queryRecurringGifts", "/api/RecurringGift/query", bound, skip, with_unnamed=with_unnamed
        )

    def donors_modified_since(self, bound: datetime, skip: int, *, with_unnamed: bool = False) -> Page:
        """A page of raw donors, likewise (queryDonors)."""
        return self._modified_since("queryDonors", "/api/Donor/query", bound, skip, with_unnamed=with_unnamed)

    def notes_modified_since(self, bound: datetime, skip: int) -> Page:
        """A page of raw entries of the donors' activity, likewise (listDonorActivity)."""
        return self._activity({"ModifiedSince": format_moment(bound)}, skip)

    def note(self, donor_id: int, note_id: str, modified_at: datetime) -> Note:
        """A note as it is now (listDonorActivity: there is no read by id). Raises RecordMissing."""
        for entry in self._entries_of(donor_id, modified_at):
            if isinstance(entry, dict) and str(entry.get("id")) == note_id:
                return self.wire.whole("listDonorActivity", read_note, entry)
        raise _no_longer_there("donorActivity.id")

    def _entries_of(self, donor_id: int, since: datetime) -> list[Any]:
        """A donor's entries modified since; those of other donors do not belong to the answer."""
        bound: dict[str, str | int] = {"DonorId": donor_id, "ModifiedSince": format_moment(since)}
        entries = self._all("listDonorActivity", lambda skip: self._activity(bound, skip), _LONGEST_ACTIVITY)
        same = partial(require_same, donor_id, member="donorId")
        for entry in entries:
            if isinstance(entry, dict):
                self.wire.whole("listDonorActivity", same, entry.get("donorId"))
        return entries

    def _modified_since(self, operation: str, path: str, bound: datetime, skip: int, *, with_unnamed: bool) -> Page:
        condition = {"parameter": "Modified Date", "operator": "OnOrAfter", "value": format_moment(bound)}
        query = {
            "skip": skip,
            "take": PAGE_SIZE,
            "sortBy": "modifieddate",
            "descending": False,
            "groups": [{"conditions": [condition]}],
        }
        page = self._page(operation, self.wire.call(operation, "POST", path, writes=False, body=query).body, skip)
        if not with_unnamed:
            self.wire.whole(operation, require_named, page.rows)
        return page

    def _activity(self, params: Mapping[str, str | int], skip: int) -> Page:
        return self._list("listDonorActivity", "/api/DonorActivity/list", params, skip)

    def _list(
        self,
        operation: str,
        path: str,
        params: Mapping[str, str | int],
        skip: int,
        take: int = PAGE_SIZE,
        absence: Absence | None = None,
    ) -> Page:
        place: dict[str, str | int] = {**params, "Skip": skip, "Take": take}
        body = self.wire.call(operation, "GET", path, writes=False, params=place, absence=absence).body
        return self._page(operation, body, skip)

    def _page(self, operation: str, body: object, skip: int) -> Page:
        return self.wire.whole(operation, lambda raw: read_page(raw, "items", "total", skip), body)

    def _all(self, operation: str, page: Callable[[int], Page], most: int) -> list[Any]:
        """The rows of all pages. Raises Rejected when there are more than anybody should read."""
        rows = rows_of_all(page, most)
        if rows is not None:
            return rows
        raise Rejected(
            f"{operation} found more than {most} records",
            cause="too-many-records",
            field=operation,
            remedy="look at the record on RaiseDonors",
        )

    def donation(self, donation_id: str) -> Donation:
        """A donation as it is now (getGift). Raises RecordMissing, Rejected when it cannot be read."""
        return self._one("getGift", f"/api/Gift/{donation_id}", "gift.id", donation_id, read_donation)

    def gift_record(self, gift_id: str) -> dict[str, Any]:
        """A gift as it is now, raw (getGift). Raises RecordMissing."""
        return self._one("getGift", f"/api/Gift/{gift_id}", "gift.id", gift_id, dict)

    def donor(self, donor_id: int) -> Donor:
        """A donor as they are now (getDonor)."""
        return self._one("getDonor", f"/api/Donor/{donor_id}", "gift.donorId", donor_id, read_donor)

    def donor_gifts(self, donor_id: int, skip: int) -> Page:
        """A page of a donor's own raw gifts (listDonorGifts). Raises RecordMissing for an unknown donor."""
        return self._list("listDonorGifts", f"/api/Donor/{donor_id}/gifts", {}, skip, absence=Absence.RECORD)

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
        page = self._list("listGifts", "/api/Gift/list", {"SortBy": "amount"}, skip, take)
        read = ((gift.get("id"), exact_number(gift.get("amount"))) for gift in page.rows if isinstance(gift, dict))
        return [(number, value) for number, value in read if isinstance(number, int) and value is not None], page.total

    def schedule(self, schedule_id: int) -> Schedule:
        """A schedule as it is now (getRecurringGift)."""
        return self._schedule(schedule_id, read_schedule)

    def project(self, project_id: int) -> Project:
        """A project (getProject)."""
        return self._one("getProject", f"/api/Project/{project_id}", "projects[].projectId", project_id, read_project)

    def projects(self) -> dict[int, Project]:
        """All projects that can be read, by id (listProjects)."""
        found: dict[int, Project] = {}
        for raw in self._all("listProjects", lambda skip: self._projects(skip, PAGE_SIZE), _LONGEST_PROJECT_LIST):
            # One that cannot be read is missed by its own gifts alone, who ask for it by its id.
            with suppress(Rejected):
                project = read_project(raw)
                found[project.id] = project
        return found

    def _projects(self, skip: int, take: int) -> Page:
        return self._list("listProjects", "/api/Project/list", {"SortBy": "id"}, skip, take)

    def ping(self) -> None:
        """A harmless read that proves address and token."""
        self._projects(0, 1)

    def store_donation_key(self, donation_id: str, invoice_number: str) -> bool:
        """Store the invoice number on the gift; False when this account does not offer that (setGiftCrmKey)."""
        path, body = f"/api/Gift/{donation_id}/crmkey", {"crmKey": invoice_number}
        try:
            self._write("setGiftCrmKey", "PATCH", path, body, donation_id, Absence.OPERATION)
        except Rejected as refused:
            # On a gift known to exist, either answer means that the account lacks the operation (setGiftCrmKey).
            return self._offers_not(refused)
        return True

    def store_donor_key(self, donor_id: int, partner_id: str) -> None:
        """Store the partner id on the donor (patchDonor)."""
        self.patch_donor(donor_id, {"crmKeys": {"Aegis": partner_id}})

    def store_schedule_key(self, schedule_id: int, pledge_id: str) -> list[str]:
        """Store the pledge id on a schedule; the names of members that changed besides, which must be none.

        The only write is a full replace that steers real charges (replaceRecurringGift): read straight before, change
        the key alone, read again.
        """
        before = self._schedule(schedule_id, dict)
        self.wire.whole("getRecurringGift", require_replaceable, before)
        if before.get("crmKey") == pledge_id:
            return []
        body = schedule_with_key(before, pledge_id)
        self._write("replaceRecurringGift", "PUT", f"/api/RecurringGift/{schedule_id}", body, schedule_id)
        return changed_members(before, self._schedule(schedule_id, read_object))

    # --- donors, as the contacts of Virtuous change them ----------------------------------------------------

    def donor_record(self, donor_id: int) -> DonorRecord:
        """A donor as they are now, with the ids that a write needs (getDonor).

        Raises RecordMissing, Rejected when it cannot be read.
        """
        return self._one("getDonor", f"/api/Donor/{donor_id}", "donor.id", donor_id, read_donor_record)

    def donors_matching(self, text: str) -> list[DonorRecord]:
        """What the loose search finds; a hit proves nothing (searchDonors).

        Raises Rejected for a hit that holds the text and cannot be read: it may be the one that is looked for.
        """

        def page(skip: int) -> Page:
            return self._list("searchDonors", "/api/Donor/search", {"filter": text}, skip)

        hits = self._all("searchDonors", page, _MOST_HITS)
        self.wire.whole("searchDonors", require_named, hits)
        return list({record.donor.id: record for record in readable_records(hits, text)}.values())

    def create_donor(self, body: Mapping[str, object]) -> int:
        """Create a donor; the new id (createDonor). Raises ValueError for an e-mail address."""
        created = without_email(body)
        made = self.wire.call("createDonor", "POST", "/api/Donor", writes=True, body=created).body
        number = positive_number(made.get("id")) if isinstance(made, dict) else None
        if number is None:
            raise self.wire.unreadable("createDonor", "the answer names no id", writes=True)
        return number

    def patch_donor(self, donor_id: int, changes: Mapping[str, object]) -> None:
        """Change members of a donor; an empty text clears (patchDonor). Raises ValueError for an e-mail address."""
        body = without_email(changes)
        self._write("patchDonor", "PATCH", f"/api/Donor/{donor_id}", body, donor_id)

    def put_address(self, donor_id: int, address_id: int | None, body: Mapping[str, object]) -> None:
        """Replace an address whole, or add one; it is the primary one then (updateDonorAddress, addDonorAddress)."""
        path, whole = f"/api/Donor/{donor_id}/address", {**body, "isPrimary": True}
        if address_id is None:
            self._write("addDonorAddress", "POST", path, whole)
        else:
            self._write("updateDonorAddress", "PUT", f"{path}/{address_id}/update", whole, address_id)

    def put_phone(self, donor_id: int, phone_id: int | None, value: str) -> None:
        """Change a phone number, or add one; it is the primary one then (patchDonorPhone, addDonorPhone)."""
        path, body = f"/api/Donor/{donor_id}/phone", {"value": value, "isPrimary": True}
        if phone_id is None:
            self._write("addDonorPhone", "POST", path, body)
        else:
            self._write("patchDonorPhone", "PATCH", f"{path}/{phone_id}", body, phone_id)

    def add_activity(self, donor_id: int, subject: str, body: str) -> bool:
        """Show an entry under a donor's activity; False when this account does not offer that (addDonorActivity)."""
        entry = activity_body(donor_id, subject, body)
        try:
            self._write("addDonorActivity", "POST", "/api/DonorActivity", entry, absence=Absence.OPERATION)
        except Rejected as refused:
            return self._offers_not(refused)
        return True

    def activity_subjects(self, donor_id: int, since: datetime) -> list[str]:
        """The subjects of our own entries under a donor's activity, modified since (listDonorActivity)."""
        return self.wire.whole("listDonorActivity", our_subjects, self._entries_of(donor_id, since))

    def _offers_not(self, refused: Rejected) -> bool:
        """False where the account lacks an operation: beside a read that succeeds, no gateway answered instead of it.

        Raises what was refused for any other reason, and what the read raises.
        """
        if refused.status not in _NOT_OFFERED:
            raise refused
        self.ping()
        return False

    # --- calls --------------------------------------------------------------------------------------------

    def _schedule(self, schedule_id: int, read: Callable[[Any], T]) -> T:
        path = f"/api/RecurringGift/{schedule_id}"
        return self._one("getRecurringGift", path, "gift.recurringGiftId", schedule_id, read)

    def _one(self, operation: str, path: str, field: str, asked: object, read: Callable[[Any], T]) -> T:
        """The record that was asked for. One that cannot be read is asked for once more before it is refused.

        Raises RecordMissing while RaiseDonors answers otherwise, RetryLater for what is no such record, and what `read`
        raises.
        """
        record = self._raw(operation, path, field, asked)
        try:
            return read(record)
        except Rejected:
            return read(self._raw(operation, path, field, asked))

    def _raw(self, operation: str, path: str, field: str, asked: object) -> dict[str, Any]:
        try:
            body = self.wire.call(operation, "GET", path, writes=False, absence=Absence.RECORD).body
        except RecordMissing as missing:
            # What is gone is replaced, or given to a person: a gateway's answer must not look like that.
            self.ping()
            raise _no_longer_there(field) from missing

        return self.wire.whole(operation, lambda raw: read_record(raw, "id", asked), body)

    def _write(
        self,
        operation: str,
        method: str,
        path: str,
        body: Mapping[str, object],
        asked: object | None = None,
        absence: Absence = Absence.RECORD,
    ) -> None:
        """A write that is answered with the resource, or with 204 and nothing. Raises UnknownOutcome for neither."""
        answer = self.wire.call(operation, method, path, writes=True, body=body, absence=absence)
        if answer.status == 204:
            return
        made = answer.body.get("id") if isinstance(answer.body, dict) else None
        number = positive_number(made)
        is_right = number is not None and (asked is None or str(number) == str(asked))
        if not is_right or tells_an_error(answer.body):
            raise self.wire.unreadable(operation, "the answer is not the record that was written", writes=True)


def _no_longer_there(field: str) -> RecordMissing:
    return RecordMissing(
        "no such record on RaiseDonors any more",
        cause="source-record-missing",
        field=field,
        remedy="restore the record on RaiseDonors and retry, or record the gift in Aegis by hand",
    )
