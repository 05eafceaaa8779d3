"""A failing seed is shrunk to what it needs, and its story is told in words."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from tests.simulation.judge.verdict import Verdict
from tests.simulation.mutations.catalogue import MUTATIONS
from tests.simulation.mutations.mutation import applied
from tests.simulation.shrinking.shrinking import Case, shrunk, sort_of
from tests.simulation.shrinking.smallest import smallest
from tests.simulation.shrinking.story import story
from tests.simulation.shrinking.weather_words import WORDS
from tests.simulation.world.weather import KINDS

EVIDENCE = Path(__file__).parents[3] / "docs" / "evidence.md"


@pytest.mark.parametrize("needed", [set(), {0}, {3, 4}, {1, 6, 19}, set(range(20))], ids=str)
def test_exactly_what_is_needed_is_left(needed: set[int]) -> None:
    left = smallest(range(20), lambda tried: needed <= set(tried), lambda: True)

    assert left == sorted(needed)


def test_when_the_time_is_over_what_was_found_by_then_is_kept() -> None:
    times = itertools.count()
    left = smallest(range(20), lambda tried: {3, 4} <= set(tried), lambda: next(times) < 3)

    assert {3, 4} < set(left) and len(left) < 20


def test_a_failure_is_shrunk_to_the_weather_and_the_acts_that_it_needs() -> None:
    case = Case(5, 6, ("clock-skew",))
    assert "death" in case.weather and len(case.weather) > 10
    said: list[str] = []

    def play(tried: Case) -> Verdict:
        is_needed = "death" in tried.weather and (tried.only is None or {0, 2} <= set(tried.only))
        return Verdict(lost=["gift 1"] if is_needed else [], stuck=["gift 1", "gift 2"])

    least = shrunk(case, "lost", play=play, say=said.append)

    assert (least.weather, least.only) == (["death"], (0, 2))
    assert least.arguments.startswith("--seeds 1 --donations 6 --from 5 --without ")
    assert least.arguments.endswith("--acts 0,2")
    assert said[0].startswith("shrunk to ") and said[-1] == "shrunk to 1 kinds of weather, 2 acts"


def test_a_failure_is_not_shrunk_when_there_is_no_time() -> None:
    case = Case(5, 6)

    assert shrunk(case, "lost", play=lambda _: Verdict(lost=["gift 1"]), seconds=0) == case


def test_the_story_of_a_failure_tells_what_happened_to_the_gift_in_words() -> None:
    case = Case(83, 4, tuple(kind for kind in KINDS if kind != "http-5xx-after"))
    with applied(MUTATIONS["failed-write-sent-again"]):
        world = case.world(keeps_trace=True)
        verdict = world.run().verdict
    assert sort_of(verdict) == "doubled", verdict.sentences()
    told = list(story(case, world, verdict))
    whole = "\n".join(told)
    gift = re.search(r"gift (\d+)", verdict.doubled[0])
    assert gift is not None
    delivery = f"aegis/donation/{gift[1]}/created"

    assert told[1].strip().startswith("doubled: ")
    assert "a system answers with a 5xx and has carried the request out (http-5xx-after)" in whole
    assert re.search(rf"\d\d:\d\d:\d\d people: donor \d+ gives {gift[1]} ", whole)
    assert re.search(rf"carried the request out: POST /api/transaction/Create \({delivery}\)", whole)
    assert re.search(rf"the worker for Aegis \(run \d+\) writes together {delivery} becomes delivered", whole)
    assert f"{delivery}: delivered: recorded in Aegis" in whole
    other = next(name for name in world.tables.deliveries() if gift[1] not in name and name not in whole)
    assert other


def test_each_kind_of_weather_has_words_and_stands_in_the_documents() -> None:
    rows = re.findall(
        r"^\| `([a-z0-9-]+)` \| (.+?) \|$", EVIDENCE.read_text().partition("## The weather")[2], re.MULTILINE
    )

    assert set(WORDS) == set(KINDS), "write the words of a new kind into weather_words.py"
    assert dict(rows[: len(WORDS)]) == dict(WORDS), "docs/evidence.md lists the kinds of weather in these words"
