"""The real pickup, sweep and worker on the template's own tables, with both simulators, on a clock that tests move."""

from __future__ import annotations

import io
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
import requests
from moto import mock_aws
from requests.adapters import BaseAdapter
from requests.auth import HTTPBasicAuth
from requests.structures import CaseInsensitiveDict
from urllib3.response import HTTPResponse

from giftbridge.clients.aegis import Aegis
from giftbridge.clients.http import BearerToken, TimeLeft, Wire, new_session
from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.delivery_queue import DeliveryQueue
from giftbridge.domain.deliveries import Delivery
from giftbridge.domain.delivery_ids import donation_created_id
from giftbridge.domain.settings import read_settings
from giftbridge.flows.aegis_delivery import AegisDelivery
from giftbridge.flows.delivery_sweep import DeliverySweep, SweepOutcome
from giftbridge.flows.delivery_worker import BatchOutcome, DeliveryWorker
from giftbridge.flows.donation_pickup import DonationPickup, PickupOutcome
from giftbridge.flows.tools import Tools
from giftbridge.store.activity import Activity
from giftbridge.store.agreed import Agreed
from giftbridge.store.budgets import Budgets
from giftbridge.store.contact_snapshots import ContactSnapshots
from giftbridge.store.crm_keys import CrmKeys
from giftbridge.store.deliveries import Deliveries
from giftbridge.store.notices import Notices
from giftbridge.store.rows import from_item
from giftbridge.store.settings_versions import LiveSettings, SettingsVersions
from giftbridge.store.state import StateTable
from ops.simulators.aegis import AegisSimulator
from ops.simulators.faults import FaultRule
from ops.simulators.population import SETTINGS, Population
from ops.simulators.raisedonors import RaiseDonorsSimulator
from ops.simulators.service import SimulatedService
from ops.simulators.wire import ConnectionDropped
from tests.deployment.template import resources
from tests.memory_aws import memory_aws

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient

BEGIN = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
RUN_SECONDS = 60.0
Token = Callable[[int], str]


class Clock:
    """A clock that moves only when told to."""

    def __init__(self, now: datetime = BEGIN) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)


class SimulatorAdapter(BaseAdapter):
    """The client's requests reach the simulator without a socket, so that time-outs pass on the test's clock."""

    def __init__(self, service: SimulatedService, clock: Clock, paused: list[float]) -> None:
        super().__init__()
        self.service = service
        self.clock = clock
        self.paused = paused
        self.around: Callable[[requests.PreparedRequest, Callable[[], requests.Response]], requests.Response] = (
            lambda _, send: send()
        )

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        """Serve the request; a simulated pause longer than the time-out is a time-out."""
        return self.around(request, lambda: self._send(request, timeout))

    def _send(self, request: requests.PreparedRequest, timeout: Any) -> requests.Response:
        patience = float(timeout[1] if isinstance(timeout, tuple) else timeout or 60)
        url = urlsplit(str(request.url))
        target = url.path + (f"?{url.query}" if url.query else "")
        body = request.body.encode() if isinstance(request.body, str) else request.body or b""
        self.paused.clear()
        headers = {str(name): str(value) for name, value in request.headers.items()}
        try:
            answer = self.service.exchange(str(request.method), target, headers, body)
        except ConnectionDropped as dropped:
            raise requests.ConnectionError("the connection was dropped") from dropped
        waited = sum(self.paused)
        self.clock.advance(min(waited, patience))
        if waited > patience:
            raise requests.ReadTimeout("the answer took too long")
        response = requests.Response()
        response.status_code = answer.status
        response.headers = CaseInsensitiveDict(answer.headers)
        response.raw = HTTPResponse(io.BytesIO(answer.body), preload_content=False)
        response._content = answer.body
        response.request = request
        response.url = str(request.url)
        return response

    def close(self) -> None:
        """Nothing to close."""


