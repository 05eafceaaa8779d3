"""The newest restore of the tables, as `giftbridge restored` told of it."""

from __future__ import annotations

from giftbridge.domain.restores import Restore, read_restore
from giftbridge.store.state import StateTable

ROW = "restored"


def newest_restore(state: StateTable) -> Restore | None:
    """The newest restore; None where there never was one."""
    return read_restore(state.get(ROW))
