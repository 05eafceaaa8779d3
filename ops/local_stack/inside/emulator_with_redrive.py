"""Runs the emulator (ministack) with what it lacks for this product. Started by ops/local_stack/emulator.py only.

Added: message move tasks; one lock around SQS; layers unpacked once; e-mail to any address; tables that outlive a kill;
an end that lets running functions finish; an end when the process that started it is gone; a log file of bounded size.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

# In this process only: the functions' processes must not see the checkout.
sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import hypercorn.asyncio
from ministack import app
from ministack.core import lambda_runtime
from ministack.services import lambda_svc, sqs

from ops.local_stack.inside import mail_identities, message_moves, unpacked_layers
from ops.local_stack.inside.journal import Journal

logger = logging.getLogger("local-stack")

# How long running functions may take to finish once the emulator was told to end.
DRAIN_SECONDS = 3.0


def main() -> None:
    """Serves until SIGTERM, or until the process that started this one is gone."""
    _log_to_file(Path(os.environ["EMULATOR_LOG"]))
    _follow(int(os.environ["EMULATOR_PARENT"]))
    message_moves.install(_put_one_lock_around_sqs())
    unpacked_layers.install()
    mail_identities.install()
    journal = Journal(Path(os.environ["EMULATOR_JOURNAL"]))
    journal.install()
    _end_gently(journal)
    sys.argv = sys.argv[:1]
    app.main()


def _log_to_file(path: Path) -> None:
    handler = RotatingFileHandler(path, maxBytes=5_000_000, backupCount=3)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s [%(name)s] %(message)s"))
    logging.getLogger().handlers = [handler]


def _follow(parent: int) -> None:
    """Ends this process in order when its parent is gone, however it went.

    Not PR_SET_PDEATHSIG: that fires when the *thread* ends that started this process.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.25)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True, name="follow-parent").start()


def _put_one_lock_around_sqs() -> threading.RLock:
    """The emulator's poller replaces a queue's list of messages while requests append to it: some would be lost."""
    lock = threading.RLock()

    def guarded(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            with lock:
                return function(*args, **kwargs)

        return call

    sqs._queues_lock = lock
    for action, handler in list(sqs._HANDLERS.items()):
        if not asyncio.iscoroutinefunction(handler):
            sqs._HANDLERS[action] = guarded(handler)
    # ReceiveMessage waits between looks, so it takes the lock for each look only.
    for helper in ("_expire_retained", "_dlq_sweep", "_collect_msgs"):
        setattr(sqs, helper, guarded(getattr(sqs, helper)))
    return lock


def _end_gently(journal: Journal) -> None:
    """Before the state is saved: no new work, and a moment for the functions that run to finish theirs."""
    serve = hypercorn.asyncio.serve

    async def until_told() -> None:
        told = asyncio.Event()
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, told.set)
        loop.add_signal_handler(signal.SIGUSR1, journal.save)
        await told.wait()
        lambda_svc._poll_sqs = lambda: False
        deadline = time.monotonic() + DRAIN_SECONDS
        while lambda_runtime.workers_in_use() and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        await asyncio.to_thread(lambda_runtime.reset)
        logger.info("ending: functions stopped")

    async def serve_until_told(application: Any, config: Any) -> None:
        await serve(application, config, shutdown_trigger=until_told)

    hypercorn.asyncio.serve = serve_until_told


if __name__ == "__main__":
    main()
