"""What a gift seen in the feed means."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from giftbridge.domain.deliveries import Delivery, State, Trouble
from giftbridge.domain.on_periods import OnPeriods
from giftbridge.domain.settings import read_settings
from giftbridge.domain.sightings import Sighting, delivery_for
from giftbridge.domain.times import format_moment
from tests.unit.samples import NOW, attempt, delivery

START = NOW - timedelta(days=1)
SEEN = Sighting("900001", 48001, "approved", None, False, NOW, NOW)
IGNORE, SEND = read_settings({}), read_settings({"raisedonors": {"test_mode_gifts": "send"}})
AFTER_THAT = NOW + timedelta(hours=1)


def _first(sighting: Sighting, sends_tests: bool = False) -> Delivery | None:
    return delivery_for(sighting, None, SEND if sends_tests else IGNORE, OnPeriods.since(START), NOW)


def _again(sighting: Sighting, known: Delivery, sends_tests: bool = False) -> Delivery | None:
    return delivery_for(sighting, known, SEND if sends_tests else IGNORE, OnPeriods.since(START), AFTER_THAT)


def _known(state: State, cause: str | None = None) -> Delivery:
    trouble = Trouble(cause, "why") if cause else None
    return delivery(state=state, trouble=trouble, result={"modified": format_moment(NOW)})


@pytest.mark.parametrize("status", ["pending", "declined", "failed"])
@pytest.mark.parametrize("is_test", [True, False])
def test_a_payment_that_did_not_come_makes_no_delivery(status: str, is_test: bool) -> None:
    assert _first(replace(SEEN, status=status, is_test_mode=is_test)) is None


@pytest.mark.parametrize(
    ("changes", "state", "cause"),
    [
        ({}, State.PENDING, None),
        ({"created_at": START}, State.PENDING, None),
        ({"created_at": None}, State.PENDING, None),
        ({"donor_id": None}, State.PENDING, None),
        ({"created_at": START - timedelta(seconds=1)}, State.IGNORED, "before-start"),
        ({"is_test_mode": True}, State.IGNORED, "test-mode"),
        ({"status": "refunded"}, State.IGNORED, "reversed-before-sent"),
        ({"status": "voided"}, State.IGNORED, "reversed-before-sent"),
        ({"status": "underreview"}, State.FAILED, "unknown-status"),
        ({"status": ""}, State.FAILED, "unknown-status"),
        ({"status": "underreview", "is_test_mode": True}, State.FAILED, "unknown-status"),
    ],
)
def test_a_gift_seen_first_becomes_what_its_status_says(
    changes: dict[str, object], state: State, cause: str | None
) -> None:
    new = _first(replace(SEEN, **changes))  # type: ignore[arg-type]
    assert new is not None
    assert (new.state, new.trouble.cause if new.trouble else None) == (state, cause)
    assert new.id == "aegis/donation/900001/created"


def test_a_test_gift_is_sent_where_that_is_set() -> None:
    new = _first(replace(SEEN, is_test_mode=True), sends_tests=True)
    assert new is not None
    assert new.state is State.PENDING


@pytest.mark.parametrize("status", ["approved", "pending", "refunded", "underreview"])
@pytest.mark.parametrize("is_test", [True, False])
@pytest.mark.parametrize("created", [NOW, START - timedelta(days=9)])
def test_a_gift_that_carries_a_key_when_first_seen_is_adopted(status: str, is_test: bool, created: object) -> None:
    new = _first(replace(SEEN, status=status, crm_key="300123", is_test_mode=is_test, created_at=created))  # type: ignore[arg-type]
    assert new is not None
    assert (new.state, new.result["invoice"]) == (State.DELIVERED, "300123")


@pytest.mark.parametrize("state", [State.PENDING, State.SENDING, State.WAITING, State.UNKNOWN, State.DELIVERED])
@pytest.mark.parametrize("status", ["approved", "pending", "refunded", "underreview"])
@pytest.mark.parametrize("crm_key", [None, "500001"])
def test_a_gift_that_is_being_worked_on_or_delivered_is_left_alone(
    state: State, status: str, crm_key: str | None
) -> None:
    changed = replace(SEEN, status=status, crm_key=crm_key, modified_at=AFTER_THAT)
    assert _again(changed, _known(state)) is None


def test_a_gift_that_is_approved_later_is_reopened() -> None:
    known = _known(State.IGNORED, "not-approved")
    assert _again(replace(SEEN, status="pending"), known) is None
    reopened = _again(SEEN, known)
    assert reopened is not None
    assert (reopened.state, reopened.due) == (State.PENDING, AFTER_THAT)


def test_a_test_gift_is_reopened_when_the_setting_changes_and_not_before() -> None:
    known, test_gift = _known(State.IGNORED, "test-mode"), replace(SEEN, is_test_mode=True)
    assert _again(test_gift, known) is None
    reopened = _again(test_gift, known, sends_tests=True)
    assert reopened is not None
    assert reopened.state is State.PENDING


def test_a_gift_from_before_the_start_is_reopened_when_the_start_moves_back() -> None:
    known, old = _known(State.IGNORED, "before-start"), replace(SEEN, created_at=START - timedelta(hours=1))
    assert _again(old, known) is None
    assert delivery_for(old, known, IGNORE, OnPeriods.since(START - timedelta(days=2)), NOW) is not None


@pytest.mark.parametrize("cause", ["skipped-by-a-person", "echo"])
def test_what_was_ignored_for_another_reason_stays_ignored(cause: str) -> None:
    assert _again(replace(SEEN, modified_at=AFTER_THAT), _known(State.IGNORED, cause)) is None


def test_a_failed_gift_is_reopened_when_somebody_changed_it_since() -> None:
    known = _known(State.FAILED, "allocation-sum-differs")
    assert _again(SEEN, known) is None
    assert _again(replace(SEEN, modified_at=None), known) is None
    reopened = _again(replace(SEEN, modified_at=AFTER_THAT), known)
    assert reopened is not None
    assert (reopened.state, reopened.result["modified"]) == (State.PENDING, format_moment(AFTER_THAT))


def test_a_failed_gift_with_an_open_outcome_is_reopened_to_be_probed() -> None:
    known = replace(_known(State.FAILED, "process-died"), attempt=attempt())
    reopened = _again(replace(SEEN, modified_at=AFTER_THAT), known)
    assert reopened is not None
    assert reopened.state is State.UNKNOWN


@pytest.mark.parametrize("cause", ["several-transactions", "several-pledges", "twin-unsettled"])
def test_a_change_settles_nothing_that_only_a_person_can_settle(cause: str) -> None:
    assert _again(replace(SEEN, modified_at=AFTER_THAT), _known(State.FAILED, cause)) is None


def test_a_gift_of_unknown_status_waits_for_a_known_one() -> None:
    known = _known(State.FAILED, "unknown-status")
    assert _again(replace(SEEN, status="underreview", modified_at=AFTER_THAT), known) is None
    approved = _again(replace(SEEN, modified_at=AFTER_THAT), known)
    assert approved is not None
    assert approved.state is State.PENDING
