"""SQS in memory, at the surface of boto3's client: the FIFO queues of one account."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.simulation.aws.errors import not_sent, refused
from tests.simulation.aws.queue import Message, Queue

MOST_BYTES = 256 * 1024
MOST_IN_BATCH = 10
_LONGEST_HIDDEN = 43200
_LONGEST_ID = 128


class SQS:
    """Nothing here gives way: each call takes effect at once and as a whole."""

    def __init__(self, now: Callable[[], float] = lambda: 0.0) -> None:
        self.now = now
        self.queues: dict[str, Queue] = {}
        self._ids = 0
        self._moves: list[dict[str, Any]] = []

    def queue(self, url: str) -> Queue:
        """The queue at an address. Raises QueueDoesNotExist."""
        found = self.queues.get(url)
        if found is None:
            raise refused("AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.")
        return found

    def create_queue(self, *, QueueName: str, Attributes: Mapping[str, str]) -> dict[str, Any]:
        if not QueueName.endswith(".fifo") or Attributes.get("FifoQueue") != "true":
            raise NotImplementedError("only FIFO queues are known here")
        url, arn = f"https://sqs.test/000000000000/{QueueName}", f"arn:aws:sqs:us-east-1:000000000000:{QueueName}"
        queue = Queue(QueueName, url, arn, dict(Attributes), self.now)
        if "RedrivePolicy" in Attributes:
            policy = json.loads(Attributes["RedrivePolicy"])
            queue.redrive_to = next(one for one in self.queues.values() if one.arn == policy["deadLetterTargetArn"])
            queue.most_receives = int(policy["maxReceiveCount"])
        self.queues[url] = queue
        return {"QueueUrl": url}

    # --- sending ------------------------------------------------------------------------------------------

    def send_message(self, *, QueueUrl: str, **entry: Any) -> dict[str, Any]:
        queue = self.queue(QueueUrl)
        try:
            message = self._send(queue, entry)
        except _Refused as error:
            raise refused(error.code, error.text) from None
        return {"MessageId": message.message_id, "SequenceNumber": f"{message.sequence:020d}"}

    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        queue = self.queue(QueueUrl)
        _require_batch([str(entry.get("Id", "")) for entry in Entries])
        if sum(len(str(entry.get("MessageBody", "")).encode()) for entry in Entries) > MOST_BYTES:
            raise refused(
                "AWS.SimpleQueueService.BatchRequestTooLong", "Batch requests cannot be longer than 262144 bytes."
            )
        sent, failed = [], []
        for entry in Entries:
            own = {name: value for name, value in entry.items() if name != "Id"}
            try:
                message = self._send(queue, own)
            except _Refused as error:
                failed.append({"Id": entry["Id"], "Code": error.code, "Message": error.text, "SenderFault": True})
            else:
                number = f"{message.sequence:020d}"
                sent.append({"Id": entry["Id"], "MessageId": message.message_id, "SequenceNumber": number})
        return {name: entries for name, entries in (("Successful", sent), ("Failed", failed)) if entries}

    def _send(self, queue: Queue, entry: Mapping[str, Any]) -> Message:
        unknown = set(entry) - {"MessageBody", "MessageGroupId", "MessageDeduplicationId"}
        if unknown:
            raise not_sent(f"Unknown or unfit parameter of a FIFO queue: {', '.join(sorted(unknown))}")
        body = entry.get("MessageBody")
        if not isinstance(body, str):
            raise not_sent(f"Invalid type for parameter MessageBody, value: {body!r}")
        group, deduplication_id = entry.get("MessageGroupId"), entry.get("MessageDeduplicationId")
        if not body or len(body.encode()) > MOST_BYTES:
            raise _Refused("InvalidParameterValue", "One or more parameters are invalid. Reason: the message's length.")
        if not group:
            raise _Refused("MissingParameter", "The request must contain the parameter MessageGroupId.")
        if not deduplication_id:
            raise _Refused(
                "InvalidParameterValue",
                "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided "
                "explicitly",
            )
        for name, text in (("MessageGroupId", group), ("MessageDeduplicationId", deduplication_id)):
            if len(text) > _LONGEST_ID or not text.isascii() or not text.isprintable() or " " in text:
                raise _Refused("InvalidParameterValue", f"Value {text} for parameter {name} is invalid.")
        self._ids += 1
        return queue.send(f"message-{self._ids:08d}", group, deduplication_id, body)

    # --- receiving ----------------------------------------------------------------------------------------

    def receive_message(
        self,
        *,
        QueueUrl: str,
        MaxNumberOfMessages: int = 1,
        VisibilityTimeout: int | None = None,
        WaitTimeSeconds: int = 0,
        MessageSystemAttributeNames: Sequence[str] = (),
    ) -> dict[str, Any]:
        if not 1 <= MaxNumberOfMessages <= MOST_IN_BATCH:
            raise refused("InvalidParameterValue", f"Value {MaxNumberOfMessages} for MaxNumberOfMessages is invalid.")
        queue = self.queue(QueueUrl)
        found = queue.receive(MaxNumberOfMessages, VisibilityTimeout)
        wanted = set(MessageSystemAttributeNames)
        messages = []
        for message in found:
            told: dict[str, Any] = {
                "MessageId": message.message_id,
                "ReceiptHandle": message.receipt,
                "Body": message.body,
            }
            if wanted:
                known = queue.as_record(message)
                told["Attributes"] = {n: v for n, v in known.items() if "All" in wanted or n in wanted}
            messages.append(told)
        return {"Messages": messages} if messages else {}

    def delete_message(self, *, QueueUrl: str, ReceiptHandle: str) -> dict[str, Any]:
        queue = self.queue(QueueUrl)
        message = self._held(queue, ReceiptHandle)
        if message is not None:
            queue.delete(message)
        return {}

    def change_message_visibility(self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> dict[str, Any]:
        if not 0 <= VisibilityTimeout <= _LONGEST_HIDDEN:
            raise refused("InvalidParameterValue", f"Value {VisibilityTimeout} for VisibilityTimeout is invalid.")
        queue = self.queue(QueueUrl)
        message = self._held(queue, ReceiptHandle)
        if message is None or message.visible_at <= self.now():
            raise refused("MessageNotInflight", "The message referred to isn't in flight.")
        message.visible_at = self.now() + VisibilityTimeout
        queue.on_change()
        return {}

    def _held(self, queue: Queue, receipt: str) -> Message | None:
        """The message of a receipt; None where it is gone. An old receipt of a FIFO queue is refused."""
        message = queue.by_receipt.get(receipt)
        if message is not None:
            return message
        name, _, rest = receipt.partition("/")
        sequence = rest.partition("/")[0]
        if name != queue.name or not sequence.isdecimal():
            raise refused("ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
        if int(sequence) in queue.messages:
            raise refused(
                "InvalidParameterValue",
                f"Value {receipt} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.",
            )
        return None

    # --- looking after ------------------------------------------------------------------------------------

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: Sequence[str] = ()) -> dict[str, Any]:
        queue = self.queue(QueueUrl)
        known = {"QueueArn": queue.arn, **queue.attributes}
        known |= {name: str(count) for name, count in queue.counts().items()}
        found = {name: value for name, value in known.items() if "All" in AttributeNames or name in AttributeNames}
        return {"Attributes": found} if found else {}

    def purge_queue(self, *, QueueUrl: str) -> dict[str, Any]:
        queue = self.queue(QueueUrl)
        for message in list(queue.messages.values()):
            queue.delete(message)
        return {}

    def start_message_move_task(self, *, SourceArn: str) -> dict[str, Any]:
        source = next((queue for queue in self.queues.values() if queue.arn == SourceArn), None)
        if source is None:
            raise refused(
                "ResourceNotFoundException",
                "The resource that you specified for the SourceArn parameter doesn't exist.",
            )
        target = next((queue for queue in self.queues.values() if queue.redrive_to is source), None)
        if target is None:
            raise refused(
                "AWS.SimpleQueueService.UnsupportedOperation", "Source queue must be configured as a Dead Letter Queue."
            )
        moved = source.move_to(target)
        told = {"Status": "COMPLETED", "SourceArn": SourceArn, "ApproximateNumberOfMessagesMoved": moved}
        self._moves.insert(0, {**told, "ApproximateNumberOfMessagesToMove": moved})
        return {"TaskHandle": f"move-{len(self._moves)}"}

    def list_message_move_tasks(self, *, SourceArn: str, MaxResults: int = 1) -> dict[str, Any]:
        return {"Results": [dict(move) for move in self._moves if move["SourceArn"] == SourceArn][:MaxResults]}


class _Refused(Exception):
    """One message that SQS does not take; alone it is a ClientError, in a batch one of the failed."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


def _require_batch(ids: Sequence[str]) -> None:
    if not ids:
        raise refused("AWS.SimpleQueueService.EmptyBatchRequest", "There should be at least one entry in the request.")
    if len(ids) > MOST_IN_BATCH:
        raise refused(
            "AWS.SimpleQueueService.TooManyEntriesInBatchRequest", "Maximum number of entries per request are 10."
        )
    if len(set(ids)) < len(ids):
        raise refused("AWS.SimpleQueueService.BatchEntryIdsNotDistinct", "Two or more batch entries have the same Id.")
