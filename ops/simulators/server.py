"""Serves a simulated service on the loopback address, and hangs up or refuses connections when it is told to."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

import uvicorn
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from ops.simulators.faults import OutageMode
from ops.simulators.service import ABORT_EXTENSION, Receive, Scope, Send, SimulatedService

HOST = "127.0.0.1"
BACKLOG = 2048
START_SECONDS = 10.0
STOP_SECONDS = 5.0
CONTROL_ANSWER_SECONDS = 0.05


class _AbortableProtocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """An HTTP connection that the application can drop without an answer."""

    app: Any

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        served = self.app

        async def with_abort(scope: Scope, receive: Receive, send: Send) -> None:
            def abort() -> None:
                # The server must not report a missing answer: there is nobody left to read one.
                self.cycle.disconnected = True
                transport.abort()

            scope.setdefault("extensions", {})[ABORT_EXTENSION] = abort
            await served(scope, receive, send)

        self.app = with_abort


class SimulatorServer:
    """A simulated service at an address, from `start` to `stop` or for the length of a `with` block."""

    def __init__(self, app: SimulatedService, port: int = 0) -> None:
        self.app = app
        self._wanted_port = port
        self._port = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._listener: asyncio.Server | None = None
        self._returns: asyncio.TimerHandle | None = None

    @property
    def port(self) -> int:
        """The port that is served."""
        return self._port

    @property
    def url(self) -> str:
        """The base address, without a slash at its end."""
        return f"http://{HOST}:{self._port}"

    def start(self) -> "SimulatorServer":
        """Begin to serve; returns when connections are accepted."""
        bound = _bind(self._wanted_port)
        self._port = bound.getsockname()[1]
        config = uvicorn.Config(
            self.app,
            http=_AbortableProtocol,
            lifespan="off",
            log_level="error",
            access_log=False,
            timeout_graceful_shutdown=1,
            timeout_keep_alive=60,
            ws="none",
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, args=(bound,), name=f"simulator-{self._port}", daemon=True)
        self._thread.start()
        started = threading.Event()
        self._wait_until(lambda: bool(self._server and self._server.started), started)
        self.app.faults.on_outage.append(self._on_outage)
        return self

    def stop(self) -> None:
        """Stop serving at once; open connections are closed."""
        if self._server is None or self._thread is None:
            return
        with contextlib.suppress(ValueError):
            self.app.faults.on_outage.remove(self._on_outage)
        self._server.should_exit = True
        self._call_soon(self._close_everything)
        self._thread.join(STOP_SECONDS)
        if self._thread.is_alive():
            self._server.force_exit = True
            self._thread.join(STOP_SECONDS)
        self._server = self._thread = self._loop = None

    def __enter__(self) -> "SimulatorServer":
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self, bound: socket.socket) -> None:
        async def serve() -> None:
            self._loop = asyncio.get_running_loop()
            if self._server is not None:
                await self._server.serve(sockets=[bound])

        asyncio.run(serve())

    def _wait_until(self, ready: Callable[[], bool], event: threading.Event) -> None:
        for _ in range(int(START_SECONDS / 0.005)):
            if ready():
                return
            if self._thread is not None and not self._thread.is_alive():
                break
            event.wait(0.005)
        raise RuntimeError(f"the simulator on port {self._port} did not start")

    def _call_soon(self, action: Callable[[], Any]) -> None:
        if self._loop is not None and not self._loop.is_closed():
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(action)

    def _on_outage(self, mode: OutageMode | None, seconds: float | None) -> None:
        if mode is OutageMode.REFUSE:
            asked_from_within = threading.current_thread() is self._thread
            self._act_and_wait(lambda: self._refuse(seconds, CONTROL_ANSWER_SECONDS if asked_from_within else 0.0))
        else:
            self._act_and_wait(self._accept)

    def _act_and_wait(self, action: Callable[[], None]) -> None:
        """Run an action in the server's own loop; a caller in another thread waits until it is done."""
        if threading.current_thread() is self._thread:
            action()
            return
        done = threading.Event()

        def act() -> None:
            action()
            done.set()

        self._call_soon(act)
        done.wait(START_SECONDS)

    def _refuse(self, seconds: float | None, abort_after: float) -> None:
        self._cancel_return()
        self._stop_listening()
        if abort_after and self._loop is not None:
            # The control call that asked for this still has to be answered.
            self._loop.call_later(abort_after, self._abort_connections)
        else:
            self._abort_connections()
        if seconds is not None and self._loop is not None:
            self._returns = self._loop.call_later(seconds, self._accept)

    def _accept(self) -> None:
        self._cancel_return()
        if self._loop is None or self._server is None or self._is_listening():
            return
        listening = _bind(self._port)
        self._loop.create_task(self._listen(listening))

    async def _listen(self, listening: socket.socket) -> None:
        server = self._server
        if server is None or self._loop is None:
            listening.close()
            return

        def connection() -> asyncio.Protocol:
            return _AbortableProtocol(config=server.config, server_state=server.server_state, app_state={})

        self._listener = await self._loop.create_server(connection, sock=listening, backlog=BACKLOG)

    def _is_listening(self) -> bool:
        own = [self._listener] if self._listener is not None else []
        first = self._server.servers if self._server is not None and hasattr(self._server, "servers") else []
        return any(server.is_serving() for server in [*own, *first])

    def _stop_listening(self) -> None:
        if self._server is not None:
            for server in self._server.servers:
                server.close()
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _abort_connections(self) -> None:
        if self._server is not None:
            for connection in list(self._server.server_state.connections):
                transport = getattr(connection, "transport", None)
                if transport is not None:
                    transport.abort()

    def _cancel_return(self) -> None:
        if self._returns is not None:
            self._returns.cancel()
            self._returns = None

    def _close_everything(self) -> None:
        self._cancel_return()
        self._stop_listening()
        self._abort_connections()


def _bind(port: int) -> socket.socket:
    # Named outright: only for a TCP socket by name does asyncio switch off the delay of small answers.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((HOST, port))
    bound.listen(BACKLOG)
    return bound
