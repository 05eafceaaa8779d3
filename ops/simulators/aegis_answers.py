"""Answers in the form that Aegis gives them."""

from collections.abc import Callable, Mapping
from typing import Any

from ops.simulators.aegis_model import Model, ModelErrors
from ops.simulators.aegis_store import AegisStore
from ops.simulators.wire import Answer, Call

INVALID = "The request is invalid."


def error(status: int, message: str) -> Answer:
    """An error with a message alone."""
    return Answer.of_json({"Message": message}, status)


def invalid(messages: Mapping[str, list[str]]) -> Answer:
    """A 400 that names every breach by its member path."""
    return Answer.of_json({"Message": INVALID, "ModelState": dict(messages)}, 400)


def write_with(store: AegisStore, call: Call, parameter: str, write: Callable[[Model, ModelErrors], Answer]) -> Answer:
    """Read the body as a model and hand it to a write; what cannot be read is refused."""
    headers = call.request.headers
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return error(415, "The request contains an entity body but no supported Content-Type header.")
    if "content-length" not in headers and "transfer-encoding" in headers:
        return error(411, "Length required.")
    errors = ModelErrors()
    try:
        members: Any = call.json()
    except ValueError as problem:
        return invalid({parameter: [f"Unexpected token: {problem}"]})
    if not isinstance(members, Mapping):
        return invalid({parameter: ["An object is expected."]})
    answer = write(Model(parameter, members, errors), errors)
    store.dropped_members += errors.dropped
    return answer


def saved(store: AegisStore, model: Mapping[str, Any]) -> Answer:
    """The answer to a Save: with the stored model or without a body."""
    choice = store.settings.save_answers
    if choice == "204" or (choice == "vary" and store.writes % 2):
        return Answer(204)
    return Answer.of_json(model)
