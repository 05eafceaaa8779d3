"""Dead-letter queues: how many messages they hold, and moving all of them back with AWS' own redrive."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from ops.operating.problems import NeedsPerson
from ops.operating.stack import Stack

RUNNING = frozenset({"RUNNING", "CANCELLING"})
_POLL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """How many messages are there, as far as SQS can say: to be worked on, and in a worker's hands."""

    waiting: int
    in_hand: int


@dataclass(frozen=True, slots=True)
class Redrive:
    """A message move task as AWS reports it."""

    status: str
    moved: int
    to_move: int
    failure: str | None = None

    @property
    def is_running(self) -> bool:
        return self.status in RUNNING


def depth(stack: Stack, url: str) -> QueueDepth:
    """How full a queue is."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = _attributes(stack, url, names)
    return QueueDepth(*(int(attributes.get(name, 0)) for name in names))


def begin(stack: Stack, destination: str) -> Redrive | None:
    """Start moving a destination's dead letters back, or join a move that runs; None when there are none.

    Raises WrongUsage for a destination that the stack does not have.
    """
    url = stack.queue_of(destination).dead_letter_url
    arn = _arn(stack, url)
    running = _latest(stack, arn)
    if running is not None and running.is_running:
        return running
    waiting = depth(stack, url).waiting
    if waiting == 0:
        return None
    try:
        stack.client("sqs").start_message_move_task(SourceArn=arn)
    except ClientError as refused:
        running = _latest(stack, arn)
        if running is None or not running.is_running:
            raise _not_started(refused) from refused
    return _latest(stack, arn) or Redrive("RUNNING", 0, waiting)


def follow(stack: Stack, destination: str, redrive: Redrive) -> Iterator[Redrive]:
    """The redrive as it goes on, until it has ended."""
    arn = _arn(stack, stack.queue_of(destination).dead_letter_url)
    yield redrive
    while redrive.is_running:
        stack.sleep(_POLL_SECONDS)
        redrive = _latest(stack, arn) or redrive
        yield redrive


def _latest(stack: Stack, arn: str) -> Redrive | None:
    results = stack.client("sqs").list_message_move_tasks(SourceArn=arn, MaxResults=1).get("Results", [])
    if not results:
        return None
    task = results[0]
    return Redrive(
        task.get("Status", "RUNNING"),
        int(task.get("ApproximateNumberOfMessagesMoved") or 0),
        int(task.get("ApproximateNumberOfMessagesToMove") or 0),
        task.get("FailureReason"),
    )


def _not_started(refused: ClientError) -> Exception:
    code = refused.response.get("Error", {}).get("Code", "")
    if "UnsupportedOperation" in code:
        return NeedsPerson(
            "AWS does not start the redrive.", [refused.response.get("Error", {}).get("Message", ""), "Try again."]
        )
    return refused


def _arn(stack: Stack, url: str) -> str:
    arn: str = _attributes(stack, url, ["QueueArn"])["QueueArn"]
    return arn


def _attributes(stack: Stack, url: str, names: list[str]) -> dict[str, Any]:
    answer: dict[str, Any] = stack.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)
    return dict(answer.get("Attributes", {}))
