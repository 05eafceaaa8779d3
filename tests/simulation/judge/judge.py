"""The judge: what RaiseDonors says was given, against what Aegis and the tables say; it knows nothing of the product.

A gift is right when it is in Aegis exactly once, to the cent and by fund, or when its delivery visibly waits for a
person. The comparison of both systems is the tally's, which shares no code with the product either.
"""

from __future__ import annotations

from collections.abc import Callable

from ops.simulators.aegis_store import AegisStore
from ops.simulators.raisedonors_store import RaiseDonorsStore
from ops.simulators.tally import tally
from ops.simulators.tally_result import Finding
from ops.simulators.virtuous_store import VirtuousStore
from tests.simulation.judge.excuses import Excuses
from tests.simulation.judge.money import cents_apart
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
    deliveries = tables.deliveries()
    states = {name: str(row["state"]) for name, row in deliveries.items()}
    said = {
        name: f"{row['state']} ({row['trouble']['text']})" if row.get("trouble") else str(row["state"])
        for name, row in deliveries.items()
    }
    failed = [row for row in deliveries.values() if row["state"] == "failed"]
    verdict.waiting.update(f"{row['kind']}: {row.get('trouble', {}).get('cause')}" for row in failed)
    if aegis is not None:
        _compare_with_aegis(raisedonors, aegis, states, said, excuses, verdict)
    if virtuous is not None:
        compare_with_virtuous(raisedonors, virtuous, states, said, excuses, verdict)
    _look_at_tables(tables, states, said, verdict)
    return verdict


def _compare_with_aegis(
    raisedonors: RaiseDonorsStore,
    aegis: AegisStore,
    states: dict[str, str],
    said: dict[str, str],
    excuses: Excuses,
    verdict: Verdict,
) -> None:
    found = tally(raisedonors, aegis)

    def unless_waiting(findings: list[Finding], into: list[str], kind: str, of: Callable[[Finding], list[str]]) -> None:
        for finding in findings:
            number = "".join(filter(str.isdigit, finding.subject))
            record_id = finding.gift_id if finding.gift_id is not None else int(number or 0)
            if not excuses.excuse("aegis", kind, record_id) and not any(
                states.get(name) == "failed" for name in of(finding)
            ):
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

    unless_waiting(found.missing, verdict.lost, "gift", gift)
    unless_waiting(found.missing_refunds, verdict.lost, "gift", gift)
    unless_waiting(found.lost_pledges, verdict.lost, "schedule", schedule)
    unless_waiting(found.open_pledges, verdict.lost, "schedule", schedule)
    unless_waiting(found.stale_pledges, verdict.lost, "schedule", schedule)
    unless_waiting(found.stale_partners, verdict.lost, "donor", donor)
    for finding in (*found.doubled, *found.doubled_refunds, *found.doubled_partners, *found.doubled_pledges):
        verdict.doubled.append(finding.describe())
    for finding in (*found.wrong_donor, *found.wrong_partner):
        verdict.crossed.append(finding.describe())
    for name in ("wrong_amount", "wrong_fund", "foreign", "hazards", "spoilt_records", "overwritten_schedules"):
        verdict.wrong += [f"{name}: {finding.describe()}" for finding in getattr(found, name)]

    def is_open(gift_id: int) -> bool:
        own = (f"aegis/donation/{gift_id}/{way}" for way in ("created", "refunded", "adjusted"))
        return any(states.get(name) == "failed" for name in own) or excuses.excuse("aegis", "gift", gift_id)

    verdict.cents = cents_apart(raisedonors, aegis, is_open)


def _look_at_tables(tables: RawTables, states: dict[str, str], said: dict[str, str], verdict: Verdict) -> None:
    told_of = tables.told_of()
    for name, state in states.items():
        if state in OPEN:
            seen = "" if tables.shown_in_index(name) else ", and no index shows it"
            verdict.stuck.append(f"{name} is still {said[name]}{seen}")
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
