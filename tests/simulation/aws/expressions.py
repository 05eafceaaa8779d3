"""The expressions of one call, with their placeholders: read once for each text, checked at every call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from tests.simulation.aws.conditions import ConditionReader
from tests.simulation.aws.errors import invalid
from tests.simulation.aws.keys import KeyRange, read_key_condition
from tests.simulation.aws.paths import Names, Path, found_at
from tests.simulation.aws.tokens import Words
from tests.simulation.aws.updates import UpdateReader
from tests.simulation.aws.values import Item, Value, copied

Values = dict[str, Value]
_WHAT = {
    "condition": "ConditionExpression",
    "filter": "FilterExpression",
    "update": "UpdateExpression",
    "projection": "ProjectionExpression",
    "key": "KeyConditionExpression",
}


@dataclass(frozen=True, slots=True)
class Read:
    """An expression that was read. `run` is what its kind does; `paths` what it names."""

    run: Any
    names: frozenset[str]
    values: frozenset[str]
    paths: tuple[Path, ...]


_known: dict[tuple[Any, ...], Read] = {}


def _read(kind: str, text: str, aliases: Mapping[str, str]) -> Read:
    key = (kind, text, *sorted(aliases.items()))
    found = _known.get(key)
    if found is None:
        words, names = Words(text, _WHAT[kind]), Names(dict(aliases), _WHAT[kind])
        found = _known[key] = _READERS[kind](words, names)
    return found


def _read_condition(words: Words, names: Names) -> Read:
    reader = ConditionReader(words, names)
    test = reader.whole()
    return Read(test, frozenset(names.used), frozenset(reader.values), tuple(reader.paths))


def _read_update(words: Words, names: Names) -> Read:
    reader = UpdateReader(words, names)
    change = reader.whole()
    return Read(change, frozenset(names.used), frozenset(reader.values), tuple(reader.paths))


def _read_projection(words: Words, names: Names) -> Read:
    paths = [names.path(words)]
    while words.accept(","):
        paths.append(names.path(words))
    words.end()
    if any(len(path) > 1 for path in paths):
        raise NotImplementedError("a projection of parts of an attribute: nobody uses one yet")

    def project(item: Item) -> Item:
        return {str(path[0]): value for path in paths if (value := found_at(item, path)) is not None}

    return Read(project, frozenset(names.used), frozenset(), tuple(paths))


def _read_key(words: Words, names: Names) -> Read:
    found = read_key_condition(words, names)
    return Read(found, frozenset(names.used), found.values, ())


_READERS: dict[str, Callable[[Words, Names], Read]] = {
    "condition": _read_condition,
    "filter": _read_condition,
    "update": _read_update,
    "projection": _read_projection,
    "key": _read_key,
}


class Expressions:
    """The expressions of one call, read; `values` are the call's, checked."""

    __slots__ = ("_read", "values")

    def __init__(
        self, names: Mapping[str, str] | None, values: Mapping[str, Any] | None, **expressions: str | None
    ) -> None:
        given = {kind: text for kind, text in expressions.items() if text is not None}
        if names is not None or values is not None:
            _require_use(names, values, given)
        self._read = {kind: _read(kind, text, names or {}) for kind, text in given.items()}
        self.values: Values = {name: copied(value) for name, value in values.items()} if values else {}
        self._check(names, values)

    def _check(self, names: Mapping[str, str] | None, values: Mapping[str, Any] | None) -> None:
        for kind, read in self._read.items():
            for name in read.values:
                if name not in self.values:
                    raise invalid(
                        f"Invalid {_WHAT[kind]}: An expression attribute value used in expression is not defined; "
                        f"attribute value: {name}"
                    )
        if names:
            unused = set(names).difference(*(read.names for read in self._read.values()))
            if unused:
                raise invalid(
                    "Value provided in ExpressionAttributeNames unused in expressions: "
                    f"keys: {{{', '.join(sorted(unused))}}}"
                )
        if values:
            unused = set(values).difference(*(read.values for read in self._read.values()))
            if unused:
                raise invalid(
                    "Value provided in ExpressionAttributeValues unused in expressions: "
                    f"keys: {{{', '.join(sorted(unused))}}}"
                )

    def holds(self, kind: str, item: Item) -> bool:
        """Whether the condition or filter holds; one that is not given does."""
        read = self._read.get(kind)
        return read is None or read.run(item, self.values)

    def updated(self, before: Item, key: Item) -> Item:
        """The item after the update; without an update expression as it was."""
        read = self._read.get("update")
        base = before or key
        after: Item = dict(base)
        if read is not None:
            if any(len(path) > 1 for path in read.paths):
                after = deepcopy(after)
            read.run(base, after, self.values)
        return after

    @property
    def update_paths(self) -> tuple[Path, ...]:
        """What the update changes."""
        read = self._read.get("update")
        return read.paths if read is not None else ()

    def projected(self, item: Item) -> Item:
        """The part of an item that is asked for."""
        read = self._read.get("projection")
        return read.run(item) if read is not None else item

    @property
    def key_range(self) -> KeyRange:
        """The key condition."""
        found: KeyRange = self._read["key"].run
        return found

    def paths(self, kind: str) -> tuple[Path, ...]:
        """What an expression names."""
        read = self._read.get(kind)
        return read.paths if read is not None else ()


def _require_use(names: Mapping[str, str] | None, values: Mapping[str, Any] | None, given: Mapping[str, str]) -> None:
    if not given:
        what = "ExpressionAttributeNames" if names is not None else "ExpressionAttributeValues"
        raise invalid(f"{what} can only be specified when using expressions")
    if names is not None and not names:
        raise invalid("ExpressionAttributeNames must not be empty")
    if values is not None and not values:
        raise invalid("ExpressionAttributeValues must not be empty")
    for name in names or ():
        if not name.startswith("#") or len(name) < 2:
            raise invalid(f'ExpressionAttributeNames contains invalid key: Syntax error; key: "{name}"')
    for name in values or ():
        if not name.startswith(":") or len(name) < 2:
            raise invalid(f'ExpressionAttributeValues contains invalid key: Syntax error; key: "{name}"')
