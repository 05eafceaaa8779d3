"""The judge: what RaiseDonors says was given, against what the CRMs and the tables say, without a word of the product.

A gift is right when it is there exactly once, to the cent and by fund, or when its delivery visibly waits for a person.
The comparison of two systems is the tallies', which share no code with the product either.
"""

from __future__ import annotations

from datetime import datetime

from ops.simulators.aegis_store import AegisStore
from ops.simulators.raisedonors_store import RaiseDonorsStore
from ops.simulators.virtuous_store import VirtuousStore
from tests.simulation.judge.aegis_side import compare_with_aegis
from tests.simulation.judge.excuses import Excuses
from tests.simulation.judge.fates import Fates
from tests.simulation.judge.tables import ENDED, OPEN, RawTables
from tests.simulation.judge.verdict import Verdict
from tests.simulation.judge.virtuous_side import compare_with_virtuous


def judge(
    raisedonors: RaiseDonorsStore,
    aegis: AegisStore | None,
    virtuous: VirtuousStore | None,
    tables: RawTables,
    excuses: Excuses,
) -> Verdict:
    """Judge a world that has come to rest; a destination that was never switched on is None."""
    verdict = Verdict()
    fates = Fates(tables.deliveries(), tables.noticed(), excuses)
    verdict.waiting = fates.causes()
    if aegis is not None:
        compare_with_aegis(raisedonors, aegis, fates, verdict)
    if virtuous is not None:
        compare_with_virtuous(raisedonors, virtuous, fates, verdict)
    _look_at_deliveries(tables, fates, verdict)
    _look_at_the_rest(tables, fates, verdict)
    return verdict


def _look_at_deliveries(tables: RawTables, fates: Fates, verdict: Verdict) -> None:
    """Nothing unfinished, and a line for whatever ended."""
    told_of = tables.told_of()
    for name in fates:
        state = fates.state(name)
        if state in OPEN:
            unseen = "" if tables.shown_in_index(name) else "; no index shows it"
            verdict.stuck.append(f"{fates.said([name])}{unseen}")
        if state in ENDED and name not in told_of and not fates.line_is_gone(name):
            verdict.unexplained.append(f"{name} is {state}, and no activity line says so")


def _look_at_the_rest(tables: RawTables, fates: Fates, verdict: Verdict) -> None:
    """No hold that nobody needs, and dead letters only of what failed."""
    for row in tables.holds():
        holder = str(row["held_by"])
        is_left = "since" in row and fates.hold_is_left(holder, datetime.fromisoformat(str(row["since"])))
        if fates.state(holder) not in {*OPEN, "failed"} and not is_left:
            verdict.stuck.append(f"{row['entity']} is held by a delivery that ended; {fates.said([holder])}")
    for body in tables.dead_letters():
        delivery = str(body.get("delivery", ""))
        if fates.state(delivery) != "failed":
            verdict.unexplained.append(f"a dead letter; {fates.said([delivery])}")
