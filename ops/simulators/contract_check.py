"""Checks traffic against an OpenAPI 3.1 contract: parameters, credentials, bodies, statuses."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.simulators.contract_schema import BodyReader, Contract, ContractOperation, Parameter
from ops.simulators.wire import Answer, Request

AUTH_SCHEMES = {"basic": "basic ", "bearer": "bearer "}
KEPT_VIOLATIONS = 2000


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request with the answer it got; no answer means that only the request is to be checked."""

    request: Request
    answer: Answer | None = None


@dataclass(frozen=True, slots=True)
class Violation:
    """One way in which an exchange broke the contract."""

    operation_id: str | None
    where: str
    message: str
    exchange: str

    def as_json(self) -> dict[str, Any]:
        """The violation as the control side shows it."""
        return {"operationId": self.operation_id, "where": self.where, "message": self.message, "call": self.exchange}


class TrafficCheck:
    """Checks exchanges against one contract file and keeps count."""

    def __init__(self, contract_path: str | Path) -> None:
        self._contract = Contract.load(Path(contract_path))
        self.exchanges_checked = 0
        self.violation_count = 0
        self.violations: list[Violation] = []

    def clear(self) -> None:
        """Forget all counts and findings."""
        self.exchanges_checked = 0
        self.violation_count = 0
        self.violations.clear()

    def check(self, exchange: Exchange) -> list[Violation]:
        """The violations of one exchange; none means that it keeps the contract."""
        self.exchanges_checked += 1
        request, answer = exchange.request, exchange.answer
        operation, path_values = self._contract.find(request.method, request.path)
        status = "-" if answer is None else str(answer.status)
        label = f"{request.method} {request.target[:200]} -> {status}"
        if operation is None:
            problems = [("request", "no operation of the contract has this method and path")]
        else:
            problems = [*_request_problems(operation, request, path_values)]
            if answer is not None and not answer.off_schema:
                problems += _answer_problems(operation, answer)
        operation_id = operation.operation_id if operation else None
        found = [Violation(operation_id, where, message, label) for where, message in problems]
        self.violation_count += len(found)
        self.violations += found[: max(0, KEPT_VIOLATIONS - len(self.violations))]
        return found


def _request_problems(
    operation: ContractOperation, request: Request, path_values: Mapping[str, str]
) -> list[tuple[str, str]]:
    problems = _credential_problems(operation, request.headers)
    for parameter in operation.parameters:
        given = {"path": path_values, "query": request.query, "header": request.headers}[parameter.place]
        problems += _parameter_problems(parameter, given)
    known = {parameter.name for parameter in operation.parameters if parameter.place == "query"}
    problems += [
        ("request.query", f"parameter {name!r} is not of this operation") for name in request.query if name not in known
    ]
    body = operation.request_body
    if body is None:
        return problems + ([("request.body", "this operation takes no body")] if request.body else [])
    if not request.body:
        return problems + ([("request.body", "a body is required")] if operation.body_required else [])
    return problems + _body_problems("request", body, request.headers.get("content-type"), request.body)


def _credential_problems(operation: ContractOperation, headers: Mapping[str, str]) -> list[tuple[str, str]]:
    if operation.auth_scheme is None:
        return []
    expected = AUTH_SCHEMES.get(operation.auth_scheme, "")
    sent = headers.get("authorization", "")
    if sent.lower().startswith(expected) and len(sent) > len(expected):
        return []
    return [("request.headers", f"an Authorization header with the scheme {operation.auth_scheme} is required")]


def _parameter_problems(parameter: Parameter, given: Mapping[str, str]) -> list[tuple[str, str]]:
    where = f"request.{parameter.place}"
    name = parameter.name.lower() if parameter.place == "header" else parameter.name
    if name not in given:
        return [(where, f"parameter {parameter.name!r} is required")] if parameter.required else []
    return [(where, f"parameter {parameter.name!r}: {message}") for message in parameter.problems(given[name])]


def _answer_problems(operation: ContractOperation, answer: Answer) -> list[tuple[str, str]]:
    exact = operation.responses.get(str(answer.status))
    response = exact or operation.responses.get("default")
    if response is None:
        return [("answer.status", f"status {answer.status} is not in the contract")]
    if answer.status == 204:
        return [("answer.body", "a 204 has no body")] if answer.body else []
    if response.body is None:
        return []
    if exact is None and not _is_json(answer.content_type):
        # The contracts say of "any other failure" that its body may be missing, or not be JSON.
        return []
    if not answer.body:
        return [("answer.body", "a body is required")]
    return _body_problems("answer", response.body, answer.content_type, answer.body)


def _body_problems(side: str, reader: BodyReader, content_type: str | None, body: bytes) -> list[tuple[str, str]]:
    media_type = (content_type or "").partition(";")[0].strip().lower()
    if media_type not in reader.schemas:
        return [(f"{side}.headers", f"content type {content_type!r} is not {' or '.join(reader.schemas)}")]
    return [(f"{side}.body", message) for message in reader.problems(media_type, body)]


def _is_json(content_type: str | None) -> bool:
    media_type = (content_type or "").partition(";")[0].strip().lower()
    return media_type == "application/json" or media_type.endswith("+json")
