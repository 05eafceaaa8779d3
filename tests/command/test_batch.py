"""`giftbridge batch run` runs the daily batch now and says what it did."""

from __future__ import annotations

import dataclasses
from typing import Any

from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.flows.daily_batch import BatchOutcome, DailyBatch
from ops.operating.batch import ANOTHER_RUNS
from tests.command.desk import Answer, Desk


def ran(at: Desk, *answers: dict[str, Any], as_json: bool = True) -> Answer:
    """Run the batch, whose function answers so."""
    at.lambda_of_aws.batch_answers = list(answers)
    answer = at.run("batch", "run", *(["--json"] if as_json else []))
    assert at.lambda_of_aws.batch_answers == []
    return answer


PLANNED = dataclasses.asdict(BatchOutcome(batch="20261122T220000-1a2b", gifts=120, contacts=3, chunks=3, projects=1))


def test_a_run_says_what_it_planned(connected: Desk) -> None:
    answer = ran(connected, PLANNED)

    assert (answer.code, answer.data) == (0, PLANNED | {"troubles": []})
    told = "Planned: 120 gifts and 3 contacts in 3 calls, 1 projects.\n"
    assert ran(connected, PLANNED, as_json=False).out == told


def test_a_batch_that_was_idle_needs_a_person(connected: Desk) -> None:
    answer = ran(connected, {"why_idle": "Virtuous is not connected"}, as_json=False)

    assert (answer.code, answer.out) == (1, "Nothing was planned: Virtuous is not connected.\n")


def test_a_batch_that_runs_already_is_waited_for(connected: Desk) -> None:
    began = connected.bench.clock()
    answer = ran(connected, {"why_idle": ANOTHER_RUNS}, {"why_idle": ANOTHER_RUNS}, PLANNED)

    assert (answer.code, answer.data["chunks"]) == (0, 3)
    assert connected.bench.clock() > began


def test_what_stopped_in_a_batch_needs_a_person_and_is_named(connected: Desk) -> None:
    told = PLANNED | {"troubles": ["projects: server-error"]}

    assert ran(connected, told).code == 1
    assert ran(connected, told, as_json=False).out.endswith("\nNot done: projects: server-error.\n")


def test_the_batch_says_why_it_is_idle_in_the_words_that_are_waited_for(connected: Desk) -> None:
    bench = connected.bench
    batch = DailyBatch(bench.tools, RaiseDonors(bench.wire("raisedonors")), "test")

    assert "not enabled" in str(batch.run(now_requested=True).why_idle)
    bench.settings(virtuous={"enabled": True})
    bench.tools.state.take_lease("daily_batch", "another", bench.clock(), 5)
    assert batch.run(now_requested=True).why_idle == ANOTHER_RUNS


def test_a_function_that_breaks_down_needs_a_person(connected: Desk) -> None:
    connected.lambda_of_aws.fails = True

    answer = connected.run("batch", "run")

    assert answer.code == 1
    assert "The batch function ended with an error (Runtime.ExitError)" in answer.err and "batch-function" in answer.err


def test_a_stack_of_another_version_is_wrong_usage(connected: Desk) -> None:
    outputs = {name: value for name, value in connected.stack.outputs.items() if name != "DailyBatchFunction"}
    object.__setattr__(connected.stack, "outputs", outputs)

    answer = connected.run("batch", "run", "--json")

    assert (answer.code, answer.data["exit_code"]) == (2, 2)
    assert "another version" in answer.data["error"]
