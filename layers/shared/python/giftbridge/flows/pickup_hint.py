"""A RaiseDonors webhook makes the next pickup immediate; nothing depends on it (design: the way the data takes)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from giftbridge.store.pickup_hints import PickupHints

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

log = logging.getLogger("giftbridge")
# Longer than a pickup runs, with its start: a flag that still stands then was left by an invocation that was lost.
STALE_AFTER = timedelta(seconds=90)


class StateRows(Protocol):
    """The state table, as far as a flag needs it: the webhook's function loads nothing else of it."""

    @property
    def client(self) -> DynamoDBClient: ...

    @property
    def table(self) -> str: ...


def _nobody_starts() -> None:
    """The pickup itself gives no hints."""


class PickupHint:
    """One flag between those who give hints and the one pickup that runs. A storm of hints makes one pickup.

    Why no hint is lost that comes while a pickup runs:

    - RaiseDonors tells of a record after it has stored it. Whoever takes the flag *before* a walk sees every record
      that was told of until then, so one walk serves all hints before it.
    - The flag is taken only while holding the pickup's lease. A pickup that finds the lease held leaves the flag to
      the one that holds it.
    - A hint during a walk finds no flag (it was taken before), puts one and starts a pickup. That finds the lease
      held and ends, and the flag stands.
    - The running pickup looks for the flag *after* giving the lease back; if one stands, it begins anew with lease and
      flag. A hint after that look finds the lease free: the pickup it starts does the walk.
    - A pickup that dies between taking the flag and its walk loses the hint, not the change: the next tick, a minute
      later at most, reads the same feed.
    """

    def __init__(
        self, state: StateRows, now: Callable[[], datetime], start: Callable[[], None] = _nobody_starts
    ) -> None:
        self.flags = PickupHints(state.client, state.table)
        self.now = now
        self.start = start

    def give(self) -> bool:
        """Set the flag and start a pickup, unless the flag stands already; whether this call started one.

        A start that AWS refuses leaves the flag for the next tick, and lets the next hint try again.
        """
        now = self.now()
        mark = self.flags.put(now, now - STALE_AFTER)
        if mark is None:
            return False
        try:
            self.start()
        except (ClientError, BotoCoreError) as error:
            log.warning("the pickup could not be started early", extra={"error": type(error).__name__})
            self.flags.make_stale(mark)
            return False
        return True

    def take(self) -> bool:
        """Remove the flag, before a walk and while holding the lease; whether there was one."""
        return self.flags.take()

    def is_left(self) -> bool:
        """Whether a hint came since the flag was taken. To be asked after the lease is given back."""
        return self.flags.stands()
