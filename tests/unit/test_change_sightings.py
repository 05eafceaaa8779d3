"""How a turn of a delivery that can happen again ends, when sightings came in meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from giftbridge.domain import delivery_life as life
from giftbridge.domain.change_sightings import served_up_to
from giftbridge.domain.deliveries import Attempt, Delivery, Kind, State, Step, Trouble
from giftbridge.domain.delivery_ids import schedule_changed_id

NOW = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
ATTEMPT = Attempt("a1", Step.PLEDGE, NOW, NOW, {})


def sighted_twice(state: State, attempt: Attempt | None = ATTEMPT) -> Delivery:
    new = life.new_delivery(id=schedule_changed_id(7), kind=Kind.SCHEDULE_CHANGED, donor_id=1, entity_id="7", now=NOW)
    return replace(new, state=state, attempt=attempt, wanted=2)


def test_a_failure_whose_request_is_unclear_is_looked_for_before_the_next_sighting_is_served() -> None:
    failed = life.failed(sighted_twice(State.UNKNOWN), Trouble("several-pledges", "2 fit"), NOW)
    after = served_up_to(failed, 1, NOW)
    assert (after.state, after.attempt, after.served) == (State.UNKNOWN, ATTEMPT, 0)


def test_a_refusal_that_more_sightings_followed_begins_anew() -> None:
    refused = life.failed(sighted_twice(State.SENDING), Trouble("unknown-status", "odd"), NOW)
    after = served_up_to(refused, 1, NOW)
    assert (after.state, after.attempt, after.trouble, after.served) == (State.PENDING, None, None, 1)


def test_a_result_that_no_sighting_followed_stays() -> None:
    delivered = life.delivered(sighted_twice(State.SENDING), NOW)
    after = served_up_to(delivered, 2, NOW)
    assert (after.state, after.attempt, after.served) == (State.DELIVERED, ATTEMPT, 2)
