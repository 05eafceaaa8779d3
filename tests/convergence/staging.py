"""The stage of an interleaving: whatever chance the product itself uses is the same each time."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from giftbridge.store import deliveries, delivery_rows, rows
from tests.convergence.play import Play
from tests.virtuous_bench import virtuous_bench

SHORTEST, LONGEST = 25, 55


class OneByOne:
    """In place of a pool of threads: the calls of a process come in the same order each time."""

    def __init__(self, _: int) -> None:
        return

    def __enter__(self) -> OneByOne:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def map(self, work: Callable[[Any], Any], things: Any) -> Iterator[Any]:
        """The results in order."""
        return map(work, things)


class Tokens:
    """In place of chance: the names of messages and rows are the same each time."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)

    def __call__(self, nbytes: int = 8) -> str:
        return self.chance.randbytes(nbytes).hex()


@contextmanager
def played(seed: int, winner: str) -> Iterator[Play]:
    """The play of a seed, up to the last edit."""
    with pytest.MonkeyPatch.context() as patch, virtuous_bench(seed, token=Tokens(seed)) as tested:
        patch.setattr(rows, "ThreadPoolExecutor", OneByOne)
        for module in (delivery_rows, deliveries):
            # One shard of each index in place of four: it saves a third of all calls.
            patch.setattr(module, "SHARDS", 1)
        conflicts = dict.fromkeys(("name", "address", "phone"), winner)
        tested.bench.settings(virtuous={"conflicts": conflicts, "sync_projects": False})
        play = Play(seed, tested, winner)
        play.begin()
        for _ in range(play.chance.randint(SHORTEST, LONGEST)):
            play.act()
        yield play
