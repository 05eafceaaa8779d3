"""What happens to a queue's messages when the worker that handles them dies, hangs or hands them back."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from ops.local_stack.runner import LocalStack
from tests.local_stack.conftest import Probe, wait_for


def test_a_message_of_a_killed_worker_comes_back_and_a_new_worker_handles_it(
    stack: LocalStack, make_probe: Callable[..., Probe]
) -> None:
    probe = make_probe(visibility=2)
    probe.send("gift", slow_times=1)
    first = wait_for(lambda: probe.entries("gift"))[0]
    assert first["pid"] in stack.worker_pids()

    os.kill(first["pid"], signal.SIGKILL)

    entries = wait_for(lambda: probe.entries("gift") if len(probe.entries("gift")) == 2 else None)
    assert [entry["received"] for entry in entries] == ["1", "2"]
    assert entries[1]["pid"] != first["pid"]
    wait_for(lambda: probe.counts(probe.queue_url) == (0, 0))


def test_an_idle_worker_that_was_killed_is_replaced(stack: LocalStack, make_probe: Callable[..., Probe]) -> None:
    probe = make_probe(visibility=2)
    probe.send("before")
    worker = wait_for(lambda: probe.entries("before"))[0]["pid"]
    wait_for(lambda: probe.counts(probe.queue_url) == (0, 0))

    os.kill(worker, signal.SIGKILL)
    wait_for(lambda: worker not in stack.worker_pids() or _is_zombie(worker))
    probe.send("after")

    assert wait_for(lambda: probe.entries("after"))[0]["pid"] != worker


def test_a_worker_that_runs_into_its_time_out_is_ended_and_its_message_comes_back(
    make_probe: Callable[..., Probe],
) -> None:
    probe = make_probe(visibility=2, timeout=1)
    probe.send("gift", slow_times=1)

    entries = wait_for(lambda: probe.entries("gift") if len(probe.entries("gift")) == 2 else None)

    assert entries[0]["pid"] != entries[1]["pid"]


def test_what_kills_its_worker_again_and_again_ends_in_the_dead_letter_queue(make_probe: Callable[..., Probe]) -> None:
    probe = make_probe(visibility=2, timeout=1, max_receives=2)
    probe.send("poison", slow_times=99)

    wait_for(lambda: probe.counts(probe.dead_letter_url) == (1, 0))

    assert len(probe.entries("poison")) == 2
    assert probe.counts(probe.queue_url) == (0, 0)


def test_only_what_a_worker_hands_back_comes_back_and_it_blocks_only_its_group(
    make_probe: Callable[..., Probe],
) -> None:
    probe = make_probe(visibility=2)
    probe.send("handed back", group="one", fail_times=1)
    probe.send("other", group="two")
    wait_for(lambda: probe.entries("handed back"))
    probe.send("follower", group="one")

    wait_for(lambda: probe.entries("follower"))

    assert [entry["received"] for entry in probe.entries("handed back")] == ["1", "2"]
    assert [entry["received"] for entry in probe.entries("other")] == ["1"]
    wait_for(lambda: probe.counts(probe.queue_url) == (0, 0))


def _is_zombie(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123
            return stat.read().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True
