"""A failing seed, shrunk: the weather and the acts without which the same sort of failure does not come."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from tests.simulation.judge.verdict import Verdict
from tests.simulation.shrinking.smallest import smallest
from tests.simulation.world.weather import KINDS, Weather
from tests.simulation.world.world import World

SECONDS = 60.0
# By weight: of a failure of several sorts the first is the one that has to stay.
_SORTS = ("doubled", "crossed", "lost", "stuck", "unexplained", "wrong")


@dataclass(frozen=True, slots=True)
class Case:
    """A world: all that it is made of. `only` are the acts of people that happen; all of them where it is None."""

    seed: int
    donations: int
    without: tuple[str, ...] = ()
    only: tuple[int, ...] | None = None
    forced: tuple[str, ...] = ()

    def world(self, *, keeps_trace: bool = False) -> World:
        """The world, not yet played."""
        return World(self.seed, self.donations, self.without, self.forced, only=self.only, keeps_trace=keeps_trace)

    @property
    def weather(self) -> list[str]:
        """The kinds of weather that there are."""
        drawn = Weather.drawn(self.seed, self.without, self.forced)
        return [kind for kind in KINDS if kind in drawn.densities or kind in drawn.states]

    @property
    def arguments(self) -> str:
        """What `make simulate` is given to play it."""
        words = [f"--seeds 1 --donations {self.donations} --from {self.seed}"]
        left_out = set(KINDS) - set(self.without)
        if self.without:
            words.append(f"--without {','.join(self.without) if left_out else 'all'}")
        if self.forced:
            words.append(f"--with {','.join(self.forced)}")
        if self.only is not None:
            words.append(f"--acts {','.join(map(str, self.only)) or 'none'}")
        return " ".join(words)


def sort_of(verdict: Verdict) -> str | None:
    """The gravest sort of what is wrong; None where nothing is."""
    found = next((sort for sort in _SORTS if getattr(verdict, sort)), None)
    return found or ("cents" if verdict.cents else None)


def played(case: Case) -> Verdict:
    """What the judge says of the world."""
    return case.world().run().verdict


def shrunk(
    case: Case,
    sort: str,
    *,
    seconds: float = SECONDS,
    say: Callable[[str], None] = lambda _: None,
    play: Callable[[Case], Verdict] = played,
) -> Case:
    """The smallest case in which the same sort of failure comes, as far as it is found within the seconds.

    First the weather, then the acts of people.
    """
    ends = time.monotonic() + seconds
    best = case

    def has_time() -> bool:
        return time.monotonic() < ends

    def fails(tried: Case) -> bool:
        nonlocal best
        is_same = sort_of(play(tried)) == sort
        if is_same:
            best = tried
            acts = "" if tried.only is None else f", {len(tried.only)} acts"
            say(f"shrunk to {len(tried.weather)} kinds of weather{acts}")
        return is_same

    def with_weather(kinds: list[str]) -> Case:
        without = tuple(kind for kind in KINDS if kind not in kinds)
        return replace(case, without=without, forced=tuple(kind for kind in case.forced if kind in kinds))

    smallest(case.weather, lambda kinds: fails(with_weather(kinds)), has_time)
    rest = partial(replace, best)
    planned = range(best.world().machine.acts.count) if best.only is None else best.only
    smallest(list(planned), lambda acts: fails(rest(only=tuple(acts))), has_time)
    return best
