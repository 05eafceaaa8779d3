"""Aegis: partners, pledges, transactions and look-ups (contracts/aegis.openapi.yaml)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any, Literal, TypeVar
from urllib.parse import quote

from giftbridge.clients.aegis_wire import read_history_row, read_partner, read_pledge, rows_of
from giftbridge.clients.http import Wire
from giftbridge.domain.giving_history import TransactionPage
from giftbridge.domain.matching import Search
from giftbridge.domain.partners import HistoryRow, Partner, Pledge
from giftbridge.domain.settings import LookupKind
from giftbridge.errors import RecordMissing, Rejected, RetryLater, UnknownOutcome

PAGE_SIZE = 100
MOST_PAGES = 50
MOST_CODES = 5 * PAGE_SIZE
CONFLICT = 409

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
        rows = self._pages("searchPartners", "partner/Search", "Partners", dict(search.parameters))
        return [read_partner(row) for row in rows]

    def partner(self, partner_id: str) -> Partner | None:
        """A partner, or None when there is no such one (getPartner)."""
        try:
            body = self._get("getPartner", f"partner/ID/{_quoted(partner_id)}")
        except RecordMissing:
            return None
        return read_partner(body) if isinstance(body, dict) and body else None

    def partner_record(self, partner_id: str) -> dict[str, Any] | None:
        """A partner as a whole record, for a save; None when there is no such one (getPartner)."""
        try:
            body = self._get("getPartner", f"partner/ID/{_quoted(partner_id)}")
        except RecordMissing:
            return None
        return body if isinstance(body, dict) and body else None

    def save_partner(self, record: Mapping[str, object]) -> None:
        """Replace a partner whole (savePartner)."""
        self._save("savePartner", "partner/Save", record)

    def create_partner(self, body: Mapping[str, object]) -> str:
        """Create a partner; its id (createPartner)."""
        return self._create("createPartner", "partner/Create", body, "ID")

    def pledges(self, partner_id: str) -> list[Pledge]:
        """A partner's pledges, active or not (getPledgeHistory)."""
        rows = self._pages("getPledgeHistory", f"partner/PledgeHistory/{_quoted(partner_id)}", "Pledges", {})
        try:
            return [read_pledge(row) for row in rows]
        except RecordMissing as missing:
            missing.field = "PartnerID"
            raise

    def pledge_record(self, partner_id: str, pledge_id: str) -> dict[str, Any] | None:
        """A pledge as a whole record, for a save; None when the partner has no such one (getPledgeHistory)."""
        rows = self._pages("getPledgeHistory", f"partner/PledgeHistory/{_quoted(partner_id)}", "Pledges", {})
        wanted = pledge_id.casefold()
        try:
            return next((dict(row) for row in rows if str(row.get("ID") or "").casefold() == wanted), None)
        except RecordMissing:
            return None

    def save_pledge(self, record: Mapping[str, object]) -> None:
        """Replace a pledge whole (savePledge)."""
        self._save("savePledge", "pledge/Save", record)

    def create_note(self, body: Mapping[str, object]) -> None:
        """Add a note to a partner; Aegis gives it no id (createPartnerNote)."""
        self.wire.call("createPartnerNote", "POST", self._path("partnernote/Create"), writes=True, body=body)

    def create_pledge(self, body: Mapping[str, object]) -> str:
        """Create a pledge; its id (createPledge)."""
        return self._create("createPledge", "pledge/Create", body, "ID")

    def create_transaction(self, body: Mapping[str, object]) -> str:
        """Record a transaction; its invoice number (createTransaction)."""
        return self._create("createTransaction", "transaction/Create", body, "InvoiceNumber")

    def history(self, partner_id: str, first: date, last: date) -> list[HistoryRow]:
        """A partner's transactions of these days, both inclusive (getTransactionHistory)."""
        days = {"startDate": first.isoformat(), "endDate": last.isoformat()}
        path = f"partner/TransactionHistory/{_quoted(partner_id)}"
        return [read_history_row(row) for row in self._pages("getTransactionHistory", path, "Transactions", days)]

    def history_page(self, partner_id: str, page: int) -> TransactionPage:
        """One page of all of a partner's transactions, newest first (getTransactionHistory)."""
        path = f"partner/TransactionHistory/{_quoted(partner_id)}"
        body = self._get("getTransactionHistory", path, {"page": page, "pageSize": PAGE_SIZE})
        if not isinstance(body, dict):
            raise RetryLater(
                "getTransactionHistory: no page in the answer", cause="unreadable-answer", system=self.wire.system
            )
        pages, total = body.get("PageCount"), body.get("TotalCount")
        return TransactionPage(
            tuple(read_history_row(row) for row in rows_of(body, "Transactions")),
            pages if isinstance(pages, int) else 1,
            total if isinstance(total, int) else None,
        )

    def query_rows(self, query_id: str) -> Iterator[Mapping[str, Any]]:
        """Rows of a query that the customer defined in Aegis (fetchQueryResults)."""
        return self._pages("fetchQueryResults", "query/FetchResults", "DataTable", {"text": query_id})

    def code_state(self, kind: LookupKind, code: str) -> CodeState:
        """What the look-up of one code says; `missing` too where the look-up itself is not offered."""
        resource, get_one, _ = LOOKUPS[kind]
        try:
            body = self._get(get_one, f"{resource}/ID/{_quoted(code)}")
        except Rejected as refused:
            return _not_offered(refused, "missing")
        if not isinstance(body, dict) or not body:
            return "missing"
        return "inactive" if body.get("Active") is False else "active"

    def codes(self, kind: LookupKind) -> dict[str, CodeState] | None:
        """The codes of a kind, as many as a few pages hold; None when this Aegis does not offer the list."""
        resource, _, list_all = LOOKUPS[kind]
        try:
            rows = list(islice(self._pages(list_all, f"{resource}/List", "Items", {}), MOST_CODES))
        except Rejected as refused:
            return _not_offered(refused, None)
        except RetryLater as away:
            # 501, or a 200 without a page: there is no such list.
            if away.cause in {"status-501", "unreadable-answer"}:
                return None
            raise
        named = {str(row.get("FundID") or row.get("ID") or ""): row for row in rows}
        return {code: "inactive" if row.get("Active") is False else "active" for code, row in named.items()}

    def has_custom_field(self, name: str, longest_value: int) -> bool:
        """Whether an active custom data field of that name can hold a value of that length (getCustomDataField)."""
        try:
            body = self._get("getCustomDataField", f"customdata/ID/{_quoted(name)}")
        except RecordMissing:
            return False
        if not isinstance(body, dict) or body.get("Active") is False:
            return False
        room = body.get("MaxLength")
        return room is None or int(room) == 0 or int(room) >= longest_value

    def ping(self) -> None:
        """A harmless read that proves address, context key and credentials: no partner has this name."""
        params: dict[str, str | int] = {"lastName": "GiftBridge connection test", "page": 1, "pageSize": 1}
        body = self._get("searchPartners", "partner/Search", params)
        if not isinstance(body, dict):
            raise RetryLater("no page in the answer", cause="unreadable-answer", system=self.wire.system)

    def _get(self, operation: str, path: str, params: Mapping[str, str | int] | None = None) -> Any:
        return self.wire.call(operation, "GET", self._path(path), writes=False, params=params).body

    def _save(self, operation: str, path: str, record: Mapping[str, object]) -> None:
        """A full replace. Raises RetryLater when Aegis says that the record was changed meanwhile (409)."""
        try:
            self.wire.call(operation, "PUT", self._path(path), writes=True, body=record)
        except Rejected as refused:
            if refused.status != CONFLICT:
                raise
            raise RetryLater(
                f"{operation}: the record was changed meanwhile", cause="changed-meanwhile", system=self.wire.system
            ) from refused

    def _create(self, operation: str, path: str, body: Mapping[str, object], id_member: str) -> str:
        answer = self.wire.call(operation, "POST", self._path(path), writes=True, body=body).body
        made = answer.get(id_member) if isinstance(answer, dict) else None
        if made in (None, ""):
            raise UnknownOutcome(f"{operation}: the answer names no {id_member}", system=self.wire.system, counts=False)
        return str(made)

    def _pages(self, operation: str, path: str, member: str, params: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
        """Rows over all pages. Raises Rejected when there are more pages than anybody should read."""
        for page in range(1, MOST_PAGES + 1):
            body = self._get(operation, path, {**params, "page": page, "pageSize": PAGE_SIZE})
            if not isinstance(body, dict):
                raise RetryLater(
                    f"{operation}: no page in the answer", cause="unreadable-answer", system=self.wire.system
                )
            yield from rows_of(body, member)
            pages = body.get("PageCount")
            if not isinstance(pages, int) or page >= pages:
                return
        raise Rejected(
            f"{operation} found more than {MOST_PAGES * PAGE_SIZE} records",
            cause="too-many-records",
            field=path,
            remedy="tidy up the records in Aegis, or choose the partner with `giftbridge review`",
        )

    def _path(self, path: str) -> str:
        return f"/api/{_quoted(self.context)}/{path}"


def _not_offered(refused: Rejected, what: T) -> T:
    """400, 404 or 405 on a look-up means that Aegis does not offer it, or does not know the code."""
    if refused.status in {None, 400, 404, 405}:
        return what
    raise refused


def _quoted(text: str) -> str:
    return quote(text, safe="")
