"""A delivery's life: each function takes a delivery and returns the next."""

from __future__ import annotations

import ast
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from giftbridge.domain import deliveries
from giftbridge.domain import delivery_life as life
from giftbridge.domain.deliveries import Delivery, State, Trouble
from giftbridge.domain.delivery_ids import donation_created_id
from giftbridge.domain.delivery_life import AMBIGUOUS_CAUSES, retry_delay
from giftbridge.domain.remembered import Mirror, Mirrored
from giftbridge.errors import Ambiguous, Rejected
from tests.unit.samples import NOW, attempt, delivery

LATER = NOW + timedelta(minutes=3)
DUE = NOW + timedelta(minutes=9)
TROUBLE = Trouble("some-cause", "some text", "some.field", "do something")


def _sending() -> Delivery:
    return life.sending(delivery(nudge="n1"), attempt(), DUE, LATER)


def _unknown() -> Delivery:
    return life.unknown(_sending(), TROUBLE, DUE, LATER)


def test_a_thing_that_happens_once_has_an_id_made_from_it() -> None:
    assert donation_created_id(987) == donation_created_id("987") == "aegis/donation/987/created"
    assert donation_created_id(987, "virtuous") == "virtuous/donation/987/created"


def test_a_new_delivery_is_due_at_once() -> None:
    new = delivery()
    assert (new.state, new.due, new.created_at, new.attempts, new.attempt) == (State.PENDING, NOW, NOW, 0, None)


def test_the_intent_to_send_holds_the_attempt_and_a_lease() -> None:
    row = _sending()
    assert (row.state, row.attempt, row.lease_until, row.updated_at) == (State.SENDING, attempt(), DUE, LATER)
    assert row.is_leased(LATER)
    assert not row.is_leased(DUE)
    assert not replace(row, state=State.UNKNOWN).is_leased(LATER)


def test_a_delivered_one_has_no_trouble_left_and_keeps_its_mirrors() -> None:
    before = replace(_unknown(), fail_after_probe=TROUBLE, mirrors=(Mirror(Mirrored.DONOR, "1", "2"),))
    row = life.delivered(before, LATER)
    assert (row.state, row.trouble, row.fail_after_probe, row.lease_until) == (State.DELIVERED, None, None, None)
    assert row.attempt == before.attempt
    assert row.mirrors == (Mirror(Mirrored.DONOR, "1", "2"),)


def test_waiting_counts_only_what_speaks_about_the_record() -> None:
    counted = life.waiting(delivery(), TROUBLE, DUE, LATER, counts=True)
    assert (counted.state, counted.due, counted.attempts, counted.first_failed_at) == (State.WAITING, DUE, 1, LATER)
    again = life.waiting(counted, TROUBLE, DUE, DUE, counts=True)
    assert (again.attempts, again.first_failed_at) == (2, LATER)
    held = life.waiting(delivery(), TROUBLE, DUE, LATER, counts=False)
    assert (held.attempts, held.first_failed_at) == (0, None)


def test_waiting_keeps_an_attempt_that_was_made() -> None:
    assert life.waiting(_sending(), TROUBLE, DUE, LATER, counts=True).attempt == attempt()


def test_an_unknown_outcome_keeps_the_attempt_for_its_probe() -> None:
    row = _unknown()
    assert (row.state, row.attempt, row.due, row.attempts, row.lease_until) == (State.UNKNOWN, attempt(), DUE, 1, None)


def test_a_probe_that_could_not_be_made_leaves_the_outcome_unknown() -> None:
    row = life.still_unknown(_unknown(), TROUBLE, DUE + timedelta(minutes=1), DUE)
    assert (row.state, row.attempt, row.attempts) == (State.UNKNOWN, attempt(), 1)


def test_a_probe_that_found_nothing_starts_over_and_remembers_the_first_attempt() -> None:
    row = life.surely_not_sent(_unknown(), DUE)
    assert (row.state, row.due) == (State.PENDING, DUE)
    assert row.attempt is not None
    assert row.attempt.first_started_at == NOW


@pytest.mark.parametrize("state", [state for state in State if state is not State.UNKNOWN])
def test_a_failed_one_forgets_its_attempt_where_nothing_was_recorded(state: State) -> None:
    row = life.failed(replace(_sending(), state=state), TROUBLE, LATER)
    assert (row.state, row.attempt, row.trouble, row.failed_nudge) == (State.FAILED, None, TROUBLE, "n1")


