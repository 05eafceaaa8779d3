"""A workbench for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.workbench import Workbench, workbench


@pytest.fixture
def bench() -> Iterator[Workbench]:
    """A fresh workbench."""
    with workbench() as fresh:
        yield fresh
