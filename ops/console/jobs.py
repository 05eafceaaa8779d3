"""Work that takes longer than a page may: it goes on in a thread, and a page follows it."""

from __future__ import annotations

import logging
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from ops.operating.problems import problem_of

_MOST = 50
log = logging.getLogger("giftbridge.console")


@dataclass(slots=True)
class Job:
    """One piece of work. `lines` say how far it is, and what came of it; `link` leads to the result."""

    id: str
    title: str
    back: str
    lines: list[str] = field(default_factory=list)
    done: int = 0
    total: int | None = None
    is_done: bool = False
    has_failed: bool = False
    link: str | None = None

    def say(self, text: str) -> None:
        """What a page shows from now on."""
        self.lines = [text]


class Jobs:
    """The pieces of work of this process; the newest are remembered."""

    def __init__(self) -> None:
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._lock = threading.Lock()

    def start(self, title: str, back: str, work: Callable[[Job], None], *, key: str | None = None) -> Job:
        """Begin it; `back` is where it was asked for. With a `key`, one that is under way is given instead."""
        with self._lock:
            running = self._jobs.get(key) if key is not None else None
            if running is not None and not running.is_done:
                return running
            job = Job(key or secrets.token_urlsafe(9), title, back)
            self._jobs.pop(job.id, None)
            self._jobs[job.id] = job
            while len(self._jobs) > _MOST:
                self._jobs.popitem(last=False)
        threading.Thread(target=_run, args=(job, work), name=f"job-{title}", daemon=True).start()
        return job

    def get(self, job_id: str) -> Job | None:
        """A piece of work by its id."""
        return self._jobs.get(job_id)


def _run(job: Job, work: Callable[[Job], None]) -> None:
    try:
        work(job)
    except Exception as error:
        problem = problem_of(error)
        job.has_failed = True
        job.lines = [problem.text, *problem.details] if problem is not None else ["It broke off unexpectedly."]
        if problem is None:
            # Not what it said: that may hold what a person gave.
            log.error("a job of the console broke off: %s", type(error).__name__)
    finally:
        job.is_done = True
