"""The staff side of the simulated Virtuous: edit contacts, run the import, steer deliveries, change behaviour."""

from dataclasses import asdict, fields
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.requests import Request

from ops.simulators.control import control_application, control_route, shared_routes
from ops.simulators.interjections import Interjection, Moment
from ops.simulators.json_text import write_json
from ops.simulators.virtuous_import import ImportChoices, sorting_of
from ops.simulators.virtuous_outbox import Delivery
from ops.simulators.virtuous_records import HeldRow, RowState
from ops.simulators.virtuous_settings import VirtuousSettings, VirtuousUser

if TYPE_CHECKING:
    from ops.simulators.virtuous import VirtuousSimulator

SETS = ("forbidden_operations", "unwelcome_texts")


def virtuous_control(simulator: "VirtuousSimulator") -> Starlette:
    """The control endpoints of the simulated Virtuous."""
    side = _Side(simulator)
    routes = [
        ("contacts", "POST", side.add_contact),
        ("contacts/{id:int}", "GET", side.look),
        ("contacts/{id:int}", "PATCH", side.edit_contact),
        ("contacts/{id:int}", "DELETE", side.delete_contact),
        ("contacts/{id:int}/edit-beside", "POST", side.edit_contact_beside),
        ("contacts/{id:int}/individuals", "POST", side.add_individual),
        ("contacts/{id:int}/merge-into/{other:int}", "POST", side.merge),
        ("contacts/{id:int}/archive", "POST", side.archive),
        ("ncoa", "POST", side.run_ncoa),
        ("gifts/{id:int}", "PATCH", side.edit_gift),
        ("gifts/{id:int}", "DELETE", side.delete_gift),
        ("rows", "GET", side.rows),
        ("import", "POST", side.run_import),
        ("budget/spend", "POST", side.spend),
        ("deliveries", "GET", side.deliveries),
        ("deliveries", "POST", side.send_body),
        ("deliveries/{id:int}/retry", "POST", side.retry),
        ("mishaps", "POST", side.add_mishap),
        ("mishaps", "DELETE", side.clear_mishaps),
        ("settings", "PATCH", side.change_settings),
    ]
    own = [control_route(simulator, path, method, handler) for path, method, handler in routes]
    return control_application([*shared_routes(simulator), *own])


