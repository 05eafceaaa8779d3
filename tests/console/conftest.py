"""A console over a desk, for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.command.conftest import at, connected, trio, unconnected
from tests.command.desk import Desk
from tests.console.browsing import Browser, browser

__all__ = ["at", "connected", "trio", "unconnected"]


@pytest.fixture
def page(connected: Desk) -> Iterator[Browser]:
    """A browser at the console of a connected stack."""
    with browser(connected) as opened:
        yield opened
