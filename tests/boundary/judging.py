"""What the cells of the boundary look at beside their story's own judges."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from giftbridge.domain.deliveries import OPEN_STATES, State
from giftbridge.flows.donation_pickup import PickupOutcome
from giftbridge.flows.tools import Tools
from giftbridge.flows.work import Work
from ops.simulators.service import SimulatedService
from tests.workbench import Workbench


@dataclass
class Listener:
    """What was really carried out, from the simulators' own logs; it stands where the fault matrix intercepts calls.

    `break_call` names the call that is answered oddly, as the matrix names the one it breaks.
    """

    aegis: SimulatedService | None
    services: Mapping[str, SimulatedService]
    break_call: str
    fault: None = None
    fired: int = 0

    def __post_init__(self) -> None:
        self._since = {id(one): len(one.log) for one in (self.aegis, *self.services.values()) if one is not None}
        self._written: list[str] = []

    def restart(self) -> None:
        """A new process begins: nothing to do."""

    @property
    def landed(self) -> list[str]:
        """The writes that Aegis carried out."""
        return [] if self.aegis is None else self._carried_out(self.aegis)

    @property
    def written(self) -> list[str]:
        """The writes that any system carried out; what is new since this was last asked comes last."""
        known = Counter(self._written)
        done = [f"{name}.{call}" for name, one in self.services.items() for call in self._carried_out(one)]
        self._written += (Counter(done) - known).elements()
        return self._written[:]

    def _carried_out(self, service: SimulatedService) -> list[str]:
        calls = list(service.log)[self._since[id(service)] :]
        done = (call for call in calls if call.executed_status is not None and call.executed_status < 400)
        names = (str(call.operation_id) for call in done if call.method != "GET")
        return [name for name in names if not name.startswith("query")]


def untold_feeds(outcome: PickupOutcome, odd: str) -> list[str]:
    """A feed that was answered with what is no page must be told of, and is not complete."""
    is_told = bool(outcome.troubles) or outcome.why_idle is not None
    return [] if is_told and not outcome.is_complete else [f"a feed answered with {odd} is told as complete"]


def left_open(bench: Workbench) -> list[str]:
    """Deliveries that are still on their way."""
    rows = bench.rows("DeliveriesTable")
    return [f"{row['id']} is left {row['state']}" for row in rows if State(row["state"]) in OPEN_STATES]


def failed(bench: Workbench, ends: Mapping[str, frozenset[State]]) -> list[str]:
    """Deliveries that a person would have to look at, beside those that are to end so."""
    rows = [row for row in bench.rows("DeliveriesTable") if row["state"] == State.FAILED.value]
    return [f"{row['id']} failed: {row['trouble']}" for row in rows if State.FAILED not in ends.get(row["id"], ())]


def reopened_by_a_person(bench: Workbench, tools: Tools, ends: Mapping[str, frozenset[State]]) -> None:
    """A faulty record may need a person, who has it corrected and asks for another try. `ends` may be failures too."""
    for row in bench.rows("DeliveriesTable"):
        delivery = tools.deliveries.get(row["id"])
        if delivery is None or delivery.state is not State.FAILED or State.FAILED in ends.get(delivery.id, ()):
            continue
        if delivery.trouble is not None and delivery.trouble.field:
            Work(tools, delivery).reopen("corrected on RaiseDonors")
