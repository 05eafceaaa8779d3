"""A failing seed is shrunk to what it needs, and its story is told in words."""

from __future__ import annotations

import itertools
import re
from functools import partial
from pathlib import Path

import pytest

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


def test_a_failure_is_shrunk_to_the_weather_and_the_acts_that_it_needs_and_told_in_words() -> None:
    mutation = MUTATIONS["failed-write-sent-again"]
    kept = {"http-5xx-after", "tick-late", "doubled-receive"}
    case = Case(2, 10, tuple(kind for kind in KINDS if kind not in kept))
    with applied(mutation):
        before = case.world().run().verdict
    sort = sort_of(before)
    assert sort == "doubled", before.sentences()

    least = shrunk(case, sort, seconds=30, guard=partial(applied, mutation))
    with applied(mutation):
        world = least.world(keeps_trace=True)
        after = world.run().verdict
    told = "\n".join(story(least, world, after))

    assert sort_of(after) == sort
    assert least.weather == ["http-5xx-after"]
    assert least.only is not None and len(least.only) <= 2
    gift = re.search(r"gift (\d+)", after.doubled[0])
    assert gift is not None
    assert "a system answers with a 5xx and has carried the request out (http-5xx-after)" in told
    assert re.search(rf"\d\d:\d\d:\d\d people: donor \d+ gives {gift[1]} ", told)
    assert re.search(r"\d\d:\d\d:\d\d the worker for Aegis \(run \d+\) writes together .*becomes delivered", told)
    assert f"aegis/donation/{gift[1]}/created: delivered: recorded in Aegis" in told
    assert f"--acts {','.join(map(str, least.only))}" in least.arguments


def test_each_kind_of_weather_has_words_and_stands_in_the_documents() -> None:
    rows = re.findall(
        r"^\| `([a-z0-9-]+)` \| (.+?) \|$", EVIDENCE.read_text().partition("## The weather")[2], re.MULTILINE
    )

    assert set(WORDS) == set(KINDS), "write the words of a new kind into weather_words.py"
    assert dict(rows[: len(WORDS)]) == dict(WORDS), "docs/evidence.md lists the kinds of weather in these words"
