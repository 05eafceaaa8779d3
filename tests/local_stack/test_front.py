"""HTTP requests become events, and functions' answers become responses, as API Gateway does it."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.types import Message

from ops.local_stack.front import http_event, http_response, invoke_http_function
from ops.local_stack.runner import LocalStack
from tests.local_stack.conftest import Probe


def request(body: bytes = b"", content_type: str = "application/json", **scope: Any) -> Request:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    headers = [
        (b"host", b"example.test"),
        (b"content-type", content_type.encode()),
        (b"x-tag", b"a"),
        (b"x-tag", b"b"),
        (b"cookie", b"k=v; l=w"),
    ]
    whole = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/donors/7/history",
        "query_string": b"page=2&tag=x&tag=y",
        "headers": headers,
        "client": ("192.0.2.1", 1234),
        "path_params": {"donorId": "7"},
    }
    return Request(whole | scope, receive)


def test_a_request_is_handed_to_the_function_in_payload_format_2() -> None:
    event = http_event(request(), b'{"a": 1}', "/donors/{donorId}/history")

    assert event["version"] == "2.0"
    assert event["routeKey"] == event["requestContext"]["routeKey"] == "POST /donors/{donorId}/history"
    assert (event["rawPath"], event["rawQueryString"]) == ("/donors/7/history", "page=2&tag=x&tag=y")
    assert event["queryStringParameters"] == {"page": "2", "tag": "x,y"}
    assert event["pathParameters"] == {"donorId": "7"}
    assert event["headers"]["x-tag"] == "a,b"
    assert event["cookies"] == ["k=v", "l=w"]
    assert event["requestContext"]["http"]["sourceIp"] == "192.0.2.1"
    assert (event["body"], event["isBase64Encoded"]) == ('{"a": 1}', False)


def test_a_body_that_is_no_text_travels_as_base64() -> None:
    binary = http_event(request(content_type="application/octet-stream"), b"\xff\x00", "/")
    broken = http_event(request(), b"\xff", "/")

    assert (base64.b64decode(binary["body"]), binary["isBase64Encoded"]) == (b"\xff\x00", True)
    assert (base64.b64decode(broken["body"]), broken["isBase64Encoded"]) == (b"\xff", True)


def test_an_answer_with_a_status_code_is_the_whole_response() -> None:
    response = http_response(
        {"statusCode": 401, "headers": {"X-Why": "forged"}, "body": "no", "cookies": ["a=1", "b=2"]}
    )

    assert (response.status_code, response.body, response.headers["x-why"]) == (401, b"no", "forged")
    assert response.headers.getlist("set-cookie") == ["a=1", "b=2"]


def test_an_answer_without_a_status_code_is_json_with_200() -> None:
    response = http_response({"fine": True})

    assert (response.status_code, json.loads(bytes(response.body))) == (200, {"fine": True})


def test_a_function_answers_a_request(stack: LocalStack, make_probe: Callable[..., Probe]) -> None:
    probe = make_probe()
    functions = stack.client("lambda")

    answered = asyncio.run(invoke_http_function(functions, probe.function_name, request(b"hello", "text/plain")))

    # The probe gives back the event it was given.
    assert (answered.status_code, json.loads(bytes(answered.body))["body"]) == (200, "hello")


def test_a_function_that_fails_is_answered_with_500(stack: LocalStack, make_probe: Callable[..., Probe]) -> None:
    probe = make_probe()
    functions = stack.client("lambda")
    functions.update_function_configuration(FunctionName=probe.function_name, Handler="handler.missing")

    answered = asyncio.run(invoke_http_function(functions, probe.function_name, request()))

    assert (answered.status_code, json.loads(bytes(answered.body))) == (500, {"message": "Internal Server Error"})
