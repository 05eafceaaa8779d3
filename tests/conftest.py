"""What all tests share: tests of one running stack stay in one process, and the fault matrix is shown at the end."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from tests.memory_aws import install

install()
# These start an emulated AWS or build with sam: a process each, not one for each test.
ONE_PROCESS = {"local_stack": "stack", "deployment": "stack", "e2e": "day"}
_LONGEST_FIRST = {"e2e": 0, "local_stack": 1, "deployment": 1, "console": 2}


@pytest.hookimpl(tryfirst=True)  # what spreads the tests reads the marks in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep tests that share a built or running stack together, and begin with them: they take the longest."""
    for item in items:
        folder = Path(item.path).parent.name
        if folder in ONE_PROCESS:
            item.add_marker(pytest.mark.xdist_group(ONE_PROCESS[folder]))
    items.sort(key=lambda item: _LONGEST_FIRST.get(Path(item.path).parent.name, len(_LONGEST_FIRST)))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the odd answers played, and the fault matrix: calls down, faults across.

    A dot is exactly once, an X is not, a blank was not run.
    """
    _show_odd_answers(terminalreporter)
    cells: dict[tuple[str, str], dict[str, bool]] = defaultdict(dict)
    for report in (*terminalreporter.stats.get("passed", ()), *terminalreporter.stats.get("failed", ())):
        for name, value in getattr(report, "user_properties", ()):
            if name == "fault matrix":
                scenario, fault, judged = value
                for call, is_right in judged:
                    cells[scenario, call][fault] = is_right
    if not cells:
        return
    faults = list(dict.fromkeys(fault for row in cells.values() for fault in row))
    run = sum(len(row) for row in cells.values())
    terminalreporter.section("fault matrix")
    terminalreporter.line(f"{len(cells)} calls x {len(faults)} faults, {run} cells, left to right: {', '.join(faults)}")
    for (scenario, call), row in cells.items():
        marks = "".join(" " if fault not in row else "." if row[fault] else "X" for fault in faults)
        terminalreporter.line(f"  {marks}  {scenario}: {call}")


def _show_odd_answers(terminalreporter: Any) -> None:
    """How many odd answers each operation was played with, and how many of them ended wrong."""
    reports = (*terminalreporter.stats.get("passed", ()), *terminalreporter.stats.get("failed", ()))
    properties = [one for report in reports for one in getattr(report, "user_properties", ())]
    played = sorted(value for name, value in properties if name == "odd answers")
    if not played:
        return
    terminalreporter.section("odd answers")
    everything, wrong = (sum(counts) for counts in list(zip(*played, strict=True))[1:])
    terminalreporter.line(f"{len(played)} operations, {everything} answers, {wrong} ended wrong")
    for operation, count, red in played:
        terminalreporter.line(f"  {count:5} {red or '.':>5}  {operation}")
