"""A process' way to AWS: boto3's client with its retries, and all that can go wrong between it and AWS."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from botocore.retries.standard import ThrottledRetryableChecker

from tests.simulation.aws.errors import refused
from tests.simulation.aws.transactions import cancelled
from tests.simulation.clock.scheduler import Process, Scheduler
from tests.simulation.world.touched import single_delivery, touched
from tests.simulation.world.trace import Trace
from tests.simulation.world.weather import Weather

# As the functions' configuration has it: four retries after the first try.
TRIES = 5
READ_TIMEOUT_SECONDS = 10.0
RETRIED_CODES = frozenset(ThrottledRetryableChecker._THROTTLED_ERROR_CODES)
_QUICKEST, _SLOWEST = 0.002, 0.02
_LONGEST_STALL_SECONDS = 60.0
_FAULTS = ("aws-throttled", "aws-lost-before", "aws-lost-after")
_DYNAMODB = {
    "get_item", "put_item", "update_item", "delete_item", "transact_write_items", "batch_get_item",
    "batch_write_item", "query", "scan",
}  # fmt: skip
_CONFLICTING = {"put_item", "update_item", "delete_item"}


class AwsDoor:
    """The client of one service for one process. Each call gives way before it takes effect."""

    def __init__(self, service: str, memory: Any, scheduler: Scheduler, weather: Weather, trace: Trace) -> None:
        self._service = service
        self._memory = memory
        self._scheduler = scheduler
        self._weather = weather
        self._trace = trace
        self._chance: random.Random = weather.chance
        self._calls: dict[str, Callable[..., Any]] = {}

    def __getattr__(self, operation: str) -> Any:
        if operation.startswith("_"):
            raise AttributeError(operation)
        known = self._calls.get(operation)
        if known is None:
            known = self._calls[operation] = partial(self._call, operation, getattr(self._memory, operation))
        return known

    def get_paginator(self, operation: str) -> Paginator:
        """boto3's paginator of an operation."""
        return Paginator(getattr(self, operation))

    def _call(self, operation: str, act: Callable[..., Any], /, **arguments: Any) -> Any:
        scheduler, weather = self._scheduler, self._weather
        process = scheduler.process()
        if process is None:
            scheduler.require_own_thread()
            return act(**arguments)
        if operation == "transact_write_items" and "ClientRequestToken" not in arguments:
            # boto3 fills it in once, before its retries.
            arguments["ClientRequestToken"] = f"{self._chance.getrandbits(64):016x}"
        error: Exception | None = None
        for attempt in range(TRIES):
            if attempt:
                scheduler.pause(min(20.0, self._chance.random() * 2**attempt))
            scheduler.pause(self._chance.uniform(_QUICKEST, _SLOWEST))
            self._note_work(operation, arguments)
            self._befall(process, operation)
            fault = weather.strikes(scheduler.seconds, *_FAULTS)
            if fault is not None:
                self._trace.line(process.name, f"{operation}: {fault}")
            if fault == "aws-throttled":
                error = self._throttled(operation)
                continue
            if fault == "aws-lost-before":
                error = EndpointConnectionError(endpoint_url=f"https://{self._service}.test")
                continue
            try:
                answer = self._take_effect(operation, act, arguments)
            except ClientError as refusal:
                code = refusal.response["Error"]["Code"]
                self._trace.line(process.name, f"{operation}: {code}")
                if code not in RETRIED_CODES:
                    raise
                error = refusal
                continue
            self._trace.line(process.name, operation, touched(operation, arguments) if self._trace.keeps else "")
            if weather.strikes(scheduler.seconds, "death"):
                self._trace.line(process.name, f"dies after {operation}")
                process.die()
            if fault == "aws-lost-after":
                scheduler.pause(READ_TIMEOUT_SECONDS)
                error = ReadTimeoutError(endpoint_url=f"https://{self._service}.test")
                continue
            return answer
        assert error is not None
        raise error

    def _note_work(self, operation: str, arguments: Mapping[str, Any]) -> None:
        """A thread works on the delivery whose row it reads or writes alone."""
        delivery = single_delivery(operation, arguments) if self._trace.keeps else None
        if delivery is not None:
            self._trace.begins_with(delivery)

    def _befall(self, process: Process, operation: str) -> None:
        """What can happen to the process itself before its call leaves."""
        fate = self._weather.strikes(self._scheduler.seconds, "death", "slow-process")
        if fate == "death":
            self._trace.line(process.name, f"dies before {operation}")
            process.die()
        if fate == "slow-process":
            # It stands still, as a process without a turn of the processor does; its leases run on.
            stall = self._chance.uniform(1, _LONGEST_STALL_SECONDS)
            self._trace.line(process.name, f"stands still for {stall:.1f} s before {operation}")
            self._scheduler.pause(stall)

    def _take_effect(self, operation: str, act: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        weather, seconds = self._weather, self._scheduler.seconds
        if operation in _CONFLICTING and weather.strikes(seconds, "aws-conflict"):
            raise refused("TransactionConflictException", "Transaction is ongoing for the item", operation)
        if operation == "transact_write_items":
            fault = weather.strikes(seconds, "aws-conflict", "aws-transaction-throttled", "aws-in-progress")
            if fault == "aws-in-progress":
                act(**arguments)
                raise refused("TransactionInProgressException", "The transaction is in progress", operation)
            if fault is not None:
                code = "TransactionConflict" if fault == "aws-conflict" else "ThrottlingError"
                reasons = [{"Code": "None"} for _ in arguments["TransactItems"]]
                reasons[self._chance.randrange(len(reasons))] = {"Code": code, "Message": "injected"}
                raise cancelled(reasons)
        if operation == "batch_get_item" and weather.strikes(seconds, "aws-unprocessed"):
            return self._partly_read(act, arguments)
        if operation == "batch_write_item" and weather.strikes(seconds, "aws-unprocessed"):
            return self._partly_written(act, arguments)
        if operation == "send_message_batch" and weather.strikes(seconds, "aws-unprocessed"):
            return self._partly_sent(act, arguments)
        return act(**arguments)

    @staticmethod
    def _partly_read(act: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
        """The first half of the keys; the others are left to be asked for again."""
        ((table, asked),) = arguments["RequestItems"].items()
        half = len(asked["Keys"]) // 2
        left = {**asked, "Keys": asked["Keys"][half:]}
        if half == 0:
            return {"Responses": {table: []}, "UnprocessedKeys": {table: left}}
        answer = act(RequestItems={table: {**asked, "Keys": asked["Keys"][:half]}})
        return {**answer, "UnprocessedKeys": {table: left}}

    @staticmethod
    def _partly_written(act: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
        ((table, requests),) = arguments["RequestItems"].items()
        half = len(requests) // 2
        if half:
            act(RequestItems={table: requests[:half]})
        return {"UnprocessedItems": {table: requests[half:]}}

    @staticmethod
    def _partly_sent(act: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
        entries = arguments["Entries"]
        half = len(entries) // 2
        answer = act(QueueUrl=arguments["QueueUrl"], Entries=entries[:half]) if half else {}
        failed = [
            {"Id": entry["Id"], "Code": "InternalError", "Message": "injected", "SenderFault": False}
            for entry in entries[half:]
        ]
        return {**answer, "Failed": [*answer.get("Failed", []), *failed]}

    def _throttled(self, operation: str) -> ClientError:
        if operation in _DYNAMODB:
            code = "ProvisionedThroughputExceededException" if self._chance.random() < 0.5 else "ThrottlingException"
        else:
            code = "ThrottlingException" if self._service == "secretsmanager" else "RequestThrottled"
        return refused(code, "Rate exceeded", operation)


class Paginator:
    """boto3's paginator of `query` and `scan`: PageSize becomes the Limit, MaxItems cuts the last page."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def paginate(self, *, PaginationConfig: Mapping[str, int] | None = None, **arguments: Any) -> Iterator[Any]:
        """Page after page."""
        config = PaginationConfig or {}
        most, size = config.get("MaxItems"), config.get("PageSize")
        if size is not None:
            arguments["Limit"] = size
        counted = 0
        while True:
            page = self._call(**arguments)
            if most is not None and "Items" in page:
                page = {**page, "Items": page["Items"][: most - counted]}
                counted += len(page["Items"])
            yield page
            start = page.get("LastEvaluatedKey")
            if start is None or (most is not None and counted >= most):
                return
            arguments["ExclusiveStartKey"] = start
