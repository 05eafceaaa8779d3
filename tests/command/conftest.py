"""A desk for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.command.desk import BATCH_SCHEDULE, VIRTUOUS_URL, Desk, desk, virtuous_desk


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


@pytest.fixture
def unconnected() -> Iterator[Desk]:
    """An operator's desk, with a stack that knows Virtuous and is not connected yet."""
    with virtuous_desk() as fresh:
        yield fresh


@pytest.fixture
def trio(unconnected: Desk) -> Desk:
    """An operator's desk, with a stack that is connected to all three systems and at work."""
    return connect_trio(unconnected)


def connect_trio(at: Desk) -> Desk:
    """Connect a desk that knows Virtuous to all three systems."""
    at.put_secret("virtuous", {"url": VIRTUOUS_URL, "api_key": at.both.virtuous.api_key})
    at.stack.client("scheduler").update_schedule(
        Name=BATCH_SCHEDULE,
        ScheduleExpression="rate(1 minute)",
        FlexibleTimeWindow={"Mode": "OFF"},
        State="ENABLED",
        Target=at.stack.client("scheduler").get_schedule(Name=BATCH_SCHEDULE)["Target"],
    )
    at.both.subscribe()
    at.bench.settings(virtuous={"enabled": True})
    at.connect_both()
    return at
