"""What AWS refuses, as boto3 raises it."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError, ParamValidationError


def refused(code: str, message: str, operation: str = "Operation", **more: Any) -> ClientError:
    """The error of a refused call; `more` are further members of the answer, such as CancellationReasons."""
    status = 500 if code == "InternalServerError" else 400
    answer: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status, "RetryAttempts": 0},
        **more,
    }
    return ClientError(answer, operation)


def invalid(message: str) -> ClientError:
    """A request that DynamoDB does not understand."""
    return refused("ValidationException", message)


def not_sent(problem: str) -> ParamValidationError:
    """A request that boto3 itself refuses: it does not fit the service's description."""
    return ParamValidationError(report=problem)
