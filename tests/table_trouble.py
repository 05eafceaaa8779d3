"""What DynamoDB itself answers when it is busy: no mocked table ever does."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

Refusal = dict[str, Any]


def cancelled(*reasons: str) -> Refusal:
    """A transaction that was cancelled, with a reason for each of its writes."""
    told = [{"Code": reason, **({} if reason == "None" else {"Message": reason})} for reason in reasons]
    text = f"Transaction cancelled, see the reasons [{', '.join(reasons)}]"
    return {"Error": {"Code": "TransactionCanceledException", "Message": text}, "CancellationReasons": told}


def refused(code: str) -> Refusal:
    """A single call that was refused."""
    return {"Error": {"Code": code, "Message": code}}


@contextmanager
def answering(
    client: Any, operation: str, judge: Callable[[dict[str, Any]], Refusal | None]
) -> Iterator[list[dict[str, Any]]]:
    """DynamoDB answers calls of an operation as `judge` says, None as usual; the bodies of those it refused.

    The refusal is given to botocore as it reads it from the wire: the mocked DynamoDB never sees the call.
    """
    answered: list[dict[str, Any]] = []

    def answer(params: dict[str, Any], **_: Any) -> tuple[SimpleNamespace, Refusal] | None:
        body = json.loads(params["body"])
        judged = judge(body)
        if judged is None:
            return None
        answered.append(body)
        return SimpleNamespace(status_code=400), {**judged, "ResponseMetadata": {"HTTPStatusCode": 400}}

    event = f"before-call.dynamodb.{operation}"
    client.meta.events.register_first(event, answer)
    try:
        yield answered
    finally:
        client.meta.events.unregister(event, answer)
