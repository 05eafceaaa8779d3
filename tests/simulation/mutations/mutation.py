"""A mutation: one guard of the product taken out or made weaker, at one place, for as long as a world is played."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from tests.simulation.world.weather import KINDS

DONATIONS = 20
# Each mutation must be noticed within so many seeds, from any seed on.
WITHIN = 40


@dataclass(frozen=True, slots=True)
class Mutation:
    """`target` names a function or a constant of the product: `module:name` or `module:Class.name`.

    `put` is given what is there and gives what is to stand in its place. `weather` are the kinds of weather in which
    the guard is needed, all others are left out; `donations` is how many gifts a world needs.
    """

    name: str
    weakens: str
    target: str
    put: Callable[[Any], Any]
    weather: tuple[str, ...] = ()
    donations: int = DONATIONS

    @property
    def without(self) -> tuple[str, ...]:
        """The kinds of weather that are left out."""
        return tuple(kind for kind in KINDS if kind not in self.weather)


class TargetGone(Exception):
    """What a mutation is to replace is not in the product any more."""


def place_of(mutation: Mutation) -> tuple[Any, str]:
    """Whose attribute is replaced, and its name. Raises TargetGone."""
    module, _, path = mutation.target.partition(":")
    try:
        owner: Any = import_module(module)
        *classes, name = path.split(".")
        for one in classes:
            owner = getattr(owner, one)
        inspect.getattr_static(owner, name)
    except (ImportError, AttributeError) as error:
        text = f"the mutation {mutation.name!r} replaces {mutation.target}, which is not there: {error}"
        raise TargetGone(f"{text}; name the guard as the product calls it now") from error
    return owner, name


@contextmanager
def applied(mutation: Mutation | None) -> Iterator[None]:
    """While it lasts, the guard is out."""
    if mutation is None:
        yield
        return
    owner, name = place_of(mutation)
    original = inspect.getattr_static(owner, name)
    setattr(owner, name, mutation.put(original))
    try:
        yield
    finally:
        setattr(owner, name, original)
