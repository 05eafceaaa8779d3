"""Reading from the simulated RaiseDonors: one record, lists, and the query that finds what changed."""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

from ops.simulators.raisedonors_answers import (
    DEFAULT_PAGE,
    LARGEST_PAGE,
    flag_parameter,
    missing,
    page_bounds,
    read_body,
    record_id,
    refuse,
    text_member,
    whole_number,
)
from ops.simulators.raisedonors_records import Entry
from ops.simulators.raisedonors_store import RaiseDonorsStore
from ops.simulators.raisedonors_time import parse_timestamp
from ops.simulators.raisedonors_wire import donor_name
from ops.simulators.wire import Answer, Call

QUERY_SORTS = ("id", "createdate", "modifieddate")
LIST_SORTS = {
    "gift": ("amount", "date", "donorname", "id", "status"),
    "donor": ("id", "name"),
    "schedule": ("id", "amount", "status"),
    "project": ("id", "name"),
}
SEARCHED = {
    "gift": ("billingName", "comment", "transactionId", "motivationCode"),
    "donor": ("firstName", "lastName", "organizationName"),
    "schedule": ("billingLastName", "motivationCode"),
    "project": ("name", "code"),
}


class ReadOperations:
    """The reading operations that gifts, donors, schedules and projects share."""

    def __init__(self, store: RaiseDonorsStore) -> None:
        self._store = store

    def one(self, kind: str) -> Callable[[Call], Answer]:
        """Read one record."""

        def read(call: Call) -> Answer:
            entry = self._store.records(kind).get(record_id(call))
            if entry is None:
                raise missing(f"The {kind}")
            return Answer.of_json(self._store.render(kind, entry))

        return read

    def listing(self, kind: str) -> Callable[[Call], Answer]:
        """List records, sorted and filtered loosely."""

        def read(call: Call) -> Answer:
            skip, take = page_bounds(call)
            sort = call.query.get("SortBy", "id")
            if sort not in LIST_SORTS[kind]:
                raise refuse("SortBy", f"The value '{sort}' is not valid.")
            entries = self._filtered(kind, self._store.records(kind).visible(), call.query.get("Filter"))
            descending = flag_parameter(call, "Descending")
            entries.sort(key=lambda entry: self._sort_key(kind, sort, entry), reverse=descending)
            return self._page(kind, entries, skip, take)

        return read

    def query(self, kind: str) -> Callable[[Call], Answer]:
        """Query records by conditions."""

        def read(call: Call) -> Answer:
            body = read_body(call)
            skip = whole_number("skip", body.get("skip", 0), 0)
            take = whole_number("take", body.get("take", DEFAULT_PAGE), 1, LARGEST_PAGE)
            sort = body.get("sortBy", "id")
            if sort not in QUERY_SORTS:
                raise refuse("sortBy", f"The value '{sort}' is not valid.")
            since = _lower_bound(body.get("groups"))
            page = self._query_page(kind, body, since, (skip, take))
            if kind == "gift" and body.get("includeDetails") is True:
                for gift in page["items"]:
                    gift["donor"] = self._donor_of(gift)
            return Answer.of_json(page)

        return read

    def gifts_of_donor(self, call: Call) -> Answer:
        """The gifts of one donor."""
        donor_id = record_id(call)
        if self._store.donors.get(donor_id) is None:
            raise missing("The donor")
        skip, take = page_bounds(call)
        own = [entry for entry in self._store.gifts.visible() if _members(entry).get("donorId") == donor_id]
        return self._page("gift", own, skip, take)

    def _query_page(
        self, kind: str, body: Mapping[str, Any], since: int | None, bounds: tuple[int, int]
    ) -> dict[str, Any]:
        habits, sort = self._store.settings.pages, body.get("sortBy", "id")
        skip, take = habits.bounds(*bounds)
        records, text = self._store.records(kind), text_member(body, "filter")
        descending = body.get("descending", False)
        if not isinstance(descending, bool):
            raise refuse("descending", "A boolean is expected.")
        renderer = self._store.renderers[kind]
        if sort == "modifieddate" and not text and not descending and habits.keeps_order:
            ids, total = records.page_since(since, skip, take)
            return renderer.page(records, ids, habits.total(total, skip))
        entries = [entry for entry in map(records.get, records.modified_since(since)) if entry is not None]
        entries = self._filtered(kind, entries, text)
        # Ties are ordered by id in either direction: sorting is stable, also when it is reversed.
        entries.sort(key=lambda entry: entry.record_id)
        if not habits.ignores_sort:
            entries.sort(key=lambda entry: _query_key(sort, entry), reverse=descending)
        ids = [entry.record_id for entry in habits.ordered(entries)[skip : skip + take]]
        return renderer.page(records, ids, habits.total(len(entries), skip))

    def _donor_of(self, gift: Mapping[str, Any]) -> dict[str, Any] | None:
        donor = self._store.donors.get(gift.get("donorId", -1))
        return None if donor is None else self._store.render("donor", donor)

    def _page(self, kind: str, entries: list[Entry], skip: int, take: int) -> Answer:
        shown = [self._store.render(kind, entry) for entry in entries[skip : skip + take]]
        return Answer.of_json({"items": shown, "total": len(entries)})

    def _filtered(self, kind: str, entries: Iterable[Entry], text: str | None) -> list[Entry]:
        if not text:
            return list(entries)
        wanted = text.casefold()
        names = SEARCHED[kind]
        return [
            entry
            for entry in entries
            if str(entry.record_id) == wanted
            or any(wanted in str(_members(entry).get(name) or "").casefold() for name in names)
        ]

    def _sort_key(self, kind: str, sort: str, entry: Entry) -> tuple[Any, int]:
        members = _members(entry)
        match sort:
            case "amount":
                key: Any = Decimal(str(members.get("amount") or 0))
            case "date":
                key = entry.created
            case "status":
                key = str(members.get("statusText") or "")
            case "name":
                key = str((donor_name(members) if kind == "donor" else members.get("name")) or "")
            case "donorname":
                donor = self._store.donors.get(members.get("donorId", -1))
                key = str((donor_name(_members(donor)) if donor is not None else None) or "")
            case _:
                key = entry.record_id
        return key, entry.record_id


