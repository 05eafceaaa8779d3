"""The overview's throughput counts each delivery once, and reads a line once."""

from __future__ import annotations

from ops.operating.throughput import ThroughputWatch
from tests.command.desk import Desk


def test_what_arrived_is_counted_once_however_often_it_is_looked_at(connected: Desk) -> None:
    bench, watch = connected.bench, ThroughputWatch()
    donor = bench.population.make_donor("new_person")
    for _ in range(3):
        bench.give(donor=donor)
    connected.fail_gift()
    first = watch.look(connected.stack)
    again = watch.look(connected.stack)
    bench.give(donor=donor)
    bench.run()
    later = watch.look(connected.stack)

    assert (first.last_hour, first.last_day, sum(first.lately), first.is_whole) == (3, 3, 3, True)
    assert again == first
    assert (later.last_hour, later.last_day) == (4, 4)
    assert len(later.lately) == 30

    bench.clock.advance(3_600)
    hour_later = watch.look(connected.stack)
    bench.clock.advance(24 * 3_600)
    assert (hour_later.last_hour, hour_later.last_day) == (0, 4)
    assert watch.look(connected.stack).last_day == 0


def test_a_line_that_the_index_shows_late_is_counted_all_the_same(connected: Desk) -> None:
    bench, watch = connected.bench, ThroughputWatch()
    bench.clock.advance(5)
    watch.look(connected.stack)
    bench.clock.advance(-3)
    line = bench.tools.activity.line("donor#1", now=bench.clock(), what="delivered", why="late")
    bench.dynamodb.transact_write_items(TransactItems=[{line.operation: line.arguments}])
    bench.clock.advance(4)

    assert watch.look(connected.stack).last_hour == 1
    assert watch.look(connected.stack).last_hour == 1
