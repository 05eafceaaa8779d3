"""The workbench with Virtuous beside it: its queues, its workers, its webhooks, all on the test's clock."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from giftbridge import contact_hints
from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.clients.virtuous import Virtuous
from giftbridge.clients.virtuous_webhooks import read_delivery
from giftbridge.contact_hints import ContactHint
from giftbridge.delivery_queue import DeliveryQueue
from giftbridge.domain.deliveries import Delivery
from giftbridge.domain.delivery_ids import RAISEDONORS, VIRTUOUS
from giftbridge.errors import Rejected
from giftbridge.flows.contact_net import ContactNet, NetOutcome
from giftbridge.flows.contact_updates import ContactUpdates
from giftbridge.flows.contact_worker import ContactHints, ContactWorker
from giftbridge.flows.daily_batch import BatchOutcome, DailyBatch
from giftbridge.flows.delivery_sweep import DeliverySweep
from giftbridge.flows.delivery_worker import DeliveryWorker
from giftbridge.flows.tools import Tools
from giftbridge.flows.virtuous_delivery import VirtuousDelivery
from ops.simulators.contract_check import TrafficCheck
from ops.simulators.virtuous import VirtuousSimulator
from ops.simulators.virtuous_population import OUR_SOURCE
from ops.simulators.virtuous_records import Contact
from ops.simulators.virtuous_settings import VirtuousSettings
from tests.workbench import RUN_SECONDS, SimulatorAdapter, Token, Workbench, make_queues, workbench

CONTRACTS = Path(__file__).resolve().parents[1] / "contracts"
HOME = {"address1": "7 Quay Rd", "city": "Mobile", "state": "AL", "postal": "36602", "country": "US"}


@dataclass
class VirtuousBench:
    """Both directions. `bench` has RaiseDonors, the tables and the clock."""

    bench: Workbench
    virtuous: VirtuousSimulator
    queues: dict[str, tuple[str, str]]
    tools: dict[str, Tools] = field(default_factory=dict)

    def __post_init__(self) -> None:
        sqs = self.bench.sqs
        for destination, (url, dead_letter_url) in self.queues.items():
            self.tools[destination] = replace(self.bench.tools, queue=DeliveryQueue(sqs, url, dead_letter_url))

    # --- running the parts --------------------------------------------------------------------------------

    def client(self) -> Virtuous:
        """The real client."""
        return Virtuous(self.bench.wire(VIRTUOUS))

    def worker(self, destination: str) -> DeliveryWorker | ContactWorker:
        """A worker as a fresh process would have it."""
        tools = self.tools[destination]
        raisedonors = RaiseDonors(self.bench.wire(RAISEDONORS))
        if destination == VIRTUOUS:
            return DeliveryWorker(tools, VirtuousDelivery(tools, raisedonors, self.client()), threads=1)
        updates = ContactUpdates(tools, raisedonors, self.client())
        return ContactWorker(tools, DeliveryWorker(tools, updates, threads=1))

    def work(self, destination: str, worker: DeliveryWorker | ContactWorker | None = None) -> Any:
        """One batch from a queue; None when nothing came."""
        url = self.queues[destination][0]
        records = self.bench.receive(10, url)
        if not records:
            return None
        self.bench.tools.time_left.restart(RUN_SECONDS)
        outcome = (worker or self.worker(destination)).work(records)
        for record in records:
            if record["messageId"] not in outcome.hand_back:
                self.bench.sqs.delete_message(QueueUrl=url, ReceiptHandle=record["receiptHandle"])
        return outcome

    def drain(self, batches: int = 300) -> None:
        """Work until both queues are empty."""
        for destination in (RAISEDONORS, VIRTUOUS):
            worker = self.worker(destination)
            for _ in range(batches):
                if self.work(destination, worker) is None:
                    break

    def sweep(self) -> None:
        """One tick of the sweep."""
        self.bench.tools.time_left.restart(RUN_SECONDS)
        DeliverySweep(self.tools[VIRTUOUS], VIRTUOUS, ping=self.client().ping).run()
        hints = ContactHints(self.tools[RAISEDONORS])
        DeliverySweep(self.tools[RAISEDONORS], RAISEDONORS, take_in=hints.take_in).run()

    def net(self, *, is_requested: bool = True) -> NetOutcome:
        """The query of modified contacts, now, or when its hour has come."""
        self.bench.tools.time_left.restart(RUN_SECONDS)
        return ContactNet(self.tools[RAISEDONORS], self.client()).run(is_requested=is_requested)

    def batch(self, owner: str = "test") -> BatchOutcome:
        """The daily batch, now, and all that it leads to."""
        outcome = self.plan(owner)
        self.drain()
        return outcome

    def plan(self, owner: str = "test", *, now_requested: bool = True) -> BatchOutcome:
        """The daily batch alone."""
        self.bench.tools.time_left.restart(RUN_SECONDS)
        batch = DailyBatch(self.tools[VIRTUOUS], RaiseDonors(self.bench.wire(RAISEDONORS)), owner)
        return batch.run(now_requested=now_requested)

    def post(self, _url: str, _headers: dict[str, str], body: bytes) -> int:
        """A webhook as its function takes it in, behind the signature."""
        try:
            told = read_delivery(body)
        except Rejected:
            return 400
        hint = ContactHint(told.contacts, told.gifts_of, self.bench.clock())
        if hint.contact_ids:
            contact_hints.send(self.bench.sqs, self.queues[RAISEDONORS][0], hint, self.bench.tools.token)
        return 200

    def webhooks(self) -> int:
        """Let Virtuous send what is due, and work it off."""
        sent = self.virtuous.sender.deliver_due(self.post)
        self.drain()
        return sent

    def tick(self, seconds: float = 60) -> None:
        """One minute of the whole, without a batch."""
        self.bench.pickup()
        self.webhooks()
        self.sweep()
        self.drain()
        self.bench.clock.advance(seconds)

    def settle(self, ticks: int = 6, seconds: float = 60) -> None:
        """Some quiet minutes."""
        for _ in range(ticks):
            self.tick(seconds)

    def day(self) -> None:
        """Batch, import by staff, and the webhooks that follow."""
        self.bench.pickup()
        self.batch()
        self.virtuous.run_import()
        self.settle(4)

    # --- looking ------------------------------------------------------------------------------------------

    def delivery(self, delivery_id: str) -> Delivery:
        """A delivery that is there."""
        found = self.bench.tools.deliveries.get(delivery_id)
        assert found is not None, f"no delivery {delivery_id}"
        return found

    def dead_letters(self, destination: str) -> int:
        """How many messages a dead-letter queue holds."""
        answer = self.bench.sqs.get_queue_attributes(
            QueueUrl=self.queues[destination][1], AttributeNames=["ApproximateNumberOfMessages"]
        )
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    def calls(self) -> list[str]:
        """The operations that reached Virtuous, in order."""
        return [str(entry.operation_id) for entry in self.virtuous.log]

    def donor(self, donor_id: int) -> dict[str, Any]:
        """A donor as RaiseDonors has them."""
        members: dict[str, Any] = self.bench.raisedonors.store.donors.entry(donor_id).latest.members
        return members

    def contact_of(self, donor_id: int) -> Contact:
        """The contact that carries a donor's reference."""
        found = self.virtuous.store.by_reference(OUR_SOURCE, str(donor_id))
        assert found is not None, f"no contact for donor {donor_id}"
        return found

    # --- changing -----------------------------------------------------------------------------------------

    def link(self, donor_id: int, **members: Any) -> Contact:
        """A contact that says what its donor says, with our reference."""
        donor = self.donor(donor_id)
        address = next((one for one in donor["donorAddresses"] if one["isPrimary"]), None)
        phone = next((one["value"] for one in donor["donorPhoneNumbers"] if one["isPrimary"]), None)
        email = next((one["value"] for one in donor["donorEmailAddresses"] if one["isPrimary"]), None)
        person = {"firstName": donor["firstName"], "lastName": donor["lastName"], "phone": phone, "email": email}
        lines = {"address1": "address1", "address2": "address2", "city": "city", "state": "state", "postal": "postal"}
        home = {wire: (address or {}).get(name) for wire, name in lines.items()}
        given = {
            "contactIndividuals": [{name: value for name, value in person.items() if value}],
            "address": {**home, "country": (address or {}).get("countryString")} if address else None,
            "contactReferences": [{"source": OUR_SOURCE, "id": str(donor_id)}],
            **members,
        }
        return self.virtuous.staff.add_contact(given)

    def subscribe(self) -> None:
        """A subscription to the events we need."""
        toggles = dict.fromkeys(("contactCreate", "contactUpdate", "giftCreate", "giftUpdate"), True)
        self.client().create_webhook({"payloadUrl": "https://hooks.example.org/in", "secret": "s1", **toggles})


@contextmanager
def virtuous_bench(
    seed: int = 1, *, with_aegis: bool = False, token: Token = secrets.token_hex, **options: Any
) -> Iterator[VirtuousBench]:
    """A fresh bench whose only destination is Virtuous, unless Aegis is asked for too."""
    with workbench(seed, token) as bench:
        check = TrafficCheck(CONTRACTS / "virtuous.openapi.yaml")
        settings = VirtuousSettings(**{"calls_per_hour": None, "rate_headers": "", **options})
        virtuous = VirtuousSimulator(
            settings=settings, check=check, clock=bench.clock, pause=bench.paused.append, seed=seed
        )
        bench.adapters[VIRTUOUS] = SimulatorAdapter(virtuous, bench.clock, bench.paused)
        bench.tokens[VIRTUOUS] = virtuous.api_key
        bench.credentials[VIRTUOUS] = "v1"
        queues = {name: make_queues(bench.sqs, name) for name in (VIRTUOUS, RAISEDONORS)}
        bench.settings(virtuous={"enabled": True}, aegis={"enabled": with_aegis}, limits={"virtuous_per_hour": None})
        fresh = VirtuousBench(bench, virtuous, queues)
        fresh.subscribe()
        yield fresh
        assert check.violations == []
