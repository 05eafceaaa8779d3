"""A desk for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.command.desk import Desk, desk


@pytest.fixture
def at() -> Iterator[Desk]:
    """An operator's desk, with a stack that is not connected yet."""
    with desk() as fresh:
        yield fresh


@pytest.fixture
def connected(at: Desk) -> Desk:
    """An operator's desk, with a stack that is connected and at work."""
    at.connect_both()
    return at