@dataclass
class Workbench:
    """Everything a test of the path needs."""

    clock: Clock
    dynamodb: DynamoDBClient
    sqs: SQSClient
    raisedonors: RaiseDonorsSimulator
    aegis: AegisSimulator
    tools: Tools
    versions: SettingsVersions
    population: Population
    adapters: dict[str, SimulatorAdapter]
    queue_url: str
    dead_letter_url: str
    paused: list[float]
    _wires: dict[str, Wire] = field(default_factory=dict)
    credentials: dict[str, str] = field(default_factory=lambda: {"raisedonors": "v1", "aegis": "v1"})
    tokens: dict[str, str] = field(default_factory=dict)

    # --- running the parts --------------------------------------------------------------------------------

    def pickup(self, owner: str = "test", threads: int = 1) -> PickupOutcome:
        """One tick of the pickup."""
        self.tools.time_left.restart(RUN_SECONDS)
        return DonationPickup(self.tools, RaiseDonors(self.wire("raisedonors")), owner, threads).run()

    def sweep(self) -> SweepOutcome:
        """One tick of the sweep."""
        self.tools.time_left.restart(RUN_SECONDS)
        return DeliverySweep(self.tools, "aegis").run()

    def worker(self) -> DeliveryWorker:
        """A worker as a fresh process would have it: nothing remembered."""
        aegis = Aegis(self.wire("aegis"), self.aegis.context)
        carrier = AegisDelivery(self.tools, RaiseDonors(self.wire("raisedonors")), aegis)
        return DeliveryWorker(self.tools, carrier, threads=1)

    def wire(self, system: str) -> Wire:
        """The real HTTP path to a simulator."""
        if system not in self._wires:
            session = new_session()
            session.mount("http://", self.adapters[system])
            auth: Any = BearerToken(self.tokens.get(system, self.raisedonors.token))
            if system == "aegis":
                auth = HTTPBasicAuth(self.aegis.username.encode(), self.aegis.password.encode())
            spend = self.tools.budgets.of(system).take
            url = f"http://{system}.test"
            self._wires[system] = Wire(system, url, session, self.tools.time_left, spend, self.clock, auth, pause=0)
        return self._wires[system]

    def receive(self, most: int = 10, queue_url: str = "") -> list[dict[str, Any]]:
        """Messages as the event source mapping would hand them to the worker."""
        answer = self.sqs.receive_message(
            QueueUrl=queue_url or self.queue_url, MaxNumberOfMessages=most, MessageSystemAttributeNames=["All"]
        )
        return [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": message["Attributes"],
            }
            for message in answer.get("Messages", [])
        ]

    def work(self, worker: DeliveryWorker | None = None, most: int = 10) -> BatchOutcome | None:
        """One batch from the queue, as Lambda does it: what is not handed back is deleted. None when nothing came."""
        records = self.receive(most)
        if not records:
            return None
        self.tools.time_left.restart(RUN_SECONDS)
        outcome = (worker or self.worker()).work(records)
        for record in records:
            if record["messageId"] not in outcome.hand_back:
                self.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=record["receiptHandle"])
        return outcome

    def drain(self, batches: int = 200) -> None:
        """Work until the queue is empty."""
        worker = self.worker()
        for _ in range(batches):
            if self.work(worker) is None:
                return

    def run(self, ticks: int = 1, seconds: float = 60) -> None:
        """So many minutes of the whole: pickup, work, sweep, work."""
        for _ in range(ticks):
            self.pickup()
            self.drain()
            self.sweep()
            self.drain()
            self.clock.advance(seconds)

    # --- looking ------------------------------------------------------------------------------------------

    def delivery(self, donation_id: int) -> Delivery:
        """The delivery of a donation."""
        found = self.tools.deliveries.get(donation_created_id(donation_id))
        assert found is not None, f"donation {donation_id} has no delivery"
        return found

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All rows of a table."""
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=table)
        return [from_item(item) for page in pages for item in page["Items"]]

    def transactions_of(self, donation_id: int) -> list[Any]:
        """The transactions in Aegis that carry a donation's id."""
        wanted = str(donation_id)
        found = self.aegis.store.transactions.values()
        return [t for t in found if t.attribute("RaiseDonors.Donation.Id") == wanted]

    def calls(self, system: str = "aegis") -> list[str]:
        """The operations that reached a simulator, in order."""
        service: SimulatedService = self.aegis if system == "aegis" else self.raisedonors
        return [str(entry.operation_id) for entry in service.log]

    def dead_letters(self) -> int:
        """How many messages the dead-letter queue holds."""
        answer = self.sqs.get_queue_attributes(
            QueueUrl=self.dead_letter_url, AttributeNames=["ApproximateNumberOfMessages"]
        )
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    # --- changing -----------------------------------------------------------------------------------------

    def settings(self, **sections: Any) -> None:
        """Change settings; live at once."""
        document = dict(self.versions.current().document)
        for name, values in sections.items():
            document[name] = {**document[name], **values} if isinstance(values, dict) else values
        self.versions.save(document, by="test", note="")
        self.clock.advance(61)

    def give(self, kind: str = "one_time", **more: Any) -> int:
        """A new gift now; its id."""
        return self.population.make_gift(kind, self.clock(), **more).gift_id

    def fault(self, system: str, rule: FaultRule) -> FaultRule:
        """Put a fault into force."""
        service: SimulatedService = self.aegis if system == "aegis" else self.raisedonors
        return service.faults.add(rule)

    def net(self) -> Decimal:
        """All money recorded in Aegis through the API."""
        return sum((t.total for t in self.aegis.store.transactions.values() if t.via_api), Decimal(0))


