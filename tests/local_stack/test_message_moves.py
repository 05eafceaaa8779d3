"""Redrive with AWS' own calls, which the emulator learns from us."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_stack.conftest import Probe, queue_arn, wait_for


def test_a_redriven_message_is_a_new_one_with_its_old_body_and_group(make_probe: Callable[..., Probe]) -> None:
    probe = make_probe(visibility=1, timeout=1, max_receives=1)
    probe.send("gift", group="donor", slow_times=1)
    wait_for(lambda: probe.counts(probe.dead_letter_url) == (1, 0))
    dead = probe.sqs.receive_message(QueueUrl=probe.dead_letter_url, AttributeNames=["All"], VisibilityTimeout=0)
    # Its second first receive is slow again: it comes to the dead-letter queue once more, where it can be looked at.
    probe.sqs.start_message_move_task(SourceArn=probe.dead_letter_arn)
    task = wait_for(lambda: _finished(probe))
    assert (task["Status"], task["ApproximateNumberOfMessagesMoved"]) == ("COMPLETED", 1)

    wait_for(lambda: probe.counts(probe.dead_letter_url) == (1, 0))
    again = probe.sqs.receive_message(QueueUrl=probe.dead_letter_url, AttributeNames=["All"], VisibilityTimeout=0)

    before, after = dead["Messages"][0], again["Messages"][0]
    assert [entry["received"] for entry in probe.entries("gift")] == ["1", "1"]
    assert after["Body"] == before["Body"]
    assert after["Attributes"]["MessageGroupId"] == "donor"
    assert after["MessageId"] != before["MessageId"]
    assert after["Attributes"]["MessageDeduplicationId"] != before["Attributes"]["MessageDeduplicationId"]


def test_a_task_can_go_elsewhere_at_a_given_speed_and_be_cancelled(make_probe: Callable[..., Probe]) -> None:
    probe = make_probe()
    elsewhere = probe.sqs.create_queue(QueueName=f"{probe.function_name}-x.fifo", Attributes={"FifoQueue": "true"})
    for number in range(3):
        probe.sqs.send_message(
            QueueUrl=probe.dead_letter_url,
            MessageBody=json.dumps({"name": str(number)}),
            MessageGroupId="group",
            MessageDeduplicationId=str(number),
        )
    handle = probe.sqs.start_message_move_task(
        SourceArn=probe.dead_letter_arn,
        DestinationArn=queue_arn(probe.sqs, elsewhere["QueueUrl"]),
        MaxNumberOfMessagesPerSecond=1,
    )["TaskHandle"]
    with pytest.raises(ClientError, match="already a task running"):
        probe.sqs.start_message_move_task(SourceArn=probe.dead_letter_arn)
    wait_for(lambda: probe.counts(elsewhere["QueueUrl"])[0] == 1)

    probe.sqs.cancel_message_move_task(TaskHandle=handle)

    assert wait_for(lambda: _finished(probe))["Status"] == "CANCELLED"
    assert probe.counts(probe.dead_letter_url) == (2, 0)


def test_only_a_dead_letter_queue_can_be_moved_from(make_probe: Callable[..., Probe]) -> None:
    probe = make_probe()

    with pytest.raises(ClientError, match="Dead Letter Queue"):
        probe.sqs.start_message_move_task(SourceArn=queue_arn(probe.sqs, probe.queue_url))


def _finished(probe: Probe) -> dict[str, Any] | None:
    tasks = probe.sqs.list_message_move_tasks(SourceArn=probe.dead_letter_arn)["Results"]
    return next((task for task in tasks if task["Status"] not in ("RUNNING", "CANCELLING")), None)
