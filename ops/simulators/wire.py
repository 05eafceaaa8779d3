"""What goes over the wire: requests, answers, and the table of operations a service offers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, unquote

from ops.simulators.json_text import read_json, write_json


class ConnectionDropped(ConnectionError):
    """The simulated service hung up without an answer."""


@dataclass(frozen=True)
class Request:
    """One HTTP request; the path is still percent-encoded, header names are in small letters."""

    method: str
    path: str
    query_string: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @cached_property
    def query(self) -> dict[str, str]:
        """Query parameters by their exact names; of a repeated one the last counts."""
        return dict(parse_qsl(self.query_string, keep_blank_values=True))

    @property
    def target(self) -> str:
        """Path and query as they were sent."""
        return f"{self.path}?{self.query_string}" if self.query_string else self.path


@dataclass(slots=True)
class Answer:
    """One HTTP answer. `off_schema` marks one that the contract's prose allows and its schema cannot say."""

    status: int
    body: bytes = b""
    content_type: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    off_schema: bool = False

    @classmethod
    def of_json(cls, value: Any, status: int = 200, content_type: str = "application/json; charset=utf-8") -> "Answer":
        """An answer that carries a value as JSON."""
        return cls(status, write_json(value), content_type)


@dataclass(frozen=True, slots=True)
class Call:
    """A request that found its operation, with the decoded values of the path template."""

    request: Request
    path: Mapping[str, str]

    @property
    def query(self) -> dict[str, str]:
        """Query parameters by their exact names."""
        return self.request.query

    def json(self) -> Any:
        """The body as a value; raises ValueError when it is not JSON."""
        return read_json(self.request.body)


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a contract: its name there, how it is addressed, and what it does."""

    operation_id: str
    method: str
    template: str
    run: Callable[[Call], Answer]


class OperationTable:
    """Finds the operation a request asks for. A literal segment wins over a template variable."""

    def __init__(self, operations: list[Operation]) -> None:
        self._by_length: dict[int, list[tuple[list[str], Operation]]] = {}
        for operation in operations:
            segments = operation.template.strip("/").split("/")
            self._by_length.setdefault(len(segments), []).append((segments, operation))
        for candidates in self._by_length.values():
            candidates.sort(key=lambda candidate: [segment.startswith("{") for segment in candidate[0]])

    def find(self, request: Request) -> tuple[Operation | None, dict[str, str], bool]:
        """The operation, the values of its path variables, and whether the path exists under another method."""
        segments = request.path.strip("/").split("/")
        path_exists = False
        for template, operation in self._by_length.get(len(segments), []):
            values = _values(template, segments)
            if values is None:
                continue
            if operation.method == request.method:
                return operation, values, True
            path_exists = True
        return None, {}, path_exists


def _values(template: list[str], segments: list[str]) -> dict[str, str] | None:
    values: dict[str, str] = {}
    for wanted, segment in zip(template, segments, strict=True):
        if wanted.startswith("{"):
            if not segment:
                return None
            values[wanted[1:-1]] = unquote(segment)
        elif wanted != segment:
            return None
    return values
