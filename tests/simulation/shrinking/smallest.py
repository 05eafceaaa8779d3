"""Delta debugging: the fewest things with which something still happens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def smallest(things: Sequence[T], still: Callable[[list[T]], bool], has_time: Callable[[], bool]) -> list[T]:
    """What is left of the things when none can be taken away without an end to it; or when the time is over.

    None at all is tried first, then halves, quarters, and at last each alone.
    """
    kept = list(things)
    size = len(kept)
    while size > 0:
        start, was_cut = 0, False
        while start < len(kept):
            if not has_time():
                return kept
            rest = kept[:start] + kept[start + size :]
            if still(rest):
                kept, was_cut = rest, True
            else:
                start += size
        if size > 1 or not was_cut:
            size = min(size // 2, len(kept))
    return kept
