"""Update expressions: SET, REMOVE, ADD and DELETE."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.simulation.aws.conditions import Values
from tests.simulation.aws.errors import invalid
from tests.simulation.aws.paths import Names, Path, found_at, overlap, put_at, removed_at
from tests.simulation.aws.tokens import Words
from tests.simulation.aws.values import EXACT, Item, Value, copied, number, plain_number

Source = Callable[[Item, Values], Value]
_SECTIONS = ("SET", "REMOVE", "ADD", "DELETE")


class UpdateReader:
    """Reads one expression. `values` are the placeholders it uses, `paths` what it changes."""

    def __init__(self, words: Words, names: Names) -> None:
        self.words = words
        self.names = names
        self.values: set[str] = set()
        self.paths: list[Path] = []
        self._acts: list[Callable[[Item, Item, Values], None]] = []

    def whole(self) -> Callable[[Item, Item, Values], None]:
        """What changes an item: it is given the item before, the copy to change, and the values."""
        seen: set[str] = set()
        while self.words.peek().kind == "name":
            section = self.words.peek().text.upper()
            if section not in _SECTIONS:
                raise self.words.wrong()
            if section in seen:
                raise invalid(
                    f'Invalid UpdateExpression: The "{section}" section can only be used once in an update expression;'
                )
            seen.add(section)
            self.words.take()
            read = {"SET": self._set, "REMOVE": self._remove, "ADD": self._add, "DELETE": self._delete}[section]
            read()
            while self.words.accept(","):
                read()
        self.words.end()
        if not self._acts:
            raise self.words.wrong()
        self._require_apart()
        acts = list(self._acts)

        def change(before: Item, after: Item, values: Values) -> None:
            for act in acts:
                act(before, after, values)

        return change

    def _require_apart(self) -> None:
        for number_of, path in enumerate(self.paths):
            for other in self.paths[:number_of]:
                if overlap(path, other):
                    raise invalid(
                        "Invalid UpdateExpression: Two document paths overlap with each other; must remove or rewrite "
                        f"one of these paths; path one: {list(other)}, path two: {list(path)}"
                    )

    def _changed(self) -> Path:
        path = self.names.path(self.words)
        self.paths.append(path)
        return path

    def _set(self) -> None:
        path = self._changed()
        self.words.expect("=")
        source = self._sum()
        self._acts.append(lambda before, after, values: put_at(after, path, source(before, values)))

    def _sum(self) -> Source:
        left = self._source()
        sign = self.words.peek().text
        if self.words.peek().kind != "sign" or sign not in ("+", "-"):
            return left
        self.words.take()
        right = self._source()
        return lambda before, values: _added(left(before, values), right(before, values), sign)

    def _source(self) -> Source:
        words, token = self.words, self.words.peek()
        if token.kind == "value":
            return self._value()
        if token.kind == "name" and words.peek(1).text == "(":
            name = words.take().text
            words.expect("(")
            if name == "if_not_exists":
                path = self.names.path(words)
                words.expect(",")
                other = self._source()
                words.expect(")")
                return lambda before, values: found_at(before, path) or other(before, values)
            if name == "list_append":
                first = self._source()
                words.expect(",")
                second = self._source()
                words.expect(")")
                return lambda before, values: _appended(first(before, values), second(before, values))
            raise invalid(f"Invalid UpdateExpression: Invalid function name; function: {name}")
        path = self.names.path(words)
        return lambda before, _: _there(before, path)

    def _value(self) -> Source:
        token = self.words.take()
        if token.kind != "value":
            raise self.words.wrong()
        self.values.add(token.text)
        return lambda _, values: copied(values[token.text])

    def _remove(self) -> None:
        path = self._changed()
        self._acts.append(lambda _, after, __: removed_at(after, path))

    def _add(self) -> None:
        path, source = self._changed(), self._value()

        def act(before: Item, after: Item, values: Values) -> None:
            there, more = found_at(before, path), source(before, values)
            if "N" in more:
                put_at(after, path, more if there is None else _added(there, more, "+"))
            else:
                put_at(after, path, _joined(there, more))

        self._acts.append(act)

    def _delete(self) -> None:
        path, source = self._changed(), self._value()

        def act(before: Item, after: Item, values: Values) -> None:
            there, less = found_at(before, path), source(before, values)
            ((kind, content),) = less.items()
            if kind not in ("SS", "NS", "BS"):
                raise _wrong_operand("DELETE", kind)
            if there is None:
                return
            if kind not in there:
                raise _mismatch()
            left = [one for one in there[kind] if one not in content]
            if left:
                put_at(after, path, {kind: left})
            else:
                removed_at(after, path)

        self._acts.append(act)


def _there(before: Item, path: Path) -> Value:
    found = found_at(before, path)
    if found is None:
        raise invalid("The provided expression refers to an attribute that does not exist in the item")
    return copied(found)


def _added(left: Value, right: Value, sign: str) -> Value:
    if "N" not in left or "N" not in right:
        kind = next(iter(right if "N" in left else left))
        raise invalid(
            "An operand in the update expression has an incorrect data type; operator or function: "
            f"{sign}, type: {kind}"
        )
    one, other = number(left["N"]), number(right["N"])
    return {"N": plain_number(EXACT.add(one, other) if sign == "+" else EXACT.subtract(one, other))}


def _appended(first: Value, second: Value) -> Value:
    if "L" not in first or "L" not in second:
        raise _mismatch()
    return {"L": [*first["L"], *second["L"]]}


def _joined(there: Value | None, more: Value) -> Value:
    ((kind, content),) = more.items()
    if kind not in ("SS", "NS", "BS"):
        raise _wrong_operand("ADD", kind)
    if there is None:
        return more
    if kind not in there:
        raise _mismatch()
    known: list[Any] = there[kind]
    return {kind: [*known, *(one for one in content if one not in known)]}


def _wrong_operand(operator: str, kind: str) -> Exception:
    return invalid(
        "Invalid UpdateExpression: Incorrect operand type for operator or function; "
        f"operator: {operator}, operand type: {kind}"
    )


def _mismatch() -> Exception:
    return invalid("An operand in the update expression has an incorrect data type")
