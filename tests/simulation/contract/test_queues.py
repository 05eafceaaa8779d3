"""SQS' FIFO queues, and secrets."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.simulation.contract.conftest import Aws
from tests.simulation.contract.test_rows import code_of


def send(aws: Aws, url: str, body: str, group: str = "g", unique: str = "") -> dict[str, Any]:
    """Send one message."""
    answer: dict[str, Any] = aws.sqs.send_message(
        QueueUrl=url, MessageBody=body, MessageGroupId=group, MessageDeduplicationId=unique or f"{group}-{body}"
    )
    return answer


def receive(aws: Aws, url: str, most: int = 10, **more: Any) -> list[dict[str, Any]]:
    """The messages of one receive."""
    answer = aws.sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=most, MessageSystemAttributeNames=["All"], **more
    )
    found: list[dict[str, Any]] = answer.get("Messages", [])
    return found


def bodies(messages: list[dict[str, Any]]) -> list[str]:
    return [message["Body"] for message in messages]


def count(aws: Aws, url: str, name: str = "ApproximateNumberOfMessages") -> int:
    answer = aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])
    return int(answer["Attributes"][name])


def test_a_group_comes_in_order_and_in_one_batch(aws: Aws) -> None:
    url = aws.queue()
    for body in "123":
        send(aws, url, body)
    found = receive(aws, url)

    assert bodies(found) == ["1", "2", "3"]
    assert [message["Attributes"]["ApproximateReceiveCount"] for message in found] == ["1", "1", "1"]
    assert found[0]["Attributes"]["MessageGroupId"] == "g"


def test_a_group_that_is_in_flight_waits_and_another_does_not(aws: Aws) -> None:
    url = aws.queue()
    send(aws, url, "1")
    first = receive(aws, url, 1)
    send(aws, url, "2")
    send(aws, url, "x", group="other")
    meanwhile = receive(aws, url)
    for message in first:
        aws.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    after = receive(aws, url)

    assert bodies(meanwhile) == ["x"]
    assert bodies(after) == ["2"]


def test_a_message_comes_back_after_its_visibility_time_out(aws: Aws) -> None:
    url = aws.queue(VisibilityTimeout="1")
    send(aws, url, "1")
    receive(aws, url)
    assert receive(aws, url) == [] and count(aws, url, "ApproximateNumberOfMessagesNotVisible") == 1
    aws.wait(1.2)
    again = receive(aws, url)

    assert [message["Attributes"]["ApproximateReceiveCount"] for message in again] == ["2"]


def test_a_message_handed_back_is_there_at_once(aws: Aws) -> None:
    url = aws.queue(VisibilityTimeout="60")
    send(aws, url, "1")
    (message,) = receive(aws, url)
    aws.sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)

    assert bodies(receive(aws, url)) == ["1"]


def test_a_repeated_send_within_five_minutes_is_the_same_message(aws: Aws) -> None:
    url = aws.queue()
    first = send(aws, url, "1", unique="same")
    second = send(aws, url, "2", unique="same")

    assert bodies(receive(aws, url)) == ["1"]
    assert aws.name == "moto" or first["MessageId"] == second["MessageId"]


def test_deduplication_ends_after_five_minutes(aws: Aws) -> None:
    aws.is_wrong("moto", "local", why="nobody waits for five minutes")
    url = aws.queue()
    send(aws, url, "1", unique="same")
    aws.wait(301)
    send(aws, url, "2", unique="same")

    assert bodies(receive(aws, url)) == ["1", "2"]


def test_a_message_received_too_often_goes_to_the_dead_letters(aws: Aws) -> None:
    dead = aws.queue()
    policy = json.dumps({"deadLetterTargetArn": aws.arn(dead), "maxReceiveCount": 2})
    url = aws.queue(VisibilityTimeout="0", RedrivePolicy=policy)
    send(aws, url, "1")
    sent_id = receive(aws, url)[0]["MessageId"]
    receive(aws, url)

    assert receive(aws, url) == []
    assert count(aws, dead) == 1
    (letter,) = receive(aws, dead)
    assert (letter["Body"], letter["MessageId"], letter["Attributes"]["MessageGroupId"]) == ("1", sent_id, "g")


def test_a_redrive_moves_the_dead_letters_back_with_a_fresh_count(aws: Aws) -> None:
    aws.is_wrong("moto", why="has no message move tasks")
    dead = aws.queue()
    policy = json.dumps({"deadLetterTargetArn": aws.arn(dead), "maxReceiveCount": 1})
    url = aws.queue(VisibilityTimeout="0", RedrivePolicy=policy)
    send(aws, url, "1")
    receive(aws, url)
    receive(aws, url)
    aws.sqs.start_message_move_task(SourceArn=aws.arn(dead))
    aws.wait(0.5)
    (back,) = receive(aws, url)

    assert back["Attributes"]["ApproximateReceiveCount"] == "1"
    assert aws.sqs.list_message_move_tasks(SourceArn=aws.arn(dead))["Results"][0]["Status"] == "COMPLETED"


def test_messages_expire(aws: Aws) -> None:
    aws.is_wrong("moto", "local", why="nobody waits for a minute")
    url = aws.queue(MessageRetentionPeriod="60")
    send(aws, url, "1")
    aws.wait(61)

    assert receive(aws, url) == []


def test_a_batch_is_sent_in_order_and_each_entry_answered(aws: Aws) -> None:
    url = aws.queue()
    entries = [
        {"Id": str(n), "MessageBody": str(n), "MessageGroupId": "g", "MessageDeduplicationId": str(n)} for n in range(3)
    ]
    answer = aws.sqs.send_message_batch(QueueUrl=url, Entries=entries)

    assert sorted(entry["Id"] for entry in answer["Successful"]) == ["0", "1", "2"]
    assert bodies(receive(aws, url)) == ["0", "1", "2"]


def test_a_batch_of_eleven_is_refused(aws: Aws) -> None:
    url = aws.queue()
    entries = [
        {"Id": str(n), "MessageBody": "x", "MessageGroupId": "g", "MessageDeduplicationId": str(n)} for n in range(11)
    ]
    with pytest.raises(ClientError) as error:
        aws.sqs.send_message_batch(QueueUrl=url, Entries=entries)

    assert code_of(error).endswith("TooManyEntriesInBatchRequest")


def test_a_message_without_a_group_is_refused(aws: Aws) -> None:
    url = aws.queue()
    with pytest.raises(ClientError) as error:
        aws.sqs.send_message(QueueUrl=url, MessageBody="x", MessageDeduplicationId="x")

    assert code_of(error) == "MissingParameter"


def test_a_foreign_receipt_is_refused(aws: Aws) -> None:
    url = aws.queue()
    with pytest.raises(ClientError) as error:
        aws.sqs.delete_message(QueueUrl=url, ReceiptHandle="nobody's")

    assert code_of(error) == "ReceiptHandleIsInvalid"


def test_deleting_twice_does_no_harm(aws: Aws) -> None:
    aws.is_wrong("local", why="refuses a receipt whose message is gone")
    url = aws.queue()
    send(aws, url, "1")
    (message,) = receive(aws, url)
    for _ in range(2):
        aws.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    assert count(aws, url) == 0


def test_an_old_receipt_of_a_message_received_again_is_refused(aws: Aws) -> None:
    aws.is_wrong("moto", "local", why="any receipt ever given deletes the message")
    url = aws.queue(VisibilityTimeout="0")
    send(aws, url, "1")
    (old,) = receive(aws, url)
    receive(aws, url, VisibilityTimeout=60)
    with pytest.raises(ClientError) as error:
        aws.sqs.delete_message(QueueUrl=url, ReceiptHandle=old["ReceiptHandle"])

    assert code_of(error) == "InvalidParameterValue"


def test_a_secret_has_its_newest_value_and_a_new_version(aws: Aws) -> None:
    name = f"secret-{aws.table}"
    aws.secrets.create_secret(Name=name, SecretString="{}")
    first = aws.secrets.get_secret_value(SecretId=name)
    aws.secrets.put_secret_value(SecretId=name, SecretString='{"a":1}')
    second = aws.secrets.get_secret_value(SecretId=name)
    stages = aws.secrets.describe_secret(SecretId=name)["VersionIdsToStages"]

    assert (first["SecretString"], second["SecretString"]) == ("{}", '{"a":1}')
    assert first["VersionId"] != second["VersionId"]
    assert sorted(stage for named in stages.values() for stage in named) == ["AWSCURRENT", "AWSPREVIOUS"]


def test_a_secret_that_is_not_there_is_refused(aws: Aws) -> None:
    with pytest.raises(ClientError) as error:
        aws.secrets.get_secret_value(SecretId="nobody's")

    assert code_of(error) == "ResourceNotFoundException"
