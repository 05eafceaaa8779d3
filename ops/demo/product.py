"""What the product itself says of the day: deliveries by kind and state, notices mailed, conflicts, dead letters."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import requests
from boto3.dynamodb.types import TypeDeserializer

from ops.local_stack.runner import LocalStack
from ops.simulators.virtuous_tally_edits import RecordedConflict

_SHARDS = 4
_UNSETTLED = ("open", "later", "outbox")
DEAD_LETTERS = ("AegisDeadLetterQueueUrl", "VirtuousDeadLetterQueueUrl")
OPEN = ("pending", "sending", "waiting", "unknown")
_WAITING = {":entity": {"S": "notices#waiting"}}
_DONOR_IN_LETTER = re.compile(r"^Donor (\d+)$", re.MULTILINE)


@dataclass
class Deliveries:
    """Deliveries counted; `failed` names each with its cause, `still_open` those that are not settled."""

    by_kind: dict[str, Counter[str]] = field(default_factory=dict)
    ignored: Counter[tuple[str, str]] = field(default_factory=Counter)
    failed: list[tuple[str, str]] = field(default_factory=list)
    still_open: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Notices:
    """E-mails that Amazon SES took, the donors they tell of, and how many notices wait."""

    letters: int
    donors: frozenset[int]
    waiting: int


def read_deliveries(stack: LocalStack) -> Deliveries:
    """Count the rows of the deliveries table."""
    found = Deliveries()
    pages = stack.client("dynamodb").get_paginator("scan").paginate(
        TableName=stack.outputs["DeliveriesTable"], ConsistentRead=True
    )  # fmt: skip
    for row in (row for page in pages for row in page["Items"]):
        state, delivery_id = row["state"]["S"], row["id"]["S"]
        kind = f"{row['destination']['S']} {row['kind']['S']}"
        cause = row.get("trouble", {}).get("M", {}).get("cause", {}).get("S", "")
        found.by_kind.setdefault(kind, Counter())[state] += 1
        if state == "ignored":
            found.ignored[kind, cause] += 1
        elif state == "failed":
            found.failed.append((delivery_id, cause))
        elif state in OPEN:
            found.still_open.append((delivery_id, f"{state} {cause}".strip()))
    return found


def read_notices(stack: LocalStack) -> Notices:
    """What the emulated Amazon SES sent, and what waits in the activity table."""
    with requests.Session() as session:
        session.trust_env = False
        answer: Any = session.get(f"{stack.endpoint_url}/_ministack/ses/messages", timeout=10).json()
    letters = [letter for sent in answer["messages"].values() for letter in sent]
    donors = {int(number) for letter in letters for number in _DONOR_IN_LETTER.findall(letter.get("BodyText") or "")}
    count = stack.client("dynamodb").query(
        TableName=stack.outputs["ActivityTable"],
        KeyConditionExpression="entity = :entity",
        ExpressionAttributeValues=_WAITING,
        Select="COUNT",
        ConsistentRead=True,
    )  # fmt: skip
    return Notices(len(letters), frozenset(donors), count["Count"])


def has_begun(stack: LocalStack) -> bool:
    """Whether the first pickup took place: gifts from before are not sent."""
    key = {"name": {"S": "cursor#gifts"}}
    return "Item" in stack.client("dynamodb").get_item(TableName=stack.outputs["StateTable"], Key=key)


def are_recorded(stack: LocalStack, donor_ids: list[int]) -> bool:
    """Whether it is recorded, for both CRMs, how these donors look."""
    table, client = stack.outputs["CrmKeysTable"], stack.client("dynamodb")
    keys = [
        {"entity": {"S": f"donor#{donor_id}"}, "system": {"S": f"{crm}/agreed"}}
        for donor_id in donor_ids
        for crm in ("aegis", "virtuous")
    ]
    return all("Item" in client.get_item(TableName=table, Key=key, ConsistentRead=True) for key in keys)


def count_open(stack: LocalStack, destination: str, buckets: tuple[str, ...] = _UNSETTLED) -> int:
    """How many deliveries to a destination are not settled, by the index that finds them."""
    return sum(len(_ids_in(stack, f"{bucket}#{destination}")) for bucket in buckets)


def sent_ids(stack: LocalStack) -> list[str]:
    """Deliveries whose rows the import tool holds, as far as the product knows."""
    return _ids_in(stack, "sent#virtuous")


def _ids_in(stack: LocalStack, bucket: str) -> list[str]:
    pages = (
        stack.client("dynamodb").get_paginator("query").paginate(
            TableName=stack.outputs["DeliveriesTable"],
            IndexName="open",
            KeyConditionExpression="#open = :name",
            ExpressionAttributeNames={"#open": "open"},
            ExpressionAttributeValues={":name": {"S": f"{bucket}#{shard}"}},
        )
        for shard in range(_SHARDS)
    )  # fmt: skip
    return [item["id"]["S"] for shard in pages for page in shard for item in page["Items"]]


def read_conflicts(stack: LocalStack) -> list[RecordedConflict]:
    """The conflicts that the activity tells of."""
    read = TypeDeserializer().deserialize
    pages = stack.client("dynamodb").get_paginator("scan").paginate(
        TableName=stack.outputs["ActivityTable"], FilterExpression="attribute_exists(details.conflicts)"
    )  # fmt: skip
    lines = (read(item["details"]) for page in pages for item in page["Items"])
    return [
        RecordedConflict(int(line["donor"]), one["field"], one["winner"], one["lost"])
        for line in lines
        for one in line["conflicts"]
    ]


def dead_letters(stack: LocalStack, queue: str = DEAD_LETTERS[0]) -> int:
    """How many messages are in a dead-letter queue."""
    answer = stack.client("sqs").get_queue_attributes(
        QueueUrl=stack.outputs[queue], AttributeNames=["ApproximateNumberOfMessages"]
    )
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])


def redrive(stack: LocalStack) -> None:
    """Move all dead letters back, with AWS' own task."""
    sqs = stack.client("sqs")
    for queue in DEAD_LETTERS:
        if dead_letters(stack, queue):
            answer = sqs.get_queue_attributes(QueueUrl=stack.outputs[queue], AttributeNames=["QueueArn"])
            sqs.start_message_move_task(SourceArn=answer["Attributes"]["QueueArn"])
