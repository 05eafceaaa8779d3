"""`giftbridge retry` shows its plan and retries exactly what was planned; `redrive` does it AWS' way."""

from __future__ import annotations

import dataclasses

from botocore.stub import Stubber

from giftbridge.domain.deliveries import Delivery, State, Trouble
from giftbridge.errors import Rejected
from giftbridge.flows.work import Work
from ops.operating import dead_letters, retrying
from ops.simulators.faults import FaultKind, FaultRule
from tests.command.desk import Desk, own_client


def test_a_retry_after_the_cause_is_put_right_delivers(connected: Desk) -> None:
    gift = connected.fail_gift()
    connected.bench.aegis.store.add_code("Fund", _fund_of(connected.bench.delivery(gift)))

    answer = connected.run("retry", str(gift), "--yes", "--json")
    connected.bench.run()

    assert answer.code == 0
    assert answer.data["results"] == [
        {"id": f"aegis/donation/{gift}/created", "outcome": "retried", "text": "is worked on now"}
    ]
    assert connected.bench.delivery(gift).state is State.DELIVERED
    assert len(connected.bench.transactions_of(gift)) == 1
    reopened = [line for line in connected.json("activity", str(gift))["activity"] if line["what"] == "reopened"]
    assert [line["why"] for line in reopened] == ["retried by user/moto"]


def test_all_of_a_cause_are_retried_and_no_others(connected: Desk) -> None:
    gifts = [connected.fail_gift(), connected.fail_gift()]
    other = connected.fail_gift("allocation_mismatch")
    cause = connected.bench.delivery(gifts[0]).trouble
    assert cause is not None

    answer = connected.run("retry", "--cause", cause.cause, "--yes", "--json")

    planned = {item["id"] for item in answer.data["plan"]["items"]}
    assert planned == {result["id"] for result in answer.data["results"]}
    assert planned == {f"aegis/donation/{gift}/created" for gift in gifts}
    assert connected.bench.delivery(other).state is State.FAILED


def test_what_changed_since_the_plan_is_left_alone(connected: Desk) -> None:
    moved, still = connected.fail_gift(), connected.fail_gift("allocation_mismatch")
    plan = retrying.plan_failed(connected.stack)
    late = connected.fail_gift("negative_amount")
    connected.run("retry", str(moved), "--yes")

    results = {result.id: result.outcome for result in retrying.carry_out(connected.stack, plan, "test")}

    assert results == {f"aegis/donation/{moved}/created": "left", f"aegis/donation/{still}/created": "retried"}
    assert connected.bench.delivery(late).state is State.FAILED


def test_a_retry_that_left_one_alone_needs_a_person(connected: Desk) -> None:
    gift = connected.fail_gift()

    def another_is_faster() -> None:
        plan = retrying.plan_named(connected.stack, [str(gift)])
        assert [result.outcome for result in retrying.carry_out(connected.stack, plan, "another")] == ["retried"]

    connected.before_who_is_known = another_is_faster
    answer = connected.run("retry", str(gift), "--yes", "--json")

    assert answer.code == 1
    assert answer.data["results"][0]["outcome"] == "left"
    assert connected.bench.delivery(gift).state is State.PENDING


def test_a_gift_that_may_have_landed_is_looked_for_and_never_doubled(connected: Desk) -> None:
    bench = connected.bench
    gift = bench.give()
    bench.fault("aegis", FaultRule(FaultKind.DROP_AFTER, "createTransaction", count=1))
    bench.run()
    unknown = bench.delivery(gift)
    assert unknown.state is State.UNKNOWN
    _give_up(connected, unknown)

    plan = connected.json("retry", str(gift), "--plan")["plan"]
    connected.run("retry", str(gift), "--yes")
    bench.run(ticks=3)

    assert plan["items"][0]["how"] == "look first"
    assert bench.delivery(gift).state is State.DELIVERED
    assert len(bench.transactions_of(gift)) == 1


def test_the_wait_after_a_lost_answer_is_never_shortened(connected: Desk) -> None:
    bench = connected.bench
    gift = bench.give()
    bench.fault("aegis", FaultRule(FaultKind.DROP_AFTER, "createTransaction", count=1))
    bench.pickup()
    bench.drain()
    before = bench.delivery(gift)

    answer = connected.run("retry", str(gift), "--yes", "--json")

    assert before.state is State.UNKNOWN
    assert (answer.code, answer.data["results"]) == (0, [])
    assert answer.data["plan"]["items"][0]["how"] == "leave"
    assert bench.delivery(gift) == before


def test_a_waiting_one_is_tried_now(connected: Desk) -> None:
    bench = connected.bench
    gift = bench.give()
    bench.aegis.faults.begin_outage("status")
    bench.pickup()
    bench.drain()
    bench.aegis.faults.end_outage()
    assert bench.delivery(gift).state is State.WAITING

    connected.run("retry", str(gift), "--yes")
    bench.drain()

    assert bench.delivery(gift).state is State.DELIVERED


def test_a_delivered_one_is_never_sent_again(connected: Desk) -> None:
    gift = connected.bench.give()
    connected.bench.run()

    plan = connected.json("retry", str(gift), "--yes")["plan"]

    assert (plan["count"], plan["items"][0]["why"]) == (0, "is delivered already")


def test_while_the_destination_is_paused_a_retry_waits_for_it(connected: Desk) -> None:
    gift = connected.fail_gift()
    connected.run("pause", "aegis")

    results = connected.json("retry", "--all", "--yes")["results"]
    connected.bench.run()

    assert "paused by user/moto" in results[0]["text"]
    assert connected.bench.delivery(gift).state is State.WAITING
    connected.run("resume", "aegis")
    connected.bench.run(ticks=2)
    assert connected.bench.delivery(gift).state is State.FAILED


