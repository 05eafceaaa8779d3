"""Virtual time: events in their order, and processes that give way at each call to the outside.

One thing happens at a time, on one thread. A process runs until it gives way; then comes what is next by the clock. So
the same seed makes the same run, and every order in which calls of several processes can meet is one that a seed makes.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from threading import get_ident
from typing import Any

from greenlet import getcurrent, greenlet


class Death(BaseException):
    """The process is gone: no handler of errors may see this, and no clean-up of its reaches the outside."""


class Process:
    """One run of a program. `ends` is when its time is over, by the scheduler's seconds."""

    __slots__ = ("ends", "error", "is_dead", "is_over", "name", "result")

    def __init__(self, name: str, ends: float | None) -> None:
        self.name = name
        self.ends = ends
        self.is_dead = False
        self.is_over = False
        self.result: Any = None
        self.error: Exception | None = None

    def die(self) -> None:
        """Let the process end here and now. Raises Death."""
        self.is_dead = True
        raise Death(self.name)


class Scheduler:
    """The world's clock. `seconds` counts from its beginning."""

    def __init__(self, begin: datetime) -> None:
        self.begin = begin
        self.seconds = 0.0
        self.steps = 0
        self._queue: list[tuple[float, int, Callable[[], Any]]] = []
        self._order = 0
        self._thread = get_ident()
        self._hub = getcurrent()
        self._owners: dict[greenlet, Process] = {}
        self._until = 0.0
        self._now: tuple[float, datetime] = (0.0, begin)

    def now(self) -> datetime:
        """The moment."""
        if self._now[0] != self.seconds:
            self._now = (self.seconds, self.begin + timedelta(microseconds=round(self.seconds * 1_000_000)))
        return self._now[1]

    def monotonic(self) -> float:
        """Seconds since the beginning."""
        return self.seconds

    def process(self) -> Process | None:
        """The process that runs now; None where nobody's does."""
        return self._owners.get(getcurrent())  # type: ignore[arg-type]

    def require_own_thread(self) -> None:
        """Refuse a call from a thread that somebody started: it would run outside of virtual time."""
        if get_ident() != self._thread:
            raise RuntimeError("a thread was started that the simulation did not give")

    # --- events -------------------------------------------------------------------------------------------

    def at(self, seconds: float, act: Callable[[], Any]) -> None:
        """Let something happen at a time; of two at the same time the one first asked for comes first."""
        self._order += 1
        heapq.heappush(self._queue, (max(seconds, self.seconds), self._order, act))

    def after(self, seconds: float, act: Callable[[], Any]) -> None:
        """Let something happen in so many seconds."""
        self.at(self.seconds + seconds, act)

    def run(self, until: float) -> None:
        """Let everything happen that does up to a time."""
        self._hub = getcurrent()
        self._until = until
        queue = self._queue
        while queue and queue[0][0] <= until:
            self.seconds, _, act = heapq.heappop(queue)
            self.steps += 1
            act()
        self.seconds = max(self.seconds, until)

    # --- processes ----------------------------------------------------------------------------------------

    def start(
        self,
        name: str,
        work: Callable[[], Any],
        *,
        seconds: float | None = None,
        then: Callable[[Process], None] = lambda _: None,
    ) -> Process:
        """Start a process now, with so many seconds to run; `then` is told when it has ended, in whatever way."""
        process = Process(name, None if seconds is None else self.seconds + seconds)

        def body() -> None:
            try:
                process.result = work()
            except Death:
                process.is_dead = True
            except Exception as error:
                process.error = error
            process.is_over = True
            then(process)

        self._launch(process, body)
        return process

    def _launch(self, process: Process, body: Callable[[], None]) -> None:
        def whole() -> None:
            try:
                body()
            finally:
                del self._owners[fiber]

        fiber = greenlet(whole, parent=self._hub)
        self._owners[fiber] = process
        self.at(self.seconds, fiber.switch)

    def pause(self, seconds: float) -> None:
        """Give way: the process that asks goes on after so many seconds. Raises Death when its time is over by then."""
        fiber = getcurrent()
        process = self._owners.get(fiber)  # type: ignore[arg-type]
        if process is None:
            raise RuntimeError("only a process can wait; what happens in the world itself takes no time")
        if process.is_dead:
            raise Death(process.name)
        wake = self.seconds + seconds
        is_too_late = process.ends is not None and wake >= process.ends
        if is_too_late and process.ends is not None:
            wake = max(self.seconds, process.ends)
        self._wait_until(wake, fiber)
        if is_too_late:
            process.is_dead = True
        if process.is_dead:
            raise Death(process.name)

    def _wait_until(self, wake: float, fiber: Any) -> None:
        queue = self._queue
        if wake <= self._until and (not queue or queue[0][0] > wake):
            # Nothing happens meanwhile.
            self.seconds = wake
            return
        self._order += 1
        heapq.heappush(queue, (wake, self._order, fiber.switch))
        fiber.parent.switch()

    def side_by_side(self, work: Callable[[Any], Any], things: Sequence[Any], threads: int = 8, /) -> list[Any]:
        """What a pool of threads does for a process: a few pieces of work at once, all ended before it goes on."""
        process = self.process()
        if process is None or len(things) <= 1 or threads <= 1:
            return [work(thing) for thing in things]
        results: list[Any] = [None] * len(things)
        errors: dict[int, Exception] = {}
        todo = list(range(len(things)))[::-1]
        running = min(threads, len(things))
        waiting = getcurrent()

        def one_thread() -> None:
            nonlocal running
            try:
                while todo and not process.is_dead:
                    number = todo.pop()
                    try:
                        results[number] = work(things[number])
                    except Exception as error:
                        errors[number] = error
            except Death:
                process.is_dead = True
            running -= 1
            if running == 0:
                self.at(self.seconds, waiting.switch)

        for _ in range(running):
            self._launch(process, one_thread)
        waiting.parent.switch()
        if process.is_dead:
            raise Death(process.name)
        if errors:
            raise errors[min(errors)]
        return results

    def lock(self) -> Lock:
        """A lock for the threads of one process."""
        return Lock(self)


class Lock:
    """Held by one thread of a process at a time; the same thread may take it again."""

    __slots__ = ("_depth", "_holder", "_scheduler", "_waiting")

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._holder: Any = None
        self._depth = 0
        self._waiting: list[Any] = []

    def __enter__(self) -> Lock:
        fiber = getcurrent()
        while self._holder is not None and self._holder is not fiber:
            self._waiting.append(fiber)
            fiber.parent.switch()
        process = self._scheduler.process()
        if process is not None and process.is_dead:
            raise Death(process.name)
        self._holder = fiber
        self._depth += 1
        return self

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._holder = None
            waiting, self._waiting = self._waiting, []
            for fiber in waiting:
                self._scheduler.at(self._scheduler.seconds, fiber.switch)
