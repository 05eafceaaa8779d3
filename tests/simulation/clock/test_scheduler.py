"""Virtual time, processes that give way, and their deaths."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.simulation.clock.scheduler import Process, Scheduler

BEGIN = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)


def test_processes_take_turns_by_the_clock() -> None:
    scheduler, said = Scheduler(BEGIN), []

    def talk(name: str, pause: float) -> None:
        for n in range(3):
            said.append((name, n, scheduler.seconds))
            scheduler.pause(pause)

    scheduler.start("a", lambda: talk("a", 2.0))
    scheduler.start("b", lambda: talk("b", 3.0))
    scheduler.run(100)

    assert said == [("a", 0, 0), ("b", 0, 0), ("a", 1, 2), ("b", 1, 3), ("a", 2, 4), ("b", 2, 6)]
    assert scheduler.seconds == 100 and (scheduler.now() - BEGIN).total_seconds() == 100


def test_a_process_whose_time_is_over_dies_and_no_clean_up_reaches_the_outside() -> None:
    scheduler, ended, outside = Scheduler(BEGIN), [], []

    def work() -> None:
        try:
            scheduler.pause(5)
        except Exception:
            outside.append("an error was seen")
        finally:
            scheduler.pause(0)
            outside.append("cleaned up")

    def told(process: Process) -> None:
        ended.append((process.is_dead, scheduler.seconds))

    scheduler.start("a", work, seconds=3, then=told)
    scheduler.run(100)

    assert ended == [(True, 3.0)] and outside == []


def test_threads_of_a_process_run_side_by_side_and_are_all_waited_for() -> None:
    scheduler, took = Scheduler(BEGIN), []

    def one(seconds: float) -> float:
        scheduler.pause(seconds)
        if seconds == 2:
            raise ValueError("two")
        return seconds

    def work() -> None:
        took.append(scheduler.side_by_side(one, [3.0, 1.0, 4.0], 2))
        took.append(scheduler.seconds)
        with pytest.raises(ValueError, match="two"):
            scheduler.side_by_side(one, [1.0, 2.0, 1.0], 8)

    process = scheduler.start("a", work)
    scheduler.run(100)

    assert took == [[3.0, 1.0, 4.0], 5.0] and process.error is None and process.is_over


def test_the_death_of_one_thread_is_the_death_of_its_process() -> None:
    scheduler, done = Scheduler(BEGIN), []

    def one(n: int) -> None:
        scheduler.pause(n)
        if n == 2:
            process = scheduler.process()
            assert process is not None
            process.die()
        done.append(n)

    process = scheduler.start("a", lambda: scheduler.side_by_side(one, [1, 2, 3], 3))
    scheduler.run(100)

    assert process.is_dead and done == [1]


def test_a_lock_is_held_by_one_thread_at_a_time() -> None:
    scheduler, inside, most = Scheduler(BEGIN), [0], [0]
    lock = scheduler.lock()

    def one(_: int) -> None:
        with lock, lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            scheduler.pause(1)
            inside[0] -= 1

    scheduler.start("a", lambda: scheduler.side_by_side(one, [1, 2, 3], 3))
    scheduler.run(100)

    assert most == [1]
