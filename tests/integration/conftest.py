"""A workbench for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ops.simulators.population_donors import MadeDonor
from tests.portal import make_giver, make_long_giver
from tests.workbench import Workbench, workbench


@pytest.fixture
def bench() -> Iterator[Workbench]:
    """A fresh workbench."""
    with workbench() as fresh:
        yield fresh


@pytest.fixture
def giver(bench: Workbench) -> MadeDonor:
    """A donor with one delivered gift."""
    return make_giver(bench)


@pytest.fixture
def long_giver(bench: Workbench) -> MadeDonor:
    """A donor with 230 transactions and three donations that are not there yet."""
    return make_long_giver(bench)
