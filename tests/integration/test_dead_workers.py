"""Workers that die before they get anywhere: innocents come back, a delivery that kills its worker goes to a person."""

from __future__ import annotations

from giftbridge.domain.deliveries import State
from tests.workbench import Workbench


def _until_the_message_is_a_dead_letter(bench: Workbench) -> None:
    for _ in range(12):
        if not bench.receive():
            return


def test_a_delivery_whose_batch_died_for_anothers_sake_is_worked_on_again(bench: Workbench) -> None:
    gift = bench.give(donor=bench.population.make_donor("new_person"))
    bench.pickup()
    _until_the_message_is_a_dead_letter(bench)
    assert bench.dead_letters() == 1

    bench.run(ticks=3)

    assert bench.delivery(gift).state is State.DELIVERED
    assert bench.dead_letters() == 0


def test_a_delivery_that_kills_its_worker_again_and_again_goes_to_a_person(bench: Workbench) -> None:
    gift = bench.give(donor=bench.population.make_donor("new_person"))
    bench.pickup()
    for _ in range(3):
        _until_the_message_is_a_dead_letter(bench)
        bench.sweep()
        bench.clock.advance(60)
        bench.sweep()

    delivery = bench.delivery(gift)
    assert delivery.state is State.FAILED
    assert delivery.trouble is not None
    assert delivery.trouble.cause == "worker-died"
    assert bench.dead_letters() == 1
