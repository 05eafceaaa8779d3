"""One deployed stack for all tests of this folder, and a probe function beside it that does what a test tells it."""

from __future__ import annotations

import io
import json
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from ops.local_stack.options import LocalOptions
from ops.local_stack.runner import LocalStack

T = TypeVar("T")

PROBE = """
import json, os, time
from pathlib import Path

def lambda_handler(event, context):
    failed = []
    for record in event.get("Records", []):
        order = json.loads(record["body"])
        line = {"pid": os.getpid(), "name": order["name"], "received": record["attributes"]["ApproximateReceiveCount"]}
        with Path(os.environ["DIARY"]).open("a") as diary:
            diary.write(json.dumps(line) + "\\n")
        if int(line["received"]) <= order.get("slow_times", 0):
            time.sleep(60)
        if int(line["received"]) <= order.get("fail_times", 0):
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed} if "Records" in event else event
"""


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A stack that knows no system, so that its own functions find nothing to do."""
    options = LocalOptions(state_dir=tmp_path_factory.mktemp("stack"), pickup_every=3600, visibility=30)
    with LocalStack(options) as running:
        yield running


@dataclass
class Probe:
    """A function with a FIFO queue and a dead-letter queue of its own."""

    sqs: Any
    function_name: str
    queue_url: str
    dead_letter_url: str
    dead_letter_arn: str
    diary: Path

    def send(self, name: str, group: str = "group", **order: int) -> None:
        """Orders the function to receive `name`, and to be slow or to fail the first times."""
        self.sqs.send_message(
            QueueUrl=self.queue_url,
            MessageBody=json.dumps({"name": name, **order}),
            MessageGroupId=group,
            MessageDeduplicationId=str(uuid.uuid4()),
        )

    def entries(self, name: str) -> list[dict[str, Any]]:
        """What the function wrote down about `name`, in order."""
        lines = self.diary.read_text().splitlines() if self.diary.exists() else []
        return [entry for entry in map(json.loads, lines) if entry["name"] == name]

    def counts(self, queue_url: str) -> tuple[int, int]:
        """How many messages of a queue are visible and in flight."""
        attributes = self.sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["All"])["Attributes"]
        return (
            int(attributes["ApproximateNumberOfMessages"]),
            int(attributes["ApproximateNumberOfMessagesNotVisible"]),
        )


@pytest.fixture
def make_probe(stack: LocalStack, tmp_path: Path) -> Iterator[Callable[..., Probe]]:
    """Makes probes; what it made is gone after the test."""
    sqs, functions = stack.client("sqs"), stack.client("lambda")
    made: list[tuple[Probe, str]] = []

    def make(*, visibility: int = 2, timeout: int = 30, max_receives: int = 5) -> Probe:
        name = f"probe-{uuid.uuid4().hex[:8]}"
        dead_url = sqs.create_queue(QueueName=f"{name}-dead.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
        dead_arn = queue_arn(sqs, dead_url)
        redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": max_receives})
        url = sqs.create_queue(
            QueueName=f"{name}.fifo",
            Attributes={"FifoQueue": "true", "VisibilityTimeout": str(visibility), "RedrivePolicy": redrive},
        )["QueueUrl"]
        diary = tmp_path / f"{name}.jsonl"
        functions.create_function(
            FunctionName=name,
            Runtime="python3.14",
            Handler="handler.lambda_handler",
            Role="arn:aws:iam::000000000000:role/probe",
            Code={"ZipFile": archive({"handler.py": PROBE})},
            Timeout=timeout,
            Environment={"Variables": {"DIARY": str(diary)}},
        )
        mapping = functions.create_event_source_mapping(
            FunctionName=name,
            EventSourceArn=queue_arn(sqs, url),
            BatchSize=10,
            FunctionResponseTypes=["ReportBatchItemFailures"],
        )["UUID"]
        probe = Probe(sqs, name, url, dead_url, dead_arn, diary)
        made.append((probe, mapping))
        return probe

    yield make
    for probe, mapping in made:
        functions.delete_event_source_mapping(UUID=mapping)
        functions.delete_function(FunctionName=probe.function_name)


def queue_arn(sqs: Any, url: str) -> str:
    """The ARN of a queue."""
    return str(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"])


def archive(files: dict[str, str]) -> bytes:
    """A function's code as Lambda takes it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as zipped:
        for name, text in files.items():
            zipped.writestr(name, text)
    return packed.getvalue()


def wait_for(look: Callable[[], T | None], seconds: float = 20) -> T:
    """The first true value of `look`; fails when there is none in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError(f"nothing within {seconds} s")
