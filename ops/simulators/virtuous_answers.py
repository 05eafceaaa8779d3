"""Answers in the forms that Virtuous gives them, and the reading of bodies."""

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import simplejson

from ops.simulators.json_text import write_json
from ops.simulators.virtuous_model import Model, ModelErrors
from ops.simulators.wire import Answer, Call

if TYPE_CHECKING:
    from ops.simulators.virtuous_store import VirtuousStore

JSON = "application/json; charset=utf-8"
LARGEST_PAGE = 1000
DEFAULT_PAGE = 10


class Refused(Exception):
    """The call cannot be served; carries the answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def write_in_lines(value: Any) -> bytes:
    """A JSON text that is broken into lines with CRLF."""
    broken = simplejson.dumps(
        value, use_decimal=True, ensure_ascii=True, separators=(",\r\n  ", ": "), default=str
    )  # fmt: skip
    return broken.encode("ascii")


class Answers:
    """Makes the answers of one simulated Virtuous."""

    def __init__(self, store: "VirtuousStore") -> None:
        self._store = store
        self._turns: Counter[str] = Counter()

    def of(self, value: Any, status: int = 200) -> Answer:
        """A value as JSON, in one line or in many."""
        in_lines = self.turns(self._store.settings.layout, "crlf")
        return Answer(status, write_in_lines(value) if in_lines else write_json(value), JSON)

    def message(self, status: int, text: str) -> Answer:
        """An error with a message alone."""
        return self.of({"message": text}, status)

    def target(self, status: int, code: str, text: str) -> Answer:
        """An error in the shape that the vendor is moving to."""
        return self.of({"error": {"code": code, "message": text}}, status)

    def invalid(self, messages: Mapping[str, list[str]]) -> Answer:
        """A 400 that names every breach by its member path."""
        if self.turns(self._store.settings.error_shape, "new"):
            details = [
                {"field": path, "code": "INVALID", "message": text}
                for path, found in messages.items()
                for text in found
            ]
            body = {"error": {"code": "VALIDATION_ERROR", "message": "The request is invalid.", "details": details}}
            return self.of(body, 400)
        return self.of({"message": "The request is invalid.", "modelState": dict(messages)}, 400)

    def page(self, found: list[Any], total: int) -> Answer:
        """One page of a list."""
        return self.of({"list": found, "total": total})

    @staticmethod
    def missing() -> Answer:
        """A 404: nothing in its body."""
        return Answer(404)

    @staticmethod
    def held() -> Answer:
        """Rows are held for import: no body, no handle."""
        return Answer(200)

    def turns(self, choice: str, named: str) -> bool:
        """Whether a setting says this; `vary` says one and the other in turn."""
        if choice != "vary":
            return choice == named
        self._turns[named] += 1
        return self._turns[named] % 2 == 0

    def refuse(self, path: str, text: str) -> Refused:
        """A 400 about one member or parameter."""
        return Refused(self.invalid({path: [text]}))

    def read(self, call: Call, name: str = "model") -> Model:
        """The body, an object, ready to be read."""
        value = self.read_any(call, name)
        if not isinstance(value, Mapping):
            raise self.refuse(name, "An object is expected.")
        return Model(name, value, ModelErrors())

    def read_any(self, call: Call, name: str = "model") -> Any:
        """The body, of any shape."""
        media_type = call.request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "application/json":
            raise Refused(self.message(415, "The request entity's media type is not supported for this resource."))
        try:
            return call.json()
        except (ValueError, RecursionError) as problem:
            raise self.refuse(name, f"Unexpected token: {problem}") from problem

    def keep(self, errors: ModelErrors) -> None:
        """Note the members that fell away; refuse the call when there are breaches."""
        self._store.dropped_members += errors.dropped
        self._store.misspelled_members += errors.misspelled
        if errors:
            raise Refused(self.invalid(errors.messages))

    def page_bounds(self, call: Call) -> tuple[int, int]:
        """Skip and take of a list, from the query string; more than a thousand is refused."""
        skip = self.whole_parameter(call, "skip", 0, 0)
        return skip, self.whole_parameter(call, "take", DEFAULT_PAGE, 1, LARGEST_PAGE)

    def whole_parameter(self, call: Call, name: str, default: int, smallest: int, largest: int | None = None) -> int:
        """A whole number of the query string within bounds."""
        text = call.query.get(name, str(default))
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise self.refuse(name, f"The value '{text}' is not valid.")
        if int(text) < smallest or (largest is not None and int(text) > largest):
            raise self.refuse(name, f"{name} must be between {smallest} and {largest or 'any'}.")
        return int(text)

    def flag_parameter(self, call: Call, name: str, default: str | None = "false") -> bool:
        """A boolean of the query string; without a default it is required."""
        text = call.query.get(name, default)
        if text is None or text.lower() not in ("true", "false"):
            raise self.refuse(name, f"The value '{text}' is not valid.")
        return text.lower() == "true"


def path_id(call: Call, name: str) -> int | None:
    """The id in the path; None for what is no number."""
    text = call.path[name]
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None
