"""`make simulate`: what it prints, and how it ends."""

from __future__ import annotations

import json

import pytest

from tests.simulation.run import main
from tests.simulation.world.weather import DENSITIES, KINDS, Weather


def test_the_last_line_is_one_object_and_a_clean_run_ends_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["--seeds", "2", "--donations", "3", "--from", "5", "--without", "all"])
    lines = capsys.readouterr().out.splitlines()
    told = json.loads(lines[-1])

    assert code == 0
    assert list(told) == [
        "seeds", "donations", "faults", "deaths", "lost", "doubled", "cents", "stuck", "unexplained", "crossed",
        "failed_seeds",
    ]  # fmt: skip
    assert (told["seeds"], told["donations"], told["failed_seeds"]) == (2, 6, [])
    assert lines[0].startswith("seed 5: 3 donations") and lines[1].startswith("seed 6: 3 donations")


def test_a_run_in_which_something_is_wrong_ends_with_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nobody looks for what was given.
    monkeypatch.setattr("tests.simulation.world.triggers.Schedule._tick", lambda _self: None)
    code = main(["--seeds", "1", "--donations", "6", "--from", "1", "--without", "all", "--no-shrink"])
    lines = capsys.readouterr().out.splitlines()
    told = json.loads(lines[-1])

    assert code == 1 and told["failed_seeds"] == [1] and told["lost"] > 0 and told["cents"] > 0
    assert any('make simulate ARGS="--seeds 1 --donations 6 --from 1' in line for line in lines)


def test_a_seed_that_fails_is_shrunk_and_its_story_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.simulation.world.triggers.Schedule._tick", lambda _self: None)
    code = main(["--seeds", "1", "--donations", "3", "--from", "1", "--without", "all"])
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]

    assert code == 1
    assert "it needs no weather" in lines and "what happened:" in lines
    assert any(line.startswith("shrunk to 0 kinds of weather, 1 acts") for line in lines)
    shrunk = next(line for line in lines if line.startswith("shrunk: make simulate"))
    assert "--seeds 1 --donations 3 --from 1 --without all --acts " in shrunk
    acts = shrunk.partition("--acts ")[2].split()[0]

    again = main(["--seeds", "1", "--donations", "3", "--from", "1", "--without", "all", "--acts", acts, "--no-shrink"])
    told = json.loads(capsys.readouterr().out.splitlines()[-1])

    assert again == 1 and told["donations"] == 1 and told["lost"] == 1


def test_acts_that_are_no_numbers_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--acts", "first"])

    assert "'first' is no list of numbers, such as 3,17,20, nor none" in capsys.readouterr().err


def test_an_unknown_kind_of_weather_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--without", "frogs"])

    assert "no such weather: frogs" in capsys.readouterr().err


def test_leaving_a_kind_of_weather_out_changes_no_other() -> None:
    whole = Weather.drawn(8)
    left_out = next(iter(whole.densities))
    part = Weather.drawn(8, (left_out,))

    assert part.densities == {kind: density for kind, density in whole.densities.items() if kind != left_out}
    assert part.states == whole.states


def test_bringing_a_kind_of_weather_changes_no_other() -> None:
    drawn, forced = Weather.drawn(8), Weather.drawn(8, (), ("restored",))

    assert "restored" not in drawn.states
    assert forced.states == {*drawn.states, "restored"} and forced.densities == drawn.densities


def test_every_kind_of_weather_comes_and_stays_away_over_some_seeds() -> None:
    seen = [Weather.drawn(seed) for seed in range(60)]

    for kind in KINDS:
        there = sum(kind in weather.densities or kind in weather.states for weather in seen)
        assert 10 < there < 50, kind
    assert all(density <= DENSITIES[kind] for weather in seen for kind, density in weather.densities.items())
