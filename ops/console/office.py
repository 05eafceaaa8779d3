"""What all visits share: the stack, who works here, jobs under way, and what was looked up a moment ago."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import TypeVar
from zoneinfo import ZoneInfo

from ops.console.jobs import Jobs
from ops.console.rendering import Pages
from ops.console.sessions import Sessions
from ops.operating.stack import Stack

_SETTINGS_KEPT_SECONDS = 20.0
# What remembers by itself what it saw.
_NEVER_OLD = frozenset({"watch"})
T = TypeVar("T")


class Office:
    """The console of one stack."""

    def __init__(self, open_stack: Callable[[], Stack], sessions: Sessions, *, read_only: bool, base_path: str) -> None:
        self._open_stack = open_stack
        self._stack: Stack | None = None
        self._operator: str | None = None
        self._known_zone = ZoneInfo("UTC")
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[float, object]] = {}
        self._locks: dict[str, threading.Lock] = {}
        self.sessions = sessions
        self.read_only = read_only
        self.base_path = base_path
        self.jobs = Jobs()
        self.pages = Pages()

    @property
    def stack(self) -> Stack:
        """The stack, opened when first needed; one that could not be opened is tried again."""
        with self._lock:
            if self._stack is None:
                self._stack = self._open_stack()
            return self._stack

    @property
    def operator(self) -> str:
        """Who is at work, asked once."""
        if self._operator is None:
            self._operator = self.stack.operator()
        return self._operator

    @property
    def stack_name(self) -> str:
        """The stack's name, for the foot of a page."""
        return self._stack.name if self._stack is not None else "not reached yet"

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of the settings."""
        name = self.lately("zone", _SETTINGS_KEPT_SECONDS, lambda: self.stack.versions.current().settings.time_zone)
        self._known_zone = ZoneInfo(name)
        return self._known_zone

    @property
    def known_zone(self) -> ZoneInfo:
        """The zone as it was last read: also a page that says that the stack cannot be reached has moments."""
        with contextlib.suppress(Exception):
            return self.zone
        return self._known_zone

    def lately(self, name: str, seconds: float, look: Callable[[], T]) -> T:
        """What `look` gave at most so long ago: many tabs that refresh themselves cost one look."""
        with self._lock:
            lock = self._locks.setdefault(name, threading.Lock())
        with lock:
            kept = self._kept.get(name)
            if kept is not None and time.monotonic() - kept[0] < seconds:
                return kept[1]  # type: ignore[return-value]
            value = look()
            self._kept[name] = (time.monotonic(), value)
            return value

    def forget(self) -> None:
        """Something was done: what was looked up before no longer counts."""
        self._kept = {name: kept for name, kept in self._kept.items() if name in _NEVER_OLD}
