"""RaiseDonors against Virtuous: gifts once, reversals once, contacts alike, no e-mail address crossed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ops.simulators.raisedonors_store import RaiseDonorsStore
from ops.simulators.virtuous_store import VirtuousStore
from ops.simulators.virtuous_tally import virtuous_tally
from tests.simulation.judge.excuses import Excuses
from tests.simulation.judge.verdict import Verdict


def compare_with_virtuous(
    raisedonors: RaiseDonorsStore,
    virtuous: VirtuousStore,
    states: dict[str, str],
    said: dict[str, str],
    excuses: Excuses,
    verdict: Verdict,
) -> None:
    """Add what is wrong between the two."""
    found: Any = virtuous_tally(raisedonors, virtuous)
    waiting = {name for name, state in states.items() if state == "failed"}

    def deliveries_of(subject: str) -> list[str]:
        kind, _, number = subject.partition(" ")
        if kind == "gift":
            return [f"virtuous/donation/{number}/{way}" for way in ("created", "refunded", "adjusted")]
        return [f"virtuous/donor/{number}/updated"]

    def add(sort: str, name: str, unless: Callable[[str], bool] = lambda _: False) -> None:
        for finding in getattr(found, name):
            if not unless(finding.subject):
                own = ", ".join(f"{one} is {said[one]}" for one in deliveries_of(finding.subject) if one in states)
                getattr(verdict, sort).append(f"in Virtuous, {name}: {finding.describe()}; {own}")

    def waits(subject: str) -> bool:
        kind, _, number = subject.partition(" ")
        is_excused = number.isdecimal() and excuses.excuse("virtuous", kind, int(number))
        return is_excused or any(name in waiting for name in deliveries_of(subject))

    add("lost", "missing_gifts", waits)
    add("lost", "missing_reversals", waits)
    add("lost", "different_fields", waits)
    for name in ("doubled_gifts", "doubled_reversals", "doubled_donors"):
        add("doubled", name)
    add("crossed", "crossed_emails")
    for name in ("foreign_gifts", "changed_repeats", "wrong_gifts"):
        add("wrong", name)
