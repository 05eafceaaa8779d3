"""A destination's health."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from giftbridge.domain.destinations import (
    Destination,
    after_failure,
    after_refused_credentials,
    after_success,
    after_too_many_calls,
    needs_success_noted,
)
from giftbridge.domain.settings import RetrySettings
from tests.unit.samples import NOW

RETRIES = RetrySettings(breaker_failures=3, breaker_probe_seconds=60)
AEGIS = Destination("aegis")


def _after(*donors: str, start: Destination = AEGIS, now: datetime = NOW) -> Destination:
    destination = start
    for donor in donors:
        destination = after_failure(destination, donor, RETRIES, "503", now)
    return destination


def test_a_healthy_destination_blocks_nobody() -> None:
    assert AEGIS.blocks("d1", NOW) is None
    assert AEGIS.is_healthy


def test_failures_of_different_donors_in_a_row_open_the_breaker() -> None:
    assert _after("a", "b").opened_at is None
    opened = _after("a", "b", "c")
    assert (opened.opened_at, opened.probe_at) == (NOW, NOW + timedelta(seconds=60))
    assert not opened.is_healthy


def test_one_donor_alone_never_opens_it() -> None:
    assert _after(*["a"] * 20, "b").opened_at is None


def test_a_success_in_between_starts_the_count_anew() -> None:
    assert _after("c", start=after_success(_after("a", "b"), NOW)).opened_at is None


def test_an_open_breaker_blocks_until_the_probe_is_due_and_then_lets_one_delivery_try() -> None:
    opened = _after("a", "b", "c")
    blocked = opened.blocks("d1", NOW)
    assert blocked is not None
    assert blocked[1] == NOW + timedelta(seconds=60)
    trying = Destination(**{**{name: getattr(opened, name) for name in opened.__slots__}, "trial": "d1"})
    assert trying.blocks("d1", NOW) is None
    assert trying.blocks("d2", NOW) is not None


def test_a_failed_trial_keeps_it_open_and_asks_for_another_wait() -> None:
    later = NOW + timedelta(minutes=5)
    opened = _after("a", "b", "c")
    again = _after("a", start=opened, now=later)
    assert (again.opened_at, again.probe_at, again.trial) == (NOW, later + timedelta(seconds=60), None)


def test_a_success_closes_everything() -> None:
    stopped = after_refused_credentials(_after("a", "b", "c"), "401", "1/v1", NOW)
    healthy = after_success(stopped, NOW)
    assert healthy.is_healthy
    assert (healthy.failed_donors, healthy.probe_at, healthy.stopped_why, healthy.last_success_at) == (
        (),
        None,
        None,
        NOW,
    )


def test_refused_credentials_stop_it_with_one_try_an_hour() -> None:
    stopped = after_refused_credentials(AEGIS, "getFund was answered with 401", "1/v1", NOW)
    assert stopped.blocks("d1", NOW) == ("getFund was answered with 401", NOW + timedelta(hours=1))
    again = after_refused_credentials(stopped, "401", "1/v1", NOW + timedelta(hours=1))
    assert (again.stopped_at, again.probe_at) == (NOW, NOW + timedelta(hours=2))
    assert not stopped.is_healthy


def test_a_pause_blocks_the_trial_too() -> None:
    paused = Destination("aegis", paused_by="ops", opened_at=NOW, trial="d1")
    blocked = paused.blocks("d1", NOW)
    assert blocked is not None
    assert blocked[0] == "aegis is paused by ops"
    assert not paused.is_healthy


def test_a_429_holds_everybody_until_its_time() -> None:
    asked = Destination("aegis", not_before=NOW + timedelta(seconds=30))
    assert asked.blocks("d1", NOW) == ("aegis asked for a pause (429)", NOW + timedelta(seconds=30))
    assert asked.blocks("d1", NOW + timedelta(seconds=30)) is None


def test_a_wait_that_was_asked_for_ends_an_hour_later_at_the_latest() -> None:
    asked = after_too_many_calls(AEGIS, NOW + timedelta(days=14_000), NOW)
    older = Destination("aegis", not_before=NOW + timedelta(days=1), asked_at=NOW - timedelta(minutes=50))

    assert asked.not_before == asked.waits_until(NOW) == NOW + timedelta(hours=1)
    assert older.waits_until(NOW) == NOW + timedelta(minutes=10)
    assert older.waits_until(NOW + timedelta(minutes=10)) is None
    assert after_too_many_calls(AEGIS, NOW + timedelta(seconds=30), NOW).waits_until(NOW) == NOW + timedelta(seconds=30)


def test_a_wait_of_more_than_an_hour_in_a_row_of_an_older_version_holds_nobody_and_is_forgotten() -> None:
    absurd = Destination("aegis", not_before=datetime(2065, 10, 21, 7, 28, tzinfo=UTC))

    assert (absurd.waits_until(NOW), absurd.blocks("d1", NOW)) == (None, None)
    assert after_success(absurd, NOW).not_before is None
    soon = Destination("aegis", not_before=NOW + timedelta(minutes=59))
    assert soon.waits_until(NOW) == after_success(soon, NOW).not_before == NOW + timedelta(minutes=59)


def test_a_try_is_never_due_in_the_past() -> None:
    opened = _after("a", "b", "c")
    late = NOW + timedelta(hours=3)
    assert opened.next_try(late) == late + timedelta(seconds=1)


@pytest.mark.parametrize(
    ("destination", "needed"),
    [
        (AEGIS, True),
        (Destination("aegis", last_success_at=NOW), False),
        (Destination("aegis", last_success_at=NOW - timedelta(seconds=61)), True),
        (Destination("aegis", last_success_at=NOW, failed_donors=("a",)), True),
        (Destination("aegis", last_success_at=NOW, opened_at=NOW), True),
        (Destination("aegis", last_success_at=NOW, stopped_at=NOW), True),
    ],
)
def test_a_success_costs_a_write_only_where_it_tells_something(destination: Destination, needed: bool) -> None:
    assert needs_success_noted(destination, NOW) is needed
