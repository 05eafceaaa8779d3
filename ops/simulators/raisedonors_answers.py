"""Answers in the form that RaiseDonors gives them, and the reading of what callers send."""

from collections.abc import Mapping
from typing import Any

from ops.simulators.wire import Answer, Call

PROBLEM = "application/problem+json"
TITLES = {400: "One or more validation errors occurred.", 401: "Unauthorized", 404: "Not Found", 405: "Not Allowed"}
LARGEST_PAGE = 100
DEFAULT_PAGE = 50


class Refused(Exception):
    """The call cannot be served; carries the answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def problem(status: int, detail: str = "", errors: Mapping[str, list[str]] | None = None) -> Answer:
    """An error as a problem document."""
    body: dict[str, Any] = {"title": TITLES.get(status, "Error"), "status": status}
    if detail:
        body["detail"] = detail
    if errors:
        body["errors"] = dict(errors)
    return Answer.of_json(body, status, PROBLEM)


def refuse(name: str, message: str) -> Refused:
    """A 400 about one member or parameter."""
    return Refused(problem(400, errors={name: [message]}))


def missing(what: str) -> Refused:
    """A 404."""
    return Refused(problem(404, f"{what} was not found."))


def read_body(call: Call) -> dict[str, Any]:
    """The JSON object that was sent."""
    media_type = call.request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Refused(problem(415, "A body of type application/json is expected."))
    try:
        body = call.json()
    except ValueError as error:
        raise refuse("$", f"The JSON value could not be read: {error}") from error
    if not isinstance(body, dict):
        raise refuse("$", "An object is expected.")
    return body


def whole_number(name: str, value: Any, smallest: int, largest: int | None = None) -> int:
    """A whole number between bounds; text of digits is read as one."""
    if isinstance(value, str) and value.lstrip("-").isascii() and value.lstrip("-").isdigit():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise refuse(name, f"The value '{value}' is not valid.")
    if value < smallest or (largest is not None and value > largest):
        raise refuse(name, f"{name} must be between {smallest} and {largest if largest is not None else 'any'}.")
    return value


def page_bounds(call: Call) -> tuple[int, int]:
    """Skip and Take of a list; other spellings of the names are ignored."""
    skip = whole_number("Skip", call.query.get("Skip", 0), 0)
    return skip, whole_number("Take", call.query.get("Take", DEFAULT_PAGE), 1, LARGEST_PAGE)


def flag_parameter(call: Call, name: str) -> bool:
    """A boolean query parameter; false when missing."""
    text = call.query.get(name, "false").lower()
    if text not in ("true", "false"):
        raise refuse(name, f"The value '{text}' is not valid.")
    return text == "true"


def record_id(call: Call, name: str = "id") -> int:
    """The id in the path; what is no number names no record."""
    text = call.path[name]
    if not (text.isascii() and text.isdigit()):
        raise missing(f"The record '{text}'")
    return int(text)


def text_member(body: Mapping[str, Any], name: str, longest: int | None = None) -> str | None:
    """A text member within its greatest length."""
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise refuse(name, "A text is expected.")
    if longest is not None and len(value) > longest:
        raise refuse(name, f"The field {name} must have at most {longest} characters.")
    return value
