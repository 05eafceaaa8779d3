"""Pages that a server caps, turns round, repeats, shifts or miscounts hide no gift: all are seen, or it is told."""

from __future__ import annotations

from datetime import timedelta

import pytest

from giftbridge.flows.vitals import VitalSigns
from ops.simulators.raisedonors_paging import PageHabits
from tests.workbench import BEGIN, Workbench, workbench

GIFTS = 130
TICKS, TICK_SECONDS = 5, 240
# The alarm goes off after a quarter of an hour.
SILENT_SECONDS = 900
HABITS = {
    "caps its pages": PageHabits(most_rows=50),
    "caps its pages and shrinks its total": PageHabits(most_rows=50, shrinks_total=True),
    "ignores the sort": PageHabits(ignores_sort=True),
    "ignores the sort and caps its pages": PageHabits(ignores_sort=True, most_rows=50),
    "gives the newest first": PageHabits(newest_first=True),
    "gives the newest first and caps its pages": PageHabits(newest_first=True, most_rows=40),
    "shifts its pages": PageHabits(most_rows=100, shifts=3),
    "repeats rows": PageHabits(repeats=10),
    "shrinks its total": PageHabits(shrinks_total=True),
}

ORDERS = {"of two hours": False, "of one moment": True}


def give_many(bench: Workbench, *, is_one_moment: bool) -> set[int]:
    """Gifts of two hours, or of one moment; their ids do not follow the order in which they were modified."""
    donor = bench.population.make_donor("known_exact")
    apart = 0 if is_one_moment else 50
    moments = [BEGIN + timedelta(seconds=1 + (n * 37 % GIFTS) * apart) for n in range(GIFTS)]
    made = {bench.population.make_gift("one_time", moment, donor=donor).gift_id for moment in moments}
    bench.clock.advance(2 * 3600)
    return made


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("habit", HABITS)
def test_a_server_hides_no_gift(habit: str, order: str) -> None:
    with workbench() as bench:
        bench.pickup()
        given = give_many(bench, is_one_moment=ORDERS[order])
        bench.raisedonors.store.settings.pages = HABITS[habit]
        told: list[bool] = []
        for _ in range(TICKS):
            outcome = bench.pickup()
            told.append("gifts" in outcome.troubles)
            bench.clock.advance(TICK_SECONDS)
        known = {int(row["entity"]) for row in bench.rows("DeliveriesTable")}

        silent = VitalSigns(bench.tools, ["aegis"]).take().pickup_silent_seconds
        unseen = len(given - known)
        assert not unseen or (all(told) and silent > SILENT_SECONDS), (unseen, told, silent)

        bench.raisedonors.store.settings.pages = PageHabits()
        for _ in range(2):
            bench.pickup()
            bench.clock.advance(TICK_SECONDS)
        assert given <= {int(row["entity"]) for row in bench.rows("DeliveriesTable")}


@pytest.mark.parametrize("body", ['{"message":"x"}', '{"items":null}', "[]", "", "<html>Sign in</html>"])
def test_a_feed_that_cannot_be_read_is_never_complete_and_its_silence_counts(body: str) -> None:
    with workbench() as bench:
        bench.run()
        gift = bench.give()
        odd = bench.raisedonors.faults.status("queryGifts", 200, body=body)

        for _ in range(TICKS):
            outcome = bench.pickup()
            assert not outcome.is_complete
            assert outcome.troubles, "no trouble is named"
            bench.clock.advance(TICK_SECONDS)

        assert odd.fired
        assert VitalSigns(bench.tools, ["aegis"]).take().pickup_silent_seconds > SILENT_SECONDS
        bench.raisedonors.faults.clear()
        bench.run(3)
        assert len(bench.transactions_of(gift)) == 1
