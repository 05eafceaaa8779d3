"""One project on RaiseDonors, a Virtuous without any, and the real worker between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import requests

from giftbridge.clients.http import BearerToken, Wire
from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.clients.virtuous import Virtuous
from giftbridge.delivery_queue import new_nudge_name
from giftbridge.domain.deliveries import Delivery
from giftbridge.domain.delivery_ids import project_changed_id
from giftbridge.flows.delivery_worker import DeliveryWorker
from giftbridge.flows.virtuous_project_scan import ProjectScan
from giftbridge.flows.virtuous_projects import VirtuousProjects
from giftbridge.flows.work import Work
from ops.simulators.contract_check import TrafficCheck
from ops.simulators.faults import FaultKind, FaultRule
from ops.simulators.virtuous import VirtuousSimulator
from ops.simulators.virtuous_records import Project
from ops.simulators.virtuous_wire import project_as_read
from tests.simulators.conftest import CONTRACTS
from tests.workbench import SimulatorAdapter, Workbench

WRITES = {"createProject", "patchProjects", "replaceProject"}
FLAGS = {
    "isPublic": True,
    "isActive": True,
    "isAvailableOnline": True,
    "isLimitedToFinancialNeed": False,
    "isTaxDeductible": True,
    "treatAsAccountsPayable": False,
    "isRestrictedToGiftSpecifications": False,
}
# What staff entered in Virtuous and RaiseDonors knows nothing of.
STAFFS_OWN = {
    **FLAGS,
    "inventoryStatus": "In stock",
    "type": "Water",
    "location": "Kenya",
    "externalAccountingCode": "4-100",
    "durationType": "Ongoing",
    "startDate": "2025-01-01",
    "endDate": None,
    "financialNeedAmount": 2500,
    "financialNeedType": "Total",
    "financialNeedFrequency": None,
    "parentId": None,
    "beginningBalance": 10,
    "currentBalance": None,
    "customFields": {"Region": "East"},
}


class Carrying:
    """Projects alone, as a carrier."""

    destination = "virtuous"
    systems = ("virtuous", "raisedonors")

    def __init__(self, projects: VirtuousProjects, virtuous: Virtuous) -> None:
        self.carry = projects.carry
        self.probe = projects.probe
        self.ping = virtuous.ping

    def follow(self, work: Work) -> None:
        raise AssertionError("no project is ever held by the import tool")

    def mirror(self, work: Work) -> None:
        raise AssertionError("the key of a project is not stored on RaiseDonors")


class Given:
    """One project on RaiseDonors, and a Virtuous without any."""

    def __init__(self, bench: Workbench) -> None:
        self.bench, self.tools = bench, bench.tools
        self.loud: list[str] = []
        """Writes of projects that did not ask Virtuous to keep quiet about them."""
        check = TrafficCheck(CONTRACTS / "virtuous.openapi.yaml")
        self.crm = VirtuousSimulator(check=check, clock=bench.clock, pause=bench.paused.append)
        session = requests.Session()
        adapter = SimulatorAdapter(self.crm, bench.clock, bench.paused)
        adapter.around = self._noting
        session.mount("http://", adapter)
        token = BearerToken(self.crm.api_key)
        wire = Wire(
            "virtuous", "http://virtuous.test", session, bench.tools.time_left, lambda: None, bench.clock, token, 0
        )
        self.virtuous, self.raisedonors = Virtuous(wire), RaiseDonors(bench.wire("raisedonors"))
        self.project = self.new_project(code="WELLS", name="Wells", isAvailableOnline=True)

    def _noting(self, request: requests.PreparedRequest, send: Callable[[], requests.Response]) -> requests.Response:
        is_write = request.method != "GET" and "/Query" not in str(request.url)
        if is_write and "disableWebhookUpdates=true" not in str(request.url):
            self.loud.append(str(request.url))
        return send()

    # --- changing -----------------------------------------------------------------------------------------

    def new_project(self, **members: Any) -> int:
        return self.bench.raisedonors.store.add("project", members)

    def edit(self, project_id: int | None = None, **members: Any) -> None:
        self.bench.clock.advance(5)
        edited = project_id or self.project
        self.bench.raisedonors.store.edit("project", edited, members, modified=self.bench.clock())

    def known_in_virtuous(self, **members: Any) -> Project:
        """A project that staff entered in Virtuous."""
        own = {"name": "Wells", "projectCode": "WELLS", "onlineDisplayName": None, "description": None, **STAFFS_OWN}
        return self.crm.store.add_project({**own, **members}, {"revenueAccountingCode": "R1", "enableSync": True})

    def fault(self, kind: FaultKind, operation: str, **more: Any) -> None:
        self.crm.faults.add(FaultRule(kind, operation, **{"count": 1, **more}))

    def bring(self, project_id: int | None = None, wanted: int = 1) -> Delivery:
        """Count a sighting as the scan does and work on it; the delivery afterwards."""
        project = self.raisedonors.project(project_id or self.project)
        named = ProjectScan(self.tools).run([project], self.bench.clock())
        assert len(named) == wanted
        return self.go_on(project.id)

    def go_on(self, project_id: int | None = None) -> Delivery:
        """A nudge for the delivery, and its turn."""
        delivery = self.delivery(project_id)
        self.tools.queue.send([delivery], new_nudge_name())
        carrier = Carrying(VirtuousProjects(self.tools, self.raisedonors, self.virtuous), self.virtuous)
        self.bench.work(DeliveryWorker(self.tools, carrier, threads=1))
        return self.delivery(project_id)

    def retry(self, project_id: int | None = None) -> Delivery:
        """What `giftbridge retry` does."""
        Work(self.tools, self.delivery(project_id)).reopen("by hand")
        return self.go_on(project_id)

    def wait(self) -> None:
        self.bench.clock.advance(61)

    # --- looking ------------------------------------------------------------------------------------------

    def delivery(self, project_id: int | None = None) -> Delivery:
        found = self.tools.deliveries.get(project_changed_id(project_id or self.project))
        assert found is not None
        return found

    def there(self) -> list[dict[str, Any]]:
        """All projects in Virtuous, as they are read."""
        return [project_as_read(project) for project in self.crm.store.projects.values()]

    def key(self, project_id: int | None = None) -> str | None:
        row = self.tools.keys.get(f"project#{project_id or self.project}", "virtuous")
        return row.key if row is not None else None

    def writes(self) -> list[str]:
        """The writes that reached Virtuous since the last look, in order."""
        made = [str(entry.operation_id) for entry in self.crm.log if entry.operation_id in WRITES]
        self.crm.log.clear()
        return made

    def changes(self) -> dict[str, tuple[Any, Any]]:
        """What the newest line about the delivery says was changed."""
        lines = self.tools.activity.of_entity(f"delivery#{project_changed_id(self.project)}")
        line = next(line for line in lines if line["what"] == "delivered")
        return {c["field"]: (c.get("old"), c.get("new")) for c in line["details"]["changes"]}


def given_project(bench: Workbench) -> Iterator[Given]:
    """A fresh one; the whole traffic kept the contract, and every write was a quiet one."""
    fresh = Given(bench)
    yield fresh
    assert fresh.loud == []
    assert fresh.crm.check is not None
    assert [str(violation) for violation in fresh.crm.check.violations] == []