@contextmanager
def workbench(seed: int = 1, token: Token = secrets.token_hex, **aegis_options: Any) -> Iterator[Workbench]:
    """A fresh workbench, connected, enabled at the clock's beginning, with the population's codes."""
    with mock_aws(), memory_aws():
        dynamodb: DynamoDBClient = _session().client("dynamodb")
        sqs: SQSClient = _session().client("sqs")
        _make_tables(dynamodb)
        queue_url, dead_letter_url = make_queues(sqs, "aegis")
        clock = Clock()
        paused: list[float] = []
        raisedonors = RaiseDonorsSimulator(clock=clock, pause=paused.append, seed=seed)
        aegis = AegisSimulator(clock=clock, pause=paused.append, seed=seed, **aegis_options)
        state = StateTable(dynamodb, "StateTable")
        versions = SettingsVersions(dynamodb, "StateTable", clock)
        document = read_settings({}).model_dump(mode="json")
        document["aegis"] |= {**SETTINGS["aegis"], "enabled": True}
        versions.save(document, by="test", note="")
        live = LiveSettings(versions)
        credentials = {"raisedonors": "v1", "aegis": "v1"}
        tools = Tools(
            deliveries=Deliveries(dynamodb, "DeliveriesTable", token),
            keys=CrmKeys(dynamodb, "CrmKeysTable"),
            snapshots=ContactSnapshots(dynamodb, "CrmKeysTable"),
            agreed=Agreed(dynamodb, "CrmKeysTable"),
            activity=Activity(dynamodb, "ActivityTable", token=token),
            notices=Notices(dynamodb, "ActivityTable", token=token),
            state=state,
            queue=DeliveryQueue(sqs, queue_url, dead_letter_url),
            budgets=Budgets(state, lambda system: getattr(live.get()[1].limits, f"{system}_per_hour"), clock),
            settings=live.get,
            now=clock,
            jitter=lambda: 0.5,
            time_left=TimeLeft(RUN_SECONDS),
            credentials_version=lambda system: credentials.get(system, ""),
            # Tests count calls in their order.
            threads=1,
            token=token,
        )
        yield Workbench(
            clock,
            dynamodb,
            sqs,
            raisedonors,
            aegis,
            tools,
            versions,
            Population(seed, raisedonors.store, aegis.store),
            {
                "raisedonors": SimulatorAdapter(raisedonors, clock, paused),
                "aegis": SimulatorAdapter(aegis, clock, paused),
            },
            queue_url,
            dead_letter_url,
            paused,
            credentials=credentials,
        )


@cache
def _session() -> boto3.Session:
    """One session for all benches: a new one would read AWS' service descriptions anew."""
    return boto3.Session(region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")


def _make_tables(dynamodb: DynamoDBClient) -> None:
    """The tables as the template defines them, under their logical names."""
    for name, table in resources("AWS::DynamoDB::Table").items():
        properties = table["Properties"]
        indexes = {"GlobalSecondaryIndexes": properties.get("GlobalSecondaryIndexes")}
        dynamodb.create_table(
            TableName=name,
            AttributeDefinitions=properties["AttributeDefinitions"],
            KeySchema=properties["KeySchema"],
            BillingMode="PAY_PER_REQUEST",
            **{key: value for key, value in indexes.items() if value},
        )


def make_queues(sqs: SQSClient, name: str) -> tuple[str, str]:
    """A destination's queue and its dead-letter queue; their addresses."""
    dead_letter_url = sqs.create_queue(QueueName=f"{name}-dead.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead_letter_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = f'{{"deadLetterTargetArn":"{arn}","maxReceiveCount":5}}'
    # No waiting in tests: a message that was not deleted is there again at once.
    attributes: Any = {"FifoQueue": "true", "VisibilityTimeout": "0", "RedrivePolicy": policy}
    return sqs.create_queue(QueueName=f"{name}.fifo", Attributes=attributes)["QueueUrl"], dead_letter_url
