"""The seeds that once showed something, and what it was. They are played in every run of the tests.

A line of `seeds.jsonl` is an object: `seed`, `donations`, the weather that it is played `without`, at times `acts` (of
what people do only these) or weather that it is played `with`, and what it once `found`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.simulation.shrinking.shrinking import Case
from tests.simulation.world.weather import KINDS

SEEDS = Path(__file__).with_name("seeds.jsonl")


@dataclass(frozen=True, slots=True)
class Known:
    """A case with what it once found."""

    case: Case
    found: str


def known() -> Iterator[Known]:
    """All of them. Raises ValueError naming the line that is not as it should be."""
    for number, text in enumerate(SEEDS.read_text().splitlines(), start=1):
        row = json.loads(text)
        acts = row.get("acts")
        forced = tuple(row.get("with", ()))
        unknown = sorted({*row["without"], *forced} - set(KINDS))
        if unknown or not row["found"]:
            raise ValueError(f"{SEEDS.name}, line {number}: no such weather {unknown}, or nothing was found")
        only = None if acts is None else tuple(acts)
        case = Case(row["seed"], row["donations"], tuple(row["without"]), only, forced)
        yield Known(case, row["found"])
