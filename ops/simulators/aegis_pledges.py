"""Pledges in the simulated Aegis: history, create, save as a full replace."""

import copy
from collections.abc import Mapping
from typing import Any

from ops.simulators.aegis_answers import error, invalid, saved, write_with
from ops.simulators.aegis_model import Model, ModelErrors, is_date, read_moment
from ops.simulators.aegis_paging import page_answer
from ops.simulators.aegis_partners import blank_like
from ops.simulators.aegis_store import AegisStore, Pledge
from ops.simulators.countries import COUNTRY_CODES
from ops.simulators.wire import Answer, Call

FREQUENCIES = (
    "Once", "Daily", "Weekly", "Monthly", "Bimonthly", "Quarterly", "Annually", "Semiannually", "Semimonthly",
)  # fmt: skip
PLEDGE_TYPES = ("OneTime", "OpenEnded", "FixedPeriod", "GoalBased")
PAYMENT_SUB_TYPES = {
    "CreditCard": ("Visa", "MasterCard", "Discover", "American Express"),
    "ElectronicFundsTransfer": ("Checking", "Savings"),
}
TEXT_MEMBERS = (
    "PartnerID", "DatePledged", "AppealCode", "StartDate", "PledgeType", "PledgeProgramName", "BatchType",
    "PaymentType", "PaymentSubType", "PaymentBank", "PaymentNumber", "PaymentExtraID", "PaymentExpDate",
    "PaymentFirstName", "PaymentMiddleName", "PaymentLastName", "PaymentAddress1", "PaymentAddress2", "PaymentCity",
    "PaymentStateProvince", "PaymentPostalCode", "PaymentCountry", "Channel",
)  # fmt: skip
FLAG_MEMBERS = ("Active", "AutoPayment", "PendingProfileUpdate")
NUMBER_MEMBERS = ("DayToCharge", "Installments")
KEPT_BY_AEGIS = ("ID", "PaymentTokenID")
MODEL_MEMBERS = frozenset((*TEXT_MEMBERS, *FLAG_MEMBERS, *NUMBER_MEMBERS, *KEPT_BY_AEGIS, "PledgeAmount", "Frequency"))
REQUIRED = ("PartnerID", "PaymentType", "StartDate", "PledgeType")
LAST_DAY = 31
SHOWN_DIGITS = 4


