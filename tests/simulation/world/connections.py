"""A process' way to the outside systems: the simulators' answers over requests, and what befalls them on the way."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import MaxRetryError, NewConnectionError
from urllib3.response import HTTPResponse

from ops.simulators.service import SimulatedService
from ops.simulators.wire import Answer, ConnectionDropped
from tests.simulation.clock.scheduler import Scheduler
from tests.simulation.world.replacements import Look, Replacements
from tests.simulation.world.trace import Trace
from tests.simulation.world.weather import Weather

_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body><center>nginx</center></body></html>"
_STATUSES = (500, 502, 503, 504, 408)
_ON_ANY = (
    "http-refused",
    "http-lost-before",
    "http-429",
    "http-5xx-before",
    "http-gateway-page",
    "http-slow",
    "http-body-cut",
)
_ON_READS = (*_ON_ANY, "http-read-doubled")
# Whether it was carried out matters only of a write.
_ON_WRITES = (*_ON_ANY, "http-lost-after", "http-late-landing", "http-5xx-after")
# Queries that are posted.
_READS = ("/query", "/search")


class Connections(BaseAdapter):
    """What a session of requests sends through. `services` are the simulators by host name.

    A request whose answer is lost lands at the latest after `latest_landing` seconds, if it lands late.
    """

    def __init__(
        self,
        services: Mapping[str, SimulatedService],
        scheduler: Scheduler,
        weather: Weather,
        trace: Trace,
        latest_landing: Callable[[], float],
    ) -> None:
        super().__init__()
        self._services = services
        self._scheduler = scheduler
        self._weather = weather
        self._trace = trace
        self._latest_landing = latest_landing
        self.replacements = Replacements(scheduler)

    def session(self) -> requests.Session:
        """A new session of a process."""
        session = requests.Session()
        session.trust_env = False
        session.mount("http://", self)
        return session

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        """Send a request and give its answer, or what came of it."""
        scheduler, weather = self._scheduler, self._weather
        process = scheduler.process()
        assert process is not None, "only a process calls another system"
        scheduler.pause(weather.chance.uniform(0.02, 0.25))
        if weather.strikes(scheduler.seconds, "death"):
            self._trace.line(process.name, "dies before a request")
            process.die()
        url = urlsplit(str(request.url))
        system = str(url.hostname).partition(".")[0]
        response = self._exchange(request, system, url.path + (f"?{url.query}" if url.query else ""), timeout)
        self._trace.line(process.name, f"{request.method} {system} {url.path}: {response.status_code}")
        if weather.strikes(scheduler.seconds, "death"):
            self._trace.line(process.name, "dies with the answer")
            process.die()
        return response

    def _exchange(self, request: requests.PreparedRequest, system: str, target: str, timeout: Any) -> requests.Response:
        scheduler, weather = self._scheduler, self._weather
        patience = float(timeout[1] if isinstance(timeout, tuple) else timeout or 60)
        outage = weather.outage(system, scheduler.seconds)
        if outage is not None:
            self._trace.line(system, f"is away ({outage.mode})")
            if outage.mode == "refuse":
                raise _refused()
            if outage.mode == "login":
                return _response(request, Answer(401, b'{"Message":"Denied."}', "application/json", {}))
            if outage.mode == "drop":
                raise requests.ConnectionError("the connection was dropped")
            return _response(request, Answer(503, _PAGE, "text/html", {}))
        is_read = request.method == "GET" or target.partition("?")[0].casefold().endswith(_READS)
        fault = weather.strikes(scheduler.seconds, *(_ON_READS if is_read else _ON_WRITES))
        if fault is None:
            return self._answered(request, system, target)
        self._trace.line(system, f"{fault} {request.method} {target}")
        return self._gone_wrong(fault, request, system, target, patience)

    def _gone_wrong(
        self, fault: str, request: requests.PreparedRequest, system: str, target: str, patience: float
    ) -> requests.Response:
        chance, pause = self._weather.chance, self._scheduler.pause
        if fault == "http-refused":
            raise _refused()
        if fault == "http-429":
            headers = {"Retry-After": str(chance.choice((1, 5, 30)))} if chance.random() < 0.7 else {}
            return _response(request, Answer(429, b'{"Message":"Too many requests."}', "application/json", headers))
        if fault == "http-body-cut":
            whole = self._answered(request, system, target)
            part = whole.content[: len(whole.content) // 2]
            return _response(request, Answer(whole.status_code, part, whole.headers.get("Content-Type"), {}))
        if fault == "http-late-landing":
            delay = self._latest_landing() * chance.random() ** 0.5
            delivery, look = self._trace.works_on(), self.replacements.last_look(system)
            self._scheduler.after(delay, lambda: self._lands(request, system, target, delivery, look))
        is_carried_out = fault in ("http-lost-after", "http-5xx-after") or (
            fault in ("http-gateway-page", "http-slow", "http-body-cut")  # fmt: skip and chance.random() < 0.5
        )
        if is_carried_out:
            self._answered(request, system, target)
        if fault == "http-slow":
            # Longer than anybody waits; sometimes only than some do.
            pause(min(patience, chance.uniform(5, 40)))
            raise requests.ReadTimeout("the answer took too long")
        if fault in ("http-lost-before", "http-lost-after", "http-late-landing"):
            pause(chance.uniform(0, 3))
            raise requests.ConnectionError("the connection was dropped")
        if fault == "http-read-doubled":
            self._answered(request, system, target)
            return self._answered(request, system, target)
        if fault == "http-gateway-page":
            return _response(request, Answer(chance.choice((200, 502, 504)), _PAGE, "text/html", {}))
        return _response(request, Answer(chance.choice(_STATUSES), b'{"Message":"injected"}', "application/json", {}))

    def _lands(
        self, request: requests.PreparedRequest, system: str, target: str, delivery: str, look: Look | None
    ) -> None:
        self._trace.line(system, f"a late request lands: {request.method} {target}", delivery=delivery)
        self._answered(request, system, target, look)

    def _answered(
        self, request: requests.PreparedRequest, system: str, target: str, look: Look | None = None
    ) -> requests.Response:
        self.replacements.carried_out(system, str(request.method), target, request.body, look)
        body = request.body.encode() if isinstance(request.body, str) else request.body or b""
        headers = {str(name): str(value) for name, value in request.headers.items()}
        try:
            answer = self._services[system].exchange(str(request.method), target, headers, body)
        except ConnectionDropped as dropped:
            raise requests.ConnectionError("the connection was dropped") from dropped
        return _response(request, answer)

    def close(self) -> None:
        """Nothing to close."""


def _refused() -> requests.ConnectionError:
    """Not one byte left."""
    no_connection: Any = NewConnectionError(None, "Connection refused")  # type: ignore[arg-type]
    return requests.ConnectionError(MaxRetryError(None, "/", no_connection))  # type: ignore[arg-type]


def _response(request: requests.PreparedRequest, answer: Answer) -> requests.Response:
    response = requests.Response()
    response.status_code = answer.status
    response.headers = CaseInsensitiveDict(answer.headers)
    if answer.content_type is not None:
        response.headers["Content-Type"] = answer.content_type
    response.raw = HTTPResponse(io.BytesIO(answer.body), preload_content=False)
    response._content = answer.body
    response.request = request
    response.url = str(request.url)
    return response
