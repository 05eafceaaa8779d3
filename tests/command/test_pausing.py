"""`giftbridge pause` and `resume` hold a system's calls back and let them go again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from giftbridge.domain import delivery_life
from giftbridge.domain.deliveries import State, Trouble
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


def test_resume_ends_a_wait_that_aegis_asked_for_and_all_goes_out_at_once(connected: Desk) -> None:
    bench = connected.bench
    bench.aegis.faults.status("*", 429, headers={"Retry-After": "3000"})
    gifts = [bench.give(donor=bench.population.make_donor("new_person")) for _ in range(4)]
    bench.run(ticks=2)
    bench.aegis.faults.clear()
    bench.run(ticks=2)
    waited = [bench.delivery(gift).state for gift in gifts]

    resumed = connected.json("resume", "aegis")
    bench.run(ticks=2)

    assert State.DELIVERED not in waited
    assert resumed == {"system": "aegis", "ended": ["wait"]}
    assert [bench.delivery(gift).state for gift in gifts] == [State.DELIVERED] * 4
    assert [line["what"] for line in connected.json("activity")["activity"] if line["entity"] == "system#aegis"] == [
        "resumed"
    ]
    assert connected.run("resume", "aegis").out.startswith("Aegis was open.")


def test_resume_ends_a_wait_that_raisedonors_asked_for(connected: Desk) -> None:
    bench = connected.bench
    bench.raisedonors.faults.status("queryGifts", 429, headers={"Retry-After": "3000"})
    gift = bench.give()
    bench.pickup()
    bench.raisedonors.faults.clear()
    assert "429" in connected.run("pickup", "run", "--json").data["why_idle"]

    assert connected.json("resume", "raisedonors")["ended"] == ["wait"]

    bench.run(ticks=2)
    assert bench.delivery(gift).state is State.DELIVERED


def test_a_wait_until_2065_in_rows_of_an_older_version_holds_nothing_up(connected: Desk) -> None:
    bench = connected.bench
    far = datetime(2065, 10, 21, 7, 28, tzinfo=UTC)
    gift = bench.give()
    bench.pickup()
    for system in ("raisedonors", "aegis"):
        bench.tools.state.change_destination(system, lambda d: replace(d, not_before=far))
    later = bench.give()

    bench.run(ticks=3)

    assert [bench.delivery(one).state for one in (gift, later)] == [State.DELIVERED] * 2
    assert [bench.tools.state.destination(name).not_before for name in ("raisedonors", "aegis")] == [None, None]


def test_resume_wakes_a_delivery_that_an_older_version_put_off_until_2065(connected: Desk) -> None:
    bench = connected.bench
    gift = bench.give()
    bench.pickup()
    seen = bench.delivery(gift)
    trouble = Trouble("too-many-calls", "createTransaction: 429")
    far = datetime(2065, 10, 21, 7, 28, tzinfo=UTC)
    bench.tools.deliveries.save(seen, delivery_life.waiting(seen, trouble, far, bench.clock(), counts=False))
    bench.receive()

    connected.run("resume", "aegis")

    bench.run(ticks=2)
    assert bench.delivery(gift).state is State.DELIVERED


def test_a_system_that_is_none_is_wrong_usage(connected: Desk) -> None:
    answer = connected.run("pause", "virtuos")

    assert answer.code == 2
    assert "raisedonors, aegis, virtuous" in answer.err
