"""Where in an item an expression points: attributes, members of maps, elements of lists."""

from __future__ import annotations

from typing import Any

from tests.simulation.aws.errors import invalid
from tests.simulation.aws.reserved_words import RESERVED
from tests.simulation.aws.tokens import Words
from tests.simulation.aws.values import Item, Value

Path = tuple[str | int, ...]


class Names:
    """The attribute names of one expression; which placeholders it uses."""

    def __init__(self, aliases: dict[str, str], what: str) -> None:
        self.aliases = aliases
        self.what = what
        self.used: set[str] = set()

    def path(self, words: Words) -> Path:
        """Read a path."""
        steps: list[str | int] = [self._name(words)]
        while True:
            if words.accept("."):
                steps.append(self._name(words))
            elif words.accept("["):
                token = words.take()
                if token.kind != "number":
                    raise words.wrong()
                words.expect("]")
                steps.append(int(token.text))
            else:
                return tuple(steps)

    def _name(self, words: Words) -> str:
        token = words.peek()
        if token.kind == "alias":
            words.take()
            if token.text not in self.aliases:
                raise invalid(
                    f"Invalid {self.what}: An expression attribute name used in the document path is not defined; "
                    f"attribute name: {token.text}"
                )
            self.used.add(token.text)
            return self.aliases[token.text]
        if token.kind != "name":
            raise words.wrong()
        if token.text.lower() in RESERVED:
            raise invalid(f"Invalid {self.what}: Attribute name is a reserved keyword; reserved keyword: {token.text}")
        words.take()
        return token.text


def found_at(item: Item, path: Path) -> Value | None:
    """The value at a path; None where there is none."""
    if len(path) == 1:
        return item.get(path[0])  # type: ignore[call-overload,no-any-return]
    value: Any = item.get(path[0])  # type: ignore[call-overload]
    for step in path[1:]:
        if value is None:
            return None
        if isinstance(step, str):
            value = value["M"].get(step) if "M" in value else None
        else:
            content = value.get("L")
            value = content[step] if content is not None and step < len(content) else None
    return value  # type: ignore[no-any-return]


def put_at(item: Item, path: Path, value: Value) -> None:
    """Set the value at a path; the way there must exist."""
    if len(path) == 1:
        item[path[0]] = value  # type: ignore[index]
        return
    around = found_at(item, path[:-1])
    step = path[-1]
    if around is not None and isinstance(step, str) and "M" in around:
        around["M"][step] = value
    elif around is not None and isinstance(step, int) and "L" in around:
        content = around["L"]
        if step < len(content):
            content[step] = value
        else:
            content.append(value)
    else:
        raise _no_way()


def removed_at(item: Item, path: Path) -> None:
    """Remove what is at a path, if anything is."""
    if len(path) == 1:
        item.pop(path[0], None)  # type: ignore[call-overload]
        return
    around = found_at(item, path[:-1])
    step = path[-1]
    if around is not None and isinstance(step, str) and "M" in around:
        around["M"].pop(step, None)
    elif around is not None and isinstance(step, int) and "L" in around:
        if step < len(around["L"]):
            del around["L"][step]
    else:
        raise _no_way()


def overlap(left: Path, right: Path) -> bool:
    """Whether one path leads through the other."""
    short = min(len(left), len(right))
    return left[:short] == right[:short]


def _no_way() -> Exception:
    return invalid("The document path provided in the update expression is invalid for update")
