"""Pages as an account may cut them that does not do as the contract says."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass
class PageHabits:
    """What a server, or a cache in front of it, does to the pages of a query. All off: as the contract says."""

    most_rows: int | None = None
    """It never gives more rows at once, whatever was asked."""
    ignores_sort: bool = False
    """Rows come by id."""
    newest_first: bool = False
    """Rows come in the order of modification, but backwards."""
    repeats: int = 0
    """A further page begins with so many rows of the one before."""
    shifts: int = 0
    """A further page begins so many rows later: those moved up while the pages were read."""
    shrinks_total: bool = False
    """The total counts what is left from here on."""

    @property
    def keeps_order(self) -> bool:
        """Whether rows come as they were asked for."""
        return not (self.ignores_sort or self.newest_first)

    def bounds(self, skip: int, take: int) -> tuple[int, int]:
        """Where the page really begins, and how long it is at most."""
        moved = skip - self.repeats + self.shifts if skip else 0
        return max(0, moved), take if self.most_rows is None else min(take, self.most_rows)

    def total(self, total: int, skip: int) -> int:
        """The total that the page names."""
        return max(0, total - skip) if self.shrinks_total else total

    def ordered(self, rows: Sequence[T]) -> list[T]:
        """Rows, given in the order of modification or by id, as they come out."""
        return list(reversed(rows)) if self.newest_first else list(rows)
