"""`giftbridge console`."""

from __future__ import annotations

import contextlib
import secrets
import socket
import sys
import webbrowser
from typing import Annotated

import typer
import uvicorn
from starlette.applications import Starlette

from ops.command.terminal import Terminal, verb
from ops.console.app import console_app
from ops.operating.problems import HEALTHY, WrongUsage

HOST = "127.0.0.1"
_PATH = "/console"


@verb
def console(
    terminal: Terminal,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on this machine; 0 takes any free one.")] = 8765,
    read_only: Annotated[bool, typer.Option("--read-only", help="Show everything, change nothing.")] = False,
    open_browser: Annotated[
        bool | None,
        typer.Option("--open/--no-open", help="Open a browser; without it, where a person is at the terminal."),
    ] = None,
) -> int:
    """Open the web console, on this machine alone.

    It works with your own AWS credentials and answers at 127.0.0.1 only. The address that it prints is good for one
    browser, once. Ctrl-C ends it.
    """
    stack = terminal.stack
    token = secrets.token_urlsafe(32)
    app = console_app(lambda: stack, read_only=read_only, token=token, base_path=_PATH)
    with _bound(port) as listening:
        url = f"http://{HOST}:{listening.getsockname()[1]}{_PATH}/enter?token={token}"
        terminal.answer({"url": url, "read_only": read_only}, f"The console of {stack.name} is at {url}")
        sys.stdout.flush()
        if open_browser or (open_browser is None and sys.stdout.isatty()):
            webbrowser.open(url)
        # uvicorn ends at Ctrl-C or SIGTERM, and then raises what it heard.
        with contextlib.suppress(KeyboardInterrupt):
            _server(app).run(sockets=[listening])
    return HEALTHY


def _server(app: Starlette) -> uvicorn.Server:
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=2,
    )
    return uvicorn.Server(config)


def _bound(port: int) -> socket.socket:
    """A socket of this machine alone. Raises WrongUsage."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
        # At once: the address is printed before the server is ready, and whoever comes early waits.
        listening.listen()
    except OSError as problem:
        listening.close()
        raise WrongUsage(
            f"Port {port} cannot be used ({problem.strerror}).", ["Choose another with --port, or 0 for any."]
        ) from problem
    return listening
