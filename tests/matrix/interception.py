"""Every call that leaves the process, seen from outside: named, counted, and broken on demand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import requests
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import NewConnectionError

from tests.workbench import Workbench

STORE_WRITES = frozenset(
    {
        "PutItem",
        "UpdateItem",
        "DeleteItem",
        "TransactWriteItems",
        "SendMessage",
        "SendMessageBatch",
        "ChangeMessageVisibility",
    }
)


class ProcessDied(BaseException):
    """The process is gone: nothing after this runs, not even a `finally` that calls out."""


class Fault(StrEnum):
    """What goes wrong with one call."""

    DIES_BEFORE = "dies before"
    DIES_AFTER = "dies after"
    ANSWER_LOST = "answer lost"
    STATUS_500 = "500"
    STATUS_502_AFTER = "502 after"
    STATUS_429 = "429"
    TIME_OUT = "time-out"
    NO_CONNECTION = "no connection"


@dataclass
class Interceptor:
    """Counts calls by name and breaks the n-th call of the named kind, once.

    `landed` are the writes that Aegis carried out, whatever became of the answer; `written` those of all systems.
    """

    bench: Workbench
    break_call: str | None = None
    fault: Fault | None = None
    seen: list[str] = field(default_factory=list)
    landed: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    fired: int = 0
    is_dead: bool = False
    _counts: Counter[str] = field(default_factory=Counter)
    _pending: Fault | None = None

    def __post_init__(self) -> None:
        for system, adapter in self.bench.adapters.items():
            adapter.around = self._http(system)
        for client, service in ((self.bench.dynamodb, "dynamodb"), (self.bench.sqs, "sqs")):
            client.meta.events.register("before-call.*.*", self._before_aws(service))
            client.meta.events.register("after-call.*.*", self._after_aws)

    def restart(self) -> None:
        """A new process begins."""
        self.is_dead = False

    def _arrive(self, name: str) -> Fault | None:
        """Count a call; the fault to act out, if it is this call's turn."""
        if self.is_dead:
            raise ProcessDied(name)
        self._counts[name] += 1
        label = f"{name} {self._counts[name]}"
        self.seen.append(label)
        if label != self.break_call or self.fired:
            return None
        self.fired += 1
        if self.fault is Fault.DIES_BEFORE:
            self._die(label)
        return self.fault

    def _die(self, label: str) -> None:
        self.is_dead = True
        raise ProcessDied(label)

    # --- the outside systems ------------------------------------------------------------------------------

    def _http(self, system: str) -> Callable[[requests.PreparedRequest, Callable[[], requests.Response]], Any]:
        service = self.bench.adapters[system].service

        def around(request: requests.PreparedRequest, send: Callable[[], requests.Response]) -> requests.Response:
            operation = service.operation_of(str(request.method), request.path_url)
            fault = self._arrive(f"{system}.{operation}")
            if fault is Fault.NO_CONNECTION:
                raise requests.ConnectionError(NewConnectionError(None, "refused"))  # type: ignore[arg-type]
            if fault is Fault.STATUS_500:
                return _status(request, 500)
            if fault is Fault.STATUS_429:
                return _status(request, 429, {"Retry-After": "7"})
            try:
                response = send()
                if response.ok and request.method != "GET" and not str(operation).startswith("query"):
                    self.written.append(f"{system}.{operation}")
                    self.landed += [str(operation)] if system == "aegis" else []
            finally:
                if fault is Fault.DIES_AFTER:
                    self._die(str(operation))
            if fault is Fault.ANSWER_LOST:
                raise requests.ConnectionError("the connection was dropped")
            if fault is Fault.STATUS_502_AFTER:
                return _status(request, 502)
            if fault is Fault.TIME_OUT:
                self.bench.clock.advance(30)
                raise requests.ReadTimeout("the answer took too long")
            return response

        return around

    # --- tables and queues --------------------------------------------------------------------------------

    def _before_aws(self, service: str) -> Callable[..., None]:
        def before(model: Any, params: dict[str, Any], **_: Any) -> None:
            operation = str(model.name)
            if self.is_dead:
                raise ProcessDied(operation)
            self._pending = None
            if operation not in STORE_WRITES:
                return
            fault = self._arrive(f"{service}.{operation}{_tables(params)}")
            if fault is Fault.NO_CONNECTION:
                raise EndpointConnectionError(endpoint_url=service)
            if fault is Fault.STATUS_500:
                raise ClientError({"Error": {"Code": "InternalServerError", "Message": ""}}, operation)
            if fault is Fault.STATUS_429:
                raise ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, operation)
            self._pending = fault

        return before

    def _after_aws(self, model: Any, **_: Any) -> None:
        fault, self._pending = self._pending, None
        if fault is Fault.DIES_AFTER:
            self._die(str(model.name))
        if fault is Fault.ANSWER_LOST:
            raise EndpointConnectionError(endpoint_url="lost")
        if fault is Fault.STATUS_502_AFTER:
            raise ClientError({"Error": {"Code": "ServiceUnavailable", "Message": ""}}, str(model.name))
        if fault is Fault.TIME_OUT:
            self.bench.clock.advance(10)
            raise ReadTimeoutError(endpoint_url="lost")


def _status(request: requests.PreparedRequest, status: int, headers: dict[str, str] | None = None) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response.headers = CaseInsensitiveDict(headers or {})
    response._content = b"<html>proxy</html>" if status == 502 else b""
    response.request = request
    response.url = str(request.url)
    return response


def _tables(params: dict[str, Any]) -> str:
    """Which tables a DynamoDB request touches, from its body."""
    body = params.get("body", b"")
    text = body.decode() if isinstance(body, bytes) else str(body)
    names = ("CrmKeysTable", "DeliveriesTable", "ActivityTable", "StateTable")
    found = [name.removesuffix("Table") for name in names if name in text]
    return f"({'+'.join(found)})" if found else ""
