"""The CRMs are called no more than twice as often as their records need, and the judge sees it where they are."""

from __future__ import annotations

import json

import pytest

from tests.simulation.judge.calls import Asked, count_calls
from tests.simulation.judge.verdict import Verdict
from tests.simulation.run import main
from tests.simulation.world.weather import KINDS, Weather
from tests.simulation.world.world import World


def _said(asked: Asked, faults: int) -> list[str]:
    verdict = Verdict()
    count_calls([asked], faults, verdict)
    return verdict.sentences()


def test_a_calm_world_calls_both_crms_at_most_twice_as_often_as_their_records_need() -> None:
    world = World(5, 12, KINDS, destinations=("aegis", "virtuous"))
    outcome = world.run()
    asked = {(one.system, one.sort): one.calls for one in world.asked()}

    assert outcome.verdict.sentences() == []
    assert world.weather.calls_struck == 0
    assert len(asked) == 10 and all(calls > 0 for calls in asked.values())


def test_twice_the_least_is_not_too_much_and_one_call_more_is() -> None:
    assert _said(Asked("aegis", "gifts", 20, 10), 0) == []
    assert _said(Asked("aegis", "gifts", 21, 10), 0) == [
        "wrong: aegis was called 21 times for gifts, which takes 10 calls; 0 faults struck"
    ]


def test_a_fault_that_struck_allows_two_calls_more() -> None:
    assert _said(Asked("aegis", "gifts", 24, 10), 2) == []
    assert len(_said(Asked("aegis", "gifts", 25, 10), 2)) == 1


def test_only_what_befalls_a_call_or_its_process_allows_calls() -> None:
    weather = Weather.drawn(1)
    weather.struck.update({"http-429": 2, "outage-aegis": 3, "death": 4, "aws-throttled": 100, "tick-late": 100})

    assert weather.calls_struck == 9


def test_a_product_that_asks_for_the_same_again_is_noticed(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["--mutate", "asks-three-times", "--donations", "8", "--seeds", "1"])
    lines = capsys.readouterr().out.splitlines()

    assert code == 1 and json.loads(lines[-1])["failed_seeds"] == [1]
    assert any("wrong: aegis was called" in line for line in lines)
