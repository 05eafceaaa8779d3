"""What every flow is given: the tables, the queue, the settings, the clock."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from giftbridge.clients.http import TimeLeft
from giftbridge.delivery_queue import DeliveryQueue
from giftbridge.domain.settings import Settings
from giftbridge.store.activity import Activity
from giftbridge.store.agreed import Agreed
from giftbridge.store.budgets import Budgets
from giftbridge.store.contact_snapshots import ContactSnapshots
from giftbridge.store.crm_keys import CrmKeys
from giftbridge.store.deliveries import Deliveries
from giftbridge.store.notices import Notices
from giftbridge.store.rows import SideBySide, side_by_side
from giftbridge.store.state import StateTable


@dataclass(frozen=True, slots=True)
class Tools:
    """Built once for a process. `settings` gives version number and settings, `jitter` a number from 0 to 1, `token`
    so many random bytes as text, `threads` how much is done at once.
    """

    deliveries: Deliveries
    keys: CrmKeys
    agreed: Agreed
    snapshots: ContactSnapshots
    activity: Activity
    notices: Notices
    state: StateTable
    queue: DeliveryQueue
    budgets: Budgets
    settings: Callable[[], tuple[int, Settings]]
    now: Callable[[], datetime]
    jitter: Callable[[], float]
    time_left: TimeLeft
    credentials_version: Callable[[str], str]
    threads: int = 8
    token: Callable[[int], str] = secrets.token_hex
    side_by_side: SideBySide = side_by_side
    lock: Callable[[], AbstractContextManager[Any]] = threading.RLock

    @property
    def zone(self) -> str:
        """The organisation's time zone (setting time_zone)."""
        return self.settings()[1].time_zone
