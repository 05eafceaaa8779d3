"""`make demo` ends clean, and says so only when it is true."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from ops.local_stack.paths import CHECKOUT


def demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the demo as `make demo` does."""
    command = [sys.executable, "-m", "ops.demo", "--exit", *arguments]
    return subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=280, check=False)


@pytest.mark.timeout(300)
def test_a_busy_day_with_an_outage_ends_with_every_donation_once_and_to_the_cent(
    capsys: pytest.CaptureFixture[str],
) -> None:
    day = demo()

    with capsys.disabled():
        print("\n" + "\n".join(day.stdout.splitlines()[-14:]))
    assert day.returncode == 0, day.stdout[-4000:] + day.stderr[-2000:]
    assert "missing 0, doubled 0" in day.stdout
    [checked, violations] = re.findall(r"checked against the contracts: ([\d,]+), violations (\d+)", day.stdout)[0]
    assert int(checked.replace(",", "")) > 2000
    assert violations == "0"


@pytest.mark.timeout(300)
def test_planted_differences_are_each_named_and_the_exit_code_says_so() -> None:
    day = demo("--donations", "60", "--plant", "missing", "--plant", "doubled", "--plant", "cent", "--plant", "fund")

    assert day.returncode == 1, day.stdout[-4000:] + day.stderr[-2000:]
    for named in (
        "is missing in Aegis: gift",
        "is doubled in Aegis: gift",
        "has a wrong amount: gift",
        "went to wrong funds: gift",
    ):
        assert named in day.stdout, named
    assert "missing 1, doubled 1" in day.stdout
