"""Who may import whom, and how the checkout is run."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

from ops.local_stack.paths import CHECKOUT


def test_every_import_goes_the_way_the_design_says() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_what_judges_the_product_does_not_import_it() -> None:
    judges = [*CHECKOUT.glob("ops/simulators/**/*.py"), *CHECKOUT.glob("ops/demo/tally_report*.py")]
    importing = [
        str(file.relative_to(CHECKOUT))
        for file in judges
        for node in ast.walk(ast.parse(file.read_text()))
        if (isinstance(node, ast.Import) and any(alias.name.split(".")[0] == "giftbridge" for alias in node.names))
        or (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "giftbridge")
    ]

    assert judges
    assert importing == []


def test_make_without_a_target_lists_what_can_be_made() -> None:
    listed = subprocess.run(
        ["make", "--no-print-directory"],  # noqa: S607
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    for target in ("setup", "test", "lint", "build", "deploy", "demo", "lock", "clean"):
        assert f"make {target} " in listed


def test_the_check_of_a_submission_runs_what_a_person_runs() -> None:
    commands = [
        line for line in (CHECKOUT / ".ci" / "run").read_text().splitlines() if line and not line.startswith("#")
    ]

    assert commands == ["set -euo pipefail", 'cd "$(dirname "$0")/.."', "make test"]
