"""Aegis: partners, pledges, transactions and look-ups (contracts/aegis.openapi.yaml)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, TypeVar
from urllib.parse import quote

from giftbridge.clients.aegis_wire import read_history_page, read_history_row, read_partner, read_pledge
from giftbridge.clients.answers import CONFLICT, Absence
from giftbridge.clients.http import Wire
from giftbridge.clients.json_values import exact_number
from giftbridge.clients.whole_answers import (
    NotWhole,
    Page,
    id_text,
    positive_number,
    read_count,
    read_object,
    read_page,
    read_record,
    require_same,
    tells_an_error,
)
from giftbridge.domain.giving_history import TransactionPage
from giftbridge.domain.matching import Search
from giftbridge.domain.partners import HistoryRow, Partner, Pledge
from giftbridge.domain.settings import LookupKind
from giftbridge.errors import RecordMissing, Rejected, RetryLater

PAGE_SIZE = 100
MOST_PAGES = 50
_MOST_PAGES_OF_CODES = 5

# The resource and its operation names for each kind of code that other calls use.
LOOKUPS: Mapping[LookupKind, tuple[str, str, str]] = {
    "fund": ("Fund", "getFund", "listFunds"),
    "appeal": ("Appeal", "getAppeal", "listAppeals"),
    "origin_source": ("OriginSource", "getOriginSource", "listOriginSources"),
    "product": ("Product", "getProduct", "listProducts"),
    "batch_category": ("BatchCategory", "getBatchCategory", "listBatchCategories"),
    "warehouse": ("Warehouse", "getWarehouse", "listWarehouses"),
    "pledge_program": ("PledgeProgram", "getPledgeProgram", "listPledgePrograms"),
    "channel": ("Channel", "getChannel", "listChannels"),
}
CodeState = Literal["active", "inactive", "missing"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Aegis:
    """The operations GiftBridge needs, in our own words. `context` is the organisation's context key."""

    wire: Wire
    context: str

    def search(self, search: Search) -> list[Partner]:
        """Everything the loose search returns, over all pages, active or not (searchPartners)."""
        return self._pages("searchPartners", "partner/Search", "Partners", dict(search.parameters), read_partner)

    def partner(self, partner_id: str) -> Partner | None:
        """A partner, or None when there is surely no such one (getPartner)."""
        record = self.partner_record(partner_id)
        return None if record is None else self.wire.whole("getPartner", read_partner, record)

    def partner_record(self, partner_id: str) -> dict[str, Any] | None:
        """A partner as a whole record, for a save; None when there is surely no such one (getPartner)."""
        try:
            body = self._get("getPartner", f"partner/ID/{_quoted(partner_id)}", absence=Absence.RECORD)
        except RecordMissing:
            body = None
        if body is None:
            # It is made anew, or matched anew, when it is gone: a gateway's answer must not look like that.
            self.ping()
            return None
        return self.wire.whole("getPartner", lambda raw: read_record(raw, "ID", partner_id), body)

    def save_partner(self, record: Mapping[str, object]) -> None:
        """Replace a partner whole (savePartner)."""
        self._save("savePartner", "partner/Save", record)

    def create_partner(self, body: Mapping[str, object]) -> str:
        """Create a partner; its id (createPartner)."""
        return self._create("createPartner", "partner/Create", body, "ID", id_text)

    def pledges(self, partner_id: str) -> list[Pledge]:
        """A partner's pledges, active or not (getPledgeHistory). Raises RecordMissing for an unknown partner."""
        return self._pledges(partner_id, lambda raw: read_pledge(raw, partner_id))

    def pledge_record(self, partner_id: str, pledge_id: str) -> dict[str, Any] | None:
        """A pledge as a whole record, for a save; None when the partner has no such one (getPledgeHistory)."""

        def read(raw: object) -> dict[str, Any]:
            read_pledge(raw, partner_id)
            return dict(read_object(raw))

        try:
            rows = self._pledges(partner_id, read)
        except RecordMissing:
            return None
        wanted = pledge_id.casefold()
        return next((row for row in rows if str(row.get("ID")).casefold() == wanted), None)

    def _pledges(self, partner_id: str, read: Callable[[object], T]) -> list[T]:
        path = f"partner/PledgeHistory/{_quoted(partner_id)}"
        try:
            return self._pages("getPledgeHistory", path, "Pledges", {}, read, absence=Absence.RECORD)
        except RecordMissing as missing:
            self.ping()
            missing.field = "PartnerID"
            raise

    def save_pledge(self, record: Mapping[str, object]) -> None:
        """Replace a pledge whole (savePledge)."""
        self._save("savePledge", "pledge/Save", record)

    def create_note(self, body: Mapping[str, object]) -> None:
        """Add a note to a partner; Aegis gives it no id (createPartnerNote)."""
        self._done("createPartnerNote", "POST", "partnernote/Create", body)

    def create_pledge(self, body: Mapping[str, object]) -> str:
        """Create a pledge; its id (createPledge)."""
        return self._create("createPledge", "pledge/Create", body, "ID", id_text)

    def create_transaction(self, body: Mapping[str, object]) -> str:
        """Record a transaction; its invoice number (createTransaction)."""
        return self._create("createTransaction", "transaction/Create", body, "InvoiceNumber", positive_number)

    def history(self, partner_id: str, first: date, last: date) -> list[HistoryRow]:
        """A partner's transactions of these days, both inclusive (getTransactionHistory)."""
        days = {"startDate": first.isoformat(), "endDate": last.isoformat()}
        path = f"partner/TransactionHistory/{_quoted(partner_id)}"
        operation = "getTransactionHistory"
        return self._pages(operation, path, "Transactions", days, read_history_row, absence=Absence.RECORD)

    def history_page(self, partner_id: str, page: int) -> TransactionPage:
        """One page of all of a partner's transactions, newest first (getTransactionHistory)."""
        path = f"partner/TransactionHistory/{_quoted(partner_id)}"
        numbers = {"page": page, "pageSize": PAGE_SIZE}
        body = self._get("getTransactionHistory", path, numbers, absence=Absence.RECORD)
        return self.wire.whole(
            "getTransactionHistory", lambda raw: read_history_page(raw, (page - 1) * PAGE_SIZE), body
        )

    def query_rows(self, query_id: str) -> list[Mapping[str, Any]]:
        """Rows of a query that the customer defined in Aegis (fetchQueryResults)."""
        params = {"text": query_id}
        operation, path = "fetchQueryResults", "query/FetchResults"
        return self._pages(operation, path, "DataTable", params, read_object, absence=Absence.RECORD)

    def code_state(self, kind: LookupKind, code: str) -> CodeState:
        """What the look-up of one code says; `missing` too where the look-up itself is not offered."""
        resource, get_one, _ = LOOKUPS[kind]
        try:
            body = self._get(get_one, f"{resource}/ID/{_quoted(code)}", absence=Absence.OPERATION)
        except Rejected as refused:
            return self._not_offered(refused, "missing")
        if body is None:
            self.ping()
            return "missing"
        entry = self.wire.whole(get_one, lambda raw: _with_code(raw, code), body)
        return "inactive" if entry.get("Active") is False else "active"

    def codes(self, kind: LookupKind) -> dict[str, CodeState] | None:
        """The codes of a kind, as many as a few pages hold; None when this Aegis does not offer the list."""
        resource, _, list_all = LOOKUPS[kind]
        path = f"{resource}/List"
        try:
            rows = self._first_pages(list_all, path, "Items", _MOST_PAGES_OF_CODES, absence=Absence.OPERATION)
        except Rejected as refused:
            return self._not_offered(refused, None)
        except RetryLater as away:
            # 501, or a 200 without a page, while Aegis answers otherwise: there is no such list.
            if away.cause not in {"status-501", "unreadable-answer"}:
                raise
            self.ping()
            return None
        named = {str(row.get("FundID") or row.get("ID") or ""): row for row in rows if isinstance(row, dict)}
        return {code: "inactive" if row.get("Active") is False else "active" for code, row in named.items()}

    def has_custom_field(self, name: str, longest_value: int) -> bool:
        """Whether an active custom data field of that name can hold a value of that length (getCustomDataField)."""
        try:
            body = self._get("getCustomDataField", f"customdata/ID/{_quoted(name)}", absence=Absence.RECORD)
        except RecordMissing:
            body = None
        if body is None:
            self.ping()
            return False
        field = self.wire.whole("getCustomDataField", read_object, body)
        room = exact_number(field.get("MaxLength")) or 0
        return field.get("Active") is not False and (room == 0 or room >= longest_value)

    def ping(self) -> None:
        """A harmless read that proves address, context key and credentials: no partner has this name."""
        params: dict[str, str | int] = {"lastName": "GiftBridge connection test", "page": 1, "pageSize": 1}
        body = self._get("searchPartners", "partner/Search", params)
        self.wire.whole("searchPartners", lambda raw: read_page(raw, "Partners", "TotalCount", 0), body)

    # --- calls --------------------------------------------------------------------------------------------

    def _get(
        self,
        operation: str,
        path: str,
        params: Mapping[str, str | int] | None = None,
        absence: Absence | None = None,
    ) -> Any:
        address = self._path(path)
        return self.wire.call(operation, "GET", address, writes=False, params=params, absence=absence).body

    def _save(self, operation: str, path: str, record: Mapping[str, object]) -> None:
        """A full replace. Raises RetryLater when Aegis says that the record was changed meanwhile (409)."""
        try:
            self._done(operation, "PUT", path, record)
        except Rejected as refused:
            if refused.status != CONFLICT:
                raise
            raise RetryLater(
                f"{operation}: the record was changed meanwhile", cause="changed-meanwhile", system=self.wire.system
            ) from refused

    def _done(self, operation: str, method: str, path: str, body: Mapping[str, object]) -> None:
        """A write whose success may be told by an empty body. Raises UnknownOutcome when nobody may have been there."""
        address = self._path(path)
        answer = self.wire.call(operation, method, address, writes=True, body=body, absence=Absence.RECORD)
        if tells_an_error(answer.body):
            raise self.wire.unreadable(operation, "an error with a status of success", writes=True)
        self.wire.believe_empty(operation, answer, self.ping)

    def _create(
        self,
        operation: str,
        path: str,
        body: Mapping[str, object],
        id_member: str,
        read_id: Callable[[object], object | None],
    ) -> str:
        answer = self.wire.call(operation, "POST", self._path(path), writes=True, body=body).body
        made = read_id(answer.get(id_member)) if isinstance(answer, dict) else None
        if made is None:
            raise self.wire.unreadable(operation, f"the answer names no {id_member}", writes=True)
        if isinstance(answer, dict) and tells_an_error({**answer, "ID": None}):
            raise self.wire.unreadable(operation, f"an error beside the {id_member}", writes=True)
        return str(made)

    def _pages(
        self,
        operation: str,
        path: str,
        member: str,
        params: Mapping[str, str],
        read: Callable[[object], T],
        absence: Absence | None = None,
    ) -> list[T]:
        """The rows of all pages. Raises RetryLater when they are not as many as Aegis counts, and Rejected when there
        are more pages than anybody should read.
        """
        rows: list[T] = []
        total: int | None = None
        for page in range(1, MOST_PAGES + 1):
            got, pages = self._page(operation, path, member, {**params, "page": page}, len(rows), absence)
            if total not in {None, got.total}:
                raise self.wire.unreadable(operation, "the list changed while it was read")
            total = got.total
            for raw in got.rows:
                rows.append(self.wire.whole(operation, read, raw))
            if len(rows) == total and (page >= pages or not got.rows):
                return rows
            if page >= pages:
                raise self.wire.unreadable(operation, f"{len(rows)} {member} on all pages where {total} are counted")
        raise Rejected(
            f"{operation} found more than {MOST_PAGES * PAGE_SIZE} records",
            cause="too-many-records",
            field=path,
            remedy="tidy up the records in Aegis, or choose the partner with `giftbridge review`",
        )

    def _first_pages(
        self, operation: str, path: str, member: str, most_pages: int, absence: Absence | None
    ) -> list[Any]:
        """The raw rows of the first pages."""
        rows: list[Any] = []
        for page in range(1, most_pages + 1):
            got, pages = self._page(operation, path, member, {"page": page}, len(rows), absence)
            rows += got.rows
            if page >= pages or not got.rows:
                break
        return rows

    def _page(
        self,
        operation: str,
        path: str,
        member: str,
        params: Mapping[str, str | int],
        skip: int,
        absence: Absence | None,
    ) -> tuple[Page, int]:
        """A page and the number of pages; the number of a list without rows may be 0."""
        body = self._get(operation, path, {**params, "pageSize": PAGE_SIZE}, absence)

        def read(raw: object) -> tuple[Page, int]:
            page = read_page(raw, member, "TotalCount", skip, empty_is_none=member == "DataTable")
            pages = read_count(read_object(raw).get("PageCount"), "PageCount")
            if page.total and not pages:
                raise NotWhole(f"PageCount is 0 where TotalCount is {page.total}")
            return page, pages

        return self.wire.whole(operation, read, body)

    def _not_offered(self, refused: Rejected, what: T) -> T:
        """400, 404 or 405 on a look-up means that Aegis does not offer it, or does not know the code.

        Raises RetryLater while Aegis does not answer otherwise either.
        """
        if refused.status not in {None, 400, 404, 405}:
            raise refused
        if refused.status is not None:
            self.ping()
        return what

    def _path(self, path: str) -> str:
        return f"/api/{_quoted(self.context)}/{path}"


def _with_code(raw: object, asked: str) -> Mapping[str, Any]:
    entry = read_object(raw)
    require_same(asked, entry.get("FundID") or entry.get("ID"), "ID")
    return entry


def _quoted(text: str) -> str:
    return quote(text, safe="")
