"""Seeded worlds come out right, the same each time, and the judge sees what is wrong."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ops.simulators.aegis_transactions import seed_transaction
from tests.simulation.world.weather import KINDS
from tests.simulation.world.world import World

DONATIONS = 20

KINDS_WITHOUT_ROTATIONS = tuple(kind for kind in KINDS if not kind.endswith("rotated"))


@pytest.fixture(scope="module")
def calm() -> Iterator[World]:
    """A world without weather that has come to rest; whoever spoils it puts it right again."""
    world = World(1, DONATIONS, KINDS)
    outcome = world.run()
    assert outcome.verdict.is_clean, outcome.verdict.sentences()
    assert outcome.faults == 0
    yield world


@pytest.mark.parametrize("seed", [16, 48])
def test_a_world_whose_tables_are_restored_to_an_earlier_moment_comes_out_right(seed: int) -> None:
    world = World(seed, DONATIONS, (), ("restored",))
    outcome = world.run()

    assert outcome.verdict.sentences() == [] and outcome.verdict.cents == 0
    assert world.restoration is not None and world.restoration.undone > 0


def test_a_world_whose_credentials_are_changed_comes_out_right() -> None:
    rotations = ("raisedonors-rotated", "aegis-rotated", "virtuous-rotated")
    outcome = World(5, DONATIONS, KINDS_WITHOUT_ROTATIONS, rotations).run()

    assert outcome.verdict.sentences() == [] and outcome.verdict.cents == 0
    assert all(outcome.struck[kind] == 1 for kind in rotations)


def test_the_same_seed_makes_the_same_bytes() -> None:
    first, second = (World(8, DONATIONS).run() for _ in range(2))

    assert first.deaths > 0
    assert (first.digest, first.faults, first.deaths) == (second.digest, second.faults, second.deaths)


def test_another_seed_makes_another_world() -> None:
    assert World(8, 3).run().digest != World(9, 3).run().digest


def test_the_judge_misses_a_gift_that_is_not_in_aegis(calm: World) -> None:
    store = calm.aegis.store
    number = max(number for number, transaction in store.transactions.items() if transaction.total > 0)
    taken = store.transactions.pop(number)
    verdict = calm.judged()
    store.transactions[number] = taken

    assert len(verdict.lost) == 1 and verdict.cents == int(taken.total * 100)


def test_the_judge_sees_a_gift_that_is_there_twice(calm: World) -> None:
    store = calm.aegis.store
    once = next(transaction for transaction in store.transactions.values() if transaction.via_api)
    number = seed_transaction(store, {**once.model, "InvoiceNumber": store.new_invoice_number()})
    verdict = calm.judged()
    del store.transactions[number]

    assert len(verdict.doubled) == 1 and verdict.cents > 0


def test_the_judge_sees_what_is_unfinished_and_that_no_index_shows_it(calm: World) -> None:
    table = calm.account.dynamodb.tables["DeliveriesTable"]
    key, row = next(iter(table.rows.items()))
    table.write(key, {**row, "state": {"S": "pending"}})
    verdict = calm.judged()
    table.write(key, row)

    assert len(verdict.stuck) == 1 and "no index shows it" in verdict.stuck[0]


def test_the_judge_sees_a_hold_that_nobody_needs(calm: World) -> None:
    ended = next(iter(calm.tables.deliveries()))
    table = calm.account.dynamodb.tables["CrmKeysTable"]
    row = {"entity": {"S": "donor#1"}, "system": {"S": "aegis"}, "held_by": {"S": ended}}
    table.write(("donor#1", "aegis"), row)
    verdict = calm.judged()
    table.write(("donor#1", "aegis"), None)

    assert len(verdict.stuck) == 1 and "held" in verdict.stuck[0]


def test_the_judge_sees_a_record_without_its_line(calm: World) -> None:
    table = calm.account.dynamodb.tables["ActivityTable"]
    told = {key: row for key, row in table.rows.items() if "delivery" in row}
    delivery = next(iter(told.values()))["delivery"]
    taken = {key: row for key, row in told.items() if row["delivery"] == delivery}
    for key in taken:
        table.write(key, None)
    verdict = calm.judged()
    for key, row in taken.items():
        table.write(key, row)

    assert len(verdict.unexplained) == 1


def test_the_judge_sees_a_dead_letter_of_what_did_not_fail(calm: World) -> None:
    delivery = next(name for name, row in calm.tables.deliveries().items() if row["state"] == "delivered")
    queue = calm.account.sqs.queues[calm.account.queue_urls["AegisDeadLetterQueue"]]
    message = queue.send("m", "g", "d", f'{{"delivery": "{delivery}"}}')
    verdict = calm.judged()
    queue.delete(message)

    assert len(verdict.unexplained) == 1
