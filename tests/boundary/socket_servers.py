"""Servers on real sockets that do what no simulator of HTTP can: drip, die while nobody looks, send what is no HTTP."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

WHOLE = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{"ID":"17"}'
Serve = Callable[[socket.socket, int], None]


@contextmanager
def served(serve: Serve) -> Iterator[str]:
    """A server; `serve` gets each connection with its number, from 1. The address it is reached at."""
    listening = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_accept, args=(listening, serve), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        listening.close()


def _accept(listening: socket.socket, serve: Serve) -> None:
    number = 0
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        number += 1
        threading.Thread(target=_serve, args=(connection, number, serve), daemon=True).start()


def _serve(connection: socket.socket, number: int, serve: Serve) -> None:
    with connection, suppress(OSError):
        serve(connection, number)


def read_request(connection: socket.socket) -> bytes:
    """One whole request; nothing when the caller hung up."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if b"content-length" in line), 0)
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def drip(connection: socket.socket, data: bytes, begin: int, seconds: float) -> None:
    """Send the first bytes at once, and from there on a dozen, one at a time; then hang up."""
    connection.sendall(data[:begin])
    for n in range(begin, min(begin + 12, len(data))):
        time.sleep(seconds)
        connection.sendall(data[n : n + 1])