def test_a_failed_one_keeps_its_attempt_while_the_outcome_is_unclear() -> None:
    assert life.failed(_unknown(), TROUBLE, LATER).attempt == attempt()


@pytest.mark.parametrize("cause", sorted(AMBIGUOUS_CAUSES))
def test_a_failed_one_keeps_its_attempt_while_only_a_person_can_tell(cause: str) -> None:
    assert life.failed(_sending(), replace(TROUBLE, cause=cause), LATER).attempt == attempt()


def test_an_ignored_one_says_why() -> None:
    row = life.ignored(_sending(), TROUBLE, LATER)
    assert (row.state, row.trouble, row.attempt, row.lease_until) == (State.IGNORED, TROUBLE, None, None)


def test_a_retry_starts_with_fresh_counts() -> None:
    row = life.reopened(replace(life.failed(_sending(), TROUBLE, LATER), attempts=7, first_failed_at=NOW), DUE)
    assert (row.state, row.due, row.attempts, row.first_failed_at) == (State.PENDING, DUE, 0, None)


def test_a_retry_of_what_may_have_been_sent_probes_first() -> None:
    row = life.reopened(replace(life.failed(_unknown(), TROUBLE, LATER), fail_after_probe=TROUBLE), DUE)
    assert (row.state, row.attempt, row.fail_after_probe) == (State.UNKNOWN, attempt(), None)


def test_a_retry_remembers_what_it_was_reopened_from_until_it_ends() -> None:
    again = life.reopened(life.failed(_sending(), TROUBLE, LATER), DUE)
    behind = life.waiting(again, replace(TROUBLE, cause="behind-another"), DUE, DUE, counts=False)
    assert again.reopened_from == behind.reopened_from == TROUBLE
    for ended in (
        life.delivered(behind, DUE),
        life.sent(behind, DUE, DUE),
        life.failed(behind, behind.trouble or TROUBLE, DUE),
        life.ignored(behind, TROUBLE, DUE),
    ):
        assert ended.reopened_from is None


def test_the_activity_of_a_delivery_without_a_donor_is_its_own() -> None:
    assert delivery().donor_entity == "donor#48001"
    assert delivery(donor_id=None).donor_entity == "delivery#aegis/donation/900001/created"


def test_trouble_says_field_problem_and_remedy_in_one_sentence() -> None:
    error = Rejected("is odd", cause="odd", field="amount", remedy="mend it")
    assert Trouble.of(error).explain() == error.explain() == "amount: is odd — mend it"
    assert Trouble.of(Rejected("x" * 999, cause="long")).explain() == "x" * 400


def test_trouble_keeps_the_candidates_between_which_a_person_chooses() -> None:
    several = Ambiguous("2 fit", cause="several-matches", candidates=("100001", "100002"), remedy="choose")
    assert Trouble.of(several).candidates == ("100001", "100002")


@settings(max_examples=200, deadline=None)
@given(
    st.integers(min_value=0, max_value=10_000),
    st.floats(min_value=0.1, max_value=60),
    st.floats(min_value=1, max_value=3600),
    st.floats(min_value=0, max_value=1),
)
def test_a_wait_grows_stays_under_its_cap_and_is_never_nothing(
    attempts: int, base: float, cap: float, jitter: float
) -> None:
    wait = retry_delay(attempts, base, cap, jitter)
    assert timedelta(0) < wait <= timedelta(seconds=cap)
    assert wait <= retry_delay(attempts + 1, base, cap, jitter)


def test_waits_double_up_to_the_longest() -> None:
    waits = [retry_delay(n, 5, 900, 1.0).total_seconds() for n in range(10)]
    assert waits == [5, 10, 20, 40, 80, 160, 320, 640, 900, 900]
    assert retry_delay(0, 5, 900, 0.0).total_seconds() == 2.5


def test_every_cause_with_which_one_delivery_waits_for_another_is_in_the_one_set() -> None:
    package = Path(deliveries.__file__).resolve().parents[1]
    said: set[str] = set()
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"Held", "_held"}:
                words = [word.value for word in node.keywords if word.arg == "cause"]
                words += node.args[:1] if node.func.id == "_held" else []
                for word in words:
                    if isinstance(word, ast.Constant):
                        said.add(str(word.value))
                    elif isinstance(word, ast.Name) and word.id.isupper():
                        said.add(getattr(deliveries, word.id))
    assert {"original-held", "original-open", deliveries.PROJECT_COMES} <= said <= deliveries.WAITS_FOR_ANOTHER
