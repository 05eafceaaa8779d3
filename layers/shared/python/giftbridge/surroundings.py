"""What a process is given by the machine it runs on: clock, pause, chance, threads, locks and connections.

Everything that differs from run to run comes from here, so that a simulation can give its own.
"""

from __future__ import annotations

import random
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import requests

from giftbridge.clients.http import new_session
from giftbridge.store.rows import SideBySide, side_by_side


def utc_now() -> datetime:
    """The clock."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The machine's own, unless others are given.

    `monotonic` counts seconds, `jitter` gives a number from 0 to 1, `token` so many random bytes as hexadecimal text.
    """

    now: Callable[[], datetime] = utc_now
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.SystemRandom().random
    token: Callable[[int], str] = secrets.token_hex
    side_by_side: SideBySide = side_by_side
    lock: Callable[[], AbstractContextManager[Any]] = threading.RLock
    new_session: Callable[[], requests.Session] = new_session
