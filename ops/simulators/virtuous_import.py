"""The import tool of the simulated Virtuous: rows are held until somebody runs the import."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from ops.simulators.virtuous_edits import put_address, put_method, settle_names
from ops.simulators.virtuous_matching import FoundBy, as_contact_row, find_contact, find_individual
from ops.simulators.virtuous_records import IMPORT, Contact, HeldRow, RowState
from ops.simulators.virtuous_shapes import ADDRESS_LINES, CONTACT_TYPES, GIFT_TYPES
from ops.simulators.virtuous_store import VirtuousStore

SURE = (FoundBy.ID, FoundBy.REFERENCE)
NAME_PARTS = {"title": "prefix", "firstName": "firstName", "middleName": "middleName", "lastName": "lastName",
              "suffix": "suffix"}  # fmt: skip


class Sorting(StrEnum):
    """How the import tool sorts a row before it is run."""

    READY = "Ready"
    MATCH_NEEDED = "Match Needed"
    UPDATE_NEEDED = "Update Needed"


@dataclass(slots=True)
class ImportChoices:
    """What staff decides when it runs the import."""

    take: Callable[[HeldRow], bool] | None = None
    """Which rows are imported now; all without it. The others stay held."""
    refuse: Callable[[HeldRow], bool] | None = None
    """Which rows are thrown away."""
    on_match: str = "accept"
    """What becomes of a row that only resembles a contact: `accept` the match, `create` another, or `leave` it held."""
    on_update_needed: str = "leave"
    """What becomes of a row with something wrong in it: `leave` it held, or `import` it as far as it goes."""
    kinds: tuple[str, ...] = ("contact", "gift")


@dataclass(slots=True)
class ImportResult:
    """What a run of the import did."""

    landed: list[int] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    sorted_as: Counter[str] = field(default_factory=Counter)

    def as_json(self) -> dict[str, Any]:
        """The result as the control side shows it."""
        return {
            "landed": len(self.landed), "left": len(self.left), "refused": len(self.refused),
            "sorting": dict(self.sorted_as),
        }  # fmt: skip


def hold(store: VirtuousStore, kind: str, source: str, row: dict[str, Any]) -> HeldRow:
    """Hold one row. A gift that was handed in before, by source and id, stays the one it was."""
    key = (source, str(row.get("transactionId")))
    known = store.gift_rows.get(key) if kind == "gift" else None
    if known is not None and known.state is not RowState.REFUSED:
        known.repeats += 1
        if known.row != row:
            store.changed_repeats.append(key)
        return known
    held = HeldRow(store.new_id("row"), kind, source, row, store.now())
    store.rows.append(held)
    store.writes += 1
    if kind == "gift":
        store.gift_rows[key] = held
    return held


def sorting_of(store: VirtuousStore, held: HeldRow) -> Sorting:
    """How the import tool sorts a row."""
    row = held.row if held.kind == "contact" else as_contact_row(held.row["contact"])
    if held.kind == "gift" and _flaws(store, held.row):
        return Sorting.UPDATE_NEEDED
    if row["contactType"] not in (*CONTACT_TYPES, *_custom_types(store)):
        return Sorting.UPDATE_NEEDED
    found = find_contact(store, held.source, row)
    if found is not None:
        return Sorting.READY if found[1] in SURE else Sorting.MATCH_NEEDED
    return Sorting.READY if _has_a_name(row) else Sorting.UPDATE_NEEDED


def run_import(store: VirtuousStore, choices: ImportChoices | None = None) -> ImportResult:
    """Run the import over the rows that are held: contacts first, then gifts, in the order of their arrival."""
    chosen, result = choices or ImportChoices(), ImportResult()
    with store.lock, store.outbox.bundled(store.settings.models_per_delivery):
        waiting = [row for row in store.rows if row.state is RowState.HELD and row.kind in chosen.kinds]
        for held in sorted(waiting, key=lambda row: (row.kind, row.number)):
            _import_row(store, held, chosen, result)
    return result


def _import_row(store: VirtuousStore, held: HeldRow, choices: ImportChoices, result: ImportResult) -> None:
    if choices.refuse is not None and choices.refuse(held):
        held.state = RowState.REFUSED
        result.refused.append(held.number)
        return
    sorting = sorting_of(store, held)
    result.sorted_as[sorting.value] += 1
    is_left = (sorting is Sorting.MATCH_NEEDED and choices.on_match == "leave") or (
        sorting is Sorting.UPDATE_NEEDED and choices.on_update_needed == "leave"
    )
    if is_left or (choices.take is not None and not choices.take(held)):
        result.left.append(held.number)
        return
    makes_new = sorting is Sorting.MATCH_NEEDED and choices.on_match == "create"
    if held.kind == "contact":
        contact = _import_contact(store, held.source, held.row, makes_new=makes_new)
    else:
        contact = _giver(store, held, makes_new=makes_new)
        held.gift_id = _import_gift(store, held, contact)
    held.contact_id, held.state = contact.contact_id, RowState.LANDED
    result.landed.append(held.number)


def _import_contact(store: VirtuousStore, source: str, row: Mapping[str, Any], *, makes_new: bool) -> Contact:
    found = None if makes_new else find_contact(store, source, row)
    if found is None:
        return _new_contact(store, source, row)
    with store.changing(found[0].contact_id, IMPORT) as contact:
        individual = find_individual(contact, source, row)
        if individual is None:
            individual = store.individual()
            contact.individuals.append(individual)
        _apply(store, contact, individual, row)
        if row.get("referenceId"):
            store.refer(contact, source, row["referenceId"], individual["id"])
    return contact


def _new_contact(store: VirtuousStore, source: str, row: Mapping[str, Any]) -> Contact:
    draft = Contact(0, {"contactType": row["contactType"], "tags": [], "customFields": {}}, 0, 0)
    # Phones and e-mails hang on a person, also where an organisation named none.
    individual = store.individual(isPrimary=True)
    draft.individuals.append(individual)
    _apply(store, draft, individual, row)
    contact = store.add_contact(draft.members, draft.individuals, draft.addresses, by=IMPORT)
    if row.get("referenceId"):
        store.refer(contact, source, row["referenceId"], individual["id"])
    return contact


def _apply(store: VirtuousStore, contact: Contact, individual: dict[str, Any], row: Mapping[str, Any]) -> None:
    """Put a row's values in; what is blank or missing erases nothing."""
    for name, part in NAME_PARTS.items():
        if str(row.get(name) or "").strip():
            individual[part] = row[name].strip()
            individual["modified"] = store.now()
    if str(row.get("name") or "").strip() and not contact.is_household:
        contact.members["name"] = row["name"].strip()
    for name, kind in (("phone", "Home Phone"), ("email", "Home Email")):
        if str(row.get(name) or "").strip():
            put_method(store, individual, _method_kind(row.get(f"{name}Type"), kind), row[name])
    if any(str(row.get(name) or "").strip() for name in ADDRESS_LINES[:-1]):
        put_address(store, contact, {name: str(row.get(name) or "").strip() for name in ADDRESS_LINES})
    tags = [tag.strip() for tag in str(row.get("tags") or "").split(";") if tag.strip()]
    contact.members["tags"] = [*dict.fromkeys([*(contact.members.get("tags") or []), *tags])]
    given = {name: value for name, value in (row.get("customFields") or {}).items() if value}
    contact.members["customFields"] = {**(contact.members.get("customFields") or {}), **given}
    settle_names(contact)


