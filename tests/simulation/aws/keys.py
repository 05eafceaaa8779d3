"""Keys of tables and indexes: what they are made of, and the conditions that a query asks of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.simulation.aws.errors import invalid
from tests.simulation.aws.paths import Names
from tests.simulation.aws.tokens import Words
from tests.simulation.aws.values import Item, Value, comparable

Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class KeySchema:
    """The attributes of a key, the partition's first; `types` by attribute."""

    attributes: tuple[str, ...]
    types: Mapping[str, str]

    @property
    def partition(self) -> str:
        return self.attributes[0]

    @property
    def sort(self) -> str | None:
        return self.attributes[1] if len(self.attributes) > 1 else None

    def of_item(self, item: Item) -> Key:
        """The key of an item that is written. Raises ValidationException."""
        found = []
        for name in self.attributes:
            value = item.get(name)
            if value is None:
                raise invalid(f"One or more parameter values were invalid: Missing the key {name} in the item")
            found.append(self._content(name, value))
        return tuple(found)

    def of_key(self, key: Item) -> Key:
        """The key that a call gives. Raises ValidationException."""
        if len(key) != len(self.attributes) or any(name not in key for name in self.attributes):
            raise invalid("The provided key element does not match the schema")
        for name in self.attributes:
            if self.types[name] not in key[name]:
                raise invalid("The provided key element does not match the schema")
        return tuple(self._content(name, key[name]) for name in self.attributes)

    def _content(self, name: str, value: Value) -> Any:
        kind = self.types[name]
        if kind not in value:
            raise invalid(
                f"One or more parameter values were invalid: Type mismatch for key {name} expected: {kind} "
                f"actual: {next(iter(value))}"
            )
        content = value[kind]
        if content in ("", b""):
            raise invalid(
                "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an "
                f"empty string value. Key: {name}"
            )
        size = len(content.encode() if isinstance(content, str) else content)
        if size > (2048 if name == self.partition else 1024):
            raise invalid(
                "One or more parameter values were invalid: Size of "
                f"{'hashkey' if name == self.partition else 'rangekey'} has exceeded the maximum size limit"
            )
        return comparable(value)

    def of_index(self, item: Item, index: str) -> Key | None:
        """The key of an item in an index; None when the item is not in it. Raises ValidationException."""
        found = []
        for name in self.attributes:
            value = item.get(name)
            if value is None:
                continue
            kind = self.types[name]
            if kind not in value:
                raise invalid(
                    f"One or more parameter values were invalid: Type mismatch for Index Key {name} Expected: {kind} "
                    f"Actual: {next(iter(value))} IndexName: {index}"
                )
            if value[kind] in ("", b""):
                raise invalid(
                    "One or more parameter values are not valid. A value specified for a secondary index key is not "
                    "supported. The AttributeValue for a key attribute cannot contain an empty string value. "
                    f"IndexName: {index}, IndexKey: {name}"
                )
            found.append(comparable(value))
        return tuple(found) if len(found) == len(self.attributes) else None


@dataclass(frozen=True, slots=True)
class KeyRange:
    """A key condition: the partition's attribute and value, and what the sort key must be."""

    partition: tuple[str, str]
    sort: tuple[str, str, tuple[str, ...]] | None
    """Attribute, sign (also `begins` and `between`), placeholders."""
    values: frozenset[str]

    def bounds(self, schema: KeySchema, values: Mapping[str, Value]) -> tuple[Any, str, tuple[Any, ...]]:
        """The partition, the sign and what the sort key is compared with. Raises ValidationException."""
        name, placeholder = self.partition
        swapped = self
        if name != schema.partition and self.sort is not None and self.sort[1] == "=":
            swapped = KeyRange((self.sort[0], self.sort[2][0]), (name, "=", (placeholder,)), self.values)
            name, placeholder = swapped.partition
        if name != schema.partition:
            raise invalid(f"Query condition missed key schema element: {schema.partition}")
        partition = _key_value(schema, name, values[placeholder])
        if swapped.sort is None:
            return partition, "", ()
        name, sign, placeholders = swapped.sort
        if name != schema.sort:
            raise invalid(f"Query condition missed key schema element: {schema.sort or name}")
        compared = tuple(_key_value(schema, name, values[placeholder]) for placeholder in placeholders)
        if sign == "between" and compared[0] > compared[1]:
            raise invalid(
                "Invalid KeyConditionExpression: The BETWEEN operator requires upper bound to be greater than or equal "
                "to lower bound"
            )
        return partition, sign, compared


def _key_value(schema: KeySchema, name: str, value: Value) -> Any:
    kind = schema.types[name]
    if kind not in value:
        raise invalid("One or more parameter values were invalid: Condition parameter type does not match schema type")
    if value[kind] in ("", b""):
        raise invalid(
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an "
            f"empty string value. Key: {name}"
        )
    return comparable(value)


def read_key_condition(words: Words, names: Names) -> KeyRange:
    """Read a key condition: an equality for the partition, and at most one condition of the sort key."""
    used: set[str] = set()
    found = [_read_part(words, names, used)]
    if words.accept_word("AND"):
        found.append(_read_part(words, names, used))
    if words.peek().is_word("OR") or words.peek().is_word("NOT"):
        raise invalid("Invalid operator used in KeyConditionExpression: OR")
    words.end()
    equalities = [part for part in found if part[1] == "="]
    if not equalities:
        raise invalid("Query key condition not supported")
    # Of two equalities either may be the partition's: the schema tells.
    partition = equalities[0]
    others = [part for part in found if part is not partition]
    return KeyRange((partition[0], partition[2][0]), others[0] if others else None, frozenset(used))


def _read_part(words: Words, names: Names, used: set[str]) -> tuple[str, str, tuple[str, ...]]:
    if words.accept("("):
        part = _read_part(words, names, used)
        words.expect(")")
        return part
    if words.peek().is_word("BEGINS_WITH") and words.peek(1).text == "(":
        words.take()
        words.expect("(")
        name = _attribute(words, names)
        words.expect(",")
        part = (name, "begins", (_placeholder(words, used),))
        words.expect(")")
        return part
    name = _attribute(words, names)
    if words.accept_word("BETWEEN"):
        low = _placeholder(words, used)
        if not words.accept_word("AND"):
            raise words.wrong()
        return name, "between", (low, _placeholder(words, used))
    sign = words.take().text
    if sign == "<>":
        raise invalid("Invalid operator used in KeyConditionExpression: <>")
    if sign not in ("=", "<", "<=", ">", ">="):
        raise words.wrong()
    return name, sign, (_placeholder(words, used),)


def _attribute(words: Words, names: Names) -> str:
    path = names.path(words)
    if len(path) > 1:
        raise invalid(
            "Invalid KeyConditionExpression: KeyConditionExpressions cannot have conditions on nested attributes"
        )
    return str(path[0])


def _placeholder(words: Words, used: set[str]) -> str:
    token = words.take()
    if token.kind != "value":
        raise invalid(f'Invalid KeyConditionExpression: Syntax error; token: "{token.text}"')
    used.add(token.text)
    return token.text
