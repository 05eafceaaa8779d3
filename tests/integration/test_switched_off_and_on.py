"""A destination that was off for a while: what was given while it was on arrives, what came meanwhile stays (E8)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from giftbridge.domain.deliveries import State
from giftbridge.domain.delivery_ids import VIRTUOUS, donation_created_id, donation_refunded_id, donor_updated_id
from giftbridge.domain.on_periods import OnPeriods
from giftbridge.domain.times import format_moment
from giftbridge.flows.reconciliation_sides import on_periods_of
from giftbridge.store.switches import read_periods
from tests.virtuous_bench import virtuous_bench
from tests.workbench import BEGIN, Workbench, workbench


def wait(bench: Workbench, minutes: int, *, picks_up: bool = True) -> None:
    """So many minutes of pickups."""
    for _ in range(minutes):
        bench.clock.advance(60)
        if picks_up:
            bench.pickup()


@pytest.mark.parametrize("minutes", [10, 50])
@pytest.mark.parametrize("way", ["set", "rolled back", "imported"])
def test_a_gift_given_while_aegis_was_on_is_sent_after_it_was_off_for_a_minute(minutes: int, way: str) -> None:
    with workbench() as bench:
        bench.run(ticks=2)
        sent = bench.give()
        bench.run(ticks=2)
        before = bench.versions.current()
        bench.raisedonors.faults.begin_outage("status")
        given = bench.give()
        bench.raisedonors.store.set_gift_status(sent, "Refunded")
        wait(bench, minutes)
        bench.settings(aegis={"enabled": False})
        if way == "set":
            bench.settings(aegis={"enabled": True})
        elif way == "rolled back":
            bench.versions.save(before.document, by="test", note=f"roll-back to {before.number}")
        else:
            bench.versions.save({"aegis": before.document["aegis"]}, by="test", note="import")
        bench.clock.advance(61)
        bench.raisedonors.faults.end_outage()

        bench.run(ticks=20)

        assert len(bench.transactions_of(given)) == 1
        assert sum(t.total for t in bench.transactions_of(sent)) == 0


def test_a_gift_given_while_aegis_was_off_stays_and_says_between_which_moments() -> None:
    with workbench() as bench:
        bench.run(ticks=2)
        bench.settings(aegis={"enabled": False})
        off = bench.give()
        bench.clock.advance(60)
        bench.settings(aegis={"enabled": True})

        bench.run(ticks=5)

        found = bench.delivery(off)
        assert found.state is State.IGNORED
        assert found.trouble is not None
        assert found.trouble.cause == "before-start"
        assert "switched off, from 2026-03-02T14:32:00" in found.trouble.text
        assert "until 2026-03-02T14:34:01" in found.trouble.text


def test_what_was_given_while_aegis_was_on_is_found_although_virtuous_alone_was_served_meanwhile() -> None:
    with virtuous_bench(with_aegis=True) as both:
        bench = both.bench
        bench.run(ticks=2)
        sent = bench.give()
        bench.run(ticks=2)
        bench.raisedonors.faults.begin_outage("status")
        given = bench.give()
        wait(bench, 50)
        bench.settings(aegis={"enabled": False})
        bench.raisedonors.faults.end_outage()
        bench.raisedonors.store.set_gift_status(sent, "Refunded")
        wait(bench, 60)
        off = bench.give()
        wait(bench, 60)
        bench.settings(aegis={"enabled": True})

        bench.run(ticks=10)

        assert len(bench.transactions_of(given)) == 1
        assert sum(t.total for t in bench.transactions_of(sent)) == 0
        assert bench.transactions_of(off) == []


def test_a_return_costs_no_walk_from_the_beginning() -> None:
    with virtuous_bench(with_aegis=True) as both:
        bench = both.bench
        bench.run(ticks=2)
        bench.clock.advance(10 * 86400)
        bench.give()
        bench.run(ticks=2)
        bench.settings(aegis={"enabled": False})
        bench.run(ticks=2)
        bench.settings(aegis={"enabled": True})
        bench.run(ticks=1)

        row = bench.tools.state.get("cursor#gifts")
        assert row is not None
        assert row["at"] > format_moment(BEGIN + timedelta(days=9))


@pytest.mark.parametrize("switch", ["enabled", "sync_gifts"])
def test_a_gift_given_while_virtuous_took_gifts_waits_for_the_batch_after_it_was_off(switch: str) -> None:
    with virtuous_bench() as both:
        bench = both.bench
        bench.pickup()
        bench.raisedonors.faults.begin_outage("status")
        given = bench.give()
        wait(bench, 50)
        bench.settings(virtuous={switch: False})
        bench.pickup()
        off = bench.give()
        wait(bench, 5)
        bench.settings(virtuous={switch: True})
        bench.raisedonors.faults.end_outage()

        wait(bench, 10)

        assert both.delivery(donation_created_id(given, VIRTUOUS)).state is State.PENDING
        assert both.delivery(donation_created_id(off, VIRTUOUS)).state is State.IGNORED


def test_an_edit_made_while_contacts_were_kept_the_same_waits_for_the_batch_though_the_switch_is_off_by_now() -> None:
    with virtuous_bench() as both:
        bench = both.bench
        donor = bench.population.make_donor("new_person", gives=False).donor_id
        both.link(donor)
        wait(bench, 3)
        bench.raisedonors.faults.begin_outage("status")
        bench.raisedonors.store.edit("donor", donor, {"firstName": "Edited"})
        wait(bench, 5)
        bench.settings(virtuous={"sync_contacts": False})
        bench.raisedonors.faults.end_outage()
        wait(bench, 3)
        bench.settings(virtuous={"sync_contacts": True})

        wait(bench, 3)

        assert both.delivery(donor_updated_id(donor, VIRTUOUS)).state is State.PENDING


def test_reconciliation_asks_when_gifts_were_taken_as_the_pickup_does() -> None:
    with workbench() as bench:
        bench.run(ticks=1)
        bench.settings(aegis={"enabled": False})
        bench.settings(aegis={"enabled": True})

        on = on_periods_of(bench.tools, bench.tools.settings()[1], "aegis")

        assert [on.holds(BEGIN + timedelta(seconds=at)) for at in (-1, 30, 90, 200)] == [False, True, False, True]


def test_a_refund_made_while_aegis_was_on_is_sent_though_it_is_seen_after_a_minute_off() -> None:
    with workbench() as bench:
        bench.run(ticks=2)
        sent = bench.give()
        bench.run(ticks=2)
        bench.raisedonors.faults.begin_outage("status")
        bench.raisedonors.store.set_gift_status(sent, "Refunded")
        wait(bench, 50)
        bench.settings(aegis={"enabled": False})
        bench.settings(aegis={"enabled": True})
        bench.raisedonors.faults.end_outage()

        bench.run(ticks=5)

        assert bench.tools.deliveries.get(donation_refunded_id(sent)) is not None
        assert sum(t.total for t in bench.transactions_of(sent)) == 0


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"at": format_moment(BEGIN)}, OnPeriods((BEGIN,))),
        ({"at": None}, OnPeriods()),
        (None, OnPeriods()),
        ({"at": None, "turns": [format_moment(BEGIN)] * 2}, OnPeriods((BEGIN, BEGIN))),
    ],
)
def test_a_row_of_the_version_before_names_the_newest_moment_alone(
    row: dict[str, object] | None, expected: OnPeriods
) -> None:
    assert read_periods(row) == expected


def test_a_turn_after_a_row_of_the_version_before_is_told_from_its_moment() -> None:
    with workbench() as bench:
        bench.run(ticks=1)
        state = bench.tools.state
        state.put("enabled#aegis", {"at": format_moment(BEGIN)}, state.get("enabled#aegis"))
        bench.settings(aegis={"enabled": False})

        assert read_periods(state.get("enabled#aegis")).turns == (BEGIN, BEGIN + timedelta(seconds=60))
