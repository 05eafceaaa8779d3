"""Virtuous: contacts, rows for the import tool, gifts, projects, subscriptions (contracts/virtuous.openapi.yaml)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote

from giftbridge.clients.answers import Absence
from giftbridge.clients.http import Wire
from giftbridge.clients.virtuous_wire import Carrier, read_carrier, read_contact, read_posted_gift
from giftbridge.clients.whole_answers import (
    NotWhole,
    Page,
    positive_number,
    read_object,
    read_page,
    read_record,
    require_named,
    require_same,
    require_titled,
    rows_of_all,
    tells_an_error,
)
from giftbridge.domain.contacts import Contact, PostedGift
from giftbridge.errors import RecordMissing, Rejected, RetryLater

Row = Mapping[str, object]
T = TypeVar("T")
PAGE_SIZE = 1000
MOST_PAGES = 50
# The only means against hearing of our own writes to projects.
_QUIETLY: Mapping[str, str | int] = {"disableWebhookUpdates": "true"}


@dataclass(frozen=True, slots=True)
class Virtuous:
    """The operations GiftBridge needs, in our own words."""

    wire: Wire

    def ping(self) -> None:
        """A harmless read that proves address and credentials (getOrganization).

        What its body holds is not known: where none came that says anything, a page of contacts must.
        """
        try:
            body = self.wire.call("getOrganization", "GET", "/api/Organization", writes=False, lenient=True).body
        except RetryLater as away:
            if away.cause != "unreadable-answer":
                raise
            body = None
        if not body or tells_an_error(body):
            query = _query({"parameter": "Contact Id", "operator": "Is", "value": "0"}, "Last Modified Date")
            self._page("queryFullContacts", "POST", "/api/Contact/Query/FullContact", 0, 1, query)

    # --- contacts -----------------------------------------------------------------------------------------

    def contact(self, contact_id: int) -> Contact:
        """A contact as it is now, the loser of a merge too (getContact).

        Raises RecordMissing, and Rejected (cause "unreadable-record") when it cannot be read.
        """
        return self._one("getContact", f"/api/Contact/{contact_id}", "contact.id", contact_id, read_contact)

    def contact_by_reference(self, source: str, reference_id: str) -> Carrier | None:
        """The contact that carries a reference; None when none does (getContactByReference).

        Nothing else of it is read: a gift does not wait for what is odd in its contact.
        """
        path = f"/api/Contact/{_quoted(source)}/{_quoted(reference_id)}"
        body = self._found("getContactByReference", path)
        if body is None:
            return None
        return self.wire.whole("getContactByReference", lambda raw: read_carrier(raw, source, reference_id), body)

    def contacts_modified_since(self, day: date, skip: int, take: int) -> tuple[list[Contact | int], int]:
        """A page of contacts modified on a day or later, the longest unchanged first, and how many there are in all
        (queryFullContacts).

        Days are the organisation's own; of a record that cannot be read its id alone is given. `take` is 1000 at most.
        """
        condition = {"parameter": "Last Modified Date", "operator": "OnOrAfter", "value": day.isoformat()}
        query = _query(condition, "Last Modified Date")
        page = self._page("queryFullContacts", "POST", "/api/Contact/Query/FullContact", skip, take, query)
        self.wire.whole("queryFullContacts", require_named, page.rows)
        return [_contact_or_id(row) for row in page.rows], page.total

    def add_reference(self, contact_id: int, source: str, reference_id: str) -> None:
        """Hang our reference on a contact, at once (addContactReference).

        Raises Rejected with status 409 when another contact carries it.
        """
        body = {"contactId": contact_id, "referenceSource": source, "referenceId": reference_id}
        self._write("addContactReference", "POST", "/api/ContactReference", body)

    # --- rows for the import tool -------------------------------------------------------------------------

    def submit_contacts(self, source: str, rows: Sequence[Row]) -> None:
        """Hand contact rows, 100 at most, to the import tool; a refusal holds none of them (submitContactBatch)."""
        body = {"referenceSource": source, "contacts": [dict(row) for row in rows]}
        self._write("submitContactBatch", "POST", "/api/Contact/Batch", body)

    def submit_gifts(self, source: str, rows: Sequence[Row]) -> None:
        """Hand gift rows, 100 at most, to the import tool, each under the source (submitGiftTransactions)."""
        transactions = [{**row, "transactionSource": source} for row in rows]
        body = {"transactionSource": source, "transactions": transactions}
        self._write("submitGiftTransactions", "POST", "/api/v2/Gift/Transactions", body)

    # --- gifts --------------------------------------------------------------------------------------------

    def gift(self, source: str, transaction_id: str) -> PostedGift | None:
        """The gift a row became; None while the row is held (getGiftByTransaction)."""
        path = f"/api/Gift/{_quoted(source)}/{_quoted(transaction_id)}"
        try:
            call = self.wire.call
            body = call("getGiftByTransaction", "GET", path, writes=False, lenient=True, absence=Absence.RECORD).body
        except RecordMissing:
            return None
        # Whatever names no gift is a held row.
        if not _has_id(body):
            return None
        gift = read_posted_gift(body)
        if gift.transaction_id is not None:
            same = partial(require_same, transaction_id, member="transactionId")
            self.wire.whole("getGiftByTransaction", same, gift.transaction_id)
        return gift

    def gifts_of_contact(self, contact_id: int) -> list[PostedGift]:
        """All gifts of a contact, each once (listGiftsOfContact).

        Raises RecordMissing for an unknown contact, Rejected where the list is not offered.
        """
        found: dict[int, PostedGift] = {}
        operation, path = "listGiftsOfContact", f"/api/Gift/ByContact/{contact_id}"
        try:
            rows = self._all(operation, "GET", path, absence=Absence.OPERATION)
        except Rejected as refused:
            if refused.status is not None:
                self.ping()
            raise
        self.wire.whole(operation, require_named, rows)
        for gift in map(read_posted_gift, rows):
            self.wire.whole(operation, partial(require_same, contact_id, member="contactId"), gift.contact_id)
            found[gift.id] = gift
        return list(found.values())

    def reverse_gift(self, gift_id: int, day: date, notes: str) -> None:
        """Take a gift back by a negative line; a repeat posts a second one (reverseGift)."""
        body = {"reversedGiftId": gift_id, "giftDate": day.isoformat(), "notes": notes}
        self._write("reverseGift", "POST", "/api/Gift/ReversingTransaction", body)

    # --- projects -----------------------------------------------------------------------------------------

    def project_by_code(self, code: str) -> dict[str, Any] | None:
        """The project with a code, or None (getProjectByCode)."""
        body = self._found("getProjectByCode", f"/api/Project/Code/{_quoted(code)}")
        if body is None:
            # It would be made anew: a gateway's answer must not look like that.
            self.ping()
            return None
        return self.wire.whole("getProjectByCode", lambda raw: read_record(raw, "projectCode", code), body)

    def project(self, project_id: int) -> dict[str, Any]:
        """A project as a whole record, for a replace (getProject). Raises RecordMissing."""
        return self._one("getProject", f"/api/Project/{project_id}", "project.id", project_id, dict)

    def projects_named(self, name: str) -> list[dict[str, Any]]:
        """The projects with a name (queryProjects)."""
        query = _query({"parameter": "Project Name", "operator": "Is", "value": name}, "Project Name")
        rows = self._all("queryProjects", "POST", "/api/Project/Query", query)
        self.wire.whole("queryProjects", require_named, rows)
        self.wire.whole("queryProjects", require_titled, rows)
        return rows

    def create_project(self, body: Row) -> dict[str, Any]:
        """Create a project; the record, with the code that Virtuous picked (createProject)."""
        return self._made("createProject", "/api/Project", body, _QUIETLY)

    def patch_project(self, project_id: int, changes: Row) -> None:
        """Change some members of a project, its code among them (patchProjects).

        Raises Rejected with status 409 when another project has the code.
        """
        self._write("patchProjects", "PATCH", "/api/Project", [{**changes, "id": project_id}], _QUIETLY)

    def replace_project(self, project_id: int, record: Row) -> None:
        """Replace a project: what the record leaves out is cleared (replaceProject)."""
        path = f"/api/Project/{project_id}"
        self._replaced("replaceProject", self._write("replaceProject", "PUT", path, dict(record), _QUIETLY), project_id)

    # --- subscriptions ------------------------------------------------------------------------------------

    def create_webhook(self, body: Row) -> int:
        """Subscribe to events; the subscription's id, which cannot be looked up later (createWebhook)."""
        return int(self._made("createWebhook", "/api/Webhook", body)["id"])

    def webhook(self, webhook_id: int) -> dict[str, Any]:
        """A subscription, its secret included: never log it (getWebhook). Raises RecordMissing."""
        return self._one("getWebhook", f"/api/Webhook/{webhook_id}", "webhook.id", webhook_id, dict)

    def replace_webhook(self, webhook_id: int, body: Row) -> None:
        """Replace a subscription: toggles that are left out become false (replaceWebhook)."""
        path = f"/api/Webhook/{webhook_id}"
        self._replaced("replaceWebhook", self._write("replaceWebhook", "PUT", path, dict(body)), webhook_id)

    # --- calls --------------------------------------------------------------------------------------------

    def _found(self, operation: str, path: str) -> dict[str, Any] | None:
        """A record, or None on a 404."""
        try:
            body = self.wire.call(operation, "GET", path, writes=False, absence=Absence.RECORD).body
        except RecordMissing:
            return None
        return self.wire.whole(operation, lambda raw: dict(_with_an_id(raw)), body)

    def _one(self, operation: str, path: str, field: str, asked: int, read: Callable[[dict[str, Any]], T]) -> T:
        """The record that was asked for. One that cannot be read is asked for once more before it is refused.

        Raises RecordMissing while Virtuous answers otherwise, RetryLater for what is no such record, and what `read`
        raises.
        """
        record = self._raw(operation, path, field, asked)
        try:
            return read(record)
        except Rejected:
            return read(self._raw(operation, path, field, asked))

    def _raw(self, operation: str, path: str, field: str, asked: int) -> dict[str, Any]:
        body = self._found(operation, path)
        if body is None:
            # What is gone is forgotten, or given to a person: a gateway's answer must not look like that.
            self.ping()
            raise RecordMissing(f"{operation}: not found", cause="record-missing", field=field, status=404)
        return self.wire.whole(operation, lambda raw: read_record(raw, "id", asked), body)

    def _write(
        self, operation: str, method: str, path: str, body: object, params: Mapping[str, str | int] | None = None
    ) -> Any:
        """What a write was answered. Most of these bodies are opaque, and none is needed to know that it was made.

        Raises UnknownOutcome for the words of an error, and for nothing at all from a Virtuous that answers no read.
        """
        answer = self.wire.call(
            operation, method, path, writes=True, params=params, body=body, lenient=True, absence=Absence.RECORD
        )
        is_of_nothing = isinstance(answer.body, dict) and "id" in answer.body and not _has_id(answer.body)
        if is_of_nothing or tells_an_error(answer.body):
            raise self.wire.unreadable(operation, "an error with a status of success", writes=True)
        self.wire.believe_empty(operation, answer, self.ping)
        return answer.body

    def _replaced(self, operation: str, answer: object, asked: int) -> None:
        """A replace is answered with the record that was replaced. Raises UnknownOutcome for anything else."""
        if not isinstance(answer, dict) or positive_number(answer.get("id")) != asked:
            raise self.wire.unreadable(operation, "the answer is not the record that was replaced", writes=True)

    def _made(
        self, operation: str, path: str, body: Row, params: Mapping[str, str | int] | None = None
    ) -> dict[str, Any]:
        """The record that a POST created. Raises UnknownOutcome when the answer does not name it."""
        made = self._write(operation, "POST", path, dict(body), params)
        if not _has_id(made):
            raise self.wire.unreadable(operation, "the answer names no id", writes=True)
        record: dict[str, Any] = made
        return record

    def _page(
        self,
        operation: str,
        method: str,
        path: str,
        skip: int,
        take: int,
        query: object | None = None,
        absence: Absence | None = None,
    ) -> Page:
        params: dict[str, str | int] = {"skip": skip, "take": take}
        body = self.wire.call(operation, method, path, writes=False, params=params, body=query, absence=absence).body
        return self.wire.whole(operation, lambda raw: read_page(raw, "list", "total", skip), body)

    def _all(
        self, operation: str, method: str, path: str, query: object | None = None, absence: Absence | None = None
    ) -> list[Any]:
        """Rows over all pages. Raises Rejected when there are more than anybody should read."""
        rows = rows_of_all(
            lambda skip: self._page(operation, method, path, skip, PAGE_SIZE, query, absence), MOST_PAGES * PAGE_SIZE
        )
        if rows is not None:
            return rows
        raise Rejected(
            f"{operation} found more than {MOST_PAGES * PAGE_SIZE} records",
            cause="too-many-records",
            field=path,
            remedy="look at the record in Virtuous",
        )


def _query(condition: Mapping[str, str], sort_by: str) -> dict[str, object]:
    return {"groups": [{"conditions": [dict(condition)]}], "sortBy": sort_by, "descending": False}


def _contact_or_id(row: Mapping[str, Any]) -> Contact | int:
    try:
        return read_contact(row)
    except Rejected:
        return int(row["id"])


def _has_id(body: object) -> bool:
    return isinstance(body, dict) and positive_number(body.get("id")) is not None


def _with_an_id(raw: object) -> Mapping[str, Any]:
    record = read_object(raw)
    if not _has_id(record):
        raise NotWhole("id names no record")
    return record


def _quoted(text: str) -> str:
    """A path segment: a blank is %20, a slash %2F (getContactByReference)."""
    return quote(text, safe="")