class PledgeOperations:
    """The pledge operations of the contract."""

    def __init__(self, store: AegisStore) -> None:
        self._store = store

    def history(self, call: Call) -> Answer:
        """partner/PledgeHistory."""
        partner_id = call.path["text"]
        if partner_id not in self._store.partners:
            return error(404, f"No partner '{partner_id}'.")
        pledges = self._store.pledges_of.get(partner_id, [])
        return page_answer(call, "Pledges", [pledge.model for pledge in pledges])

    def create(self, call: Call) -> Answer:
        """pledge/Create."""
        return write_with(self._store, call, "pledge", self._create)

    def save(self, call: Call) -> Answer:
        """pledge/Save: what is left out is blank afterwards."""
        return write_with(self._store, call, "pledge", self._save)

    def _create(self, model: Model, errors: ModelErrors) -> Answer:
        members = self._read(model)
        for name in KEPT_BY_AEGIS:
            model.raw(name)
        model.drop_unknown()
        if errors:
            return invalid(errors.messages)
        members["DatePledged"] = members["DatePledged"] or self._store.local_time(self._store.clock())
        members["BatchType"] = members["BatchType"] or "Web"
        stored = {"ID": self._store.new_pledge_id(), **members, "PaymentTokenID": ""}
        self._store.add_pledge(_pledge(self._store, stored, via_api=True))
        return Answer.of_json(stored)

    def _save(self, model: Model, errors: ModelErrors) -> Answer:
        pledge = self._store.pledges.get(model.text("ID"))
        if pledge is None:
            return error(404, f"No pledge '{model.text('ID')}'.")
        stored = pledge.model
        members = self._read(model)
        model.raw("PaymentTokenID")
        for name in set(stored) - MODEL_MEMBERS:
            value = model.raw(name)
            members[name] = blank_like(stored[name]) if value is None else value
        model.drop_unknown()
        if members["PartnerID"] and members["PartnerID"] != stored["PartnerID"]:
            model.refuse("PartnerID", "A pledge stays with its partner.")
        if errors:
            return invalid(errors.messages)
        stored.update(members)
        pledge.pledged = _pledged(self._store, stored)
        self._store.writes += 1
        return saved(self._store, stored)

    def _read(self, model: Model) -> dict[str, Any]:
        members: dict[str, Any] = {
            name: model.required_text(name) if name in REQUIRED else model.text(name) for name in TEXT_MEMBERS
        }
        members["PledgeAmount"] = model.required_amount("PledgeAmount")
        members["Frequency"] = model.text("Frequency") or None
        members |= {name: model.flag(name) for name in FLAG_MEMBERS}
        members |= {name: model.integer(name) for name in NUMBER_MEMBERS}
        number = members["PaymentNumber"]
        if len(number) > SHOWN_DIGITS:
            members["PaymentNumber"] = "*" * (len(number) - SHOWN_DIGITS) + number[-SHOWN_DIGITS:]
        self._check_values(model, members)
        self._check_existence(model, members)
        return members

    def _check_values(self, model: Model, members: Mapping[str, Any]) -> None:
        if members["PledgeAmount"] <= 0:
            model.refuse("PledgeAmount", "Must be above zero.")
        if members["PledgeType"] and members["PledgeType"] not in PLEDGE_TYPES:
            model.refuse("PledgeType", f"Must be one of {', '.join(PLEDGE_TYPES)}.")
        if members["Frequency"] is not None and members["Frequency"] not in FREQUENCIES:
            model.refuse("Frequency", f"Must be one of {', '.join(FREQUENCIES)}.")
        for name in ("StartDate", "DatePledged"):
            if members[name] and not is_date(members[name]):
                model.refuse(name, f"'{members[name]}' is not a date.")
        day = members["DayToCharge"]
        if day is not None and not 1 <= day <= LAST_DAY:
            model.refuse("DayToCharge", f"Must be from 1 to {LAST_DAY}.")
        sub_types = PAYMENT_SUB_TYPES.get(members["PaymentType"])
        if members["PaymentSubType"] and sub_types is not None and members["PaymentSubType"] not in sub_types:
            model.refuse("PaymentSubType", f"Must be one of {', '.join(sub_types)}.")
        if members["PaymentCountry"] and members["PaymentCountry"] not in COUNTRY_CODES:
            model.refuse("PaymentCountry", f"'{members['PaymentCountry']}' is not an ISO 3166-1 alpha-2 code.")

    def _check_existence(self, model: Model, members: Mapping[str, Any]) -> None:
        partner = self._store.partners.get(members["PartnerID"])
        if members["PartnerID"] and (partner is None or not partner["IsActive"]):
            model.refuse("PartnerID", f"'{members['PartnerID']}' does not exist in partners.")
        if members["AppealCode"] and not self._store.code_is_active("Appeal", members["AppealCode"]):
            model.refuse("AppealCode", f"'{members['AppealCode']}' does not exist in appeals.")
        program = members["PledgeProgramName"]
        if program and not self._store.code_is_active("PledgeProgram", program):
            model.refuse("PledgeProgramName", f"'{program}' does not exist in pledge programs.")
        if members["AutoPayment"] and not program:
            model.refuse("PledgeProgramName", "Automatic payment needs a pledge program.")


def seed_pledge(store: AegisStore, members: Mapping[str, Any]) -> str:
    """Put a pledge into Aegis as its staff would have, with any members, and return its ID."""
    model: dict[str, Any] = {"ID": store.new_pledge_id()}
    model |= dict.fromkeys(TEXT_MEMBERS, "") | dict.fromkeys(NUMBER_MEMBERS)
    model |= {"Frequency": "Monthly", "Active": True, "AutoPayment": False, "PendingProfileUpdate": False}
    model |= {"PledgeType": "OpenEnded", "PaymentType": "CreditCard", "PaymentTokenID": "", "BatchType": "Web"}
    model |= {"DatePledged": store.local_time(store.clock()), **members}
    pledge = _pledge(store, model, via_api=False)
    store.add_pledge(pledge)
    return pledge.pledge_id


def _pledge(store: AegisStore, model: dict[str, Any], *, via_api: bool) -> Pledge:
    pledged = _pledged(store, model)
    first, as_left = copy.deepcopy(model), copy.deepcopy(model)
    return Pledge(model, created=store.clock(), pledged=pledged, via_api=via_api, first_model=first, as_left=as_left)


def _pledged(store: AegisStore, model: Mapping[str, Any]) -> Any:
    text = str(model["DatePledged"])
    return read_moment(text if "T" in text else f"{text}T00:00:00") or store.clock()
