"""When the trouble is over everything goes on by itself, soon, and without a storm of calls."""

from __future__ import annotations

from datetime import timedelta

import pytest

from giftbridge.domain.deliveries import State
from ops.simulators.aegis_store import AegisSettings, HistoryDates
from ops.simulators.faults import FaultKind, FaultRule
from tests.matrix.scenarios import wrong_in_the_end
from tests.workbench import Workbench, workbench


def test_after_new_credentials_everything_that_waited_is_delivered_within_minutes(bench: Workbench) -> None:
    bench.fault("aegis", FaultRule(FaultKind.STATUS_BEFORE, "*", status=401))
    gifts = [bench.give(donor=bench.population.make_donor("new_person")) for _ in range(12)]
    bench.run(ticks=3)
    assert bench.tools.state.destination("aegis").stopped_at is not None
    calls_while_stopped = len(bench.aegis.log)

    bench.aegis.faults.clear()
    bench.credentials["aegis"] = "v2"
    bench.run(ticks=4)

    assert calls_while_stopped <= 3
    assert [bench.delivery(gift).state for gift in gifts] == [State.DELIVERED] * 12


def test_a_trial_that_only_waits_for_a_person_does_not_keep_the_breaker_open(bench: Workbench) -> None:
    bench.settings(aegis={"on_several_matches": "review"})
    parked = bench.population.make_donor("several_matches")
    first, held = bench.give(donor=parked), bench.give(donor=parked)
    bench.run(ticks=2)
    assert bench.delivery(first).state is State.FAILED
    assert bench.delivery(held).state is State.WAITING
    bench.aegis.faults.begin_outage()
    gifts = [bench.give(donor=bench.population.make_donor("new_person")) for _ in range(8)]
    bench.run(ticks=6)
    bench.aegis.faults.end_outage()

    bench.run(ticks=8)

    assert [bench.delivery(gift).state for gift in gifts] == [State.DELIVERED] * 8


def test_one_record_dated_in_the_far_future_does_not_hide_the_ones_that_follow(bench: Workbench) -> None:
    ahead = bench.clock() + timedelta(days=18_000)
    donor = bench.population.make_donor("new_person")
    odd = bench.population.make_gift("one_time", ahead, donor=donor, visible_after=-(ahead - bench.clock())).gift_id
    bench.run()
    later = bench.give(donor=donor)

    bench.run(ticks=2)

    assert bench.delivery(later).state is State.DELIVERED
    assert bench.delivery(odd).state is State.DELIVERED


def test_an_hour_later_a_known_donors_gift_costs_one_call_again(bench: Workbench) -> None:
    donor = bench.population.make_donor("new_person")
    worker = bench.worker()
    for _ in range(2):
        bench.give(donor=donor)
        bench.pickup()
        while bench.work(worker) is not None:
            pass
        bench.clock.advance(3700)
    bench.give(donor=donor)
    bench.pickup()
    while bench.work(worker) is not None:
        pass
    bench.aegis.log.clear()
    bench.give(donor=donor)
    bench.pickup()

    while bench.work(worker) is not None:
        pass

    assert bench.calls() == ["createTransaction"]


@pytest.mark.parametrize("dates", list(HistoryDates))
def test_a_lost_answer_is_found_however_aegis_writes_its_dates(dates: HistoryDates) -> None:
    with workbench(settings=AegisSettings(history_dates=dates)) as bench:
        gift = bench.give("first_of_schedule", donor=bench.population.make_donor("new_person"))
        for operation in ("createPartner", "createPledge", "createTransaction"):
            bench.fault("aegis", FaultRule(FaultKind.DROP_AFTER, operation, count=1))

        bench.run(ticks=8)

        assert wrong_in_the_end(bench, [gift]) == []


def test_an_empty_answer_to_a_create_is_looked_up_and_opens_no_breaker(bench: Workbench) -> None:
    for _ in range(3):
        bench.fault("aegis", FaultRule(FaultKind.STATUS_AFTER, "createTransaction", count=2, status=200, body=""))
    gifts = [bench.give(donor=bench.population.make_donor("new_person")) for _ in range(6)]

    bench.run(ticks=4)

    assert bench.tools.state.destination("aegis").is_healthy
    assert wrong_in_the_end(bench, gifts) == []
