"""The pickup's four feeds: each with its own cursor, none stopping the others."""

from __future__ import annotations

from datetime import timedelta

import pytest

from giftbridge.domain.deliveries import State
from giftbridge.domain.delivery_ids import donor_updated_id
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
    assert bench.calls("raisedonors") == ["queryGifts", "listProjects"]


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


def test_a_feed_that_this_account_refuses_keeps_no_breaker_open_once_the_outage_is_over(bench: Workbench) -> None:
    bench.settings(aegis={"send_notes": True})
    bench.fault("raisedonors", FaultRule(FaultKind.STATUS_BEFORE, "listDonorActivity", status=404))
    gifts = [bench.give(donor=bench.population.make_donor("new_person")) for _ in range(6)]
    outage = bench.fault("raisedonors", FaultRule(FaultKind.STATUS_BEFORE, "getGift", status=503))
    bench.run(ticks=4)
    assert not bench.tools.state.destination("raisedonors").is_healthy
    bench.raisedonors.faults.remove(outage.name)
    bench.run(ticks=10)
    later = bench.give()
    bench.run(ticks=3)
    assert {bench.delivery(gift).state for gift in (*gifts, later)} == {State.DELIVERED}
    assert bench.tools.state.destination("raisedonors").is_healthy


def test_a_feeds_refusals_and_a_failure_of_a_gift_now_and_then_do_not_add_up_to_an_open_breaker(
    bench: Workbench,
) -> None:
    bench.settings(aegis={"send_notes": True})
    bench.fault("raisedonors", FaultRule(FaultKind.STATUS_BEFORE, "listDonorActivity", status=404))
    for _ in range(6):
        gift = bench.give(donor=bench.population.make_donor("new_person"))
        bench.fault("raisedonors", FaultRule(FaultKind.STATUS_BEFORE, "getGift", status=503, count=2))
        bench.run(ticks=3)
        assert bench.tools.state.destination("raisedonors").is_healthy
        assert bench.delivery(gift).state is State.DELIVERED
        bench.clock.advance(86_400)


def test_all_donors_are_recorded_once_so_that_the_first_edit_of_one_from_before_the_start_arrives(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More donors than one run reads, none of them changed since long before the start; one has a partner already."""
    monkeypatch.setattr(DonorFeed, "most_pages", 1)
    long_ago = bench.clock() - timedelta(days=900)
    donor = bench.population.make_donor("keyed", gives=False)
    everybody = [donor.donor_id, *(bench.population.make_donor("new_person").donor_id for _ in range(120))]
    for number, name in enumerate(everybody):
        modified = long_ago + timedelta(hours=len(everybody) - number)
        bench.raisedonors.store.edit("donor", name, {"middleName": "Q"}, modified=modified)
    assert not bench.pickup().is_complete
    # Those that were changed the longest ago come first.
    assert bench.tools.agreed.get(f"donor#{donor.donor_id}", "aegis") is None
    bench.clock.advance(60)
    assert bench.pickup().is_complete
    known = bench.tools.agreed.get_many((f"donor#{name}" for name in everybody), "aegis")
    assert len(known) == len(everybody)
    bench.clock.advance(60)
    assert bench.pickup().feeds["donors"] <= 1
    bench.raisedonors.store.edit("donor", donor.donor_id, {"lastName": "Åkesson"}, modified=bench.clock())
    bench.run(ticks=2)
    edited = bench.tools.deliveries.get(donor_updated_id(donor.donor_id))
    assert edited is not None
    assert edited.state is State.DELIVERED
    assert bench.aegis.store.partners[str(donor.partner_id)]["LastName"] == "Åkesson"
    assert {bench.tools.deliveries.get(donor_updated_id(name)) for name in everybody[1:]} == {None}


def test_a_flood_of_edits_stands_before_no_gift_and_is_nudged_as_the_queue_empties(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("feed_walk", "delivery_sweep"):
        monkeypatch.setattr(f"giftbridge.flows.{module}.MOST_EDITS_IN_LINE", 4)
    donors = [bench.population.make_donor("new_person", gives=False).donor_id for _ in range(14)]
    bench.pickup()
    bench.clock.advance(60)
    for donor in donors:
        bench.raisedonors.store.edit("donor", donor, {"middleName": "X"}, modified=bench.clock())
    gifts = [bench.give(donor=bench.population.make_donor("new_person")) for _ in range(6)]
    bench.pickup()
    edits = [donor_updated_id(donor) for donor in donors]
    # Each edit has its row, all gifts have their message, and the edits fill up what room there is.
    assert len(bench.tools.deliveries.get_many(edits)) == 14
    assert bench.tools.queue.in_line() == 6
    assert bench.sweep().nudged == 0

    def ended() -> int:
        return sum(row.state is State.IGNORED for row in bench.tools.deliveries.get_many(edits).values())

    bench.drain()
    assert {bench.delivery(gift).state for gift in gifts} == {State.DELIVERED}
    shares = []
    while ended() < len(edits) and len(shares) < 10:
        bench.clock.advance(60)
        shares.append(bench.sweep().nudged)
        later = bench.give()
        bench.pickup()
        bench.drain()
        assert bench.delivery(later).state is State.DELIVERED
    assert shares == [4, 4, 4, 2]