def _method_kind(given: Any, usual: str) -> str:
    text = str(given or "").strip()
    return text if text.endswith(usual.rpartition(" ")[2]) else usual


def _giver(store: VirtuousStore, held: HeldRow, *, makes_new: bool) -> Contact:
    """The contact of a gift. One that is there keeps its values; it only gets the reference, if it had none."""
    row = as_contact_row(held.row["contact"])
    found = None if makes_new else find_contact(store, held.source, row)
    if found is None:
        return _new_contact(store, held.source, row)
    contact, reference_id = found[0], row.get("referenceId")
    if reference_id and store.by_reference(held.source, reference_id) is None:
        with store.changing(contact.contact_id, IMPORT):
            individual = find_individual(contact, held.source, row)
            store.refer(contact, held.source, reference_id, individual["id"] if individual else None)
    return contact


def _import_gift(store: VirtuousStore, held: HeldRow, contact: Contact) -> int:
    row, amount = held.row, Decimal(held.row["amount"])
    designations = []
    for share in row.get("designations") or []:
        project = store.project_by_code(share.get("code") or "")
        if project is not None:
            given = Decimal(share.get("amountDesignated") or 0)
            designations.append({
                "id": store.new_id("detail"), "projectId": project.project_id, "project": project.members["name"],
                "projectCode": project.members["projectCode"], "amountDesignated": given,
            })  # fmt: skip
    individual = find_individual(contact, held.source, as_contact_row(row["contact"]))
    members = {
        "transactionSource": held.source,
        "transactionId": row["transactionId"],
        "contactIndividualId": row.get("contactIndividualId") or (individual or {}).get("id"),
        "contactPassthroughId": None,
        "giftType": GIFT_TYPES.get(row["giftType"], "Other"),
        "giftDate": row["giftDate"],
        "currencyCode": row.get("currencyCode"),
        "batch": row.get("batch"),
        "notes": row.get("notes"),
        "segmentCode": row.get("segment"),
        "giftDesignations": designations,
        "isPrivate": bool(row.get("isPrivate")),
        "isTaxDeductible": row.get("isTaxDeductible", True),
        "customFields": row.get("customFields") or {},
    }
    return store.add_gift(contact.contact_id, amount, members).gift_id


def _flaws(store: VirtuousStore, row: Mapping[str, Any]) -> bool:
    """Whether staff has to look: an unknown project or gift type, or shares that do not add up."""
    shares = row.get("designations") or []
    total = sum((Decimal(share.get("amountDesignated") or 0) for share in shares), Decimal(0))
    is_unknown = any(store.project_by_code(share.get("code") or "") is None for share in shares)
    return is_unknown or row["giftType"] not in GIFT_TYPES or bool(shares and total != Decimal(row["amount"]))


def _custom_types(store: VirtuousStore) -> set[str]:
    return {contact.contact_type for contact in store.contacts.values()}


def _has_a_name(row: Mapping[str, Any]) -> bool:
    return bool(row.get("name") or (row.get("firstName") and row.get("lastName")))
