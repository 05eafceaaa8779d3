"""What goes wrong on the way to Aegis on a busy day."""

from __future__ import annotations

from ops.simulators.aegis import AegisSimulator
from ops.simulators.faults import FaultKind, FaultRule


def lose_some_answers(aegis: AegisSimulator) -> None:
    """Each of these leaves an outcome unknown: the product must look before it sends again."""
    for operation in ("createTransaction", "createPartner", "createPledge", "savePartner", "savePledge"):
        aegis.faults.add(FaultRule(FaultKind.DROP_AFTER, operation, count=2, probability=0.2))
        aegis.faults.add(FaultRule(FaultKind.STATUS_AFTER, operation, count=1, status=502, probability=0.2))
    negative = '"TotalTransactionAmount":-'
    aegis.faults.add(FaultRule(FaultKind.DROP_AFTER, "createTransaction", count=1, body_contains=negative))
    aegis.faults.add(FaultRule(FaultKind.STATUS_AFTER, "createTransaction", count=2, status=502))
    aegis.faults.add(FaultRule(FaultKind.DROP_BEFORE, "savePartner", count=1))
    aegis.faults.add(FaultRule(FaultKind.DROP_BEFORE, "createTransaction", count=2, probability=0.2))
    throttled = FaultRule(FaultKind.STATUS_BEFORE, "createTransaction", count=2, status=429, probability=0.1)
    throttled.headers["Retry-After"] = "1"
    aegis.faults.add(throttled)
