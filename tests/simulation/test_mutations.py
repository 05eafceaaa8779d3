"""Who judges the judge: a guard that is taken out of the product is missed, and every guard named here is there."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.simulation.mutations.catalogue import MUTATIONS
from tests.simulation.mutations.mutation import WITHIN, Mutation, TargetGone, applied, place_of
from tests.simulation.run import main
from tests.simulation.world.weather import KINDS

EVIDENCE = Path(__file__).parents[2] / "docs" / "evidence.md"


@pytest.mark.parametrize("mutation", MUTATIONS.values(), ids=lambda mutation: mutation.name)
def test_what_a_mutation_replaces_is_there_and_comes_back(mutation: Mutation) -> None:
    owner, name = place_of(mutation)
    before = vars(owner)[name]

    with applied(mutation):
        assert vars(owner)[name] is not before
    assert vars(owner)[name] is before
    assert set(mutation.weather) <= set(KINDS)


def test_a_guard_that_was_renamed_is_missed_by_name() -> None:
    known = MUTATIONS["no-long-look-back"]
    renamed = replace(known, target="giftbridge.flows.feed_walk:LONGEST_LOOK_BACK")

    with pytest.raises(TargetGone, match=r"no-long-look-back.*LONGEST_LOOK_BACK.*as the product calls it now"):
        place_of(renamed)


def test_there_are_at_least_thirty_guards() -> None:
    assert len(MUTATIONS) >= 30


def test_the_names_are_printed_one_a_line_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["--mutations"])

    assert code == 0
    assert capsys.readouterr().out.splitlines() == list(MUTATIONS)


def test_a_guard_that_is_out_is_noticed_at_a_seed_by_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["--mutate", "line-left-out", "--donations", "6", "--seeds", "3"])
    lines = capsys.readouterr().out.splitlines()
    told = json.loads(lines[-1])

    assert code == 1
    assert told["failed_seeds"] == [1] and told["seeds"] == 1 and told["unexplained"] > 0
    assert any(line.lstrip().startswith("noticed at seed 1, the 1. that was played, by: unexplained") for line in lines)
    assert any("--mutate line-left-out --seeds 1 --donations 6 --from 1" in line for line in lines)


def test_a_guard_that_was_not_needed_is_not_noticed(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["--mutate", "no-long-look-back", "--donations", "3", "--seeds", "1", "--without", "all"])
    lines = capsys.readouterr().out.splitlines()

    assert code == 0
    assert "    NOT noticed in 1 seeds" in lines and json.loads(lines[-1])["failed_seeds"] == []


def test_a_seed_that_fails_with_its_guards_in_place_tells_nothing_of_a_mutation(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nobody looks for what was given.
    monkeypatch.setattr("tests.simulation.world.triggers.Schedule._tick", lambda _self: None)
    code = main(["--mutate", "line-left-out", "--donations", "3", "--seeds", "1"])
    lines = capsys.readouterr().out.splitlines()

    assert code == 0
    assert any(line.startswith("seed 1: passed over") for line in lines)
    assert "    NOT noticed in 0 seeds" in lines


def test_an_unknown_mutation_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--mutate", "frogs"])

    assert "no such mutation: frogs; --mutations prints their names" in capsys.readouterr().err


def test_a_mutation_takes_its_own_weather_unless_it_is_told_otherwise(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--mutate", "no-long-look-back", "--donations", "3", "--seeds", "2", "--trace"])
    weather = {line.split()[1] for line in capsys.readouterr().out.splitlines() if line.startswith("weather: ")}

    assert weather <= {"late-visible"}


def test_the_mutations_are_those_of_the_documents() -> None:
    text = EVIDENCE.read_text()
    rows = re.findall(r"^\| `([a-z-]+)` \| (.+?) \| .+? \|$", text.partition("## The guards")[2], re.MULTILINE)

    assert dict(rows) == {mutation.name: mutation.weakens for mutation in MUTATIONS.values()}
    assert f"within {WITHIN} seeds" in text
