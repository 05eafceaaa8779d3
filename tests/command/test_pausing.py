"""`giftbridge pause` and `resume` hold a system's calls back and let them go again."""

from __future__ import annotations

from datetime import timedelta

from giftbridge.domain.deliveries import State
from tests.command.desk import Desk


def test_while_aegis_is_paused_deliveries_wait_and_then_go_out(connected: Desk) -> None:
    bench = connected.bench
    paused = connected.json("pause", "aegis")
    gift = bench.give()
    bench.run(ticks=2)

    answer = connected.run("status", "--json")

    assert paused == {"system": "aegis", "paused_by": "user/moto"}
    assert bench.calls() == [] and bench.delivery(gift).state is not State.DELIVERED
    assert answer.code == 1 and answer.data["systems"]["aegis"]["reason"] == "by user/moto"
    assert "aegis is paused by user/moto" in connected.json("deliveries", str(gift))["next"]
    assert connected.json("resume", "Aegis")["ended"] == ["pause"]
    bench.run(ticks=3)
    assert bench.delivery(gift).state is State.DELIVERED


def test_while_raisedonors_is_paused_nothing_is_read(connected: Desk) -> None:
    connected.run("pause", "raisedonors")

    assert connected.run("pickup", "run", "--json").data["why_idle"] == "paused by user/moto"
    assert connected.bench.calls("raisedonors") == []


def test_who_paused_it_first_stays_on_record(connected: Desk) -> None:
    state = connected.bench.tools.state
    connected.run("pause", "aegis")
    first = state.destination("aegis")

    connected.run("pause", "aegis")

    assert state.destination("aegis") == first
    told = [(line["entity"], line["what"], line["who"]) for line in connected.json("activity")["activity"]]
    assert told == [("system#aegis", "paused", "user/moto")]


def test_resume_lifts_a_stop_and_closes_the_breaker_so_that_it_is_tried_at_once(connected: Desk) -> None:
    bench = connected.bench
    bench.wire("aegis")
    right, bench.aegis.password = bench.aegis.password, "changed there"
    gift = bench.give()
    bench.run()
    bench.aegis.password = right

    resumed = connected.json("resume", "aegis")
    bench.run(ticks=2)

    assert resumed["ended"] == ["stop"]
    assert bench.delivery(gift).state is State.DELIVERED


def test_a_time_the_system_asked_for_holds_after_a_resume(connected: Desk) -> None:
    until = connected.bench.clock() + timedelta(minutes=5)
    bench = connected.bench
    bench.give()
    bench.aegis.faults.status("*", 429, headers={"Retry-After": "300"})
    bench.pickup()
    bench.drain()

    resumed = connected.json("resume", "aegis")

    assert resumed["waits_until"] == until.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert "that holds" in connected.run("resume", "aegis").out


def test_a_system_that_is_none_is_wrong_usage(connected: Desk) -> None:
    answer = connected.run("pause", "virtuos")

    assert answer.code == 2
    assert "raisedonors, aegis, virtuous" in answer.err
