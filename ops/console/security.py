"""What keeps other sites, other users of the machine and other people's scripts out of the console."""

from __future__ import annotations

import hmac
from urllib.parse import urlsplit

from starlette.datastructures import FormData, Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ops.console.sessions import Session

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}
LONGEST_TARGET = 4_000
"""Path and query together, in bytes."""
LONGEST_FORM = 2_000_000


class Guard:
    """Refuses a request by another name than loopback's, or one too long; gives every answer the strict headers.

    A site whose name was made to lead to this machine (DNS rebinding) sends its own name as the host.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        refused = _refusal(scope)
        if refused is not None:
            await _refuse(with_headers, *refused)
            return
        await self.app(scope, receive, with_headers)


def _refusal(scope: Scope) -> tuple[int, str] | None:
    if len(scope.get("raw_path") or b"") + len(scope.get("query_string") or b"") > LONGEST_TARGET:
        return 414, "The address is too long."
    if not is_own_host(Headers(scope=scope).get("host", ""), scope):
        return 421, "The console answers at 127.0.0.1 and localhost only."
    return None


def is_own_host(host: str, scope: Scope) -> bool:
    """Whether a Host header names this machine's loopback address and the port that is served."""
    name, colon, port = host.lower().rpartition(":")
    if not colon or port.endswith("]"):
        name, port = host.lower(), ""
    server = scope.get("server")
    served = str(server[1]) if server and server[1] is not None else port
    return name in LOOPBACK and (port or "80") == served


async def _refuse(send: Send, status: int, text: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})


def refused_post(request: Request, session: Session, form: FormData, *, read_only: bool) -> str | None:
    """Why a POST is not carried out: another site sent it, its form is not this session's, or nothing may change."""
    if read_only:
        return "This console only shows (--read-only): nothing was changed."
    if not _is_from_here(request):
        return "Another site sent this; nothing was changed."
    token = form.get("csrf")
    if not isinstance(token, str) or not hmac.compare_digest(token.encode(), session.csrf.encode()):
        return "The page was too old, or of another session; nothing was changed. Go back, load it again and repeat."
    return None


def _is_from_here(request: Request) -> bool:
    """As far as the browser says where a request comes from. With no-referrer it calls a form's own origin null."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None and site != "same-origin":
        return False
    if origin is None:
        return True
    if origin == "null":
        return site == "same-origin"
    return urlsplit(origin).netloc == request.headers.get("host")