def _members(entry: Entry) -> dict[str, Any]:
    return entry.seen.members if entry.seen is not None else {}


def _query_key(sort: str, entry: Entry) -> int:
    if sort == "createdate":
        return entry.created
    if sort == "modifieddate":
        return entry.seen.modified if entry.seen is not None else 0
    return entry.record_id


def _lower_bound(groups: Any) -> int | None:
    """Of each group the latest bound, of all groups the earliest: one matching group is enough."""
    if groups is None or groups == []:
        return None
    if not isinstance(groups, list):
        raise refuse("groups", "A list is expected.")
    bounds: list[int] = []
    for n, group in enumerate(groups):
        conditions = group.get("conditions") if isinstance(group, Mapping) else None
        if not isinstance(conditions, list) or not conditions:
            raise refuse(f"groups[{n}].conditions", "At least one condition is required.")
        bounds.append(max(_bound(f"groups[{n}].conditions[{m}]", condition) for m, condition in enumerate(conditions)))
    return min(bounds)


def _bound(place: str, condition: Any) -> int:
    if not isinstance(condition, Mapping):
        raise refuse(place, "An object is expected.")
    for name, allowed in (("parameter", "Modified Date"), ("operator", "OnOrAfter")):
        if condition.get(name) != allowed:
            raise refuse(f"{place}.{name}", f"The value '{condition.get(name)}' is not valid.")
    try:
        return parse_timestamp(str(condition.get("value")))
    except ValueError as error:
        raise refuse(f"{place}.value", str(error)) from error
