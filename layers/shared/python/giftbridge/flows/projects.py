"""RaiseDonors' projects, read once a minute: a gift names them by id, Aegis wants their code."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.domain.donations import Project
from giftbridge.errors import RecordMissing

KEPT_FOR = timedelta(seconds=60)


class Projects:
    """Projects by id."""

    def __init__(
        self,
        raisedonors: RaiseDonors,
        now: Callable[[], datetime],
        lock: Callable[[], AbstractContextManager[Any]] = threading.Lock,
    ) -> None:
        self.raisedonors = raisedonors
        self.now = now
        self._kept: dict[int, Project] = {}
        self._read_at: datetime | None = None
        self._lock = lock()

    def named(self, project_ids: Collection[int]) -> dict[int, Project]:
        """Those of the projects that exist."""
        with self._lock:
            if self._read_at is None or self.now() - self._read_at > KEPT_FOR:
                self._kept, self._read_at = self.raisedonors.projects(), self.now()
            codeless = {project_id for project_id, project in self._kept.items() if not (project.code or "").strip()}
            for project_id in set(project_ids) - (self._kept.keys() - codeless):
                try:
                    self._kept[project_id] = self.raisedonors.project(project_id)
                except RecordMissing:
                    continue
            return {project_id: self._kept[project_id] for project_id in project_ids if project_id in self._kept}
