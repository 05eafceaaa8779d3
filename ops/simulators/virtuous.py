"""The simulated Virtuous CRM+: every operation of its contract over a store in memory."""

import hmac
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from ops.simulators.contract_check import TrafficCheck
from ops.simulators.service import SimulatedService, utc_now
from ops.simulators.virtuous_answers import Answers, Refused
from ops.simulators.virtuous_contacts import ContactOperations
from ops.simulators.virtuous_control import virtuous_control
from ops.simulators.virtuous_gifts import GiftOperations
from ops.simulators.virtuous_import import ImportChoices, ImportResult, run_import
from ops.simulators.virtuous_projects import ProjectOperations
from ops.simulators.virtuous_rows import RowOperations
from ops.simulators.virtuous_sender import WebhookSender
from ops.simulators.virtuous_settings import VirtuousSettings
from ops.simulators.virtuous_shapes import EVENT_TOGGLES
from ops.simulators.virtuous_staff import Staff
from ops.simulators.virtuous_store import VirtuousStore
from ops.simulators.virtuous_webhooks import WebhookOperations
from ops.simulators.wire import Answer, Call, Operation

WANTED_EVENTS = ("contactCreate", "contactUpdate", "giftCreate", "giftUpdate")
DEFAULT_API_KEY = "virtuous-simulated"
TOKEN_PATH = "/Token"  # noqa: S105 - an address


class VirtuousSimulator(SimulatedService):
    """Virtuous as its contract describes it. `store`, `staff`, `faults` and `log` are there to be looked at and used.

    Deliveries go out through `sender`: by `deliver_due` in the caller's own time, or while `running` beside it.
    """

    def __init__(
        self,
        *,
        api_key: str = DEFAULT_API_KEY,
        settings: VirtuousSettings | None = None,
        check: TrafficCheck | None = None,
        clock: Callable[[], datetime] = utc_now,
        pause: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
        seed: int = 0,
    ) -> None:
        self.api_key = api_key
        self.store = VirtuousStore(clock, settings, seed)
        self.staff = Staff(self.store)
        self.sender = WebhookSender(self.store, self.act_due, monotonic)
        self._planned: list[tuple[datetime, ImportChoices]] = []
        self._answers = Answers(self.store)
        operations = [self._guarded(operation) for operation in _operations(self.store, self._answers)]
        super().__init__(self.store, operations, check=check, clock=clock, pause=pause, fault_seed=seed)
        self.control = virtuous_control(self)

    def subscribe(self, url: str, secret: str) -> None:
        """Staff subscribes an address to the events of contacts and of gifts."""
        toggles = {name: name in WANTED_EVENTS for name in EVENT_TOGGLES}
        with self.store.lock:
            self.store.outbox.subscribe({"payloadUrl": url, "secret": secret, "active": True, **toggles})

    def run_import(self, choices: ImportChoices | None = None) -> ImportResult:
        """Staff runs the import now."""
        return run_import(self.store, choices)

    def plan_import(self, seconds: float, choices: ImportChoices | None = None) -> None:
        """Staff is going to run the import in a while; it happens at the first call or delivery after that."""
        self._planned.append((self.clock() + timedelta(seconds=seconds), choices or ImportChoices()))

    def act_due(self) -> None:
        """Run the imports whose time has come."""
        with self.store.lock:
            due = [plan for plan in self._planned if plan[0] <= self.clock()]
            self._planned = [plan for plan in self._planned if plan not in due]
            for _, choices in due:
                run_import(self.store, choices)

    def reset(self) -> None:
        """Empty the store and all that is planned, the log, the fault rules and the contract check's findings."""
        super().reset()
        self._planned.clear()

    def refusal(self, call: Call) -> Answer | None:
        """401 for a wrong credential, 429 when the hour's budget is spent."""
        if call.request.path == TOKEN_PATH:
            return None
        scheme, _, token = call.request.headers.get("authorization", "").partition(" ")
        with self.store.lock:
            is_key = hmac.compare_digest(token.encode("utf-8", "replace"), self.api_key.encode())
            if scheme.lower() != "bearer" or not (is_key or self.store.tokens.accepts(token)):
                return self._unauthorized()
            if not self.store.budget.spend():
                return self._too_many()
        self.act_due()
        return None

    def failure(self, status: int, message: str) -> Answer:
        """An error in Virtuous' form."""
        return self._answers.message(status, message)

    def _unauthorized(self) -> Answer:
        text = "Authorization has been denied for this request."
        is_plain = self._answers.turns("vary", "plain")
        answer = Answer(401, text.encode(), "text/plain") if is_plain else self._answers.message(401, text)
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer

    def _too_many(self) -> Answer:
        answer = self._answers.message(429, "API calls quota exceeded.")
        answer.headers |= {"Retry-After": self.store.budget.retry_after(), **self.store.budget.headers()}
        return answer

    def _guarded(self, operation: Operation) -> Operation:
        """The operation with the permission checked, refusals answered, and the headers of the budget."""

        def run(call: Call) -> Answer:
            if operation.operation_id in self.store.settings.forbidden_operations:
                answer = self._answers.target(403, "FORBIDDEN", "The credential lacks the permission for this.")
            else:
                try:
                    answer = operation.run(call)
                except Refused as refused:
                    answer = refused.answer
            if operation.template != TOKEN_PATH:
                answer.headers |= self.store.budget.headers()
            return answer

        return Operation(operation.operation_id, operation.method, operation.template, run)


