"""Sixteen ways in which a whole system is away, for twenty minutes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ops.simulators.faults import FaultKind, FaultRule
from ops.simulators.service import SimulatedService
from tests.boundary.answer_shapes import shapes
from tests.boundary.odd_answers import HTML

LOGIN = {"Location": "https://login.example.org/?return=%2Fapi"}
SHAPES: Mapping[str, Mapping[str, Any]] = {
    "404 in HTML": {"status": 404, "body": "<html><body>404 Web Site not found.</body></html>"},
    "404 no route": {"status": 404, "body": '{"message":"no Route matched with those values"}'},
    "400 in HTML": {"status": 400, "body": "<html><body>Bad Request</body></html>"},
    "403 page": {"status": 403, "body": "<html><body>Request blocked.</body></html>"},
    "405": {"status": 405, "body": ""},
    "415": {"status": 415, "body": ""},
    "421": {"status": 421, "body": ""},
    "423": {"status": 423, "body": ""},
    "425": {"status": 425, "body": ""},
    "429": {"status": 429, "body": "", "headers": {"Retry-After": "30"}},
    "500": {"status": 500, "body": '{"Message":"An error has occurred."}'},
    "502": {"status": 502, "body": "<html><body>Bad Gateway</body></html>"},
    "503": {"status": 503, "body": '{"Message":"Service unavailable."}'},
    "a redirect to a login page": {"status": 302, "body": "", "headers": LOGIN},
    "an empty 200": {"status": 200, "body": ""},
    "200 in HTML": {"status": 200, "body": HTML},
}


def begin(service: SimulatedService, system: str, shape: str) -> list[FaultRule]:
    """The whole system answers so from now on.

    Where the contract owes no body, an empty 200 is a right answer, and nobody can tell that nothing was done: these
    operations go on.
    """
    answer = SHAPES[shape]
    is_right_somewhere = answer["status"] == 200 and not answer["body"]
    owed = [one.operation for (of, _), one in shapes().items() if of == system and one.is_owed]
    operations = owed if is_right_somewhere else ["*"]
    return [
        service.faults.add(FaultRule(FaultKind.STATUS_BEFORE, operation, count=1_000_000, **answer))
        for operation in operations
    ]


def end(rules: list[FaultRule]) -> int:
    """The system is back; how many calls met the outage."""
    met = sum(rule.fired for rule in rules)
    for rule in rules:
        rule.count = 0
    return met
