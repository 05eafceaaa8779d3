"""The staff side of the simulated RaiseDonors: add and edit records, approve, refund, void, change behaviour."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.requests import Request

from ops.simulators.control import control_application, control_route, shared_routes
from ops.simulators.raisedonors_store import RaiseDonorsStore

if TYPE_CHECKING:
    from ops.simulators.raisedonors import RaiseDonorsSimulator

KINDS = {"gifts": "gift", "donors": "donor", "schedules": "schedule", "projects": "project", "activities": "activity"}
GIFT_ACTIONS = {"approve": "Approved", "decline": "Declined", "refund": "Refunded", "void": "Voided"}
SCHEDULE_ACTIONS = {"suspend": "Suspended", "resume": "Active", "cancel": "Cancelled", "expire": "Expired"}


def raisedonors_control(simulator: "RaiseDonorsSimulator") -> Starlette:
    """The control endpoints of the simulated RaiseDonors."""
    staff = _Staff(simulator.store)
    routes = [
        ("settings", "PATCH", staff.change_settings),
        ("gifts/{id:int}/{action}", "POST", staff.act_on_gift),
        ("schedules/{id:int}/{action}", "POST", staff.act_on_schedule),
        ("{plural}", "POST", staff.add),
        ("{plural}/{id:int}", "GET", staff.look),
        ("{plural}/{id:int}", "PATCH", staff.edit),
        ("{plural}/{id:int}", "DELETE", staff.remove),
    ]
    own = [control_route(simulator, path, method, handler) for path, method, handler in routes]
    return control_application([*shared_routes(simulator), *own])


class _Staff:
    def __init__(self, store: RaiseDonorsStore) -> None:
        self._store = store

    def add(self, request: Request, body: Any) -> Any:
        kind = KINDS[request.path_params["plural"]]
        members = dict(body)
        after = _seconds(members.pop("visibleAfterSeconds", None))
        record_id = self._store.add(kind, members, visible_after=after, label=members.pop("_kind", None))
        return self._shown(kind, record_id)

    def look(self, request: Request, _: Any) -> Any:
        return self._shown(KINDS[request.path_params["plural"]], request.path_params["id"])

    def edit(self, request: Request, body: Any) -> Any:
        kind, record_id = KINDS[request.path_params["plural"]], request.path_params["id"]
        changes = dict(body)
        after = _seconds(changes.pop("visibleAfterSeconds", None))
        self._store.edit(kind, record_id, changes, visible_after=after)
        return self._shown(kind, record_id)

    def remove(self, request: Request, _: Any) -> Any:
        self._store.records(KINDS[request.path_params["plural"]]).remove(request.path_params["id"])
        return {"removed": request.path_params["id"]}

    def act_on_gift(self, request: Request, _: Any) -> Any:
        gift_id = request.path_params["id"]
        self._store.set_gift_status(gift_id, GIFT_ACTIONS[request.path_params["action"]])
        return self._shown("gift", gift_id)

    def act_on_schedule(self, request: Request, _: Any) -> Any:
        schedule_id = request.path_params["id"]
        self._store.set_schedule_status(schedule_id, SCHEDULE_ACTIONS[request.path_params["action"]])
        return self._shown("schedule", schedule_id)

    def change_settings(self, _: Request, body: Any) -> Any:
        settings = self._store.settings
        settings.crmkey_answers = int(body.get("crmkeyAnswers", settings.crmkey_answers))
        settings.write_answers = str(body.get("writeAnswers", settings.write_answers))
        return {"crmkeyAnswers": settings.crmkey_answers, "writeAnswers": settings.write_answers}

    def _shown(self, kind: str, record_id: int) -> Any:
        entry = self._store.records(kind).entry(record_id)
        return self._store.renderers[kind].render(entry, entry.latest)


def _seconds(value: Any) -> timedelta | None:
    return None if value is None else timedelta(seconds=float(value))
