"""Two at once, late answers, dead processes: exactly once all the same."""

from __future__ import annotations

from datetime import timedelta

import pytest
import requests

from giftbridge.domain.deliveries import State
from ops.simulators.faults import FaultKind, FaultRule
from tests.matrix.interception import Fault, Interceptor, ProcessDied
from tests.matrix.scenarios import wrong_in_the_end
from tests.workbench import Workbench


def test_a_second_invocation_that_meets_a_live_lease_leaves_the_delivery_alone(bench: Workbench) -> None:
    gift = bench.give(donor=bench.population.make_donor("new_person"))
    bench.pickup()
    [message] = bench.receive()
    second: list[dict[str, int]] = []

    def while_the_first_is_sending(request: requests.PreparedRequest, send: object) -> requests.Response:
        assert callable(send)
        if "transaction/Create" in str(request.url) and not second:
            second.append({})
            second[0].update(bench.worker().work([message]).counts)
        answer = send()
        assert isinstance(answer, requests.Response)
        return answer

    bench.adapters["aegis"].around = while_the_first_is_sending
    bench.worker().work([message])

    assert second == [{"leased": 1}]
    assert len(bench.transactions_of(gift)) == 1
    assert bench.delivery(gift).state is State.DELIVERED


def test_a_post_that_lands_after_its_lease_expired_is_found_and_not_repeated(bench: Workbench) -> None:
    gift = bench.give(donor=bench.population.make_donor("new_person"))
    late = bench.fault("aegis", FaultRule(FaultKind.LATE_LANDING, "createTransaction", count=1, seconds=50))

    bench.run(ticks=5)

    assert late.fired == 1
    assert len(bench.transactions_of(gift)) == 1
    assert bench.delivery(gift).state is State.DELIVERED
    assert bench.delivery(gift).result["how"] == "found after the answer was lost"


def test_a_process_that_dies_while_its_post_is_still_on_its_way_doubles_nothing(bench: Workbench) -> None:
    gift = bench.give(donor=bench.population.make_donor("new_person"))
    bench.pickup()
    late = bench.fault("aegis", FaultRule(FaultKind.LATE_LANDING, "createTransaction", count=1, seconds=100))
    interceptor = Interceptor(bench, "aegis.createTransaction 1", Fault.DIES_AFTER)

    with pytest.raises(ProcessDied):
        bench.drain()
    interceptor.restart()
    bench.run(ticks=6)

    assert late.fired == 1
    assert wrong_in_the_end(bench, [gift]) == []


def test_a_502_after_the_commit_is_looked_up_and_not_repeated(bench: Workbench) -> None:
    gift = bench.give(donor=bench.population.make_donor("new_person"))
    rule = bench.fault("aegis", FaultRule(FaultKind.STATUS_AFTER, "createTransaction", count=1, status=502))

    bench.run(ticks=4)

    assert rule.fired == 1
    assert wrong_in_the_end(bench, [gift]) == []


def test_nothing_is_sent_again_before_the_wait_is_over_and_a_fresh_look_found_nothing(bench: Workbench) -> None:
    gift = bench.give(donor=bench.population.make_donor("new_person"))
    bench.fault("aegis", FaultRule(FaultKind.DROP_BEFORE, "createTransaction", count=1))
    bench.pickup()
    bench.drain()
    sent_at = bench.clock()
    assert bench.delivery(gift).state is State.UNKNOWN

    bench.clock.advance(59)
    bench.sweep()
    bench.drain()
    assert bench.calls().count("createTransaction") == 1
    bench.clock.advance(30)
    bench.sweep()
    bench.drain()

    assert bench.delivery(gift).state is State.DELIVERED
    calls = bench.calls()
    assert calls.count("createTransaction") == 2
    assert calls[calls.index("createTransaction") + 1 :][0] == "getTransactionHistory"
    assert bench.clock() - sent_at >= timedelta(seconds=60)


def test_a_twin_whose_answers_are_both_lost_is_settled_by_its_own_date(bench: Workbench) -> None:
    donor = bench.population.make_donor("new_person")
    first = bench.give(donor=donor)
    bench.clock.advance(20)
    twin = dict(bench.raisedonors.store.gifts.entry(first).latest.members)
    second = bench.raisedonors.store.add("gift", twin, created=bench.clock(), modified=bench.clock())
    bench.fault("aegis", FaultRule(FaultKind.DROP_AFTER, "createTransaction", count=2))

    bench.run(ticks=8)

    assert wrong_in_the_end(bench, [first, second]) == []
    assert bench.delivery(first).result["invoice"] != bench.delivery(second).result["invoice"]


