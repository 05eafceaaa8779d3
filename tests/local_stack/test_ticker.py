"""The local schedules."""

from __future__ import annotations

import io
import threading
import time
from typing import Any

from ops.local_stack.ticker import Ticker


class Functions:
    """Lambda as far as the ticker knows it: counts runs, and can be slow or fail."""

    def __init__(self, seconds: float = 0, fails: bool = False) -> None:
        self.seconds, self.fails = seconds, fails
        self.running, self.most, self.runs = 0, 0, 0
        self.told: set[tuple[str, bytes]] = set()
        self.lock = threading.Lock()

    def invoke(self, **arguments: Any) -> dict[str, Any]:
        with self.lock:
            self.told.add((arguments["FunctionName"], arguments["Payload"]))
            self.running, self.runs = self.running + 1, self.runs + 1
            self.most = max(self.most, self.running)
        time.sleep(self.seconds)
        with self.lock:
            self.running -= 1
        return {"Payload": io.BytesIO(b'"x"'), **({"FunctionError": "Unhandled"} if self.fails else {})}


def test_it_ticks_at_once_and_then_in_fractions_of_a_second_until_stopped() -> None:
    functions = Functions()
    ticker = Ticker(functions, {"pickup": 0.05}, lambda text: None)
    ticker.start()
    time.sleep(0.5)
    ticker.stop()
    ticker.join(1)
    runs = functions.runs
    time.sleep(0.2)

    assert 2 <= runs <= 11
    assert functions.runs == runs


def test_a_slow_function_never_runs_twice_at_a_time() -> None:
    functions = Functions(seconds=0.15)
    ticker = Ticker(functions, {"pickup": 0.02}, lambda text: None)
    ticker.start()
    time.sleep(0.5)
    ticker.stop()
    ticker.join(1)

    assert functions.most == 1
    assert functions.runs >= 2


def test_a_function_that_keeps_failing_is_reported_once() -> None:
    said: list[str] = []
    ticker = Ticker(Functions(fails=True), {"pickup": 0.02}, said.append)
    ticker.start()
    time.sleep(0.2)
    ticker.stop()
    ticker.join(1)

    assert said == ['pickup failed: "x"']


def test_a_function_is_told_its_payload_and_the_others_nothing() -> None:
    functions = Functions()
    ticker = Ticker(functions, {"pickup": 3600, "batch": 3600}, lambda text: None, {"batch": b'{"run": "now"}'})
    ticker.start()
    time.sleep(0.2)
    ticker.stop()

    assert functions.told == {("pickup", b"{}"), ("batch", b'{"run": "now"}')}
