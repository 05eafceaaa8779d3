"""The pickup's four feeds: each with its own cursor, none stopping the others."""

from __future__ import annotations

from datetime import timedelta

import pytest

from giftbridge.domain.deliveries import State
from giftbridge.flows.change_feeds import DonorFeed
from ops.simulators.faults import FaultKind, FaultRule
from tests.workbench import Workbench


@pytest.mark.parametrize("broken", ["queryGifts", "queryRecurringGifts", "queryDonors", "listDonorActivity"])
@pytest.mark.parametrize("status", [400, 404, 500])
def test_one_feeds_trouble_does_not_stop_the_others(bench: Workbench, broken: str, status: int) -> None:
    bench.settings(aegis={"send_notes": True})
    bench.fault("raisedonors", FaultRule(FaultKind.STATUS_BEFORE, broken, status=status))
    outcome = bench.pickup()
    others = {"gifts", "schedules", "donors", "notes"} - set(outcome.troubles)
    assert len(outcome.troubles) == 1
    assert set(outcome.feeds) == others
    assert not outcome.is_complete
    bench.raisedonors.faults.clear()
    gift = bench.give()
    bench.run(ticks=2)
    assert bench.delivery(gift).state is State.DELIVERED


def test_a_record_that_breaks_one_feed_does_not_stop_the_others(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("a defect of ours")

    monkeypatch.setattr("giftbridge.flows.change_feeds.read_schedule_sighting", broken)
    bench.population.make_gift("first_of_schedule", bench.clock())
    gift = bench.give()
    outcome = bench.pickup()
    assert outcome.troubles == {"schedules": "unexpected: KeyError"}
    bench.drain()
    assert bench.delivery(gift).state is State.DELIVERED


def test_refused_credentials_stop_all_feeds_at_once(bench: Workbench) -> None:
    bench.fault("raisedonors", FaultRule(FaultKind.STATUS_BEFORE, "*", status=401))
    bench.raisedonors.log.clear()
    assert bench.pickup().why_idle is not None
    assert len(bench.calls("raisedonors")) == 1


@pytest.mark.parametrize("at_one_moment", [True, False])
def test_a_flood_of_changed_donors_takes_its_turns_while_gifts_go_on(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, at_one_moment: bool
) -> None:
    """An import on RaiseDonors' side: more donors than one run may read, at one moment or spread over a minute."""
    monkeypatch.setattr(DonorFeed, "most_pages", 1)
    donors = [bench.population.make_donor("new_person", gives=False).donor_id for _ in range(220)]
    for _ in range(10):
        if bench.pickup().is_complete:
            break
        bench.clock.advance(10)
    assert len(bench.tools.agreed.get_many((f"donor#{n}" for n in donors), "aegis")) == 220
    bench.clock.advance(600)
    begin = bench.clock()
    for number, donor in enumerate(donors):
        moment = begin + timedelta(seconds=0 if at_one_moment else number * 0.2)
        bench.raisedonors.store.edit("donor", donor, {"middleName": "X"}, modified=moment)
    bench.clock.advance(61)
    gift = bench.give(donor=bench.population.make_donor("new_person"))
    outcomes = [bench.pickup()]
    assert bench.delivery(gift) is not None, "a gift waited behind the donors"
    while not outcomes[-1].is_complete and len(outcomes) < 10:
        outcomes.append(bench.pickup())
    found = bench.tools.deliveries.get_many(f"aegis/donor/{donor}/updated" for donor in donors)
    assert len(found) == 220
    # A flood at one moment costs one page more: its first page is read again from that moment on.
    assert len(outcomes) <= 5


def test_donors_that_change_while_a_long_walk_steps_over_them_are_found_by_the_look_back(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DonorFeed, "most_pages", 1)
    donors = [bench.population.make_donor("new_person", gives=False).donor_id for _ in range(150)]
    assert not bench.pickup().is_complete
    assert "bound" in (bench.tools.state.get("cursor#donors") or {})
    for donor in donors[:60]:
        bench.raisedonors.store.edit("donor", donor, {"middleName": "X"}, modified=bench.clock())
    for _ in range(6):
        bench.clock.advance(10)
        bench.pickup()
    assert len(bench.tools.agreed.get_many((f"donor#{n}" for n in donors), "aegis")) == 150
    found = bench.tools.deliveries.get_many(f"aegis/donor/{donor}/updated" for donor in donors[:60])
    assert len(found) == 60
