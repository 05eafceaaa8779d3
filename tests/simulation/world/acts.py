"""What people do, planned by seed and numbered: some of it can be left out, and the rest stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from tests.simulation.clock.scheduler import Scheduler


class Acts:
    """`only` are the numbers of the acts that happen; all of them where it is None."""

    def __init__(self, scheduler: Scheduler, only: Collection[int] | None = None) -> None:
        self.count = 0
        self._scheduler = scheduler
        self._only = None if only is None else frozenset(only)

    def at(self, seconds: float, act: Callable[[], Any]) -> None:
        """Plan an act."""
        number = self.count
        self.count += 1
        if self._only is None or number in self._only:
            self._scheduler.at(seconds, act)
