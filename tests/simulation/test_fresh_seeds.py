"""Every run plays the seeds that once showed something, and a minute of seeds that nobody has played.

The first seed is drawn from the commit, and printed. SIMULATION_SEED plays the same ones again,
SIMULATION_SECONDS plays for longer or shorter.
"""

from __future__ import annotations

import os
import time

import pytest

from tests.simulation.corpus.corpus import Known, known
from tests.simulation.fresh import KNOWN_EDGES, first_seed, seconds_to_play
from tests.simulation.shrinking.shrinking import Case, shrunk, sort_of
from tests.simulation.shrinking.story import story

DONATIONS = 20
_SECONDS_OF_SHRINKING = 40.0
# One worker plays them all, beside the other tests.
pytestmark = pytest.mark.xdist_group("fresh-seeds")


@pytest.mark.parametrize("one", known(), ids=lambda one: f"{one.case.seed}")
def test_a_seed_that_once_showed_something_comes_out_right(one: Known) -> None:
    outcome = one.case.world().run()

    assert outcome.verdict.is_clean, _told(one.case, outcome.verdict.sentences(), f"once it found: {one.found}")
    assert outcome.faults > 0 or not one.case.weather


@pytest.mark.timeout(300)
def test_a_minute_of_seeds_that_nobody_has_played_comes_out_right() -> None:
    seed, ends = first_seed(os.environ), time.monotonic() + seconds_to_play(os.environ)
    print(f"from seed {seed}: SIMULATION_SEED={seed} plays the same ones again")
    played = 0
    while played == 0 or time.monotonic() < ends:
        case = Case(seed + played, DONATIONS, KNOWN_EDGES)
        verdict = case.world().run().verdict
        sort = sort_of(verdict)
        if sort is not None:
            least = shrunk(case, sort, seconds=_SECONDS_OF_SHRINKING)
            world = least.world(keeps_trace=True)
            told = "\n".join(story(least, world, world.run().verdict))
            pytest.fail(_told(case, verdict.sentences(), f"shrunk: {least.arguments}\n{told}"))
        played += 1
    print(f"{played} seeds")


def _told(case: Case, sentences: list[str], more: str) -> str:
    return "\n".join([f'again: make simulate ARGS="{case.arguments} --trace"', *sentences, more])
