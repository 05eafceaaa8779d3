"""The parts of AWS that the mocked one lacks."""

from __future__ import annotations

import dataclasses
import io
import json
from typing import Any

from botocore.exceptions import ClientError

from tests.workbench import Workbench


class LambdaOfAws:
    """AWS Lambda: invoking the pickup runs it as its handler does; the batch answers what a test lays out."""

    def __init__(self, bench: Workbench) -> None:
        self.bench = bench
        self.fails = False
        self.batch_answers: list[dict[str, Any]] = []

    def invoke(self, *, FunctionName: str, InvocationType: str, Payload: bytes) -> dict[str, Any]:
        asked = {"pickup-function": {}, "batch-function": {"run": "now"}}
        assert (InvocationType, json.loads(Payload)) == ("RequestResponse", asked[FunctionName])
        if self.fails:
            text = json.dumps({"errorType": "Runtime.ExitError", "errorMessage": "signal: killed"})
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(text.encode())}
        if FunctionName == "batch-function":
            return {"Payload": io.BytesIO(json.dumps(self.batch_answers.pop(0)).encode())}
        answer = dataclasses.asdict(self.bench.pickup())
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}


class SqsWithRedrive:
    """SQS with message move tasks, which moto lacks. A task has moved everything when it is asked for a second time.

    `targets` are the queues by the addresses of their dead-letter queues.
    """

    def __init__(self, sqs: Any, targets: dict[str, str]) -> None:
        self._sqs, self._targets = sqs, targets
        self.tasks: list[dict[str, Any]] = []
        self.failure: str | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sqs, name)

    def _source(self, arn: str) -> str:
        return next(url for url in self._targets if url.rsplit("/", 1)[-1] == arn.rsplit(":", 1)[-1])

    def _of(self, arn: str) -> list[dict[str, Any]]:
        return [task for task in self.tasks if task["SourceArn"] == arn]

    def start_message_move_task(self, *, SourceArn: str) -> dict[str, Any]:
        if any(task["Status"] == "RUNNING" for task in self._of(SourceArn)):
            code = "AWS.SimpleQueueService.UnsupportedOperation"
            raise ClientError({"Error": {"Code": code, "Message": "a task is active"}}, "StartMessageMoveTask")
        source = self._source(SourceArn)
        count = int(self._sqs.get_queue_attributes(QueueUrl=source, AttributeNames=["All"])["Attributes"][
            "ApproximateNumberOfMessages"
        ])  # fmt: skip
        self.tasks.insert(0, {"Status": "RUNNING", "SourceArn": SourceArn, "ApproximateNumberOfMessagesToMove": count})
        return {"TaskHandle": "handle"}

    def list_message_move_tasks(self, *, SourceArn: str, MaxResults: int) -> dict[str, Any]:
        tasks = self._of(SourceArn)
        shown = [dict(task) for task in tasks[:MaxResults]]
        if tasks and tasks[0]["Status"] == "RUNNING":
            self._move(tasks[0], self._source(SourceArn))
        return {"Results": shown}

    def _move(self, task: dict[str, Any], source: str) -> None:
        if self.failure is not None:
            task |= {"Status": "FAILED", "FailureReason": self.failure}
            return
        moved = 0
        while messages := self._sqs.receive_message(
            QueueUrl=source, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]
        ).get("Messages"):
            for message in messages:
                self._sqs.send_message(
                    QueueUrl=self._targets[source],
                    MessageBody=message["Body"],
                    MessageGroupId=message["Attributes"]["MessageGroupId"],
                    MessageDeduplicationId=message["MessageId"],
                )
                self._sqs.delete_message(QueueUrl=source, ReceiptHandle=message["ReceiptHandle"])
                moved += 1
        task |= {"Status": "COMPLETED", "ApproximateNumberOfMessagesMoved": moved}
