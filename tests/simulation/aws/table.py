"""One table: its rows, and its indexes, which may lag behind."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

from tests.simulation.aws.keys import Key, KeySchema
from tests.simulation.aws.values import Item

Entry = tuple[Any, int, Key]
"""In a partition: sort key, a number that gives equal ones an order nobody may rely on, key of the row."""


@dataclass(slots=True)
class Sorted:
    """Partitions whose entries are in the order of their sort keys."""

    partitions: dict[Any, list[Entry]] = field(default_factory=dict)

    def add(self, partition: Any, entry: Entry) -> None:
        """Put an entry in its place."""
        insort(self.partitions.setdefault(partition, []), entry)

    def remove(self, partition: Any, entry: Entry) -> None:
        """Take an entry out."""
        entries = self.partitions[partition]
        at = bisect_left(entries, entry)
        if at < len(entries) and entries[at] == entry:
            del entries[at]
        if not entries:
            del self.partitions[partition]


@dataclass(slots=True)
class Index:
    """A secondary index. `projected` names the attributes it holds beside the keys; None means all."""

    name: str
    schema: KeySchema
    projected: frozenset[str] | None
    entries: Sorted = field(default_factory=Sorted)
    items: dict[Key, Item] = field(default_factory=dict)
    """The rows as the index shows them: as they were when it was last brought up to date."""
    pending: deque[tuple[float, Key, Item | None]] = field(default_factory=deque)

    def change(self, key: Key, after: Item | None) -> None:
        """Show a row as it is now; None removes it."""
        before = self.items.get(key)
        old = self.schema.of_index(before, self.name) if before is not None else None
        new = self.schema.of_index(after, self.name) if after is not None else None
        if old is not None and old != new:
            self.entries.remove(old[0], entry_of(old, key))
        if new is not None and old != new:
            self.entries.add(new[0], entry_of(new, key))
        if new is None or after is None:
            self.items.pop(key, None)
        else:
            self.items[key] = after


def entry_of(index_key: Key, key: Key) -> Entry:
    return (index_key[1] if len(index_key) > 1 else 0, crc32(repr(key).encode()), key)


class Table:
    """Rows by key. `lag` says after how many seconds the indexes show a write that is made now."""

    def __init__(
        self,
        name: str,
        schema: KeySchema,
        indexes: Mapping[str, Index],
        now: Callable[[], float],
        lag: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.name = name
        self.schema = schema
        self.indexes = dict(indexes)
        self.rows: dict[Key, Item] = {}
        self.lag = lag
        self._now = now
        self._sorted = Sorted()
        """Only where the key has a sort attribute."""
        self._journal: list[tuple[float, Key, Item | None]] | None = None

    def keep_journal(self) -> None:
        """Remember from now on what each write replaced, for a point-in-time restore."""
        self._journal = []

    def restore(self, to: float) -> int:
        """Be as at an earlier moment, indexes and all; how many writes that undoes.

        A restore makes a new table: its indexes are whole, and nobody has written to it since.
        """
        assert self._journal is not None, "no journal was kept"
        before: dict[Key, Item | None] = {}
        undone = 0
        while self._journal and self._journal[-1][0] > to:
            _, key, row = self._journal.pop()
            before[key] = row
            undone += 1
        journal, self._journal = self._journal, None
        for key, row in before.items():
            self.write(key, row)
        for index in self.indexes.values():
            self.catch_up(index, wholly=True)
        self._journal = journal
        return undone

    def write(self, key: Key, after: Item | None) -> None:
        """Put a row in the place of what is there; None removes it."""
        is_new = key not in self.rows
        if self._journal is not None:
            self._journal.append((self._now(), key, self.rows.get(key)))
        if after is None:
            if is_new:
                return
            del self.rows[key]
        else:
            self.rows[key] = after
        if self.schema.sort is not None and is_new != (after is None):
            act = self._sorted.add if is_new else self._sorted.remove
            act(key[0], (key[1], 0, key))
        for index in self.indexes.values():
            lag = self.lag()
            if lag <= 0 and not index.pending:
                index.change(key, after)
                continue
            earliest = index.pending[-1][0] if index.pending else 0.0
            index.pending.append((max(earliest, self._now() + lag), key, after))

    def require_index_keys(self, item: Item) -> None:
        """Refuse an item whose index keys no index takes."""
        for index in self.indexes.values():
            index.schema.of_index(item, index.name)

    def catch_up(self, index: Index, *, wholly: bool = False) -> None:
        """Let an index show what it must show by now."""
        now = self._now()
        while index.pending and (wholly or index.pending[0][0] <= now):
            _, key, after = index.pending.popleft()
            index.change(key, after)

    def entries(self, partition: Any, index: Index | None) -> list[Entry]:
        """A partition's entries in order."""
        if index is not None:
            self.catch_up(index)
            return index.entries.partitions.get(partition, [])
        if self.schema.sort is None:
            return [(0, 0, (partition,))] if (partition,) in self.rows else []
        return self._sorted.partitions.get(partition, [])

    def shown(self, key: Key, index: Index | None) -> Item:
        """A row as the table or an index shows it."""
        if index is None:
            return self.rows[key]
        item = index.items[key]
        if index.projected is None:
            return item
        wanted = index.projected.union(self.schema.attributes, index.schema.attributes)
        return {name: value for name, value in item.items() if name in wanted}

    def scanned(self, index: Index | None) -> Iterator[Key]:
        """All keys in the order of a scan, which is nobody's business but is always the same."""
        if index is not None:
            self.catch_up(index)
        return iter(sorted(self.rows if index is None else index.items, key=_scattered))


def _scattered(key: Key) -> tuple[int, str]:
    text = repr(key)
    return crc32(text.encode()), text


def made_table(name: str, properties: Mapping[str, Any], now: Callable[[], float]) -> Table:
    """An empty table."""
    types = {one["AttributeName"]: one["AttributeType"] for one in properties["AttributeDefinitions"]}
    indexes = {}
    for index in properties.get("GlobalSecondaryIndexes") or []:
        projection = index["Projection"]
        held = None if projection["ProjectionType"] == "ALL" else frozenset(projection.get("NonKeyAttributes", ()))
        indexes[index["IndexName"]] = Index(index["IndexName"], _schema(index["KeySchema"], types), held)
    return Table(name, _schema(properties["KeySchema"], types), indexes, now)


def _schema(keys: list[dict[str, str]], types: Mapping[str, str]) -> KeySchema:
    ordered = sorted(keys, key=lambda key: key["KeyType"] != "HASH")
    names = tuple(key["AttributeName"] for key in ordered)
    return KeySchema(names, {name: types[name] for name in names})
