"""Who may import whom, and how the checkout is run."""

from __future__ import annotations

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
