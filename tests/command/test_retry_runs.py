"""A bulk retry is a run: exactly the planned ones, a window at a time, resumed after a kill, stopped by a cancel."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from giftbridge.domain.deliveries import Attempt, State, Step
from giftbridge.flows.work import Work
from ops.operating import retry_runs, run_shift
from ops.operating.problems import NeedsPerson, WrongUsage
from ops.operating.retry_runs import Outcome, RunState
from tests.command.desk import Desk
from tests.command.retry_storm import Storm

SMALL = 9


@pytest.fixture
def storm(connected: Desk, monkeypatch: pytest.MonkeyPatch) -> Storm:
    """Nine failed deliveries, and a window of four."""
    monkeypatch.setattr(run_shift, "WINDOW", 4)
    small = Storm(connected, SMALL)
    small.begin()
    return small


class Killed(BaseException):
    """The process is gone."""


def test_the_planned_are_delivered_within_the_budget_and_no_others(connected: Desk) -> None:
    """As benchmarks/retry_storm.py does it with 5,000."""
    number, per_hour = 40, 1200
    storm = Storm(connected, number)
    storm.begin(per_hour)
    plan = storm.plan()
    late = storm.fail_one()
    run_id = retry_runs.start(storm.stack, plan, "ann")
    *_, last = storm.follow(run_id)

    assert last.run.state is RunState.DONE and last.run.counts == {Outcome.DELIVERED: number}
    assert {item.id for item in retry_runs.items_of(storm.stack, run_id)} == {item.delivery.id for item in plan.to_do}
    assert storm.states() == {State.DELIVERED: number}
    assert connected.bench.tools.deliveries.get(late.id) == late
    assert len(storm.reopened()) == number == sum(storm.reopened().values())
    # Half of the tenth that may be called at once is left to live work; the rest comes back by and by.
    took = (storm.calls[-1] - storm.calls[0]).total_seconds() / 3600
    allowed = 0.05 * per_hour + 0.9 * per_hour * took
    assert 0.9 * allowed <= len(storm.calls) <= 1.05 * allowed
    assert storm.busiest_hour() <= per_hour


def test_each_planned_delivery_has_what_became_of_it(storm: Storm) -> None:
    bench, ids = storm.at.bench, [delivery.id for delivery in storm.failed]
    plan = storm.plan()
    gone = bench.raisedonors.store.gifts.get(int(storm.failed[1].entity_id))
    Work(bench.tools, storm.failed[0]).reopen("somebody else was faster")
    run_id = retry_runs.start(storm.stack, plan, "ann")
    *_, last = storm.follow(run_id)

    outcomes = {item.id: item.outcome for item in retry_runs.items_of(storm.stack, run_id)}
    assert gone is not None and set(outcomes) == set(ids)
    assert outcomes.pop(ids[0]) is Outcome.LEFT_ALONE
    assert set(outcomes.values()) == {Outcome.DELIVERED}
    assert last.run.counts == {Outcome.LEFT_ALONE: 1, Outcome.DELIVERED: SMALL - 1}


def test_what_fails_again_says_why(connected: Desk) -> None:
    connected.fail_gift()
    storm = Storm(connected, 0)
    run_id = retry_runs.start(storm.stack, storm.plan(), "ann")

    *_, last = storm.follow(run_id)

    (item,) = retry_runs.items_of(storm.stack, run_id)
    assert last.run.counts == {Outcome.FAILED_AGAIN: 1}
    assert item.text.startswith("failed again: unknown-fund:")


@pytest.mark.parametrize("write", (1, 2, 3, 4, 6, 9, 13, 19, 26))
def test_killed_at_any_write_and_resumed_nothing_is_done_twice(storm: Storm, write: int) -> None:
    run_id = retry_runs.start(storm.stack, storm.plan(), "ann")
    _die_at(storm, run_id, write)
    _reword_the_activity(storm)
    storm.pass_time(31)

    *_, last = storm.follow(run_id)

    assert last.run.counts == {Outcome.DELIVERED: SMALL}
    assert set(storm.reopened().values()) == {1} and len(storm.reopened()) == SMALL
    for delivery in storm.failed:
        assert len(storm.at.bench.transactions_of(int(delivery.entity_id))) == 1


@pytest.mark.parametrize("write", [3, 6, 12])
def test_killed_and_then_cancelled_what_was_begun_is_settled_and_the_rest_is_as_it_was(
    storm: Storm, write: int
) -> None:
    run_id = retry_runs.start(storm.stack, storm.plan(), "ann")
    _die_at(storm, run_id, write)
    storm.at.bench.clock.advance(31)

    retry_runs.cancel(storm.stack, run_id, "bob")
    *_, last = storm.follow(run_id)
    storm.pass_time(61)

    assert last.run.state is RunState.CANCELLED and last.run.is_over
    states, counts = storm.states(), last.run.counts
    assert states[State.FAILED] == counts[Outcome.CANCELLED] > 0
    assert states[State.DELIVERED] == counts.get(Outcome.DELIVERED, 0) == SMALL - states[State.FAILED]


def test_a_cancel_puts_back_what_was_not_tried_with_the_trouble_it_had(storm: Storm) -> None:
    run_id = retry_runs.start(storm.stack, storm.plan(), "ann")
    shift = storm.follow(run_id)
    next(shift)

    retry_runs.cancel(storm.stack, run_id, "bob")
    *_, last = shift
    storm.pass_time(61)

    assert last.run.counts == {Outcome.CANCELLED: SMALL} and last.run.cancelled_by == "bob"
    assert storm.calls == []
    for before in storm.failed:
        after = storm.at.bench.tools.deliveries.get(before.id)
        assert after is not None
        assert (after.state, after.trouble) == (State.FAILED, before.trouble)


def test_what_a_cancel_put_back_has_a_dead_letter_again_although_the_sweep_deleted_the_first(connected: Desk) -> None:
    gift = connected.fail_gift()
    bench, queue = connected.bench, connected.bench.tools.queue
    storm = Storm(connected, 0)
    connected.run("pause", "aegis")
    run_id = retry_runs.start(storm.stack, storm.plan(), "ann")
    shift = storm.follow(run_id)
    next(shift)
    bench.sweep()
    assert queue.dead_letters(10) == []

    retry_runs.cancel(storm.stack, run_id, "bob")
    list(shift)
    bench.sweep()

    [letter] = queue.dead_letters(10)
    assert (letter.delivery_id, letter.name) == (bench.delivery(gift).id, bench.delivery(gift).failed_nudge)
    connected.run("resume", "aegis")
    bench.run(ticks=2)
    assert bench.delivery(gift).state is State.FAILED


def test_a_cancel_is_seen_within_a_second_while_nothing_moves(storm: Storm) -> None:
    run_id = retry_runs.start(storm.stack, storm.plan(), "ann")
    clock, begun, cancelled_after = storm.at.bench.clock, storm.at.bench.clock(), timedelta(seconds=7)

    def rest(seconds: float) -> None:
        if clock() <= begun + cancelled_after < clock() + timedelta(seconds=seconds):
            retry_runs.cancel(storm.stack, run_id, "bob")
        clock.advance(seconds)

    *_, last = retry_runs.work(replace(storm.stack, sleep=rest), run_id)

    assert last.run.counts == {Outcome.CANCELLED: SMALL}
    assert clock() - begun - cancelled_after <= timedelta(seconds=1)


def test_what_waited_for_the_budget_goes_back_with_the_trouble_it_had(connected: Desk) -> None:
    gifts = [connected.fail_gift() for _ in range(4)]
    before = [connected.bench.delivery(gift) for gift in gifts]
    storm = Storm(connected, 0)
    connected.bench.settings(limits={"aegis_per_hour": 2})
    run_id = retry_runs.start(storm.stack, storm.plan(), "ann")
    shift = storm.follow(run_id)
    for _ in range(3):
        next(shift)
    assert any(connected.bench.delivery(gift).state is State.WAITING for gift in gifts)

    _reword_the_activity(storm)

    retry_runs.cancel(storm.stack, run_id, "bob")
    list(shift)

    after = [connected.bench.delivery(gift) for gift in gifts]
    assert [(d.state, d.trouble) for d in after] == [(d.state, d.trouble) for d in before]


def test_what_may_have_landed_is_still_looked_for_after_a_cancel(storm: Storm) -> None:
    bench = storm.at.bench
    first = storm.failed[0]
    unknown = _with_an_open_attempt(storm)
    run_id = retry_runs.start(storm.stack, storm.plan(), "ann")
    shift = storm.follow(run_id)
    next(shift)

    retry_runs.cancel(storm.stack, run_id, "bob")
    list(shift)

    after = bench.tools.deliveries.get(first.id)
    assert after is not None and after.state is State.FAILED and after.attempt == unknown.attempt


def test_one_process_works_on_a_run_at_a_time(storm: Storm) -> None:
    run_id = retry_runs.start(storm.stack, storm.plan(), "ann")
    shift = storm.follow(run_id)
    next(shift)

    with pytest.raises(NeedsPerson):
        next(retry_runs.work(storm.stack, run_id))

    *_, last = shift
    assert last.run.counts == {Outcome.DELIVERED: SMALL}


def test_one_that_cannot_be_settled_soon_does_not_hold_the_run_up(
    connected: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_shift, "_PATIENCE", timedelta(seconds=60))
    bench = connected.bench
    gift = connected.fail_gift()
    storm = Storm(connected, 0)
    run_id = retry_runs.start(storm.stack, storm.plan(), "ann")
    shift = storm.follow(run_id)
    next(shift)
    bench.aegis.faults.begin_outage("status")

    polls = sum(1 for _ in shift)

    (item,) = retry_runs.items_of(storm.stack, run_id)
    assert item.outcome in {Outcome.WAITING, Outcome.FAILED_AGAIN} and polls < 60
    assert bench.delivery(gift).state in {State.WAITING, State.FAILED}


def test_the_command_follows_a_run_and_tells_what_became_of_each(
    connected: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    storm = Storm(connected, 3)
    storm.begin()
    connected.stack = storm.stack

    answer = connected.run("retry", "--all", "--follow", "--yes", "--json")

    assert answer.code == 0
    assert answer.data["run"]["state"] == "done" and answer.data["run"]["counts"] == {"delivered": 3}
    assert [one["outcome"] for one in answer.data["results"]] == ["delivered"] * 3
    assert {one["id"] for one in answer.data["results"]} == {one["id"] for one in answer.data["plan"]["items"]}
    listed = connected.json("retry", "--runs")["runs"]
    assert [run["id"] for run in listed] == [answer.data["run"]["id"]]
    assert "3 delivered" in connected.run("retry", "--runs").out


def test_more_than_a_window_are_a_run_and_one_left_by_ctrl_c_goes_on(
    storm: Storm, monkeypatch: pytest.MonkeyPatch
) -> None:
    at, polls = storm.at, 0
    monkeypatch.setattr("ops.command.retry.WINDOW", 5)

    def interrupted(seconds: float) -> None:
        nonlocal polls
        polls += 1
        if polls == 2:
            raise KeyboardInterrupt
        storm.pass_time(seconds)

    at.stack = storm.stack
    object.__setattr__(at.stack, "sleep", interrupted)
    left = at.run("retry", "--cause", "unknown-fund:X", "--yes")
    (run,) = at.json("retry", "--runs")["runs"]
    done = at.run("retry", "--continue", run["id"], "--json")

    assert left.code == 1 and "is left as it is" in left.err
    assert (run["state"], run["ended_at"]) == ("running", None) and 0 < run["settled"] < SMALL
    assert done.code == 0 and done.data["run"]["counts"] == {"delivered": SMALL}


def test_the_command_stops_a_run_that_nobody_works_on(storm: Storm) -> None:
    storm.at.stack = storm.stack
    run_id = retry_runs.start(storm.stack, storm.plan(), "ann")
    next(storm.follow(run_id))

    answer = storm.at.run("retry", "--cancel", run_id, "--json")

    assert answer.code == 0 and answer.data["run"]["state"] == "cancelled"
    assert storm.at.run("retry", "--cancel", run_id).code == 2
    assert storm.at.run("retry", "--continue", "nonsense").code == 2
    assert storm.at.run("retry", "--continue", run_id, "--runs").code == 2


def test_a_plan_may_be_made_by_any_filter_of_the_list(storm: Storm) -> None:
    storm.at.stack = storm.stack
    donor = storm.failed[0].donor_id
    day = storm.failed[0].updated_at.date()

    for options, count in (
        (("--donor", str(donor)), sum(delivery.donor_id == donor for delivery in storm.failed)),
        (("--day", str(day)), SMALL),
        (("--day", str(day + timedelta(days=5))), 0),
        (("--text", "fund x does not"), SMALL),
        (("--text", "something else"), 0),
        (("--destination", "aegis", "--kind", "donation.created"), SMALL),
        (("--state", "ignored"), 0),
        (("--state", "failed", "--cause", "unknown-fund:X"), SMALL),
    ):
        plan = storm.at.json("retry", *options, "--plan")["plan"]
        assert plan["count"] == len(plan["items"]) == count, options


def test_runs_that_are_long_past_are_forgotten(connected: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.operating.run_rows._KEPT", 2)
    storm = Storm(connected, 3)
    storm.begin()

    ids = [retry_runs.start(storm.stack, storm.plan(), "ann") for _ in range(3)]

    assert [run.id for run in retry_runs.recent(storm.stack)] == [ids[2], ids[1]]
    with pytest.raises(WrongUsage):
        retry_runs.read(storm.stack, ids[0])
    assert not [row for row in connected.bench.rows("StateTable") if ids[0] in row["name"]]


def _die_at(storm: Storm, run_id: str, write: int) -> None:
    """Work on the run as a process that is killed at its so-manieth write, before or after it arrives."""
    events: Any = storm.at.bench.dynamodb.meta.events
    made = 0

    def count(model: Any, **_: Any) -> None:
        nonlocal made
        if model.name in {"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"}:
            made += 1
            if made >= write:
                raise Killed

    events.register("before-call.dynamodb", count)
    try:
        shift = retry_runs.work(storm.stack, run_id)
        # The functions go on working as they do, but their writes are no part of the process that dies.
        for _ in shift:
            pass
    except Killed:
        pass
    finally:
        events.unregister("before-call.dynamodb", count)


def _reword_the_activity(storm: Storm) -> None:
    """The sentences of all lines say something else: they are for people, and nothing is decided by them."""
    bench = storm.at.bench
    for line in bench.rows("ActivityTable"):
        key = {name: {"S": str(line[name])} for name in ("entity", "at")}
        bench.dynamodb.update_item(
            TableName="ActivityTable",
            Key=key,
            UpdateExpression="SET why = :why",
            ExpressionAttributeValues={":why": {"S": "in other words"}},
        )


def _with_an_open_attempt(storm: Storm) -> Any:
    """The first one may have landed: it failed with its attempt kept."""
    now = storm.at.bench.clock()
    attempt = Attempt("a1", Step.TRANSACTION, now, now, {"amount": "5.00"})
    tools = storm.at.bench.tools
    return tools.deliveries.save(storm.failed[0], replace(storm.failed[0], attempt=attempt))
