"""Virtuous compared with RaiseDonors: its gifts are told by our source and the donation's id."""

from __future__ import annotations

import copy
from datetime import date, timedelta
from decimal import Decimal

from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.domain.delivery_ids import VIRTUOUS, donation_created_id
from giftbridge.domain.reconciliation import Heal, Report, Sort
from giftbridge.flows.reconciliation import Reconciliation
from giftbridge.flows.reconciliation_healing import Healing
from giftbridge.flows.reconciliation_plans import plan_heal
from giftbridge.flows.reconciliation_reading import Sources
from ops.simulators.virtuous_records import Gift
from tests.virtuous_bench import VirtuousBench, virtuous_bench

DAY = date(2026, 3, 2)


def reconcile(both: VirtuousBench) -> Report:
    bench = both.bench
    bench.clock.advance(1800)
    bench.tools.time_left.restart(600)
    reconciliation = Reconciliation(
        bench.tools, Sources(RaiseDonors(bench.wire("raisedonors")), virtuous=both.client()), "test"
    )
    run_id = reconciliation.begin(DAY - timedelta(days=1), DAY + timedelta(days=1), "test")
    progress = reconciliation.advance(run_id)
    assert progress.is_done, progress
    report = reconciliation.kept.read(run_id)
    assert report is not None
    return report


def landed(both: VirtuousBench, donation: int) -> Gift:
    return both.virtuous.store.gifts[int(both.delivery(donation_created_id(donation, VIRTUOUS)).result["gift"])]


def named(report: Report) -> dict[str, str]:
    return {one.id: one.state for one in report.differences}


def spoil(both: VirtuousBench, gifts: list[int]) -> set[str]:
    """Differences put in by hand, of gifts of which the first two were given back; the ids they are to have."""
    store = both.virtuous.store
    cent, day, gone, doubled, foreign = (landed(both, donation) for donation in gifts[2:7])
    cent.amount += Decimal("0.01")
    day.members["giftDate"] = "2026-03-01"
    both.virtuous.staff.delete_gift(gone.gift_id)
    twin = store.add_gift(doubled.contact_id, doubled.amount, copy.deepcopy(doubled.members))
    other = {**copy.deepcopy(foreign.members), "transactionSource": "Mail house", "transactionId": "17"}
    store.add_gift(foreign.contact_id, foreign.amount, other)
    kept, lost = (
        next(g for g in store.gifts.values() if g.reversed_gift_id == landed(both, donation).gift_id)
        for donation in gifts[:2]
    )
    second = store.add_gift(kept.contact_id, kept.amount, copy.deepcopy(kept.members))
    both.virtuous.staff.delete_gift(lost.gift_id)
    stray = {**copy.deepcopy(day.members), "transactionId": "no-gift-of-ours"}
    unknown = store.add_gift(day.contact_id, Decimal("4321.09"), stray)
    return {
        f"virtuous-different-{gifts[2]}-{cent.gift_id}",
        f"virtuous-wrong-day-{gifts[3]}-{day.gift_id}",
        f"virtuous-missing-{gifts[4]}",
        f"virtuous-doubled-{gifts[5]}-{twin.gift_id}",
        f"virtuous-doubled-{gifts[0]}r-{second.gift_id}",
        f"virtuous-missing-{gifts[1]}r",
        f"virtuous-unexplained-{unknown.gift_id}",
    }


def test_what_differs_in_virtuous_is_named_and_what_agrees_is_not() -> None:
    with virtuous_bench() as both:
        bench = both.bench
        bench.population.build(donors=4)
        gifts = [bench.give("one_time") for _ in range(7)]
        twins = bench.population.make_twins(bench.clock())
        both.day()
        for gift in gifts[:2]:
            bench.raisedonors.store.set_gift_status(gift, "Refunded", modified=bench.clock())
        both.settle(6)
        assert named(reconcile(both)) == {}, twins

        expected = spoil(both, gifts)
        held = bench.give("one_time")
        bench.pickup()
        both.batch()
        report = reconcile(both)
        assert named(report) == dict.fromkeys({*expected, f"virtuous-held-{held}"}, "open")
        told = {one.sort: one for one in report.differences}
        assert "held by the import tool since" in told[Sort.HELD].words
        assert all(one.heal is Heal.BY_HAND and one.remedy for one in report.open)
        [side] = report.sides
        assert sum(line.other.count for line in side.days) == 1


def test_a_contact_that_was_merged_keeps_its_gifts_found() -> None:
    with virtuous_bench() as both:
        bench = both.bench
        bench.population.build(donors=3)
        gifts = [bench.give("one_time") for _ in range(3)]
        both.day()
        contact = landed(both, gifts[0]).contact_id
        survivor = next(c for c in both.virtuous.store.contacts if c != contact)
        both.virtuous.staff.merge(contact, survivor)
        assert named(reconcile(both)) == {}


def test_a_gift_that_was_refused_or_never_taken_up_is_missing_and_healed() -> None:
    with virtuous_bench() as both:
        bench = both.bench
        bench.population.build(donors=3)
        refused = bench.give("unknown_fund")
        both.day()
        unseen = bench.give("one_time")
        report = reconcile(both)
        state = both.delivery(donation_created_id(refused, VIRTUOUS)).state
        expected = {f"virtuous-missing-{unseen}": "open"}
        if state.value == "failed":
            expected[f"virtuous-missing-{refused}"] = "open"
        assert named(report) == expected

        bench.tools.time_left.restart(600)
        raisedonors = RaiseDonors(bench.wire("raisedonors"))
        queues = {name: tools.queue for name, tools in both.tools.items()}
        results = Healing(bench.tools, raisedonors, None, queues, "test").heal(plan_heal(report))
        assert {one.outcome for one in results} == {"begun"}
        both.day()
        assert f"virtuous-missing-{unseen}" not in named(reconcile(both))


def test_without_a_list_of_gifts_each_is_asked_for_by_its_own_id() -> None:
    with virtuous_bench() as both:
        bench = both.bench
        bench.population.build(donors=2)
        gifts = [bench.give("one_time") for _ in range(2)]
        both.day()
        both.virtuous.faults.status("listGiftsOfContact", 405, count=100)
        assert named(reconcile(both)) == {}
        both.virtuous.staff.delete_gift(landed(both, gifts[0]).gift_id)
        assert named(reconcile(both)) == {f"virtuous-missing-{gifts[0]}": "open"}
