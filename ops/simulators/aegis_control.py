"""The staff side of the simulated Aegis: define codes, seed and switch off partners and pledges, change behaviour."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.requests import Request

from ops.simulators.aegis_partners import seed_partner
from ops.simulators.aegis_pledges import seed_pledge
from ops.simulators.aegis_store import LOOKUP_KINDS, AegisStore, HistoryDates
from ops.simulators.aegis_transactions import seed_transaction
from ops.simulators.control import control_application, control_route, shared_routes
from ops.simulators.interjections import Interjection, Moment

if TYPE_CHECKING:
    from ops.simulators.aegis import AegisSimulator


def aegis_control(simulator: "AegisSimulator") -> Starlette:
    """The control endpoints of the simulated Aegis."""
    staff = _Staff(simulator.store, simulator.interjections)
    routes = [
        ("codes/{kind}", "POST", staff.add_code),
        ("codes/{kind}/{code}", "PATCH", staff.switch_code),
        ("customdata", "POST", staff.add_custom_data_field),
        ("queries/{query}", "PUT", staff.add_query),
        ("partners", "POST", staff.add_partner),
        ("partners/{id}", "PATCH", staff.edit_partner),
        ("partners/{id}/edit-beside", "POST", staff.edit_partner_beside),
        ("partners/{id}/deactivate", "POST", staff.deactivate_partner),
        ("partners/{id}/activate", "POST", staff.activate_partner),
        ("partners/{id}", "DELETE", staff.remove_partner),
        ("pledges", "POST", staff.add_pledge),
        ("pledges/{id}", "PATCH", staff.edit_pledge),
        ("pledges/{id}/edit-beside", "POST", staff.edit_pledge_beside),
        ("pledges/{id}/deactivate", "POST", staff.deactivate_pledge),
        ("pledges/{id}/activate", "POST", staff.activate_pledge),
        ("transactions", "POST", staff.add_transaction),
        ("settings", "PATCH", staff.change_settings),
    ]
    own = [control_route(simulator, path, method, handler) for path, method, handler in routes]
    return control_application([*shared_routes(simulator), *own])


class _Staff:
    def __init__(self, store: AegisStore, interjections: list[Interjection]) -> None:
        self._store = store
        self._interjections = interjections

    def add_code(self, request: Request, body: Any) -> Any:
        members = dict(body)
        code, name, active = members.pop("code"), members.pop("name", None), bool(members.pop("active", True))
        self._store.add_code(request.path_params["kind"], code, name, active=active, **members)
        return self._store.codes[request.path_params["kind"]][code]

    def switch_code(self, request: Request, body: Any) -> Any:
        kind, code = request.path_params["kind"], request.path_params["code"]
        self._store.set_code_active(kind, code, bool(body["active"]))
        return self._store.codes[kind][code]

    def add_custom_data_field(self, _: Request, body: Any) -> Any:
        self._store.add_custom_data_field(
            body["name"], active=bool(body.get("active", True)), max_length=body.get("maxLength", 50)
        )
        return self._store.custom_data_fields[body["name"].casefold()]

    def add_query(self, request: Request, _: Any) -> Any:
        self._store.queries.add(request.path_params["query"])
        return sorted(self._store.queries)

    def add_partner(self, _: Request, body: Any) -> Any:
        return self._store.partners[seed_partner(self._store, body)]

    def edit_partner(self, request: Request, body: Any) -> Any:
        self._store.edit_partner(request.path_params["id"], body)
        return self._store.partners[request.path_params["id"]]

    def edit_partner_beside(self, request: Request, body: Any) -> Any:
        """Edit a partner straight after a caller has read it, or beside another call: once, at the n-th such call."""
        partner_id = str(self._store.partners[request.path_params["id"]]["ID"])
        act = partial(self._store.edit_partner, partner_id, body["members"])
        return self._beside(body, "getPartner", partner_id, act)

    def deactivate_partner(self, request: Request, _: Any) -> Any:
        self._store.set_partner_active(request.path_params["id"], False)
        return self._store.partners[request.path_params["id"]]

    def activate_partner(self, request: Request, _: Any) -> Any:
        self._store.set_partner_active(request.path_params["id"], True)
        return self._store.partners[request.path_params["id"]]

    def remove_partner(self, request: Request, _: Any) -> Any:
        return self._store.partners.pop(request.path_params["id"])

    def add_pledge(self, _: Request, body: Any) -> Any:
        return self._store.pledges[seed_pledge(self._store, body)].model

    def edit_pledge(self, request: Request, body: Any) -> Any:
        self._store.edit_pledge(request.path_params["id"], body)
        return self._store.pledges[request.path_params["id"]].model

    def edit_pledge_beside(self, request: Request, body: Any) -> Any:
        """Edit a pledge straight after a caller has read its partner's pledges, or beside another call."""
        pledge = self._store.pledges[request.path_params["id"]]
        act = partial(self._store.edit_pledge, pledge.pledge_id, body["members"])
        return self._beside(body, "getPledgeHistory", str(pledge.model["PartnerID"]), act)

    def deactivate_pledge(self, request: Request, _: Any) -> Any:
        self._store.set_pledge_active(request.path_params["id"], False)
        return self._store.pledges[request.path_params["id"]].model

    def activate_pledge(self, request: Request, _: Any) -> Any:
        self._store.set_pledge_active(request.path_params["id"], True)
        return self._store.pledges[request.path_params["id"]].model

    def add_transaction(self, _: Request, body: Any) -> Any:
        return {"InvoiceNumber": seed_transaction(self._store, body)}

    def change_settings(self, _: Request, body: Any) -> Any:
        settings = self._store.settings
        if "historyDates" in body:
            settings.history_dates = HistoryDates(body["historyDates"])
        if "lookupsNotOffered" in body:
            if unknown := set(body["lookupsNotOffered"]) - set(LOOKUP_KINDS):
                raise ValueError(f"no such look-ups: {', '.join(sorted(unknown))}")
            settings.lookups_not_offered = set(body["lookupsNotOffered"])
        settings.missing_partner = body.get("missingPartner", settings.missing_partner)
        settings.save_answers = body.get("saveAnswers", settings.save_answers)
        settings.save_conflicts = bool(body.get("saveConflicts", settings.save_conflicts))
        return {
            "historyDates": settings.history_dates.value,
            "lookupsNotOffered": sorted(settings.lookups_not_offered),
            "missingPartner": settings.missing_partner,
            "saveAnswers": settings.save_answers,
            "saveConflicts": settings.save_conflicts,
        }

    def _beside(self, body: Any, operation: str, names: str, act: Callable[[], None]) -> Any:
        moment = Moment(body.get("moment", Moment.AFTER.value))
        operation, nth = body.get("operation", operation), int(body.get("nth", 1))
        self._interjections.append(Interjection(operation, act, moment, names, nth))
        return {"operation": operation, "moment": moment.value, "nth": nth, "names": names}
