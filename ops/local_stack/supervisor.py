"""Starts the emulator again when it dies: AWS does not go away because one process was killed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from ops.local_stack.emulator import Emulator
from ops.local_stack.paths import LocalStackError

LOOK_EVERY_SECONDS = 0.2
MOST_RESTARTS = 20
WITHIN_SECONDS = 60


class Supervisor:
    """Watches one emulator from a thread of its own."""

    def __init__(self, emulator: Emulator, report: Callable[[str], None]) -> None:
        self._emulator = emulator
        self._report = report
        self._stopping = threading.Event()
        self._gave_up = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """From now on the emulator is started again whenever it dies."""
        self._stopping.clear()
        self._gave_up.clear()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="supervisor")
        self._thread.start()

    def stop(self) -> None:
        """From now on it may end. Waits for a restart that is under way."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def alive(self) -> bool:
        """False once it died and could not be brought back."""
        return self._thread is not None and not self._gave_up.is_set()

    def _watch(self) -> None:
        restarts: list[float] = []
        while not self._stopping.wait(LOOK_EVERY_SECONDS):
            if self._emulator.running():
                continue
            restarts = [when for when in restarts if when > time.monotonic() - WITHIN_SECONDS]
            if len(restarts) >= MOST_RESTARTS:
                self._report(f"the emulated AWS keeps ending; see {self._emulator.log_file}")
                self._gave_up.set()
                return
            restarts.append(time.monotonic())
            self._report("the emulated AWS ended by itself; starting it again")
            try:
                self._emulator.start()
            except LocalStackError as problem:
                self._report(str(problem))
