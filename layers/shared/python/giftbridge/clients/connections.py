"""Connections to other systems: a whole answer within its time, and none reused that may have died unseen."""

from __future__ import annotations

import http.client
import io
import socket
import time
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util.retry import Retry

POOL_SIZE = 16
# A function that is frozen between two invocations does not see its connections die. Load balancers keep a connection
# for a minute and more, some proxies for half of that.
LONGEST_IDLE_SECONDS = 20.0
_SHORTEST_WAIT = 0.001


class _UntilDeadline(io.RawIOBase):
    """What a socket receives; each wait for the next bytes ends at the one deadline of the whole answer."""

    def __init__(self, raw: Any, sock: socket.socket, seconds: float) -> None:
        super().__init__()
        self._raw = raw
        self._sock = sock
        self._ends = time.monotonic() + seconds

    def readable(self) -> bool:
        """A response is read from it."""
        return True

    def readinto(self, buffer: Any) -> int:
        """The next bytes. Raises TimeoutError once the answer's time is over."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer took too long")
        self._sock.settimeout(max(_SHORTEST_WAIT, left))
        received: int = self._raw.readinto(buffer)
        return received

    def close(self) -> None:
        """Give up this view of the socket."""
        if not self.closed:
            self._raw.close()
        super().close()


class _WholeAnswer(http.client.HTTPResponse):
    """An answer whose status line, headers and body together have the time that the socket has for one read.

    A time-out of a socket counts from the last byte: a server that sends one now and then would never meet it.
    """

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        seconds = sock.gettimeout()
        if seconds is not None:
            raw = self.fp.detach()
            self.fp = io.BufferedReader(_UntilDeadline(raw, sock, seconds))


class _Connection(HTTPConnection):
    response_class = _WholeAnswer

    def request(self, *args: Any, **kwargs: Any) -> None:
        """Send a request; a reused socket still has the rest of its last answer's time."""
        if self.sock is not None:
            self.sock.settimeout(self.timeout)
        super().request(*args, **kwargs)


class _SecureConnection(_Connection, HTTPSConnection):
    pass


class _FreshConnections(HTTPConnectionPool):
    """A pool that closes a connection, to be made anew, when it has not been used for a while."""

    ConnectionCls = _Connection

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection = super()._get_conn(timeout)
        used = getattr(connection, "giftbridge_used", None)
        if used is not None and _seconds_since(used) >= LONGEST_IDLE_SECONDS:
            connection.close()
        return connection

    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            conn.giftbridge_used = _moment()
        super()._put_conn(conn)


class _FreshSecureConnections(_FreshConnections, HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """The adapter's pools are ours."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _FreshConnections, "https": _FreshSecureConnections}


class _Session(requests.Session):
    """Follows no redirect, and reads none: where it points may be written in any bytes, and one gift's answer is none
    of the address."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Nowhere."""
        return None


def new_session(backoff: float = 0.5) -> requests.Session:
    """A keep-alive session. A connection that was never made is tried twice; what was sent is not sent again here."""
    session = _Session()
    session.trust_env = False
    retry = Retry(total=None, connect=1, read=0, status=0, other=0, redirect=0, backoff_factor=backoff)
    adapter = _Adapter(pool_connections=4, pool_maxsize=POOL_SIZE, max_retries=retry)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


def _moment() -> tuple[float, float]:
    return time.monotonic(), time.time()


def _seconds_since(moment: tuple[float, float]) -> float:
    """By the clock that ran on: one of them may have stood still while the function was frozen."""
    now = _moment()
    return max(now[0] - moment[0], now[1] - moment[1])
