"""Records of somebody else: what a cache that mixes up its answers shows in place of what was asked for."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from ops.simulators.aegis_partners import seed_partner
from ops.simulators.service import SimulatedService
from ops.simulators.spoiling import Spoiling
from ops.simulators.virtuous import VirtuousSimulator
from tests.boundary.odd_answers import OddAnswer
from tests.workbench import BEGIN, Workbench

SOURCE, PROJECT = "Mail house", "MED"
# The reads of one record, and where another one of the same sort is found.
READS = {
    ("raisedonors", "getGift"): "/api/Gift/{gift}",
    ("raisedonors", "getDonor"): "/api/Donor/{donor}",
    ("raisedonors", "getRecurringGift"): "/api/RecurringGift/{schedule}",
    ("raisedonors", "getProject"): "/api/Project/{project}",
    ("aegis", "getPartner"): "/api/{context}/partner/ID/{partner}",
    ("virtuous", "getContact"): "/api/Contact/{contact}",
    ("virtuous", "getContactByReference"): "/api/Contact/{source}/77",
    ("virtuous", "getGiftByTransaction"): "/api/Gift/{source}/78",
    ("virtuous", "getProject"): "/api/Project/{virtuous_project}",
    ("virtuous", "getProjectByCode"): "/api/Project/Code/{code}",
}


def mixed_up(system: str, operation: str) -> list[OddAnswer]:
    """Another record's whole and valid body, for the reads of one record."""
    is_read = (system, operation) in READS
    return [OddAnswer("another record", Spoiling("another record", lambda answer: answer))] if is_read else []


@dataclass
class Bystanders:
    """Another donor with a gift, a schedule, a partner, a contact: nothing may ever be done to them."""

    bench: Workbench
    virtuous: VirtuousSimulator | None = None
    ids: dict[str, str] = field(default_factory=dict)
    _before: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._on_raisedonors()
        partner = {"FirstName": "Ulla", "LastName": "Bystander", "Address1": "1 Far Road", "IsActive": True}
        self.ids |= {"partner": seed_partner(self.bench.aegis.store, partner), "context": self.bench.aegis.context}
        if self.virtuous is not None:
            self._in_virtuous(self.virtuous)
        self._before = copy.deepcopy(self._now())

    def _on_raisedonors(self) -> None:
        population = self.bench.population
        long_ago = BEGIN - timedelta(days=30)
        donor = population.make_donor("new_person", gives=False)
        made = population.make_gift("biweekly_schedule", long_ago, donor=donor)
        population.gifts.remove(made)
        found = {"gift": made.gift_id, "donor": donor.donor_id, "schedule": made.schedule_id}
        found["project"] = population.project_ids[PROJECT]
        self.ids |= {name: str(number) for name, number in found.items()}

    def _in_virtuous(self, virtuous: VirtuousSimulator) -> None:
        person = {"firstName": "Ulla", "lastName": "Bystander"}
        reference = {"source": SOURCE, "id": "77"}
        contact = virtuous.staff.add_contact({"contactIndividuals": [person], "contactReferences": [reference]})
        members = {"transactionSource": SOURCE, "transactionId": "78", "giftDate": "2026-01-02", "giftDesignations": []}
        virtuous.store.add_gift(contact.contact_id, Decimal("9.00"), members)
        project = virtuous.store.project_by_code(PROJECT)
        self.ids |= {"contact": str(contact.contact_id), "source": quote(SOURCE), "code": PROJECT}
        self.ids["virtuous_project"] = str(project.project_id if project is not None else 0)

    def body(self, service: SimulatedService, system: str, operation: str) -> Spoiling:
        """Shows them in place of what an operation was asked for."""
        target = READS[system, operation].format(**self.ids)
        return Spoiling("another record", lambda _: service.true_answer(target))

    def harmed(self) -> list[str]:
        """What was done to them."""
        now = self._now()
        return [f"the bystander's {name} is {now[name]}" for name, was in self._before.items() if now[name] != was]

    def _now(self) -> dict[str, Any]:
        raisedonors, aegis = self.bench.raisedonors.store, self.bench.aegis.store
        records: dict[str, Callable[[int], Any]] = {
            "gift": raisedonors.gifts.entry,
            "donor": raisedonors.donors.entry,
            "schedule": raisedonors.schedules.entry,
        }
        found: dict[str, Any] = {name: dict(get(int(self.ids[name])).latest.members) for name, get in records.items()}
        found["partner"] = dict(aegis.partners[self.ids["partner"]])
        found["transactions"] = [len(aegis.transactions_of.get(self.ids["partner"], [])), len(self._given())]
        if self.virtuous is not None:
            found["contact"] = repr(self.virtuous.store.contacts[int(self.ids["contact"])])
        return found

    def _given(self) -> list[Any]:
        return self.bench.transactions_of(int(self.ids["gift"]))
