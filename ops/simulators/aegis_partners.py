"""Partners in the simulated Aegis: loose search, look-up, create, save as a full replace, notes."""

import re
from collections.abc import Mapping
from typing import Any

from ops.simulators.aegis_answers import error, invalid, saved, write_with
from ops.simulators.aegis_model import Model, ModelErrors
from ops.simulators.aegis_paging import page_answer
from ops.simulators.aegis_store import AegisStore, SearchTexts
from ops.simulators.countries import COUNTRY_CODES
from ops.simulators.wire import Answer, Call

TEXT_MEMBERS = (
    "Prefix", "FirstName", "MiddleName", "LastName", "Suffix", "Salutation", "Spouse", "SpouseLastName", "Company",
    "Address1", "Address2", "City", "StateProv", "PostalCode", "CountryCode", "EmailPreference", "OriginSource",
)  # fmt: skip
LIST_MEMBERS = ("PartnerPhones", "PartnerEmails", "PartnerAskArrays", "CustomData")
KEPT_BY_AEGIS = ("ID", "MemberDate", "DateModified")
MODEL_MEMBERS = frozenset((*TEXT_MEMBERS, *LIST_MEMBERS, *KEPT_BY_AEGIS, "IsActive"))
BEGINS_WITH = {
    "firstName": "FirstName", "lastName": "LastName", "address": "Address1", "city": "City", "state": "StateProv",
    "postalCode": "PostalCode", "country": "CountryCode",
}  # fmt: skip
CONTAINS = {"company": "Company", "title": "Prefix"}
FILTERS = (*BEGINS_WITH, *CONTAINS, "phone", "email")
WHOLE_ADDRESS = re.compile(r"[^@]+@[^@]{2,}\.[^@.]{2,}")


class PartnerOperations:
    """The partner operations of the contract."""

    def __init__(self, store: AegisStore) -> None:
        self._store = store

    def search(self, call: Call) -> Answer:
        """partner/Search."""
        tests = _tests(call.query)
        if not tests:
            return error(400, "At least one filter is required.")
        known = self._store.search_texts
        hits = [
            partner
            for partner_id, partner in self._store.partners.items()
            if _fits(known.get(partner_id) or self._texts(partner), tests)
        ]
        return page_answer(call, "Partners", hits)

    def by_id(self, call: Call) -> Answer:
        """partner/ID."""
        partner = self._store.partners.get(call.path["text"])
        if partner is not None:
            return Answer.of_json(partner)
        match self._store.settings.missing_partner:
            case "null":
                return Answer(200, b"null", "application/json; charset=utf-8", off_schema=True)
            case "empty":
                return Answer(200, off_schema=True)
            case _:
                return error(404, f"No partner '{call.path['text']}'.")

    def by_email(self, call: Call) -> Answer:
        """partner/Email: the first that has this primary address, whoever that is."""
        wanted = call.path["text"].casefold()
        for partner in self._store.partners.values():
            emails = sorted(partner["PartnerEmails"] or [], key=lambda email: email.get("Priority") or 99)
            if emails and emails[0]["Email"].casefold() == wanted:
                return Answer.of_json(partner)
        return error(404, "No partner with this primary e-mail address.")

    def create(self, call: Call) -> Answer:
        """partner/Create."""
        return write_with(self._store, call, "partner", self._create)

    def save(self, call: Call) -> Answer:
        """partner/Save: what is left out is blank afterwards."""
        return write_with(self._store, call, "partner", self._save)

    def create_note(self, call: Call) -> Answer:
        """partnernote/Create."""
        return write_with(self._store, call, "partnernote", self._create_note)

    def note_types(self, call: Call) -> Answer:
        """partnernote/NoteTypes."""
        return Answer.of_json(self._store.note_types)

    def _texts(self, partner: Mapping[str, Any]) -> SearchTexts:
        texts = self._store.search_texts.get(partner["ID"])
        if texts is None:
            texts = {name: [str(partner[member] or "").casefold()] for name, member in (BEGINS_WITH | CONTAINS).items()}
            texts["phone"] = [phone["Number"].casefold() for phone in partner["PartnerPhones"] or []]
            texts["email"] = [email["Email"].casefold() for email in partner["PartnerEmails"] or []]
            self._store.search_texts[partner["ID"]] = texts
        return texts

    def _create(self, model: Model, errors: ModelErrors) -> Answer:
        for name in KEPT_BY_AEGIS:
            model.raw(name)
        partner = self._read(model)
        model.raw("IsActive")
        model.drop_unknown()
        if errors:
            return invalid(errors.messages)
        stored = {"ID": self._store.new_partner_id(), **partner, "IsActive": True}
        stored["MemberDate"] = self._store.local_time(self._store.clock())
        self._store.touch(stored)
        self._store.add_partner(stored)
        return Answer.of_json(stored)

    def _save(self, model: Model, errors: ModelErrors) -> Answer:
        stored = self._store.partners.get(model.text("ID"))
        if stored is None:
            return error(404, f"No partner '{model.text('ID')}'.")
        model.raw("MemberDate")
        read = model.raw("DateModified")
        if self._store.settings.save_conflicts and read is not None and read != stored["DateModified"]:
            return error(409, f"Partner '{stored['ID']}' was changed by someone else.")
        partner = self._read(model, stored)
        partner["IsActive"] = model.flag("IsActive")
        # Members that this Aegis keeps although the contract does not name them.
        for name in set(stored) - MODEL_MEMBERS:
            value = model.raw(name)
            partner[name] = blank_like(stored[name]) if value is None else value
        model.drop_unknown()
        if errors:
            return invalid(errors.messages)
        partner["OriginSource"] = stored.get("OriginSource") or partner["OriginSource"]
        stored.update(partner)
        self._store.touch(stored)
        return saved(self._store, stored)

    def _read(self, model: Model, stored: Mapping[str, Any] | None = None) -> dict[str, Any]:
        partner: dict[str, Any] = {name: model.text(name) for name in TEXT_MEMBERS}
        partner["PartnerPhones"] = _contact_points(model, "PartnerPhones", "Number", stored)
        partner["PartnerEmails"] = _contact_points(model, "PartnerEmails", "Email", stored)
        asks = model.children("PartnerAskArrays")
        partner["PartnerAskArrays"] = [
            {"AskID": ask.integer("AskID") or 0, "AskAmount": ask.text("AskAmount")} for ask in asks
        ]
        partner["CustomData"] = model.names_and_values("CustomData")
        self._require(model, partner)
        if stored is None and partner["OriginSource"]:
            self._check_origin(model, partner["OriginSource"])
        return partner

    def _require(self, model: Model, partner: Mapping[str, Any]) -> None:
        if not any(partner[name].strip() for name in ("FirstName", "LastName", "Company")):
            model.refuse("LastName", "A name or a company is required.")
        reachable = partner["Address1"].strip() or partner["PartnerPhones"] or partner["PartnerEmails"]
        if not reachable:
            model.refuse("Address1", "An address, a phone number or an e-mail address is required.")
        if partner["EmailPreference"] not in ("", "HTML", "Text"):
            model.refuse("EmailPreference", "Must be HTML, Text or empty.")
        if partner["CountryCode"] and partner["CountryCode"] not in COUNTRY_CODES:
            model.refuse("CountryCode", f"'{partner['CountryCode']}' is not an ISO 3166-1 alpha-2 code.")
        for n, pair in enumerate(partner["CustomData"]):
            definition = self._store.custom_data_fields.get(pair["Name"].casefold())
            if definition is None or not definition["Active"]:
                model.refuse(f"CustomData[{n}].Name", f"'{pair['Name']}' does not exist in custom data.")
            elif definition["MaxLength"] is not None and len(pair["Value"]) > definition["MaxLength"]:
                model.refuse(f"CustomData[{n}].Value", f"Longer than {definition['MaxLength']} characters.")

    def _check_origin(self, model: Model, code: str) -> None:
        if not self._store.code_is_active("OriginSource", code):
            model.refuse("OriginSource", f"'{code}' does not exist in origin sources.")

    def _create_note(self, model: Model, errors: ModelErrors) -> Answer:
        note: dict[str, Any] = {name: model.required_text(name) for name in ("PartnerID", "Subject", "Note")}
        note["EnteredBy"] = model.text("EnteredBy") or "Web User"
        note["DateEntered"] = model.text("DateEntered") or self._store.local_time(self._store.clock())
        note["Private"] = model.flag("Private")
        kind = model.text("Type")
        note["Type"] = kind if kind in self._store.note_types else ""
        model.drop_unknown()
        if note["PartnerID"] and note["PartnerID"] not in self._store.partners:
            model.refuse("PartnerID", f"'{note['PartnerID']}' does not exist in partners.")
        if errors:
            return invalid(errors.messages)
        self._store.notes.append(note)
        self._store.writes += 1
        return Answer(200) if len(self._store.notes) % 2 else Answer(204)


