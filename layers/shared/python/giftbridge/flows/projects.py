"""RaiseDonors' projects: a gift names them by id, the destinations want their code.

They are read once a minute; more seldom where RaiseDonors allows few calls.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any, TypeVar

from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.domain.donations import Project
from giftbridge.errors import RecordMissing, Rejected
from giftbridge.store.budgets import RateBudget

KEPT_FOR = timedelta(seconds=60)
T = TypeVar("T")


class Projects:
    """Projects by id."""

    def __init__(
        self,
        raisedonors: RaiseDonors,
        budget: RateBudget,
        now: Callable[[], datetime],
        lock: Callable[[], AbstractContextManager[Any]] = threading.Lock,
    ) -> None:
        self.raisedonors = raisedonors
        self.budget = budget
        self.now = now
        self._kept: dict[int, Project] = {}
        self._read_at: datetime | None = None
        self._lock = lock()

    def named(self, project_ids: Collection[int]) -> dict[int, Project]:
        """Those of the projects that exist."""
        with self._lock:
            if self._read_at is None or self._is_to_be_read_again(self._read_at):
                self._kept, self._read_at = self.raisedonors.projects(), self.now()
            codeless = {project_id for project_id, project in self._kept.items() if not (project.code or "").strip()}
            for project_id in set(project_ids) - (self._kept.keys() - codeless):
                try:
                    self._kept[project_id] = self.raisedonors.project(project_id)
                except RecordMissing:
                    continue
            return {project_id: self._kept[project_id] for project_id in project_ids if project_id in self._kept}

    def tried(self, prepare: Callable[[], T]) -> T:
        """What is prepared with the projects; once more where it is refused and they were read over a minute ago.

        Somebody may have corrected a code since. Raises Rejected.
        """
        try:
            return prepare()
        except Rejected:
            if not self._forget_if_old():
                raise
        return prepare()

    def _forget_if_old(self) -> bool:
        with self._lock:
            is_old = self._read_at is not None and self.now() - self._read_at > KEPT_FOR
            if is_old:
                self._read_at = None
            return is_old

    def _is_to_be_read_again(self, read_at: datetime) -> bool:
        now = self.now()
        return now - read_at > KEPT_FOR and self.budget.next_look(1, read_at) <= now
