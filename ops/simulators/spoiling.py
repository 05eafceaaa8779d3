"""What becomes of a true answer on its way: a member lost or changed, the body cut, or something else in its place."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ops.simulators.json_text import read_json, write_json
from ops.simulators.wire import Answer

Place = tuple[str | int, ...]
"""Where a member is: `("items", 0, "id")`."""
AS_IT_IS = "as it is"
"""In place of a member's new text: it only has to be there."""
_MARK = "@@spoiled-{}@@"


@dataclass(frozen=True)
class Spoiling:
    """Spoils an answer; None where there is nothing in it to spoil."""

    name: str
    spoil: Callable[[Answer], Answer | None]

    def __call__(self, answer: Answer) -> Answer | None:
        """The spoiled answer."""
        return self.spoil(answer)


def instead(name: str, body: str, content_type: str | None = "application/json", status: int = 200) -> Spoiling:
    """Something else in place of the whole body."""
    return Spoiling(name, lambda answer: Answer(status, body.encode(), content_type if body else None))


def cut_in_half(answer: Answer) -> Answer | None:
    """The first half of the body, as if a connection had ended early and nobody had noticed."""
    if answer.status >= 400 or len(answer.body) < 2:
        return None
    return replace(answer, body=answer.body[: len(answer.body) // 2])


def with_members(name: str, changes: Sequence[tuple[Place, str | None]]) -> Spoiling:
    """Members in place of those that are there, as JSON texts that need not be right; None leaves a member out."""

    def spoil(answer: Answer) -> Answer | None:
        if answer.status >= 400:
            return None
        try:
            value = read_json(answer.body)
        except ValueError:
            return None
        texts: dict[str, str] = {}
        for place, text in changes:
            if text == AS_IT_IS:
                if _found(value, place) is None:
                    return None
                continue
            mark = _MARK.format(len(texts))
            if not _put(value, place, mark, text is None):
                return None
            texts[mark] = text or ""
        body = write_json(value)
        for mark, text in texts.items():
            body = body.replace(f'"{mark}"'.encode(), text.encode())
        return replace(answer, body=body)

    return Spoiling(name, spoil)


def _put(value: Any, place: Place, mark: str, leaves_out: bool) -> bool:
    """Put a mark at a place, or take away what is there; False where there is no such place."""
    *way, last = place
    value = _found(value, way)
    if _at(value, last) is None and (leaves_out or not isinstance(value, dict)):
        return False
    if leaves_out:
        del value[last]
    else:
        value[last] = mark
    return True


def _found(value: Any, place: Sequence[str | int]) -> Any:
    for step in place:
        value = _at(value, step)
    return value


def _at(value: Any, step: str | int) -> Any:
    if isinstance(value, dict):
        return value.get(step)
    is_there = isinstance(value, list) and isinstance(step, int) and -len(value) <= step < len(value)
    return value[step] if is_there else None