def _operations(store: VirtuousStore, answers: Answers) -> list[Operation]:
    contacts, rows = ContactOperations(store, answers), RowOperations(store, answers)
    gifts, projects = GiftOperations(store, answers), ProjectOperations(store, answers)
    webhooks = WebhookOperations(store, answers)

    def issue_token(call: Call) -> Answer:
        # Looked up anew: a store that was emptied has other tokens.
        return store.tokens.issue(call)

    table: list[tuple[str, str, str, Callable[[Call], Answer]]] = [
        ("issueToken", "POST", TOKEN_PATH, issue_token),
        ("getOrganization", "GET", "/api/Organization", lambda _: answers.of({"organizationName": "Simulated"})),
        ("getContact", "GET", "/api/Contact/{contactId}", contacts.one),
        ("findContact", "GET", "/api/Contact/Find", contacts.find),
        ("getContactByReference", "GET", "/api/Contact/{referenceSource}/{referenceId}", contacts.by_reference),
        ("queryFullContacts", "POST", "/api/Contact/Query/FullContact", contacts.query),
        ("listIndividuals", "GET", "/api/ContactIndividual/ByContact/{contactId}", contacts.individuals),
        ("listAddresses", "GET", "/api/ContactAddress/ByContact/{contactId}", contacts.addresses),
        ("addContactReference", "POST", "/api/ContactReference", contacts.add_reference),
        ("submitContactTransaction", "POST", "/api/Contact/Transaction", rows.contact),
        ("submitContactBatch", "POST", "/api/Contact/Batch", rows.contacts),
        ("submitGiftTransaction", "POST", "/api/v2/Gift/Transaction", rows.gift),
        ("submitGiftTransactions", "POST", "/api/v2/Gift/Transactions", rows.gifts),
        ("getGiftByTransaction", "GET", "/api/Gift/{transactionSource}/{transactionId}", gifts.by_transaction),
        ("listGiftsOfContact", "GET", "/api/Gift/ByContact/{contactId}", gifts.of_contact),
        ("reverseGift", "POST", "/api/Gift/ReversingTransaction", gifts.reverse),
        ("createProject", "POST", "/api/Project", projects.create),
        ("patchProjects", "PATCH", "/api/Project", projects.patch),
        ("getProject", "GET", "/api/Project/{projectId}", projects.by_id),
        ("replaceProject", "PUT", "/api/Project/{projectId}", projects.replace),
        ("getProjectByCode", "GET", "/api/Project/Code/{projectCode}", projects.by_code),
        ("queryProjects", "POST", "/api/Project/Query", projects.query),
        ("createWebhook", "POST", "/api/Webhook", webhooks.create),
        ("getWebhook", "GET", "/api/Webhook/{webhookId}", webhooks.one),
        ("replaceWebhook", "PUT", "/api/Webhook/{webhookId}", webhooks.replace),
        ("deleteWebhook", "DELETE", "/api/Webhook/{webhookId}", webhooks.delete),
        ("setWebhookActive", "PUT", "/api/Webhook/{webhookId}/Active", webhooks.set_active),
    ]
    return [Operation(name, method, path, run) for name, method, path, run in table]
