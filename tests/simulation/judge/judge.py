"""The judge: what RaiseDonors says was given, against what Aegis and the tables say; it knows nothing of the product.

A gift is right when it is in Aegis exactly once, to the cent and by fund, or when its delivery visibly waits for a
person. The comparison of both systems is the tally's, which shares no code with the product either.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from ops.simulators.aegis_store import AegisStore
from ops.simulators.raisedonors_store import RaiseDonorsStore
from ops.simulators.tally import tally
from ops.simulators.tally_result import Finding
from ops.simulators.virtuous_store import VirtuousStore
from tests.simulation.judge.tables import ENDED, OPEN, RawTables
from tests.simulation.judge.verdict import Verdict
from tests.simulation.judge.virtuous_side import compare_with_virtuous


def judge(
    raisedonors: RaiseDonorsStore, aegis: AegisStore | None, virtuous: VirtuousStore | None, tables: RawTables
) -> Verdict:
    """Judge a world that has come to rest; a destination that was never switched on is None."""
    verdict = Verdict()
    deliveries = tables.deliveries()
    states = {name: str(row["state"]) for name, row in deliveries.items()}
    verdict.waiting = sum(1 for state in states.values() if state == "failed")
    if aegis is not None:
        _compare_with_aegis(raisedonors, aegis, states, verdict)
    if virtuous is not None:
        compare_with_virtuous(raisedonors, virtuous, states, verdict)
    _look_at_tables(tables, states, verdict)
    return verdict


def _compare_with_aegis(
    raisedonors: RaiseDonorsStore, aegis: AegisStore, states: dict[str, str], verdict: Verdict
) -> None:
    found = tally(raisedonors, aegis)

    def unless_waiting(findings: list[Finding], into: list[str], of: Callable[[Finding], list[str]]) -> None:
        for finding in findings:
            if not any(states.get(name) == "failed" for name in of(finding)):
                ids = ", ".join(f"{name} is {states.get(name, 'not there')}" for name in of(finding))
                into.append(f"{finding.describe()}; {ids}")

    def gift(finding: Finding) -> list[str]:
        ways = ("created", "refunded", "adjusted")
        own = [f"aegis/donation/{finding.gift_id}/{way}" for way in ways]
        return [name for name in own if name in states] or own[:1]

    def schedule(finding: Finding) -> list[str]:
        number = "".join(filter(str.isdigit, finding.subject))
        return [name for name in states if name.startswith(f"aegis/schedule/{number}/")]

    def donor(finding: Finding) -> list[str]:
        number = "".join(filter(str.isdigit, finding.subject))
        return [f"aegis/donor/{number}/updated"]

    unless_waiting(found.missing, verdict.lost, gift)
    unless_waiting(found.missing_refunds, verdict.lost, gift)
    unless_waiting(found.lost_pledges, verdict.lost, schedule)
    unless_waiting(found.open_pledges, verdict.lost, schedule)
    unless_waiting(found.stale_pledges, verdict.lost, schedule)
    unless_waiting(found.stale_partners, verdict.lost, donor)
    for finding in (*found.doubled, *found.doubled_refunds, *found.doubled_partners, *found.doubled_pledges):
        verdict.doubled.append(finding.describe())
    for finding in (*found.wrong_donor, *found.wrong_partner):
        verdict.crossed.append(finding.describe())
    for name in ("wrong_amount", "wrong_fund", "foreign", "hazards", "spoilt_records", "overwritten_schedules"):
        verdict.wrong += [f"{name}: {finding.describe()}" for finding in getattr(found, name)]
    if not verdict.waiting:
        nets = found.net_by_donor.values()
        verdict.cents = int(sum((abs(net.difference) for net in nets), Decimal(0)) * 100)


def _look_at_tables(tables: RawTables, states: dict[str, str], verdict: Verdict) -> None:
    told_of = tables.told_of()
    for name, state in states.items():
        if state in OPEN:
            seen = "" if tables.shown_in_index(name) else ", and no index shows it"
            verdict.stuck.append(f"{name} is still {state}{seen}")
        if state in ENDED and name not in told_of:
            verdict.unexplained.append(f"{name} is {state}, and no activity line says so")
    for row in tables.holds():
        holder = str(row["held_by"])
        if states.get(holder) not in (*OPEN, "failed"):
            verdict.stuck.append(f"{row['entity']} is held by {holder}, which is {states.get(holder, 'not there')}")
    for body in tables.dead_letters():
        delivery = str(body.get("delivery", ""))
        if states.get(delivery) != "failed":
            verdict.unexplained.append(f"a dead letter of {delivery}, which is {states.get(delivery, 'not there')}")