def blank_like(value: Any) -> Any:
    """What a member of this type becomes when a Save leaves it out."""
    if isinstance(value, bool):
        return False
    if isinstance(value, list):
        return []
    return "" if isinstance(value, str) else None


def seed_partner(store: AegisStore, members: Mapping[str, Any]) -> str:
    """Put a partner into Aegis as its staff would have, with any members, and return its ID."""
    partner: dict[str, Any] = {"ID": str(members.get("ID") or store.new_partner_id())}
    partner |= dict.fromkeys(TEXT_MEMBERS, "") | {name: [] for name in LIST_MEMBERS}
    partner |= {"IsActive": True, "MemberDate": store.local_time(store.clock())}
    store.touch(partner)
    partner |= {name: value for name, value in members.items() if name != "ID"}
    store.add_partner(partner)
    store.seeded_partner_ids.add(partner["ID"])
    return str(partner["ID"])


def _contact_points(
    model: Model, member: str, value_member: str, stored: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    """Phones or e-mails as sent; members beyond the contract stay if this partner's entries have such members."""
    named = ("Type", "Priority", value_member, "Status")
    beyond = {name for point in (stored or {}).get(member) or [] for name in point if name not in named}
    points: list[dict[str, Any]] = []
    for n, point in enumerate(model.children(member)):
        priority = point.integer("Priority")
        points.append(
            {
                "Type": point.text("Type"),
                "Priority": priority if priority is not None else n + 1,
                value_member: point.required_text(value_member),
                "Status": point.text("Status"),
                **{name: point.raw(name) for name in sorted(beyond) if point.raw(name) is not None},
            }
        )
        point.drop_unknown()
    return points


def _tests(query: Mapping[str, str]) -> list[tuple[str, str, bool]]:
    """The filters that are given: which text, what is wanted, and whether anywhere in it will do."""
    tests = []
    for name in FILTERS:
        wanted = query.get(name, "").casefold()
        if wanted:
            anywhere = name in CONTAINS or name == "phone" or (name == "email" and not WHOLE_ADDRESS.fullmatch(wanted))
            tests.append((name, wanted, anywhere))
    return tests


def _fits(texts: SearchTexts, tests: list[tuple[str, str, bool]]) -> bool:
    for name, wanted, anywhere in tests:
        for text in texts[name]:
            if wanted in text if anywhere else text.startswith(wanted):
                break
        else:
            return False
    return True
