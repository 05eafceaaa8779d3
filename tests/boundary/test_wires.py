"""What real connections do: bytes drip, connections die while the function is frozen, answers are none."""

from __future__ import annotations

import socket
import time
from datetime import UTC, datetime, timedelta

import pytest

from giftbridge.clients.http import BearerToken, TimeLeft, Wire, new_session
from giftbridge.errors import GiftBridgeError, RetryLater, UnknownOutcome
from tests.boundary.socket_servers import WHOLE, drip, read_request, served

SECONDS_LEFT = 2.5
FROZEN_SECONDS = 25.0


class FrozenClock:
    """All clocks of the process go on by so much while it is frozen."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.slept = 0.0
        for name in ("monotonic", "time", "perf_counter"):
            whole = getattr(time, name)
            monkeypatch.setattr(time, name, lambda whole=whole: whole() + self.slept)

    def now(self) -> datetime:
        return datetime(2026, 3, 2, tzinfo=UTC) + timedelta(seconds=self.slept)


def wire(address: str, seconds: float = 60.0, now: FrozenClock | None = None) -> Wire:
    moment = now.now if now is not None else lambda: datetime(2026, 3, 2, tzinfo=UTC)
    return Wire("aegis", address, new_session(0.0), TimeLeft(seconds), lambda: None, moment, BearerToken("k"), pause=0)


@pytest.mark.parametrize("writes", [True, False], ids=["a write", "a read"])
@pytest.mark.parametrize("begin", [0, 17, 60, len(WHOLE) - 8], ids=["status", "first header", "headers", "body"])
def test_a_call_ends_within_the_time_that_is_left_however_slowly_bytes_drip(begin: int, *, writes: bool) -> None:
    def serve(connection: socket.socket, _: int) -> None:
        read_request(connection)
        drip(connection, WHOLE, begin, seconds=0.6)

    with served(serve) as address:
        began = time.monotonic()
        with pytest.raises(UnknownOutcome if writes else GiftBridgeError):
            wire(address, SECONDS_LEFT).call("op", "POST", "/", writes=writes, body={})

        assert time.monotonic() - began < SECONDS_LEFT


@pytest.mark.parametrize("closes", ["without an answer", "with a reset"])
def test_a_connection_that_died_while_the_function_was_frozen_takes_no_write(
    monkeypatch: pytest.MonkeyPatch, closes: str
) -> None:
    requests: list[tuple[int, bytes]] = []

    def serve(connection: socket.socket, number: int) -> None:
        """The first connection answers once; whatever comes on it later finds nobody."""
        for turn in range(2):
            request = read_request(connection)
            if not request:
                return
            requests.append((number, request.split(b" ")[0]))
            if number == 1 and turn == 1:
                if closes == "with a reset":
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
                return
            connection.sendall(WHOLE)

    clock = FrozenClock(monkeypatch)
    with served(serve) as address:
        calls = wire(address, now=clock)
        assert calls.call("op", "GET", "/", writes=False).status == 200
        clock.slept += FROZEN_SECONDS

        answer = calls.call("op", "POST", "/", writes=True, body={"Amount": 5})

        assert answer.body == {"ID": "17"}
        assert requests == [(1, b"GET"), (2, b"POST")]


def test_a_connection_that_was_just_used_is_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers: list[int] = []

    def serve(connection: socket.socket, number: int) -> None:
        while read_request(connection):
            numbers.append(number)
            connection.sendall(WHOLE)

    clock = FrozenClock(monkeypatch)
    with served(serve) as address:
        calls = wire(address, now=clock)
        for _ in range(3):
            calls.call("op", "POST", "/", writes=True, body={})
            clock.slept += 1.0

    assert numbers == [1, 1, 1]


NO_ANSWERS = {
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
    "a status that is no number": b"HTTP/1.1 OK\r\n\r\n",
    "a body shorter than it says": b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n" + b'{"ID":"17"}',
    "half a JSON of unknown length": b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b'{"ID":"1',
    "no gzip": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 11\r\n\r\n" + b'{"ID":"17"}',
    "a chunk without its length": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "no UTF-8": b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n" + b'{"ID":"\xff\xfe7"}',
    "a hundred headers too many": b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 200 + b"Content-Length: 0\r\n\r\n",
    "a redirect to nowhere": b"HTTP/1.1 302 Found\r\nLocation: http://[::1\r\nContent-Length: 0\r\n\r\n",
    "nesting that no reader bears": b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"[" * 100_000,
}


@pytest.mark.parametrize("writes", [True, False], ids=["a write", "a read"])
@pytest.mark.parametrize("name", NO_ANSWERS)
def test_what_is_no_answer_is_an_expected_error(name: str, *, writes: bool) -> None:
    def serve(connection: socket.socket, _: int) -> None:
        read_request(connection)
        connection.sendall(NO_ANSWERS[name])

    with served(serve) as address, pytest.raises(GiftBridgeError) as raised:
        wire(address).call("op", "POST", "/", writes=writes, body={})

    if "redirect" not in name:
        assert isinstance(raised.value, UnknownOutcome if writes else RetryLater), raised.value
