"""What the alarms watch, over real tables: ages, silence, trouble, and what a look costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from giftbridge.domain.deliveries import Kind, State, Trouble
from giftbridge.domain.delivery_life import new_delivery
from giftbridge.domain.remembered import Mirror, Mirrored
from giftbridge.domain.times import format_moment
from giftbridge.flows import daily_batch
from giftbridge.flows.vitals import MISSED_AFTER, RECONCILIATION, Vitals, VitalSigns
from giftbridge.store import reconciliations
from tests.workbench import Workbench, workbench

EVERYTHING = ("aegis", "virtuous", "raisedonors")


@pytest.fixture
def bench() -> Iterator[Workbench]:
    with workbench() as fresh:
        yield fresh


def taken(bench: Workbench, destinations: tuple[str, ...] = EVERYTHING) -> Vitals:
    return VitalSigns(bench.tools, destinations).take()


def put(bench: Workbench, number: int, age: float, kind: Kind = Kind.DONATION_CREATED, **members: Any) -> None:
    """A delivery as the pickup wrote it so many seconds ago."""
    destination = members.pop("destination", "aegis")
    what = "refunded" if kind is Kind.DONATION_REFUNDED else "created"
    delivery = new_delivery(
        id=f"{destination}/donation/{number}/{what}",
        kind=kind,
        donor_id=number,
        entity_id=str(number),
        now=bench.clock() - timedelta(seconds=age),
        destination=destination,
    )
    assert bench.tools.deliveries.add(replace(delivery, **members))


def test_a_stack_that_is_not_connected_is_well_and_its_tables_are_not_read(bench: Workbench) -> None:
    put(bench, 1, 10_000)

    told = taken(bench, ()).metrics()

    assert set(told.values()) == {0.0}
    assert {"OldestUndeliveredSeconds", "FailedToAegis", "FailedToVirtuous", "FailedToRaiseDonors"} <= set(told)


def test_the_age_is_that_of_the_oldest_gift_or_refund_whenever_it_is_due(bench: Workbench) -> None:
    put(bench, 3, 20)
    put(bench, 2, 400, state=State.WAITING, due=bench.clock() + timedelta(minutes=9))
    put(bench, 1, 900, Kind.DONATION_REFUNDED, state=State.UNKNOWN)

    assert taken(bench).oldest_undelivered_seconds == 900


@pytest.mark.parametrize(
    "members",
    [
        {"destination": "virtuous"},
        {"destination": "virtuous", "state": State.SENT},
        {"destination": "virtuous", "chunk": "virtuous/chunk/x/1"},
        {"state": State.DELIVERED, "mirrors": (Mirror(Mirrored.DONOR, "1", "2"),)},
        {"state": State.IGNORED, "trouble": Trouble("test-mode", ""), "mirrors": (Mirror(Mirrored.DONOR, "1", "2"),)},
        {"state": State.FAILED, "trouble": Trouble("unknown-fund:A", "")},
        {"is_backfill": True},
        {"state": State.WAITING, "trouble": Trouble("original-held", "waits for the import")},
    ],
    ids=["outbox", "held", "in a chunk", "delivered", "ignored", "failed", "backfill", "refund of a held gift"],
)
def test_what_waits_for_others_or_has_ended_has_no_age(bench: Workbench, members: dict[str, Any]) -> None:
    put(bench, 1, 10_000, **members)

    assert taken(bench).oldest_undelivered_seconds == 0


def test_of_very_many_the_oldest_donation_is_found_although_it_is_due_last(bench: Workbench) -> None:
    for number in range(1000, 1300):
        put(bench, number, 10)
    put(bench, 7, 5_000, state=State.WAITING, due=bench.clock() + timedelta(hours=1))

    assert taken(bench).oldest_undelivered_seconds == 5_000


def test_one_look_at_very_many_reads_a_bounded_number_of_rows(bench: Workbench) -> None:
    for number in range(300):
        put(bench, number, 10)
    read: list[int] = []
    bench.dynamodb.meta.events.register(
        "provide-client-params.dynamodb.BatchGetItem",
        lambda params, **_: read.append(sum(len(asked["Keys"]) for asked in params["RequestItems"].values())),
    )
    scans: list[object] = []
    bench.dynamodb.meta.events.register("provide-client-params.dynamodb.Scan", lambda **_: scans.append(1))

    taken(bench)

    assert (sum(read), scans) == (100, [])


def test_failed_deliveries_are_counted_by_destination(bench: Workbench) -> None:
    trouble = Trouble("unknown-fund:A", "")
    for number, destination in enumerate(("aegis", "aegis", "virtuous")):
        put(bench, number, 10, state=State.FAILED, trouble=trouble, destination=destination)

    told = taken(bench).metrics()

    assert (told["FailedToAegis"], told["FailedToVirtuous"], told["FailedToRaiseDonors"]) == (2, 1, 0)


def test_open_breakers_and_refused_credentials_are_counted_until_they_end(bench: Workbench) -> None:
    now = bench.clock()
    bench.tools.state.change_destination("aegis", lambda d: replace(d, opened_at=now))
    bench.tools.state.change_destination("raisedonors", lambda d: replace(d, stopped_at=now))
    during = taken(bench)
    bench.tools.state.change_destination("aegis", lambda d: replace(d, opened_at=None))
    bench.tools.state.change_destination("raisedonors", lambda d: replace(d, stopped_at=None))

    assert (during.open_breakers, during.stopped_systems) == (1, 1)
    assert (taken(bench).open_breakers, taken(bench).stopped_systems) == (0, 0)


def test_the_silence_of_the_pickup_grows_and_ends_with_its_next_run(bench: Workbench) -> None:
    before_the_first_run = taken(bench).pickup_silent_seconds
    bench.pickup()
    bench.clock.advance(1_000)
    silent = taken(bench).pickup_silent_seconds
    bench.pickup()

    assert (before_the_first_run, silent, taken(bench).pickup_silent_seconds) == (0, 1_000, 0)


def test_nobody_waits_for_a_pickup_that_is_paused_or_has_nothing_to_feed(bench: Workbench) -> None:
    bench.pickup()
    bench.clock.advance(1_000)
    bench.tools.state.change_destination("raisedonors", lambda d: replace(d, paused_by="ops"))
    paused = taken(bench).pickup_silent_seconds
    bench.tools.state.change_destination("raisedonors", lambda d: replace(d, paused_by=None))
    bench.settings(aegis={"enabled": False})

    assert (paused, taken(bench).pickup_silent_seconds) == (0, 0)


@pytest.mark.parametrize("is_on", [True, False])
def test_a_batch_is_missed_a_quarter_of_an_hour_after_its_time_while_virtuous_is_on(
    bench: Workbench, is_on: bool
) -> None:
    bench.settings(virtuous={"enabled": is_on}, batch_at="15:00")
    bench.tools.state.put(daily_batch.LAST, {"at": format_moment(bench.clock())}, None)
    due = bench.clock().replace(hour=15, minute=0, second=0)
    bench.clock.now = due + MISSED_AFTER
    in_time = taken(bench).is_batch_missed
    bench.clock.advance(1)

    assert (in_time, taken(bench).is_batch_missed) == (False, is_on)


def test_open_differences_are_those_that_the_newest_reconciliation_left(bench: Workbench) -> None:
    assert taken(bench).open_differences == 0
    bench.tools.state.put(RECONCILIATION, {"open": 3}, None)

    assert (taken(bench).open_differences, RECONCILIATION) == (3, reconciliations.LATEST)


def test_held_rows_are_counted_every_ten_minutes_with_the_age_of_the_oldest(bench: Workbench) -> None:
    since = bench.clock() - timedelta(hours=20)
    put(bench, 1, 90_000, destination="virtuous", state=State.SENT, result={"sent_at": format_moment(since)})
    put(bench, 2, 60, destination="virtuous", state=State.SENT)
    bench.clock.now = bench.clock().replace(minute=30)
    counted = taken(bench).metrics()
    bench.clock.advance(60)

    assert (counted["HeldRows"], counted["OldestHeldSeconds"]) == (2, 20 * 3600)
    assert not {"HeldRows", "OldestHeldSeconds"} & set(taken(bench).metrics())