def test_an_outage_opens_the_breaker_and_everything_drains_by_itself(bench: Workbench) -> None:
    donors = [bench.population.make_donor("new_person") for _ in range(12)]
    bench.aegis.faults.begin_outage()
    gifts = [bench.give(donor=donor) for donor in donors]
    bench.run(ticks=30)
    calls_in_outage = len(bench.aegis.log)
    assert bench.tools.state.destination("aegis").opened_at is not None
    assert all(bench.delivery(gift).state is not State.FAILED for gift in gifts)

    bench.aegis.faults.end_outage()
    bench.run(ticks=25)

    assert calls_in_outage < 12 + 60
    assert wrong_in_the_end(bench, gifts) == []
    assert bench.tools.state.destination("aegis").is_healthy


def test_a_message_whose_delivery_failed_goes_to_the_dead_letters_alone(bench: Workbench) -> None:
    donor = bench.population.make_donor("new_person")
    bad = bench.give("unknown_fund", donor=donor)
    good = [bench.give(donor=donor) for _ in range(4)]

    bench.run(ticks=2)

    assert bench.delivery(bad).state is State.FAILED
    assert [bench.delivery(gift).state for gift in good] == [State.DELIVERED] * 4
    assert bench.dead_letters() == 1


def test_a_dead_letter_redriven_after_the_cause_was_fixed_is_delivered_and_the_queue_is_empty(bench: Workbench) -> None:
    bad = bench.give("unknown_fund", donor=bench.population.make_donor("new_person"))
    bench.run(ticks=2)
    assert bench.dead_letters() == 1
    bench.aegis.store.add_code("Fund", "NOFUND")
    bench.clock.advance(31)

    _redrive(bench)
    bench.run(ticks=2)

    assert bench.delivery(bad).state is State.DELIVERED
    assert bench.dead_letters() == 0


def test_a_redriven_dead_letter_whose_first_receive_a_throttled_function_swallowed_is_tried(bench: Workbench) -> None:
    bad = bench.give("unknown_fund", donor=bench.population.make_donor("new_person"))
    bench.run(ticks=2)
    bench.aegis.store.add_code("Fund", "NOFUND")
    bench.clock.advance(31)
    _redrive(bench)
    # It is visible again at once: the queues of a workbench hide nothing.
    assert len(bench.receive()) == 1

    bench.run(ticks=2)

    assert bench.delivery(bad).state is State.DELIVERED
    assert bench.dead_letters() == 0


def test_a_redriven_dead_letter_is_tried_once_and_fails_again_for_the_same_cause(bench: Workbench) -> None:
    bad = bench.give("unknown_fund", donor=bench.population.make_donor("new_person"))
    bench.run(ticks=2)
    bench.clock.advance(31)

    _redrive(bench)
    bench.run(ticks=2)

    assert bench.delivery(bad).state is State.FAILED
    assert bench.dead_letters() == 1
    lines = bench.tools.activity.of_entity(bench.delivery(bad).donor_entity)
    assert [line["what"] for line in lines].count("reopened") == 1


def test_the_sweep_deletes_a_dead_letter_when_its_trouble_ended_elsewhere(bench: Workbench) -> None:
    bad = bench.give("unknown_fund", donor=bench.population.make_donor("new_person"))
    bench.run(ticks=2)
    bench.raisedonors.store.set_gift_status(bad, "Voided")

    bench.run(ticks=3)

    assert bench.delivery(bad).state is State.IGNORED
    assert bench.dead_letters() == 0


def _redrive(bench: Workbench) -> None:
    """As StartMessageMoveTask does it: new messages with the old bodies."""
    messages = bench.sqs.receive_message(
        QueueUrl=bench.dead_letter_url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]
    )["Messages"]
    for message in messages:
        bench.sqs.send_message(
            QueueUrl=bench.queue_url,
            MessageBody=message["Body"],
            MessageGroupId=message["Attributes"]["MessageGroupId"],
            MessageDeduplicationId=message["MessageId"],
        )
        bench.sqs.delete_message(QueueUrl=bench.dead_letter_url, ReceiptHandle=message["ReceiptHandle"])
