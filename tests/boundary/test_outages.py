"""Twenty minutes in which a system is away need no person: all that waited is delivered within ten minutes of its end.

Each system is away in sixteen ways. Some work is under way when it begins: a partner is made and no gift yet, the
answer of a transaction is lost.
"""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from giftbridge.domain.deliveries import OPEN_STATES, State
from giftbridge.domain.delivery_ids import VIRTUOUS, contact_updated_id, donation_created_id
from giftbridge.flows.tools import Tools
from tests.boundary import outages
from tests.boundary.outages import SHAPES
from tests.matrix.judgement import wrong_in_the_end
from tests.matrix.virtuous_scenarios import linked_donor
from tests.virtuous_bench import HOME, VirtuousBench, virtuous_bench
from tests.workbench import Workbench, workbench

MINUTES, MINUTES_AFTER = 20, 10


@pytest.mark.timeout(300)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("system", ["aegis", "raisedonors"])
def test_gifts_on_their_way_to_aegis_need_no_person(system: str, shape: str) -> None:
    with workbench() as bench:
        gifts = under_way(bench)
        rules = outages.begin(bench.aegis if system == "aegis" else bench.raisedonors, system, shape)
        for minute in range(0, MINUTES, 2):
            if minute % 5 == 0:
                gifts.append(bench.give(donor=bench.population.make_donor("new_person")))
            bench.run(seconds=120)

        assert outages.end(rules), "the outage was never met"
        bench.run(MINUTES_AFTER)

        assert not_delivered(bench, gifts) == []
        assert wrong_in_the_end(bench, gifts) == []
        assert needing_a_person(bench.tools, bench.rows("DeliveriesTable"), bench.dead_letters()) == []


def under_way(bench: Workbench) -> list[int]:
    """One gift whose partner was just made, one whose transaction landed and was not told of, one that was not seen."""
    first = bench.give("first_of_schedule", donor=bench.population.make_donor("new_person"))
    bench.aegis.faults.status("createPledge", 503, count=1)
    second = bench.give(donor=bench.population.make_donor("new_person"))
    bench.aegis.faults.drop("createTransaction", after_commit=True, count=1)
    bench.run()
    assert {bench.delivery(gift).state for gift in (first, second)} <= OPEN_STATES
    return [first, second, bench.give("split", donor=bench.population.make_donor("new_person"))]


def not_delivered(bench: Workbench, gifts: Iterable[int]) -> list[str]:
    """The gifts that still wait, and for what."""
    rows = [(gift, bench.tools.deliveries.get(donation_created_id(gift))) for gift in gifts]
    return [
        f"{gift} is {row.state if row else 'unknown'}: {row.trouble if row else ''}"
        for gift, row in rows
        if row is None or row.state is not State.DELIVERED
    ]


def needing_a_person(tools: Tools, rows: list[dict[str, object]], dead_letters: int) -> list[str]:
    """What only a person would put right: failed deliveries, dead letters, systems that were stopped."""
    problems = [f"{row['id']} is failed" for row in rows if row["state"] == State.FAILED.value]
    problems += [f"{dead_letters} dead letters"] if dead_letters else []
    for system in ("aegis", "raisedonors", "virtuous"):
        health = tools.state.destination(system)
        problems += [f"{system} is stopped"] if health.stopped_at is not None else []
        problems += [f"the breaker of {system} is open"] if health.opened_at is not None else []
    return problems


@pytest.mark.timeout(300)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("system", ["virtuous", "raisedonors"])
def test_both_directions_with_virtuous_need_no_person(system: str, shape: str) -> None:
    with virtuous_bench() as there:
        edited, giver = linked_donor(there).donor_id, linked_donor(there).donor_id
        service = there.virtuous if system == "virtuous" else there.bench.raisedonors
        rules = outages.begin(service, system, shape)
        contact = there.contact_of(edited).contact_id
        there.virtuous.staff.edit_contact(contact, {"address": HOME})
        gift = there.bench.give("split", donor=donor_of(there, giver))
        for minute in range(0, MINUTES, 2):
            there.plan(now_requested=minute == 0)
            there.tick(120)

        assert outages.end(rules), "the outage was never met"
        for minute in range(MINUTES_AFTER):
            # Staff asks for a batch when the gift has been seen.
            there.plan(now_requested=minute == 2)
            there.tick()

        name = donation_created_id(gift, VIRTUOUS)
        held = [row for row in there.virtuous.store.rows if row.kind == "gift" and row.identity == str(gift)]
        assert (len(held), there.delivery(name).state) == (1, State.SENT)
        [home] = [one for one in there.donor(edited)["donorAddresses"] if one["isPrimary"]]
        assert home["address1"] == HOME["address1"]
        assert there.delivery(contact_updated_id(contact)).state is State.DELIVERED
        dead = there.dead_letters(VIRTUOUS) + there.dead_letters("raisedonors")
        assert needing_a_person(there.bench.tools, there.bench.rows("DeliveriesTable"), dead) == []


def donor_of(there: VirtuousBench, donor_id: int) -> object:
    """The donor as the population made them."""
    return next(one for one in there.bench.population.donors if one.donor_id == donor_id)
