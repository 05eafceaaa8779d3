"""What starts functions: schedules that tick, and queues whose messages are handed over in batches."""

from __future__ import annotations

from typing import Any

from tests.simulation.aws.queue import Queue
from tests.simulation.clock.scheduler import Process
from tests.simulation.world.lambdas import LambdaFunction

BATCH = 10
_POLL_SECONDS = 0.05
_SCHEDULER_SLACK = 0.001


class Schedule:
    """Ticks a function every so many seconds: missed, doubled and late at times."""

    def __init__(self, function: LambdaFunction, every: float, first: float) -> None:
        self.function = function
        self.every = every
        self._machine = function.machine
        self.is_on = True
        self._machine.scheduler.at(first, self._tick)

    def _tick(self) -> None:
        scheduler, weather = self._machine.scheduler, self._machine.weather
        if not self.is_on:
            return
        scheduler.after(self.every, self._tick)
        fault = weather.strikes(scheduler.seconds, "tick-missed", "tick-doubled", "tick-late")
        if fault == "tick-missed":
            self._machine.trace.line(self.function.name, "misses a tick")
        elif fault == "tick-late":
            scheduler.after(weather.chance.uniform(1, self.every * 1.5), lambda: self.function.invoke({}))
        else:
            self.function.invoke({})
            if fault == "tick-doubled":
                scheduler.after(weather.chance.uniform(0, 5), lambda: self.function.invoke({}))


class EventSource:
    """Hands a queue's messages to a function, a batch at a time, as many batches at once as the template allows."""

    def __init__(self, queue: Queue, function: LambdaFunction, most_at_once: int) -> None:
        self.queue = queue
        self.function = function
        self.most_at_once = most_at_once
        self._machine = function.machine
        self._next_poll = float("inf")
        queue.on_change = self._poll_soon

    def _poll_soon(self) -> None:
        self._poll_at(self._machine.scheduler.seconds + _POLL_SECONDS)

    def _poll_at(self, seconds: float) -> None:
        if seconds < self._next_poll:
            self._next_poll = seconds
            self._machine.scheduler.at(seconds, lambda: self._poll(seconds))

    def _poll(self, planned: float) -> None:
        if planned != self._next_poll:
            return
        self._next_poll = float("inf")
        machine = self._machine
        seconds = machine.scheduler.seconds
        while self.function.running < self.most_at_once:
            messages = self.queue.receive(BATCH)
            if not messages:
                break
            if machine.weather.strikes(seconds, "swallowed-receive"):
                machine.trace.line(self.function.name, "is throttled: its messages wait")
                continue
            records = [
                {
                    "messageId": message.message_id,
                    "receiptHandle": message.receipt,
                    "body": message.body,
                    "attributes": self.queue.as_record(message),
                    "eventSource": "aws:sqs",
                    "eventSourceARN": self.queue.arn,
                }
                for message in messages
            ]
            self._hand_over(records)
            if machine.weather.strikes(seconds, "doubled-receive"):
                # Most often so soon that both work on the same rows.
                delay = 5 * machine.weather.chance.random() ** 3
                machine.scheduler.after(delay, lambda given=records: self._hand_over(given))
        if self.function.running < self.most_at_once:
            hidden = [message.visible_at for message in self.queue.messages.values() if message.visible_at > seconds]
            if hidden:
                self._poll_at(min(hidden) + _SCHEDULER_SLACK)

    def _hand_over(self, records: list[dict[str, Any]]) -> None:
        receipts = {record["messageId"]: record["receiptHandle"] for record in records}

        def ended(process: Process) -> None:
            if not process.is_dead and process.error is None:
                kept = {failure["itemIdentifier"] for failure in process.result["batchItemFailures"]}
                for message_id, receipt in receipts.items():
                    if message_id not in kept:
                        self._delete(receipt)
            self._poll_soon()

        self.function.invoke({"Records": records}, ended)

    def _delete(self, receipt: str) -> None:
        machine = self._machine
        if machine.weather.strikes(machine.scheduler.seconds, "undeleted-message"):
            return
        message = self.queue.by_receipt.get(receipt)
        if message is not None:
            self.queue.delete(message)
