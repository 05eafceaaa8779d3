"""What leaves a process, seen from outside: contacts read, lines written, and a process that dies at a chosen call."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests

from giftbridge.domain.delivery_ids import RAISEDONORS, VIRTUOUS
from giftbridge.store.rows import from_item
from tests.virtuous_bench import VirtuousBench

CONTACT = re.compile(r"/api/Contact/(\d+)$")
DONOR = re.compile(r"/Donors?/(\d+)$", re.IGNORECASE)
READS = ("query", "issueToken")


class ProcessDied(BaseException):
    """The process is gone: nothing after this runs, not even a `finally` that calls out."""


def _nothing(*_: Any) -> None:
    return


@dataclass
class Wiretap:
    """Listens to all calls of a bench. `writes` are the calls that can change something outside, in their order."""

    tested: VirtuousBench
    on_look: Callable[[int], None] = _nothing
    """A contact was read."""
    on_lines: Callable[[list[dict[str, Any]]], None] = _nothing
    """Lines of the activity were written, in one write."""
    on_donor: Callable[[int], None] = _nothing
    """A donor was read."""
    writes: list[str] = field(default_factory=list)
    emails_written: list[str] = field(default_factory=list)
    """Writes to RaiseDonors that name an e-mail address."""
    counted: int = 0
    _at: int | None = None
    _then: Callable[[], None] = _nothing
    _dies_after: bool = False
    _is_dead: bool = False

    def __post_init__(self) -> None:
        bench = self.tested.bench
        services = {RAISEDONORS: bench.raisedonors, VIRTUOUS: self.tested.virtuous}
        for system, service in services.items():
            bench.adapters[system].around = self._around(system, service)
        for client in (bench.dynamodb, bench.sqs):
            client.meta.events.register("before-call.*.*", self._before_aws)
            client.meta.events.register("after-call.*.*", self._after_aws)

    @contextmanager
    def dying(self, at: int, *, after: bool) -> Iterator[None]:
        """The process dies right before or right after its call number `at`, if it makes so many."""

        def die() -> None:
            self._is_dead = True
            raise ProcessDied

        try:
            with self.meanwhile(at, die, after=after):
                yield
        except ProcessDied:
            pass
        finally:
            self._is_dead = False

    @contextmanager
    def meanwhile(self, at: int, then: Callable[[], None], *, after: bool = False) -> Iterator[None]:
        """Something happens at call number `at`, once."""
        self.counted, self._at, self._then, self._dies_after = 0, at, then, after
        try:
            yield
        finally:
            self._at = None

    def _arrive(self, *, is_after: bool) -> None:
        if self._is_dead:
            raise ProcessDied
        if self._at is None:
            return
        self.counted += not is_after
        if self.counted == self._at and is_after == self._dies_after:
            self._at = None
            self._then()

    def _around(self, system: str, service: Any) -> Callable[[requests.PreparedRequest, Callable[[], Any]], Any]:
        def around(request: requests.PreparedRequest, send: Callable[[], Any]) -> Any:
            self._arrive(is_after=False)
            operation = str(service.operation_of(str(request.method), request.path_url))
            path = request.path_url.partition("?")[0]
            if operation == "getContact" and (found := CONTACT.search(path)):
                self.on_look(int(found[1]))
            if request.method == "GET" and system == RAISEDONORS and (found := DONOR.search(path)):
                self.on_donor(int(found[1]))
            if request.method != "GET" and not operation.startswith(READS):
                self.writes.append(f"{system}.{operation}")
                body = request.body if isinstance(request.body, bytes) else str(request.body or "").encode()
                if system == RAISEDONORS and b'"email"' in body.lower():
                    self.emails_written.append(operation)
            answer = send()
            self._arrive(is_after=True)
            return answer

        return around

    def _before_aws(self, model: Any, params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        self._arrive(is_after=False)
        context["lines"] = _lines(model.name, params.get("body", b""))

    def _after_aws(self, http_response: Any, context: dict[str, Any], **_: Any) -> None:
        lines = context.get("lines")
        if lines and http_response.status_code == 200:
            self.on_lines(lines)
        self._arrive(is_after=True)


def _lines(operation: str, body: Any) -> list[dict[str, Any]]:
    """The activity's lines that a write of DynamoDB holds."""
    if operation not in {"TransactWriteItems", "PutItem"} or b"ActivityTable" not in bytes(body):
        return []
    asked = json.loads(body)
    puts = [one["Put"] for one in asked["TransactItems"] if "Put" in one] if "TransactItems" in asked else [asked]
    return [from_item(put["Item"]) for put in puts if put["TableName"] == "ActivityTable"]
