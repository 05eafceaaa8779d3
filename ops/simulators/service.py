"""One simulated service: finds the operation, lets the faults act, carries it out, logs and checks it."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import RLock
from typing import Any, Protocol

from starlette.applications import Starlette

from ops.simulators.access_log import AccessLog, LogEntry
from ops.simulators.contract_check import Exchange, TrafficCheck
from ops.simulators.faults import FaultKind, FaultPlan, Faults
from ops.simulators.interjections import Interjection, Moment
from ops.simulators.wire import Answer, Call, ConnectionDropped, Operation, OperationTable, Request

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

CONTROL_PREFIX = "/_sim/"
ABORT_EXTENSION = "giftbridge.abort"
NOT_EXECUTED = (FaultKind.DROP_BEFORE, FaultKind.STATUS_BEFORE)
HANG_UPS = (FaultKind.DROP_BEFORE, FaultKind.DROP_AFTER, FaultKind.LATE_LANDING)


class Store(Protocol):
    """What every simulated service's store offers."""

    lock: RLock

    def clear(self) -> None:
        """Forget everything."""

    def snapshot(self) -> dict[str, Any]:
        """The whole content, ready to be written as JSON."""


@dataclass(slots=True)
class Visit:
    """One call on its way through the service."""

    request: Request
    operation: Operation | None
    path_values: dict[str, str]
    path_exists: bool
    plan: FaultPlan
    entry: LogEntry


