"""Our own HTTP routes as API Gateway hands them over and takes them: answers are JSON, or a problem (RFC 9457;
docs/api.openapi.yaml)."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from giftbridge.errors import Rejected

_TITLES: Mapping[int, str] = {
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    413: "Content Too Large",
    503: "Service Unavailable",
}
# Giving is personal data: nobody on the way keeps it.
_NOT_KEPT = {"cache-control": "no-store"}

HttpAnswer = dict[str, Any]


def body_of(event: Mapping[str, Any]) -> bytes:
    """The raw body of a request; an empty one where there is none, or none that can be read."""
    text = event.get("body")
    body = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else b""
    if not event.get("isBase64Encoded"):
        return body
    try:
        return base64.b64decode(body)
    except ValueError:
        # API Gateway sends no such thing; nobody signed it.
        return b""


def headers_of(event: Mapping[str, Any]) -> Mapping[str, str]:
    """The headers that a request has."""
    headers = event.get("headers")
    given = headers.items() if isinstance(headers, dict) else ()
    return {name: value for name, value in given if isinstance(value, str)}


def accepted() -> HttpAnswer:
    """202 without a body."""
    return {"statusCode": 202, "headers": {**_NOT_KEPT}, "body": ""}


def found(body: Mapping[str, object]) -> HttpAnswer:
    """200 with JSON."""
    return _answer(200, "application/json", body, {})


def refused(error: Rejected) -> HttpAnswer:
    """400: what was sent cannot be read, with the field, its problem and the remedy."""
    told = {"field": error.field, "problem": error.text, "remedy": error.remedy}
    return problem(400, error.explain(), errors=[told])


def problem(
    status: int,
    detail: str,
    *,
    errors: Sequence[Mapping[str, str | None]] = (),
    retry_after: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> HttpAnswer:
    """What is wrong: `errors` name each field, its problem and the remedy; `retry_after` is in seconds."""
    told: dict[str, object] = {
        "type": "about:blank",
        "title": _TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
    }
    if errors:
        told["errors"] = [dict(error) for error in errors]
    when = {"retry-after": str(retry_after)} if retry_after is not None else {}
    return _answer(status, "application/problem+json", told, {**when, **(headers or {})})


def _answer(status: int, kind: str, body: Mapping[str, object], headers: Mapping[str, str]) -> HttpAnswer:
    return {
        "statusCode": status,
        "headers": {"content-type": kind, **_NOT_KEPT, **headers},
        "body": json.dumps(body),
    }
