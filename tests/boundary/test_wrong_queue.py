"""A message that names another destination's delivery is refused by each worker: nothing is done, and it is said."""

from __future__ import annotations

import logging
from itertools import permutations

import pytest

from giftbridge.domain.deliveries import Delivery, State
from giftbridge.domain.delivery_ids import AEGIS, RAISEDONORS, VIRTUOUS, contact_updated_id, donation_created_id
from ops.simulators.service import SimulatedService
from tests.matrix.virtuous_scenarios import linked_donor
from tests.virtuous_bench import HOME, VirtuousBench, virtuous_bench

DESTINATIONS = (AEGIS, VIRTUOUS, RAISEDONORS)


def open_deliveries(there: VirtuousBench) -> dict[str, str]:
    """For each destination the id of a delivery that is due: a gift for both CRMs, and a contact for RaiseDonors."""
    donor = linked_donor(there).donor_id
    giver = next(one for one in there.bench.population.donors if one.donor_id == donor)
    contact = there.contact_of(donor).contact_id
    there.bench.raisedonors.faults.status("getDonor", 503, count=2)
    there.virtuous.staff.edit_contact(contact, {"address": HOME})
    there.webhooks()
    gift = there.bench.give("split", donor=giver)
    there.bench.pickup()
    there.bench.clock.advance(600)
    found = {
        AEGIS: donation_created_id(gift),
        VIRTUOUS: donation_created_id(gift, VIRTUOUS),
        RAISEDONORS: contact_updated_id(contact),
    }
    assert {there.delivery(name).state for name in found.values()} <= {State.PENDING, State.WAITING}
    return found


def queue_of(there: VirtuousBench, destination: str) -> str:
    return there.bench.queue_url if destination == AEGIS else there.queues[destination][0]


def put(there: VirtuousBench, delivery: Delivery, queue: str) -> None:
    """A message for the delivery, as someone moves it by hand, alone in another destination's queue."""
    there.bench.sqs.purge_queue(QueueUrl=queue_of(there, queue))
    target = there.bench.tools.queue if queue == AEGIS else there.tools[queue].queue
    assert target.send([delivery], "moved by hand")


def work(there: VirtuousBench, queue: str) -> None:
    """One batch of that queue by its own worker, in a process of its own."""
    if queue == AEGIS:
        there.bench.work()
    else:
        there.work(queue)


def carried_out(there: VirtuousBench) -> list[str]:
    """Every write that any of the three systems carried out."""
    services: tuple[SimulatedService, ...] = (there.bench.aegis, there.bench.raisedonors, there.virtuous)
    done = (call for one in services for call in one.log if call.executed_status is not None and call.method != "GET")
    return [str(call.operation_id) for call in done if not str(call.operation_id).startswith("query")]


@pytest.mark.parametrize(("named", "queue"), permutations(DESTINATIONS, 2))
def test_a_message_in_another_queue_does_nothing(named: str, queue: str, caplog: pytest.LogCaptureFixture) -> None:
    with virtuous_bench(with_aegis=True) as there:
        deliveries = open_deliveries(there)
        before, done = there.delivery(deliveries[named]), carried_out(there)
        put(there, before, queue)

        with caplog.at_level(logging.WARNING, logger="giftbridge"):
            work(there, queue)

        assert carried_out(there) == done
        assert there.delivery(before.id) == before
        assert there.bench.receive(queue_url=queue_of(there, queue)) == []
        assert any(getattr(record, "delivery", None) == before.id for record in caplog.records), "nothing was logged"
        assert all_end_well(there, deliveries) == []


def all_end_well(there: VirtuousBench, deliveries: dict[str, str]) -> list[str]:
    """What became of all three afterwards that is not right."""
    gift = int(there.delivery(deliveries[AEGIS]).entity_id)
    for minute in range(8):
        there.plan(now_requested=minute == 0)
        there.bench.sweep()
        there.bench.drain()
        there.tick(120)
    there.virtuous.run_import()
    there.settle(3)
    ends = {name: there.delivery(name).state for name in deliveries.values()}
    problems = [f"{name} is {state}" for name, state in ends.items() if state is not State.DELIVERED]
    counts = (
        len(there.bench.transactions_of(gift)),
        len([one for one in there.virtuous.store.rows if one.kind == "gift"]),
    )
    return problems if counts == (1, 1) else [*problems, f"the gift is in Aegis and in Virtuous {counts} times"]
