"""Constants of the product that are made small in half of the worlds: pages, lines, chunks.

What they bound is reached in reality with thousands of records; here with a handful.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

_FLOWS, _CLIENTS = "giftbridge.flows", "giftbridge.clients"
# Those of one line are one constant, which several modules have imported.
TOGETHER: tuple[tuple[tuple[str, ...], str, tuple[int, ...]], ...] = (
    ((f"{_CLIENTS}.raisedonors", f"{_FLOWS}.giving_sources"), "PAGE_SIZE", (4, 10, 30)),
    ((f"{_CLIENTS}.aegis",), "PAGE_SIZE", (2, 5, 20)),
    ((f"{_CLIENTS}.virtuous",), "PAGE_SIZE", (3, 10)),
    ((f"{_FLOWS}.daily_batch",), "ROWS_A_CALL", (2, 5, 20)),
    ((f"{_FLOWS}.delivery_sweep",), "MOST_NUDGES", (3, 20)),
    ((f"{_FLOWS}.delivery_sweep",), "MOST_DEAD_LETTERS", (2, 20)),
    ((f"{_FLOWS}.feed_walk", f"{_FLOWS}.delivery_sweep"), "MOST_EDITS_IN_LINE", (2, 10)),
)


@contextmanager
def drawn_small(seed: int) -> Iterator[list[str]]:
    """While it lasts, the constants that the seed draws are small; which, in words."""
    draw = random.Random(f"small constants {seed}")
    before: list[tuple[Any, str, Any]] = []
    told: list[str] = []
    try:
        for modules, name, choices in TOGETHER:
            value = draw.choice(choices)
            if draw.random() < 0.5:
                continue
            for module in map(import_module, modules):
                before.append((module, name, getattr(module, name)))
                setattr(module, name, value)
            told.append(f"{modules[0]}.{name} = {value}")
        yield told
    finally:
        for module, name, value in reversed(before):
            setattr(module, name, value)
