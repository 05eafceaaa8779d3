"""The local schedules: invokes functions every so many seconds, from a fraction of one upwards.

The template's own rules stay DISABLED here: a rule cannot tick more often than once a minute, and tests and demos want
a day to pass in seconds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError


class Ticker:
    """One thread for each function, which waits for the answer: so never two runs of one function at a time.

    `payloads` are what some functions are told; the others are told nothing.
    """

    def __init__(
        self,
        lambda_client: Any,
        every: dict[str, float],
        report: Callable[[str], None],
        payloads: Mapping[str, bytes] | None = None,
    ) -> None:
        self._lambda = lambda_client
        self._payloads = payloads or {}
        self._report = report
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._tick, args=(name, seconds), daemon=True, name=f"tick-{name}")
            for name, seconds in every.items()
        ]

    def start(self) -> None:
        """The first tick comes at once."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """No further tick. A run that has started is left to the emulator's own ending."""
        self._stopping.set()

    def join(self, seconds: float) -> None:
        """Waits for the runs that had started."""
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _tick(self, function_name: str, seconds: float) -> None:
        due = time.monotonic()
        failing = False
        while not self._stopping.wait(max(0.0, due - time.monotonic())):
            problem = self._invoke(function_name)
            if problem and not failing and not self._stopping.is_set():
                self._report(f"{function_name} failed: {problem}")
            failing = bool(problem)
            # Ticks that passed while it ran are left out, as EventBridge's would find the lease taken.
            due += seconds * max(1, -(-(time.monotonic() - due) // seconds))

    def _invoke(self, function_name: str) -> str | None:
        try:
            payload = self._payloads.get(function_name, b"{}")
            answer = self._lambda.invoke(FunctionName=function_name, InvocationType="RequestResponse", Payload=payload)
            told = answer["Payload"].read().decode(errors="replace")
        except (ClientError, BotoCoreError) as problem:
            return str(problem)
        return told[:500] if answer.get("FunctionError") else None
