"""What the functions around Virtuous really do with tables and queues is what their roles allow."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from giftbridge.domain.delivery_ids import RAISEDONORS, VIRTUOUS
from giftbridge.flows.daily_digest import DailyDigest
from giftbridge.flows.vitals import VitalSigns
from ops.simulators.faults import FaultKind, FaultRule
from ops.simulators.virtuous_events import TRAVELLING, VirtuousEvents
from tests.deployment.recorder import Recorder, allowed_to
from tests.virtuous_bench import VirtuousBench, virtuous_bench

ROLES = {
    "pickup": "DonationPickupRole",
    "sweep": "DeliverySweepRole",
    VIRTUOUS: "VirtuousDeliveryRole",
    RAISEDONORS: "RaiseDonorsDeliveryRole",
    "batch": "DailyBatchRole",
}


@pytest.fixture(scope="module")
def recorder() -> Iterator[Recorder]:
    """Four rough days: gifts, refunds, edits on both sides, a lost answer, dead workers, refused credentials."""
    with virtuous_bench() as rough:
        watched, bench = Recorder(rough.bench), rough.bench
        bench.population.build(donors=8)
        events = VirtuousEvents(1, rough.virtuous.store)
        for made in bench.population.donors[:3]:
            rough.link(made.donor_id)
        gifts = [
            bench.give(kind) for kind in ("one_time", "one_time", "first_of_schedule", "unknown_fund", "test_mode")
        ]
        bench.settings(notifications={"sender": "giftbridge@example.org", "recipients": ["ops@example.org"]})
        for day in range(4):
            if day == 1:
                bench.settings(limits={"virtuous_per_hour": 60_000, "raisedonors_per_hour": 60_000})
                bench.raisedonors.store.set_gift_status(gifts[0], "Refunded", modified=bench.clock())
                rough.virtuous.faults.add(FaultRule(FaultKind.DROP_AFTER, "submitGiftTransactions", count=1))
                bench.give()
            if day == 2:
                bench.give()
                _leave_to_die(rough)
            if day == 3:
                rough.virtuous.faults.status("*", 401, count=2)
                bench.give()
            for kind in TRAVELLING:
                events.happen(kind)
            _day(rough, watched)
        yield watched


def _day(rough: VirtuousBench, watched: Recorder) -> None:
    watched.watch("pickup", rough.bench.pickup)
    watched.watch("batch", rough.plan)
    rough.bench.clock.advance(86_400)
    watched.watch("batch", DailyDigest(rough.bench.tools, [RAISEDONORS, VIRTUOUS]).run)
    watched.watch("sweep", VitalSigns(rough.bench.tools, [RAISEDONORS, VIRTUOUS]).take)
    _work(rough, watched)
    rough.virtuous.run_import()
    watched.watch("sweep", rough.net)
    for _ in range(4):
        rough.virtuous.sender.deliver_due(rough.post)
        watched.watch("sweep", rough.sweep)
        _work(rough, watched)
        rough.bench.clock.advance(600)


def _work(rough: VirtuousBench, watched: Recorder) -> None:
    for destination in (RAISEDONORS, VIRTUOUS):
        worker = rough.worker(destination)
        for _ in range(60):
            url = rough.queues[destination][0]
            records = rough.bench.receive(10, url)
            if not records:
                break
            watched.watch(destination, partial(worker.work, records))
            for record in records:
                rough.bench.sqs.delete_message(QueueUrl=url, ReceiptHandle=record["receiptHandle"])


def _leave_to_die(rough: VirtuousBench) -> None:
    """Nudges and hints whose workers die until the redrive policy takes the messages away."""
    rough.bench.pickup()
    rough.plan()
    rough.virtuous.sender.deliver_due(rough.post)
    for url, _ in rough.queues.values():
        for _ in range(8):
            rough.bench.receive(10, url)


@pytest.mark.parametrize("part", list(ROLES))
def test_a_function_may_do_what_it_does_for_virtuous(recorder: Recorder, part: str) -> None:
    assert recorder.made[part], "the part did nothing"
    assert recorder.made[part] - allowed_to(ROLES[part]) == set()
