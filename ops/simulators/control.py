"""The staff side that every simulated service has: look at the store and the log, set faults, begin outages."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ops.simulators.json_text import read_json, write_json

if TYPE_CHECKING:
    from ops.simulators.service import SimulatedService

LOOPBACK = ("127.0.0.1", "::1", "testclient")
Handler = Callable[[Request, Any], Any]


def json_response(value: Any, status: int = 200) -> Response:
    """An answer of the control side."""
    return Response(write_json(value), status, media_type="application/json")


def control_route(service: "SimulatedService", path: str, method: str, handler: Handler) -> Route:
    """A control endpoint: loopback only, a JSON body in, JSON out, 400 for what makes no sense."""

    async def endpoint(request: Request) -> Response:
        if request.client is not None and request.client.host not in LOOPBACK:
            return json_response({"error": "the control side answers on the loopback address alone"}, 403)
        try:
            text = await request.body()
            body = read_json(text) if text else {}
            with service.lock:
                return json_response(handler(request, body))
        except KeyError as problem:
            return json_response({"error": f"there is no {problem}"}, 404)
        except (ValueError, TypeError) as problem:
            return json_response({"error": str(problem)}, 400)

    bound: Callable[[Request], Awaitable[Response]] = endpoint
    return Route(f"/_sim/{path}", bound, methods=[method])


def shared_routes(service: "SimulatedService") -> list[Route]:
    """The control endpoints that both services have."""

    def log(request: Request, _: Any) -> Any:
        return [entry.as_json() for entry in service.log.since(int(request.query_params.get("since", "0")))]

    def reset(_: Request, __: Any) -> Any:
        service.reset()
        return {"reset": True}

    def violations(_: Request, __: Any) -> Any:
        if service.check is None:
            return {"checked": 0, "count": 0, "violations": [], "enabled": False}
        found = [violation.as_json() for violation in service.check.violations]
        counts = {"checked": service.check.exchanges_checked, "count": service.check.violation_count}
        return {**counts, "violations": found, "enabled": True}

    return [
        control_route(service, "store", "GET", lambda _, __: service.snapshot()),
        control_route(service, "log", "GET", log),
        control_route(service, "counts", "GET", lambda _, __: service.log.counts()),
        control_route(service, "reset", "POST", reset),
        control_route(service, "violations", "GET", violations),
        *_fault_routes(service),
    ]


def _fault_routes(service: "SimulatedService") -> list[Route]:
    faults = service.faults

    def clear(_: Request, __: Any) -> Any:
        faults.clear()
        return []

    def remove(request: Request, _: Any) -> Any:
        return {"removed": faults.remove(request.path_params["name"])}

    def begin_outage(_: Request, body: Any) -> Any:
        seconds = body.get("seconds")
        faults.begin_outage(body.get("mode", "status"), None if seconds is None else float(seconds))
        return outage(_, body)

    def end_outage(_: Request, __: Any) -> Any:
        faults.end_outage()
        return outage(_, __)

    def outage(_: Request, __: Any) -> Any:
        mode = faults.outage
        return {"outage": mode.value if mode else None, "hits": faults.outage_hits}

    return [
        control_route(service, "faults", "GET", lambda _, __: [rule.as_json() for rule in faults.rules]),
        control_route(service, "faults", "POST", lambda _, body: faults.add_from_json(body).as_json()),
        control_route(service, "faults", "DELETE", clear),
        control_route(service, "faults/{name}", "DELETE", remove),
        control_route(service, "outage", "GET", outage),
        control_route(service, "outage", "POST", begin_outage),
        control_route(service, "outage", "DELETE", end_outage),
    ]


def control_application(routes: list[Route]) -> Starlette:
    """The control side as an application of its own."""
    return Starlette(routes=routes)