def test_the_plan_alone_changes_nothing_and_says_what_it_costs(connected: Desk) -> None:
    gift = connected.fail_gift()
    connected.bench.settings(limits={"aegis_per_hour": 60})

    plan = connected.json("retry", "--all", "--plan")["plan"]

    assert (plan["count"], plan["calls"], plan["seconds"]) == (1, 3, 180.0)
    assert connected.bench.delivery(gift).state is State.FAILED
    assert "0:03 h at the limit that is set" in connected.run("retry", "--all", "--plan").out


def test_without_yes_the_person_is_asked(connected: Desk) -> None:
    gift = connected.fail_gift()

    for typed, state in (("n\n", State.FAILED), ("y\n", State.PENDING)):
        answer = connected.run("retry", str(gift), input=typed)

        assert answer.code == 0
        assert "Retry 1?" in answer.err
        assert connected.bench.delivery(gift).state is state


def test_where_nobody_can_be_asked_nothing_happens(connected: Desk) -> None:
    gift = connected.fail_gift()

    for arguments in (("--all",), ("--all", "--json")):
        assert connected.run("retry", *arguments, input="").code == 2
        assert connected.bench.delivery(gift).state is State.FAILED


def test_which_ones_must_be_said_in_one_way(connected: Desk) -> None:
    for arguments in ((), ("5", "--all"), ("--cause", "x", "--all")):
        assert connected.run("retry", *arguments, "--yes").code == 2


def test_no_failures_is_nothing_to_retry(connected: Desk) -> None:
    answer = connected.run("retry", "--all", "--yes")

    assert (answer.code, answer.out) == (0, "Nothing to retry.\n")


def test_a_redrive_moves_all_dead_letters_and_retries_their_deliveries(connected: Desk) -> None:
    bench = connected.bench
    gifts = [connected.fail_gift(), connected.fail_gift()]
    bench.aegis.store.add_code("Fund", _fund_of(bench.delivery(gifts[0])))
    bench.clock.advance(31)
    assert bench.dead_letters() == 2

    answer = connected.run("redrive", "--json")
    bench.drain()

    moved = {"status": "COMPLETED", "moved": 2, "to_move": 2, "failure": None}
    assert (answer.code, answer.data) == (0, {**moved, "queues": {"aegis": moved}})
    assert [bench.delivery(gift).state for gift in gifts] == [State.DELIVERED] * 2
    assert bench.dead_letters() == 0


def test_a_redrive_joins_one_that_runs_already(connected: Desk) -> None:
    connected.fail_gift()
    url = connected.bench.dead_letter_url
    known = connected.bench.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    connected.sqs.start_message_move_task(SourceArn=known["QueueArn"])

    assert connected.json("redrive")["moved"] == 1
    assert len(connected.sqs.tasks) == 1


def test_a_redrive_may_be_left_to_itself(connected: Desk) -> None:
    connected.fail_gift()

    assert connected.json("redrive", "--no-wait")["status"] == "RUNNING"


def test_without_dead_letters_there_is_nothing_to_redrive(connected: Desk) -> None:
    answer = connected.run("redrive")

    assert (answer.code, answer.out) == (0, "There are no dead letters.\n")


def test_a_redrive_that_aws_breaks_off_needs_a_person(connected: Desk) -> None:
    connected.fail_gift()
    connected.sqs.failure = "AccessDenied"

    answer = connected.run("redrive")

    assert answer.code == 1
    assert "FAILED" in answer.out and "AccessDenied" in answer.out


def test_a_destination_that_the_stack_does_not_have_is_wrong_usage(connected: Desk) -> None:
    answer = connected.run("redrive", "--destination", "virtuous")

    assert answer.code == 2 and "choose one of aegis." in answer.err


def test_the_redrive_asks_aws_as_its_api_wants_it(connected: Desk) -> None:
    """The parameters and answers pass botocore's own model of SQS, which the stand-in above does not check."""
    arn = {"QueueArn": "arn:aws:sqs:us-east-1:123456789012:dead.fifo"}
    source = {"SourceArn": arn["QueueArn"]}
    counts = {"ApproximateNumberOfMessages": "3", "ApproximateNumberOfMessagesNotVisible": "0"}
    done = {"Status": "COMPLETED", "ApproximateNumberOfMessagesMoved": 3, "ApproximateNumberOfMessagesToMove": 3}
    sqs = own_client("sqs")
    clients = {"sqs": sqs}
    stack = dataclasses.replace(connected.stack, client=clients.__getitem__)
    with Stubber(sqs) as stub:
        stub.add_response("get_queue_attributes", {"Attributes": arn})
        stub.add_response("list_message_move_tasks", {"Results": []}, {**source, "MaxResults": 1})
        stub.add_response("get_queue_attributes", {"Attributes": counts})
        stub.add_response("start_message_move_task", {"TaskHandle": "x"}, source)
        stub.add_response("list_message_move_tasks", {"Results": [done]}, {**source, "MaxResults": 1})

        task = dead_letters.begin(stack, "aegis")

        stub.assert_no_pending_responses()
    assert task == dead_letters.Redrive("COMPLETED", 3, 3)


def _fund_of(delivery: Delivery) -> str:
    assert delivery.trouble is not None
    return delivery.trouble.cause.partition(":")[2]


def _give_up(at: Desk, unknown: Delivery) -> None:
    """What the worker does when it cannot settle a lost answer: a person must look, and the attempt stays."""
    Work(at.bench.tools, unknown).fail(Trouble.of(Rejected("no way to tell", cause="keeps-failing")))
