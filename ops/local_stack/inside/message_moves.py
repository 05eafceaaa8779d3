"""SQS message move tasks (redrive), which the emulator lacks: start, list and cancel, as AWS does them.

A task moves what is visible in a dead-letter queue back to where it came from, or to another queue. What arrives there
is a new message: new id, receive count 0, its retention starts again; body, attributes and message group stay.
A task lives in memory: one that still runs when the emulator stops is over, and what it had not moved stays.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from ministack.core.concurrency import spawn_background
from ministack.services import sqs

Message = dict[str, Any]
Queue = dict[str, Any]

DEFAULT_PER_SECOND = 500


@dataclass
class MoveTask:
    """One run of moving messages out of a dead-letter queue."""

    source_arn: str
    destination_arn: str | None
    per_second: int | None
    to_move: int
    handle: str = field(default_factory=lambda: str(uuid.uuid4()))
    started: int = field(default_factory=lambda: int(time.time() * 1000))
    status: str = "RUNNING"
    moved: int = 0
    failure: str | None = None

    def described(self) -> dict[str, Any]:
        """The task as ListMessageMoveTasks shows it: only a running one shows its handle."""
        shown: dict[str, Any] = {
            "Status": self.status,
            "SourceArn": self.source_arn,
            "ApproximateNumberOfMessagesMoved": self.moved,
            "ApproximateNumberOfMessagesToMove": self.to_move,
            "StartedTimestamp": self.started,
        }
        if self.status in ("RUNNING", "CANCELLING"):
            shown["TaskHandle"] = self.handle
        if self.destination_arn:
            shown["DestinationArn"] = self.destination_arn
        if self.per_second:
            shown["MaxNumberOfMessagesPerSecond"] = self.per_second
        if self.failure:
            shown["FailureReason"] = self.failure
        return shown


_tasks: list[MoveTask] = []
_tasks_lock = threading.Lock()


def install(lock: threading.RLock) -> None:
    """Adds the three actions to the emulator's SQS; `lock` guards its queues."""

    def start(data: dict[str, Any], _url: str) -> dict[str, Any]:
        task = _checked_task(data)
        with _tasks_lock:
            if any(t.source_arn == task.source_arn and t.status in ("RUNNING", "CANCELLING") for t in _tasks):
                raise sqs._Err(
                    "UnsupportedOperation", "There is already a task running. Only one active task is allowed."
                )
            _tasks.insert(0, task)
        spawn_background(_run, task, lock, thread_name="message-move")
        return {"TaskHandle": task.handle}

    def list_tasks(data: dict[str, Any], _url: str) -> dict[str, Any]:
        arn = str(data.get("SourceArn", ""))
        _existing_queue(arn)
        with _tasks_lock:
            known = [task.described() for task in _tasks if task.source_arn == arn]
        return {"Results": known[: int(data.get("MaxResults", 1))]}

    def cancel(data: dict[str, Any], _url: str) -> dict[str, Any]:
        with _tasks_lock:
            task = next((t for t in _tasks if t.handle == data.get("TaskHandle")), None)
            if task is None:
                raise sqs._Err("ResourceNotFoundException", "Task does not exist.", 404)
            if task.status != "RUNNING":
                raise sqs._Err("UnsupportedOperation", f"Task cannot be cancelled: it is {task.status}.")
            task.status = "CANCELLING"
            return {"ApproximateNumberOfMessagesMoved": task.moved}

    sqs._HANDLERS.update(
        {"StartMessageMoveTask": start, "ListMessageMoveTasks": list_tasks, "CancelMessageMoveTask": cancel}
    )


def _existing_queue(arn: str) -> Queue:
    queue: Queue | None = sqs._queue_by_arn(arn)
    if queue is None:
        raise sqs._Err("ResourceNotFoundException", "The resource that you specified does not exist.", 404)
    return queue


def _checked_task(data: dict[str, Any]) -> MoveTask:
    source_arn = str(data.get("SourceArn", ""))
    source = _existing_queue(source_arn)
    if not _is_dead_letter_queue(source_arn):
        raise sqs._Err("InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue.")
    destination_arn = data.get("DestinationArn")
    if destination_arn and _existing_queue(str(destination_arn))["is_fifo"] != source["is_fifo"]:
        raise sqs._Err("InvalidParameterValue", "Source and destination queue must be of the same type.")
    per_second = data.get("MaxNumberOfMessagesPerSecond")
    if per_second is not None and not 1 <= int(per_second) <= DEFAULT_PER_SECOND:
        raise sqs._Err("InvalidParameterValue", "MaxNumberOfMessagesPerSecond must be between 1 and 500.")
    return MoveTask(source_arn, destination_arn, int(per_second) if per_second else None, len(source["messages"]))


def _is_dead_letter_queue(arn: str) -> bool:
    for _scope, queue in sqs._queues.all_items():
        policy = queue["attributes"].get("RedrivePolicy")
        if policy and json.loads(policy).get("deadLetterTargetArn") == arn:
            return True
    return False


def _run(task: MoveTask, lock: threading.RLock) -> None:
    pause = 1 / (task.per_second or DEFAULT_PER_SECOND)
    # What arrives after the start (a message that fails again) is not moved a second time by the same task.
    left = task.to_move
    while left > 0 and task.status == "RUNNING":
        try:
            with lock:
                moved = _move_one(task)
        except Exception as problem:
            task.failure, task.status = str(problem), "FAILED"
            return
        if not moved:
            break
        task.moved += 1
        left -= 1
        time.sleep(pause)
    task.status = "CANCELLED" if task.status == "CANCELLING" else "COMPLETED"


def _move_one(task: MoveTask) -> bool:
    source = _existing_queue(task.source_arn)
    now = time.time()
    message = next(
        (m for m in source["messages"] if m["visible_at"] <= now and m.get("sent_at", 0) * 1000 <= task.started), None
    )
    if message is None:
        return False
    home = task.destination_arn or message["sys"].get("DeadLetterQueueSourceArn")
    if home is None:
        raise ValueError("CouldNotDetermineMessageSource")
    queue = _existing_queue(home)
    sqs._act_send_message(
        {
            "QueueUrl": queue["url"],
            "MessageBody": message["body"],
            "MessageAttributes": message.get("message_attributes") or {},
            "MessageGroupId": message.get("group_id"),
            # A new one each time: moving a message must never be taken for a repetition of its first sending.
            "MessageDeduplicationId": str(uuid.uuid4()) if queue["is_fifo"] else None,
        },
        queue["url"],
    )
    source["messages"] = [m for m in source["messages"] if m is not message]
    return True
