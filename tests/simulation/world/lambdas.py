"""Lambda: functions whose containers are kept and lost, with the template's time-outs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.simulation.aws.template import template
from tests.simulation.clock.scheduler import Process
from tests.simulation.world.functions import Invocation, Parts, handle_of, parts_of
from tests.simulation.world.machine import Machine

_WARM_UP_SECONDS = 0.7


class Throttled(Exception):
    """No function may be started."""


def _throttled() -> None:
    raise Throttled


class LambdaFunction:
    """One function. Its idle containers serve again, the last used first, unless the weather takes them."""

    def __init__(self, name: str, machine: Machine) -> None:
        self.name = name
        self.machine = machine
        self.handle = handle_of(name)
        properties = template()["Resources"][name]["Properties"]
        self.timeout = float(machine.account.value(properties["Timeout"]))
        self.running = 0
        self._idle: list[Parts] = []
        self._started = 0
        self._deployment = machine.deployments

    def invoke(self, event: Mapping[str, Any], then: Callable[[Process], None] = lambda _: None) -> Process:
        """Start an invocation; `then` is told when it has ended, in whatever way."""
        machine = self.machine
        if self._deployment != machine.deployments:
            self._deployment = machine.deployments
            self._idle.clear()
        if machine.is_stopped:
            return machine.scheduler.start(f"{self.name}: throttled", _throttled, then=then)
        if self._idle and machine.weather.strikes(machine.scheduler.seconds, "cold-start"):
            self._idle.clear()
        kept = self._idle.pop() if self._idle else None
        self._started += 1
        request_id = f"{self.name}-{self._started}"
        used: list[Parts] = []

        def work() -> Any:
            if kept is None:
                machine.scheduler.pause(_WARM_UP_SECONDS)
            parts = kept or parts_of(self.name, machine)
            used.append(parts)
            process = machine.scheduler.process()
            assert process is not None and process.ends is not None
            return self.handle(parts, event, Invocation(request_id, process.ends, machine.scheduler.monotonic))

        def ended(process: Process) -> None:
            self.running -= 1
            if process.is_dead:
                machine.died(process)
            elif used:
                # An error ends the invocation, not the container.
                self._idle.append(used[0])
            if process.error is not None:
                machine.failed(process)
            then(process)

        self.running += 1
        return machine.scheduler.start(request_id, work, seconds=self.timeout, then=ended)