class SimulatedService(ABC):
    """An ASGI application over a store. `exchange` serves the same without a socket, on any clock."""

    control: Starlette

    def __init__(
        self,
        store: Store,
        operations: list[Operation],
        *,
        check: TrafficCheck | None = None,
        clock: Callable[[], datetime] | None = None,
        pause: Callable[[float], None] = time.sleep,
        fault_seed: int = 0,
    ) -> None:
        self.clock = clock or utc_now
        self._pause = pause
        self._store = store
        self._operations = OperationTable(operations)
        self.check = check
        self.faults = Faults(self.clock, fault_seed)
        self.log = AccessLog()
        self.interjections: list[Interjection] = []
        self._landings: list[tuple[datetime, Visit]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @abstractmethod
    def refusal(self, call: Call) -> Answer | None:
        """The answer to a caller without the right credentials; None lets the call in."""

    @abstractmethod
    def failure(self, status: int, message: str) -> Answer:
        """The service's own form of an error answer."""

    @property
    def lock(self) -> RLock:
        """Held while an operation runs; hold it to look at the store from another thread."""
        return self._store.lock

    def snapshot(self) -> dict[str, Any]:
        """The whole content of the store, ready to be written as JSON."""
        return self._store.snapshot()

    @property
    def landings_pending(self) -> int:
        """How many dropped requests are still going to be carried out."""
        return len(self._landings)

    def operation_of(self, method: str, target: str) -> str | None:
        """The contract's name of the operation that a request calls."""
        path, _, query = target.partition("?")
        operation, _, _ = self._operations.find(Request(method, path, query, {}, b""))
        return operation.operation_id if operation else None

    def reset(self) -> None:
        """Empty the store, the log, the fault rules, the interjections and the contract check's findings."""
        with self._store.lock:
            self._store.clear()
        self.faults.clear()
        self.log.clear()
        self.interjections.clear()
        self._landings.clear()
        if self.check is not None:
            self.check.clear()

    def exchange(self, method: str, target: str, headers: dict[str, str] | None = None, body: bytes = b"") -> Answer:
        """Serve one call without a socket; raises ConnectionDropped where a socket would be closed."""
        self.land_due()
        path, _, query_string = target.partition("?")
        small = {name.lower(): value for name, value in (headers or {}).items()}
        visit = self._arrive(Request(method, path, query_string, small, body))
        if visit.plan.delay_before:
            self._pause(visit.plan.delay_before)
        answer = self._outcome(visit)
        if visit.plan.delay_after:
            self._pause(visit.plan.delay_after)
        self._finish(visit, answer)
        if answer is None:
            raise ConnectionDropped(f"{method} {path}: the simulated service hung up")
        return answer

    def true_answer(self, target: str) -> Answer:
        """What a GET is answered when nothing is wrong; no rule is asked, and nothing is logged."""
        path, _, query = target.partition("?")
        request = Request("GET", path, query)
        operation, values, _ = self._operations.find(request)
        if operation is None:
            return self.failure(404, "No such operation.")
        with self._store.lock:
            return operation.run(Call(request, values))

    def land_due(self) -> None:
        """Carry out the dropped requests whose time has come by the clock."""
        now = self.clock()
        for landing in [landing for landing in self._landings if landing[0] <= now]:
            self._land(landing)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http" or scope["path"].startswith(CONTROL_PREFIX):
            await self.control(scope, receive, send)
        else:
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        visit = self._arrive(await _read_request(scope, receive))
        if visit.plan.delay_before:
            await asyncio.sleep(visit.plan.delay_before)
        answer = self._outcome(visit)
        if visit.plan.delay_after:
            await asyncio.sleep(visit.plan.delay_after)
        self._finish(visit, answer)
        if answer is not None:
            await _send_answer(send, answer)
            return
        abort = scope.get("extensions", {}).get(ABORT_EXTENSION)
        if abort is None:
            raise ConnectionDropped("this server has no way to drop a connection")
        abort()

    def _arrive(self, request: Request) -> Visit:
        operation, values, path_exists = self._operations.find(request)
        operation_id = operation.operation_id if operation else None
        with self._store.lock:
            plan = self.faults.plan(operation_id, request)
            entry = self.log.open(self.clock(), request, operation_id)
        entry.fault = plan.label
        return Visit(request, operation, values, path_exists, plan, entry)

    def _outcome(self, visit: Visit) -> Answer | None:
        """What the caller gets; None means that the connection is dropped."""
        rule = visit.plan.decisive
        if rule is None:
            return self._execute(visit)
        if rule.kind is FaultKind.LATE_LANDING:
            self._schedule_landing(visit, rule.seconds)
        elif rule.kind in NOT_EXECUTED:
            self._check(visit.request, None)
        elif rule.kind is FaultKind.SPOIL:
            return rule.spoiled(self._execute(visit))
        else:
            self._execute(visit)
        return None if rule.kind in HANG_UPS else rule.answer()

    def _execute(self, visit: Visit) -> Answer:
        call = Call(visit.request, visit.path_values)
        refused = self.refusal(call)
        if refused is not None:
            answer = refused
        elif visit.operation is None:
            answer = self.failure(405 if visit.path_exists else 404, "No such operation.")
        else:
            with self._store.lock:
                self._interject(Moment.BEFORE, visit.operation, visit.request)
                answer = visit.operation.run(call)
                if answer.status < 400:
                    self._interject(Moment.AFTER, visit.operation, visit.request)
        visit.entry.executed_status = answer.status
        self._check(visit.request, answer)
        return answer

    def _interject(self, moment: Moment, operation: Operation, request: Request) -> None:
        for interjection in self.interjections:
            if interjection.moment is moment and interjection.strikes(operation.operation_id, request):
                interjection.act()

    def _schedule_landing(self, visit: Visit, seconds: float) -> None:
        landing = (self.clock() + timedelta(seconds=seconds), visit)
        self._landings.append(landing)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        task = loop.create_task(self._land_after(seconds, landing))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _land_after(self, seconds: float, landing: tuple[datetime, Visit]) -> None:
        await asyncio.sleep(seconds)
        self._land(landing)

    def _land(self, landing: tuple[datetime, Visit]) -> None:
        if landing in self._landings:
            self._landings.remove(landing)
            self._execute(landing[1])

    def _finish(self, visit: Visit, answer: Answer | None) -> None:
        visit.entry.status = None if answer is None else answer.status

    def _check(self, request: Request, answer: Answer | None) -> None:
        if self.check is not None:
            with self._store.lock:
                self.check.check(Exchange(request, answer))


def utc_now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)


async def _read_request(scope: Scope, receive: Receive) -> Request:
    chunks: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            break
    raw_path: bytes = scope.get("raw_path") or scope["path"].encode("utf-8")
    headers: Sequence[tuple[bytes, bytes]] = scope["headers"]
    return Request(
        scope["method"],
        raw_path.decode("latin-1"),
        scope["query_string"].decode("latin-1"),
        {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers},
        b"".join(chunks),
    )


async def _send_answer(send: Send, answer: Answer) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers.items()]
    if answer.content_type is not None:
        headers.append((b"content-type", answer.content_type.encode("latin-1")))
    headers.append((b"content-length", str(len(answer.body)).encode("ascii")))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
