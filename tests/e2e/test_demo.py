"""`make demo` ends clean, and says so only when it is true."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from ops.local_stack.paths import CHECKOUT

PLANTED = {
    "missing": "is missing in Aegis: gift",
    "doubled": "is doubled in Aegis: gift",
    "cent": "has a wrong amount: gift",
    "fund": "went to wrong funds: gift",
    "refund-missing": "has no refund in Aegis: gift",
    "refund-doubled": "has too many refunds in Aegis: gift",
    "pledge": "has a pledge left active in Aegis: schedule",
    "phone": "has a partner that differs in Aegis: donor",
    "wiped": "lost what is not ours in Aegis: partner",
}


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
    for kind in ("donation.refunded", "donor.updated", "donor.noted", "schedule.changed", "schedule.ended"):
        assert kind in day.stdout, kind
    assert re.search(r"pledges: [1-9]\d* schedules compared, [1-9]\d* pledges active, 0 in disagreement", day.stdout)
    assert re.search(r"[1-9]\d* edited donors compared, 0 in disagreement", day.stdout)
    assert re.search(r"edited by staff between a read and the save: [1-9]", day.stdout)
    assert re.search(r"[1-9]\d* e-mails tell of [1-9]\d* donors without a partner, 0 notices wait", day.stdout)
    [checked, violations] = re.findall(r"checked against the contracts: ([\d,]+), violations (\d+)", day.stdout)[0]
    assert int(checked.replace(",", "")) > 2000
    assert violations == "0"


@pytest.mark.timeout(300)
def test_planted_differences_are_each_named_and_the_exit_code_says_so() -> None:
    day = demo("--donations", "60", *(word for name in PLANTED for word in ("--plant", name)))

    assert day.returncode == 1, day.stdout[-4000:] + day.stderr[-2000:]
    for named in PLANTED.values():
        assert named in day.stdout, named
    # One finding for each, and another for the cent: its fund differs too.
    named_in_all = [line for line in day.stdout.splitlines() if any(one in line for one in PLANTED.values())]
    assert len(named_in_all) == len(PLANTED) + 1, named_in_all
    assert "failed unexpectedly" not in day.stdout
    assert "still open" not in day.stdout
    assert "missing 1, doubled 1" in day.stdout
