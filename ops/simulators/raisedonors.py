"""The simulated RaiseDonors: every operation of its contract over a store in memory."""

import hmac
import time
from collections.abc import Callable
from datetime import datetime

from ops.simulators.contract_check import TrafficCheck
from ops.simulators.raisedonors_answers import Refused, problem
from ops.simulators.raisedonors_contacts import ContactOperations
from ops.simulators.raisedonors_control import raisedonors_control
from ops.simulators.raisedonors_donors import DonorOperations
from ops.simulators.raisedonors_gifts import ActivityOperations, GiftOperations, ScheduleOperations
from ops.simulators.raisedonors_reads import ReadOperations
from ops.simulators.raisedonors_store import RaiseDonorsSettings, RaiseDonorsStore
from ops.simulators.service import SimulatedService, utc_now
from ops.simulators.wire import Answer, Call, Operation

DEFAULT_TOKEN = "raisedonors-simulated"  # noqa: S105 - the simulator's own, no secret


class RaiseDonorsSimulator(SimulatedService):
    """RaiseDonors as its contract describes it. `store`, `faults` and `log` are there to be looked at and changed."""

    def __init__(
        self,
        *,
        token: str = DEFAULT_TOKEN,
        settings: RaiseDonorsSettings | None = None,
        check: TrafficCheck | None = None,
        clock: Callable[[], datetime] = utc_now,
        pause: Callable[[float], None] = time.sleep,
        seed: int = 0,
    ) -> None:
        self.token = token
        self.store = RaiseDonorsStore(clock, settings)
        super().__init__(self.store, _operations(self.store), check=check, clock=clock, pause=pause, fault_seed=seed)
        self.control = raisedonors_control(self)

    def refusal(self, call: Call) -> Answer | None:
        """401 for a missing or wrong token."""
        scheme, _, token = call.request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and hmac.compare_digest(token.encode(), self.token.encode()):
            return None
        answer = problem(401, "The token is missing, wrong or expired.")
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer

    def failure(self, status: int, message: str) -> Answer:
        """An error in RaiseDonors' form."""
        return problem(status, message)


def _operations(store: RaiseDonorsStore) -> list[Operation]:
    reads, donors, contacts = ReadOperations(store), DonorOperations(store), ContactOperations(store)
    gifts, schedules, activities = GiftOperations(store), ScheduleOperations(store), ActivityOperations(store)
    rows: list[tuple[str, str, str, Callable[[Call], Answer]]] = [
        ("listGifts", "GET", "Gift/list", reads.listing("gift")),
        ("queryGifts", "POST", "Gift/query", reads.query("gift")),
        ("getGift", "GET", "Gift/{id}", reads.one("gift")),
        ("setGiftCrmKey", "PATCH", "Gift/{id}/crmkey", gifts.set_key),
        ("listDonors", "GET", "Donor/list", reads.listing("donor")),
        ("queryDonors", "POST", "Donor/query", reads.query("donor")),
        ("searchDonors", "GET", "Donor/search", donors.search),
        ("createDonor", "POST", "Donor", donors.create),
        ("getDonor", "GET", "Donor/{id}", reads.one("donor")),
        ("patchDonor", "PATCH", "Donor/{id}", donors.patch),
        ("listDonorGifts", "GET", "Donor/{id}/gifts", reads.gifts_of_donor),
        ("addDonorAddress", "POST", "Donor/{id}/address", contacts.add_address),
        ("updateDonorAddress", "PUT", "Donor/{id}/address/{addressId}/update", contacts.update_address),
        ("addDonorPhone", "POST", "Donor/{id}/phone", contacts.add_phone),
        ("patchDonorPhone", "PATCH", "Donor/{id}/phone/{phoneId}", contacts.patch_phone),
        ("listRecurringGifts", "GET", "RecurringGift/list", reads.listing("schedule")),
        ("queryRecurringGifts", "POST", "RecurringGift/query", reads.query("schedule")),
        ("getRecurringGift", "GET", "RecurringGift/{id}", reads.one("schedule")),
        ("replaceRecurringGift", "PUT", "RecurringGift/{id}", schedules.replace),
        ("cancelRecurringGift", "PUT", "RecurringGift/{id}/cancel", schedules.cancel),
        ("listProjects", "GET", "Project/list", reads.listing("project")),
        ("getProject", "GET", "Project/{id}", reads.one("project")),
        ("listDonorActivity", "GET", "DonorActivity/list", activities.listing),
        ("addDonorActivity", "POST", "DonorActivity", activities.add),
    ]
    return [Operation(name, method, f"/api/{path}", _answering(run)) for name, method, path, run in rows]


def _answering(run: Callable[[Call], Answer]) -> Callable[[Call], Answer]:
    def answer(call: Call) -> Answer:
        try:
            return run(call)
        except Refused as refused:
            return refused.answer

    return answer
