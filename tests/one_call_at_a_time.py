"""The mocked AWS cannot be read by one thread while another writes to it: here its calls take turns."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.client import BaseClient


@contextmanager
def one_call_at_a_time() -> Iterator[None]:
    """AWS answers one call after the other while this is open."""
    lock = threading.RLock()
    client: Any = BaseClient
    at_once = client._make_api_call

    def in_turn(self: Any, *arguments: Any, **named: Any) -> Any:
        with lock:
            return at_once(self, *arguments, **named)

    client._make_api_call = in_turn
    try:
        yield
    finally:
        client._make_api_call = at_once
