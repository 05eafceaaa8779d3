"""Condition and filter expressions: read once, then asked of an item and the values of a call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.simulation.aws.errors import invalid
from tests.simulation.aws.paths import Names, Path, found_at
from tests.simulation.aws.tokens import Words
from tests.simulation.aws.values import Item, Value, comparable, equal

Values = dict[str, Value]
Test = Callable[[Item, Values], bool]
Operand = Callable[[Item, Values], Value | None]
_COMPARED = {"=", "<>", "<", "<=", ">", ">="}
_MOST_IN = 100
_MOST_OPERATORS = 300
_ORDERED = ("S", "N", "B")
TYPES = frozenset({"S", "SS", "N", "NS", "B", "BS", "BOOL", "NULL", "L", "M"})


class ConditionReader:
    """Reads one expression. `values` are the placeholders it uses; `paths` the attributes that it compares."""

    def __init__(self, words: Words, names: Names) -> None:
        self.words = words
        self.names = names
        self.values: set[str] = set()
        self.paths: list[Path] = []
        self._operators = 0

    def whole(self) -> Test:
        """The whole expression."""
        test = self._any()
        self.words.end()
        return test

    def _any(self) -> Test:
        tests = [self._all()]
        while self.words.accept_word("OR"):
            self._count()
            tests.append(self._all())
        return tests[0] if len(tests) == 1 else lambda item, values: any(test(item, values) for test in tests)

    def _all(self) -> Test:
        tests = [self._not()]
        while self.words.accept_word("AND"):
            self._count()
            tests.append(self._not())
        return tests[0] if len(tests) == 1 else lambda item, values: all(test(item, values) for test in tests)

    def _not(self) -> Test:
        if self.words.accept_word("NOT"):
            self._count()
            test = self._not()
            return lambda item, values: not test(item, values)
        return self._one()

    def _one(self) -> Test:
        words = self.words
        if words.accept("("):
            was_group = words.peek().text == "("
            test = self._any()
            ended_group = words.peek(-1).text == ")"
            words.expect(")")
            if was_group and ended_group and self._wraps_one(words):
                raise invalid(f"Invalid {words.what}: The expression has redundant parentheses;")
            return test
        if words.peek().kind == "name" and words.peek(1).text == "(" and words.peek().text != "size":
            return self._function()
        return self._comparison()

    @staticmethod
    def _wraps_one(words: Words) -> bool:
        """Whether the group just read holds nothing but another group."""
        depth, at = 0, -1
        while True:
            text = words.peek(at).text
            depth += (text == ")") - (text == "(")
            if depth == 0:
                begin = at
                break
            at -= 1
        depth, at = 0, begin + 1
        while at < -1:
            text = words.peek(at).text
            depth += (text == "(") - (text == ")")
            if depth == 0:
                return at == -2
            at += 1
        return False

    def _function(self) -> Test:
        words, name = self.words, self.words.take().text
        words.expect("(")
        self._count()
        if name in ("attribute_exists", "attribute_not_exists"):
            path = self._path()
            words.expect(")")
            if name == "attribute_exists":
                return lambda item, _: found_at(item, path) is not None
            return lambda item, _: found_at(item, path) is None
        if name not in ("begins_with", "contains", "attribute_type"):
            raise invalid(f"Invalid {words.what}: Invalid function name; function: {name}")
        path = self._path()
        words.expect(",")
        operand = self.operand()
        words.expect(")")
        return {"begins_with": _begins, "contains": _contains, "attribute_type": _is_of_type}[name](path, operand)

    def _comparison(self) -> Test:
        words, left = self.words, self.operand()
        self._count()
        if words.accept_word("BETWEEN"):
            low = self.operand()
            if not words.accept_word("AND"):
                raise words.wrong()
            high = self.operand()
            return _between(left, low, high, words.what)
        if words.accept_word("IN"):
            words.expect("(")
            choices = [self.operand()]
            while words.accept(","):
                choices.append(self.operand())
            words.expect(")")
            if len(choices) > _MOST_IN:
                raise invalid(f"Invalid {words.what}: The IN operator is provided with too many operands;")
            return lambda item, values: _same_as_any(left(item, values), [one(item, values) for one in choices])
        sign = words.peek().text
        if words.peek().kind != "sign" or sign not in _COMPARED:
            raise words.wrong()
        words.take()
        return _compare(sign, left, self.operand())

    def operand(self) -> Operand:
        """A value, a path, or the size of one."""
        words = self.words
        if words.peek().kind == "value":
            name = words.take().text
            self.values.add(name)
            return lambda _, values: values[name]
        if words.peek().text == "size" and words.peek(1).text == "(":
            words.take()
            words.expect("(")
            path = self._path()
            words.expect(")")
            return lambda item, _: _size(found_at(item, path))
        path = self._path()
        return lambda item, _: found_at(item, path)

    def _path(self) -> Path:
        path = self.names.path(self.words)
        self.paths.append(path)
        return path

    def _count(self) -> None:
        self._operators += 1
        if self._operators > _MOST_OPERATORS:
            raise invalid(f"Invalid {self.words.what}: The expression contains more than {_MOST_OPERATORS} operators;")


def _compare(sign: str, left: Operand, right: Operand) -> Test:
    def test(item: Item, values: Values) -> bool:
        one, other = left(item, values), right(item, values)
        if sign in ("=", "<>"):
            same = one is not None and other is not None and equal(one, other)
            return same if sign == "=" else not same
        return _is_ordered(sign, one, other)

    return test


def _is_ordered(sign: str, one: Value | None, other: Value | None) -> bool:
    if one is None or other is None or one.keys() != other.keys() or next(iter(one)) not in _ORDERED:
        return False
    small, large = comparable(one), comparable(other)
    return bool(
        {"<": small < large, "<=": small <= large, ">": small > large, ">=": small >= large}[sign],
    )


def _between(left: Operand, low: Operand, high: Operand, what: str) -> Test:
    def test(item: Item, values: Values) -> bool:
        one, first, last = left(item, values), low(item, values), high(item, values)
        if first is not None and last is not None and _is_ordered(">", first, last):
            raise invalid(
                f"Invalid {what}: The BETWEEN operator requires upper bound to be greater than or equal to lower bound"
            )
        return _is_ordered(">=", one, first) and _is_ordered("<=", one, last)

    return test


def _same_as_any(one: Value | None, choices: list[Value | None]) -> bool:
    return one is not None and any(choice is not None and equal(one, choice) for choice in choices)


def _begins(path: Path, operand: Operand) -> Test:
    def test(item: Item, values: Values) -> bool:
        one, start = found_at(item, path), operand(item, values)
        if one is None or start is None or one.keys() != start.keys() or next(iter(one)) not in ("S", "B"):
            return False
        content: Any = next(iter(one.values()))
        return bool(content.startswith(next(iter(start.values()))))

    return test


def _contains(path: Path, operand: Operand) -> Test:
    def test(item: Item, values: Values) -> bool:
        one, part = found_at(item, path), operand(item, values)
        if one is None or part is None:
            return False
        kind, content = next(iter(one.items()))
        part_kind, wanted = next(iter(part.items()))
        if kind in ("S", "B"):
            return part_kind == kind and wanted in content
        if kind == "L":
            return any(equal(member, part) for member in content)
        return kind in ("SS", "NS", "BS") and part_kind == kind[0] and wanted in content

    return test


def _is_of_type(path: Path, operand: Operand) -> Test:
    def test(item: Item, values: Values) -> bool:
        wanted = (operand(item, values) or {}).get("S")
        if wanted not in TYPES:
            raise invalid("Invalid ConditionExpression: Invalid attribute type name found; type: " + str(wanted))
        one = found_at(item, path)
        return one is not None and wanted in one

    return test


def _size(value: Value | None) -> Value | None:
    if value is None:
        return None
    ((kind, content),) = value.items()
    if kind == "S":
        return {"N": str(len(content.encode()))}
    return {"N": str(len(content))} if kind in ("B", "SS", "NS", "BS", "L", "M") else None
