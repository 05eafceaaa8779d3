"""The port people and other systems talk to: where the other verbs find the stack, and API Gateway's place."""

from __future__ import annotations

import base64
import json
import os
import time
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from ops.console.app import console_pages
from ops.local_stack.paths import REGION, STACK_NAME
from ops.operating.stack import Stack

CONSOLE_PATH = "/console"
MAX_BODY_BYTES = 10 * 1024 * 1024
TEXT_TYPES = ("text/", "application/json", "application/javascript", "application/xml")


# The routes of the template's HTTP API, each with the output that names its function. Locally none needs a signature.
HTTP_ROUTES = (
    ("GET", "/donors/{donorId}/history", "DonorHistoryFunction"),
    ("POST", "/webhooks/raisedonors", "RaiseDonorsHintFunction"),
    ("POST", "/webhooks/virtuous", "ContactWebhookFunction"),
)


def front_app(
    endpoint_url: str,
    outputs: dict[str, str],
    is_alive: Callable[[], bool],
    functions: Callable[[], Any],
    own_stack: Callable[[], Stack],
) -> Starlette:
    """The application, with the console at /console/; unknown paths and methods answer 404 as JSON.

    `functions` gives the client of AWS Lambda, `own_stack` the stack as an operator reaches it.
    """

    async def health(_request: Request) -> Response:
        alive = is_alive()
        return JSONResponse({"status": "ok" if alive else "emulator ended"}, status_code=200 if alive else 503)

    async def stack(_request: Request) -> Response:
        return JSONResponse(
            {
                "endpoint_url": endpoint_url,
                "region": REGION,
                "stack_name": STACK_NAME,
                "outputs": outputs,
                "pid": os.getpid(),
            }
        )

    async def refuse(_request: Request, problem: Exception) -> Response:
        status = problem.status_code if isinstance(problem, HTTPException) else 500
        # API Gateway knows a route by method and path together.
        status = 404 if status == 405 else status
        return JSONResponse({"message": "Not Found" if status == 404 else "Internal Server Error"}, status_code=status)

    return Starlette(
        routes=[
            Route("/health", health),
            Route("/_local/stack", stack),
            *(_http_route(functions, outputs[name], *route) for *route, name in HTTP_ROUTES),
            Mount(CONSOLE_PATH, app=console_pages(own_stack, base_path=CONSOLE_PATH)),
        ],
        exception_handlers={404: refuse, 405: refuse, 500: refuse},
    )


def _http_route(functions: Callable[[], Any], function_name: str, method: str, path: str) -> Route:
    async def answer(request: Request) -> Response:
        return await invoke_http_function(functions(), function_name, request, path)

    return Route(path, answer, methods=[method])


async def invoke_http_function(
    lambda_client: Any, function_name: str, request: Request, route_path: str | None = None
) -> Response:
    """Answers a request with a function, as API Gateway does for an HTTP API (payload format 2.0).

    `route_path` is the route as the template spells it, e.g. `/donors/{donorId}/history`.
    """
    body = await request.body()
    if len(body) > MAX_BODY_BYTES:
        return JSONResponse({"message": "Request Entity Too Large"}, status_code=413)
    event = http_event(request, body, route_path or request.url.path)
    answer = await run_in_threadpool(lambda_client.invoke, FunctionName=function_name, Payload=json.dumps(event))
    payload = json.loads(await run_in_threadpool(answer["Payload"].read) or b"null")
    if answer.get("FunctionError"):
        return JSONResponse({"message": "Internal Server Error"}, status_code=500)
    return http_response(payload)


def http_event(request: Request, body: bytes, route_path: str) -> dict[str, Any]:
    """A request in payload format 2.0."""
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        if name != "cookie":
            headers[name] = f"{headers[name]},{value}" if name in headers else value
    query: dict[str, str] = {}
    for name, value in parse_qsl(request.url.query, keep_blank_values=True):
        query[name] = f"{query[name]},{value}" if name in query else value
    now = time.time()
    route_key = f"{request.method} {route_path}"
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": request.url.path,
        "rawQueryString": request.url.query,
        "headers": headers,
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "local",
            "domainName": request.url.hostname or "",
            "domainPrefix": "local",
            "http": {
                "method": request.method,
                "path": request.url.path,
                "protocol": f"HTTP/{request.scope.get('http_version', '1.1')}",
                "sourceIp": request.client.host if request.client else "",
                "userAgent": request.headers.get("user-agent", ""),
            },
            "requestId": str(uuid.uuid4()),
            "routeKey": route_key,
            "stage": "$default",
            "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
            "timeEpoch": int(now * 1000),
        },
        "isBase64Encoded": False,
    }
    if cookies := request.headers.getlist("cookie"):
        event["cookies"] = [cookie.strip() for line in cookies for cookie in line.split(";")]
    if query:
        event["queryStringParameters"] = query
    if request.path_params:
        event["pathParameters"] = {name: str(value) for name, value in request.path_params.items()}
    if body:
        event["body"], event["isBase64Encoded"] = _event_body(body, request.headers.get("content-type", ""))
    return event


def http_response(payload: Any) -> Response:
    """A function's answer as a response: a whole one with a status code, or any other value as JSON with 200."""
    if not isinstance(payload, dict) or "statusCode" not in payload:
        return JSONResponse(payload)
    body = payload.get("body") or ""
    content = base64.b64decode(body) if payload.get("isBase64Encoded") else str(body).encode()
    headers = {str(name).lower(): str(value) for name, value in (payload.get("headers") or {}).items()}
    headers.setdefault("content-type", "application/json")
    response = Response(content, status_code=int(payload["statusCode"]), headers=headers)
    for cookie in payload.get("cookies") or []:
        response.headers.append("set-cookie", cookie)
    return response


def _event_body(body: bytes, content_type: str) -> tuple[str, bool]:
    kind = content_type.split(";", maxsplit=1)[0].strip().lower()
    if not kind or kind.startswith(TEXT_TYPES) or kind.endswith(("+json", "+xml")):
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(body).decode(), True
