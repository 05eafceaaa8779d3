"""What the product itself says of the day: its deliveries by kind and state, and the notices it mailed."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import requests

from ops.local_stack.runner import LocalStack

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
        kind, state, delivery_id = row["kind"]["S"], row["state"]["S"], row["id"]["S"]
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