class _Side:
    def __init__(self, simulator: "VirtuousSimulator") -> None:
        self._simulator = simulator
        self._store, self._staff = simulator.store, simulator.staff

    def add_contact(self, _: Request, body: Any) -> Any:
        return self._store.contact_json(self._staff.add_contact(body))

    def look(self, request: Request, _: Any) -> Any:
        return self._store.contact_json(self._store.contacts[request.path_params["id"]])

    def edit_contact(self, request: Request, body: Any) -> Any:
        self._staff.edit_contact(request.path_params["id"], body)
        return self.look(request, body)

    def edit_contact_beside(self, request: Request, body: Any) -> Any:
        """Edit a contact straight after a caller has read it, or beside another call: once, at the n-th such call."""
        contact_id = self._store.contacts[request.path_params["id"]].contact_id
        moment = Moment(body.get("moment", Moment.AFTER.value))
        operation, nth = body.get("operation", "getContact"), int(body.get("nth", 1))
        act = partial(self._staff.edit_contact, contact_id, body["members"])
        self._simulator.interjections.append(Interjection(operation, act, moment, str(contact_id), nth))
        return {"operation": operation, "moment": moment.value, "nth": nth, "names": str(contact_id)}

    def delete_contact(self, request: Request, _: Any) -> Any:
        self._staff.delete(request.path_params["id"])
        return {"deleted": request.path_params["id"]}

    def add_individual(self, request: Request, body: Any) -> Any:
        self._staff.add_individual(request.path_params["id"], body)
        return self.look(request, body)

    def merge(self, request: Request, body: Any) -> Any:
        self._staff.merge(request.path_params["id"], request.path_params["other"])
        return self.look(request, body)

    def archive(self, request: Request, body: Any) -> Any:
        self._staff.archive(request.path_params["id"], is_archived=bool(body.get("archived", True)))
        return self.look(request, body)

    def run_ncoa(self, _: Request, body: Any) -> Any:
        """New addresses by contact id, so many contacts to a delivery."""
        addresses = {int(contact_id): address for contact_id, address in body["addresses"].items()}
        return {"changed": self._staff.run_ncoa(addresses, bundle=int(body.get("bundle", 25)))}

    def edit_gift(self, request: Request, body: Any) -> Any:
        self._staff.edit_gift(request.path_params["id"], body)
        return self._store.gift_json(self._store.gifts[request.path_params["id"]])

    def delete_gift(self, request: Request, _: Any) -> Any:
        self._staff.delete_gift(request.path_params["id"])
        return {"deleted": request.path_params["id"]}

    def rows(self, _: Request, __: Any) -> Any:
        held = [row for row in self._store.rows if row.state is RowState.HELD]
        return [{**asdict(row), "sorting": sorting_of(self._store, row).value} for row in held]

    def run_import(self, _: Request, body: Any) -> Any:
        """Run the import now, or in so many seconds; `only` and `refuse` name references or transaction ids."""
        choices = _choices(body)
        if "afterSeconds" in body:
            self._simulator.plan_import(float(body["afterSeconds"]), choices)
            return {"planned": True}
        return self._simulator.run_import(choices).as_json()

    def spend(self, _: Request, body: Any) -> Any:
        """Another integration of the organisation makes calls."""
        left = self._store.budget.remaining
        self._store.budget.spend(int(body["calls"]) if left is None else min(left, int(body["calls"])))
        return {"remaining": self._store.budget.remaining, "resetsAt": self._store.budget.resets_at}

    def deliveries(self, request: Request, _: Any) -> Any:
        wanted = request.query_params.get("state")
        return [_shown(one) for one in self._store.outbox.deliveries if wanted in (None, one.state.value)]

    def send_body(self, _: Request, body: Any) -> Any:
        """Send a signed body as it is: a `text` of any form, or a JSON `value`."""
        text = body.get("text")
        self._store.outbox.send_body(write_json(body["value"]) if text is None else str(text).encode())
        return {"subscribers": len(self._store.outbox.subscriptions)}

    def retry(self, request: Request, _: Any) -> Any:
        number = request.path_params["id"]
        if number not in {one.number for one in self._store.outbox.failures}:
            raise KeyError(f"delivery {number} in the failures list")
        self._store.outbox.retry(number)
        return {"retried": number}

    def add_mishap(self, _: Request, body: Any) -> Any:
        names = {"recordId": "record_id"}
        return asdict(self._store.outbox.mishap(**{names.get(name, name): value for name, value in body.items()}))

    def clear_mishaps(self, _: Request, __: Any) -> Any:
        self._store.outbox.mishaps.clear()
        return []

    def change_settings(self, _: Request, body: Any) -> Any:
        settings = self._store.settings
        known = {field.name for field in fields(VirtuousSettings)}
        if unknown := set(body) - known:
            raise ValueError(f"no such settings: {', '.join(sorted(unknown))}")
        for name, value in body.items():
            given = float(value) if name.endswith("_seconds") and isinstance(value, int | float) else value
            if name in SETS:
                given = set(value)
            elif name == "users":
                given = {user: VirtuousUser(**members) for user, members in value.items()}
            elif name == "repeat_after":
                given = tuple(float(seconds) for seconds in value)
            elif isinstance(getattr(settings, name), int) and not isinstance(value, bool):
                given = None if value is None else int(value)
            setattr(settings, name, given)
        return {name: getattr(settings, name) for name in known - {*SETS, "users"}} | {
            name: sorted(getattr(settings, name)) for name in (*SETS, "users")
        }


def _choices(body: Any) -> ImportChoices:
    choices = ImportChoices(
        on_match=body.get("onMatch", "accept"), on_update_needed=body.get("onUpdateNeeded", "leave"),
        kinds=tuple(body.get("kinds", ("contact", "gift"))),
    )  # fmt: skip
    if "only" in body:
        only = set(body["only"])
        choices.take = lambda row: row.identity in only
    if "refuse" in body:
        refused = set(body["refuse"])

        def is_refused(row: HeldRow) -> bool:
            return row.identity in refused

        choices.refuse = is_refused
    return choices


def _shown(delivery: Delivery) -> dict[str, Any]:
    return {
        "number": delivery.number, "event": delivery.event, "recordIds": delivery.record_ids,
        "state": delivery.state.value, "statuses": delivery.statuses, "double": delivery.is_double,
        "bytes": len(delivery.body),
    }  # fmt: skip
