"""Invoking a function of a stack and waiting for what it says."""

from __future__ import annotations

import json
from typing import Any

from ops.operating.problems import NeedsPerson
from ops.operating.stack import Stack


def invoke(stack: Stack, output: str, title: str, payload: bytes = b"{}") -> dict[str, Any]:
    """The answer of the function that an output names, such as `the pickup`. Raises NeedsPerson when it broke down."""
    function = stack.output(output)
    answer = stack.client("lambda").invoke(FunctionName=function, InvocationType="RequestResponse", Payload=payload)
    told = json.loads(answer["Payload"].read() or b"null")
    if answer.get("FunctionError"):
        kind = told.get("errorType", "error") if isinstance(told, dict) else "error"
        raise NeedsPerson(
            f"The {title} function ended with an error ({kind}).", [f"Its log group tells more: function {function}."]
        )
    return told if isinstance(told, dict) else {}
