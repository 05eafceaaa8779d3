"""The one place that puts the parts together, once a process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
import requests
from botocore.config import Config
from requests.auth import HTTPBasicAuth

from giftbridge.clients.aegis import Aegis
from giftbridge.clients.http import BearerToken, TimeLeft, Wire
from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.credentials import Credentials
from giftbridge.delivery_queue import DeliveryQueue
from giftbridge.domain.delivery_ids import AEGIS, RAISEDONORS, VIRTUOUS
from giftbridge.environment import Environment, QueueUrls
from giftbridge.flows.tools import Tools
from giftbridge.store.activity import Activity
from giftbridge.store.agreed import Agreed
from giftbridge.store.budgets import Budgets
from giftbridge.store.contact_snapshots import ContactSnapshots
from giftbridge.store.crm_keys import CrmKeys
from giftbridge.store.deliveries import Deliveries
from giftbridge.store.notices import Notices
from giftbridge.store.settings_versions import LiveSettings, SettingsVersions
from giftbridge.store.state import StateTable
from giftbridge.surroundings import Surroundings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

    from giftbridge.clients.virtuous import Virtuous
    from giftbridge.flows.contact_net import ContactNet
    from giftbridge.flows.contact_worker import ContactWorker
    from giftbridge.flows.daily_batch import DailyBatch
    from giftbridge.flows.delivery_sweep import DeliverySweep
    from giftbridge.flows.delivery_worker import DeliveryWorker
    from giftbridge.flows.donation_pickup import DonationPickup
    from giftbridge.flows.donor_history import DonorHistory
    from giftbridge.flows.notice_mail import NoticeMail
    from giftbridge.flows.reconciliation_daily import DailyReconciliation

_POOL = 16
_THE_MACHINES_OWN = Surroundings()
T = TypeVar("T")


class Assembly:
    """The parts of one process, built once; clients are built anew when a secret changes."""

    def __init__(
        self,
        environment: Environment,
        dynamodb: DynamoDBClient,
        sqs: SQSClient,
        secrets: SecretsManagerClient,
        surroundings: Surroundings = _THE_MACHINES_OWN,
    ) -> None:
        self.environment = environment
        self.surroundings = surroundings
        now, token = surroundings.now, surroundings.token
        self.time_left = TimeLeft(monotonic=surroundings.monotonic)
        self.credentials = Credentials(secrets, environment.secret_ids, now)
        self.state = StateTable(dynamodb, environment.state_table)
        self.live_settings = LiveSettings(SettingsVersions(dynamodb, environment.state_table, now))
        # A function that is told of no queue sends no nudges.
        aegis_queue = environment.queues.get(AEGIS, QueueUrls(""))
        self.tools = Tools(
            deliveries=Deliveries(dynamodb, environment.deliveries_table, token),
            keys=CrmKeys(dynamodb, environment.crm_keys_table),
            agreed=Agreed(dynamodb, environment.crm_keys_table),
            snapshots=ContactSnapshots(dynamodb, environment.crm_keys_table),
            activity=Activity(dynamodb, environment.activity_table, self._activity_days, token),
            notices=Notices(dynamodb, environment.activity_table, self._activity_days, token),
            state=self.state,
            queue=DeliveryQueue(sqs, aegis_queue.url, aegis_queue.dead_letter_url),
            budgets=Budgets(self.state, self._calls_an_hour, now, surroundings.lock),
            settings=self.live_settings.get,
            now=now,
            jitter=surroundings.jitter,
            time_left=self.time_left,
            credentials_version=self.credentials.version,
            token=token,
            side_by_side=surroundings.side_by_side,
            lock=surroundings.lock,
        )
        self._queues = {
            destination: DeliveryQueue(sqs, urls.url, urls.dead_letter_url)
            for destination, urls in environment.queues.items()
        }
        self._workers: dict[str, tuple[tuple[str, ...], Any]] = {}
        self._history: tuple[tuple[str, str], DonorHistory] | None = None

    @classmethod
    def of_function(cls) -> Assembly:
        """Everything a Lambda function needs, from its environment."""
        config = Config(
            max_pool_connections=_POOL,
            connect_timeout=3,
            read_timeout=10,
            retries={"mode": "standard", "max_attempts": 4},
        )
        return cls(
            Environment.read(),
            boto3.client("dynamodb", config=config),
            boto3.client("sqs", config=config),
            boto3.client("secretsmanager", config=config),
        )

    def _activity_days(self) -> int:
        return self.live_settings.get()[1].activity_days

    def begin(self, seconds: float) -> None:
        """A new invocation with so many seconds to run."""
        self.time_left.restart(seconds)

    def raisedonors(self) -> RaiseDonors | None:
        """The client of RaiseDonors; None until it is connected."""
        credential = self.credentials.of("raisedonors")
        if not credential.is_complete:
            return None
        return RaiseDonors(self._wire("raisedonors", credential.values["url"], BearerToken(credential.values["token"])))

    def aegis(self) -> Aegis | None:
        """The client of Aegis; None until it is connected."""
        credential = self.credentials.of("aegis")
        if not credential.is_complete:
            return None
        values = credential.values
        auth = HTTPBasicAuth(values["username"].encode(), values["password"].encode())
        return Aegis(self._wire("aegis", values["url"], auth), values["context"])

    def virtuous(self) -> Virtuous | None:
        """The client of Virtuous; None until it is connected. An API key, or a user who has no second factor."""
        from giftbridge.clients.virtuous import Virtuous  # noqa: PLC0415  most functions never call Virtuous
        from giftbridge.clients.virtuous_auth import PasswordGrant  # noqa: PLC0415

        credential = self.credentials.of(VIRTUOUS)
        if not credential.is_complete:
            return None
        values, session = credential.values, self.surroundings.new_session()
        auth: BearerToken | PasswordGrant
        if values.get("api_key"):
            auth = BearerToken(values["api_key"])
        else:
            user, password = values["username"], values["password"]
            auth = PasswordGrant(
                values["url"], user, password, session, self.time_left, self.surroundings.now, self.surroundings.lock
            )
        return Virtuous(self._wire(VIRTUOUS, values["url"], auth, session))

    def _wire(self, system: str, url: str, auth: Callable[[Any], Any], session: requests.Session | None = None) -> Wire:
        budget = self.tools.budgets.of(system)
        observe = budget.observe if system == VIRTUOUS else None
        machine = self.surroundings
        session = session or machine.new_session()
        return Wire(
            system, url, session, self.time_left, budget.take, machine.now, auth, observe=observe, sleep=machine.sleep
        )

    def _calls_an_hour(self, system: str) -> int | None:
        limits = self.live_settings.get()[1].limits
        by_system = {AEGIS: limits.aegis_per_hour, VIRTUOUS: limits.virtuous_per_hour}
        return by_system.get(system, limits.raisedonors_per_hour)

    def tools_for(self, destination: str) -> Tools:
        """The tools with the queue of a destination."""
        return replace(self.tools, queue=self._queues[destination])

    def donation_pickup(self, owner: str) -> DonationPickup | None:
        """The pickup; None until RaiseDonors is connected."""
        from giftbridge.flows.donation_pickup import DonationPickup  # noqa: PLC0415  each function loads its own flow

        raisedonors = self.raisedonors()
        return DonationPickup(self.tools, raisedonors, owner) if raisedonors is not None else None

    def donor_history(self) -> DonorHistory:
        """The donor portal's history; a system that is not connected is missing in it."""
        from giftbridge.flows.donor_history import DonorHistory  # noqa: PLC0415

        versions = (self.credentials.version("raisedonors"), self.credentials.version("aegis"))
        if self._history is None or self._history[0] != versions:
            self._history = (versions, DonorHistory(self.tools, self.raisedonors(), self.aegis()))
        return self._history[1]

    def delivery_sweeps(self) -> list[DeliverySweep]:
        """A sweep for each destination whose systems are connected."""
        from giftbridge.flows.contact_worker import ContactHints  # noqa: PLC0415
        from giftbridge.flows.delivery_sweep import DeliverySweep  # noqa: PLC0415

        # A message of a dead worker is back by then; a nudge too many costs one look at the row.
        renudge_after = timedelta(seconds=2 * self.environment.queue_visibility_seconds + 15)
        sweeps = [
            DeliverySweep(self.tools_for(destination), destination, renudge_after)
            for destination in self.destinations()
        ]
        for sweep in sweeps:
            if sweep.destination == VIRTUOUS:
                sweep.ping = self._ping_virtuous
            if sweep.destination == RAISEDONORS:
                sweep.take_in = ContactHints(sweep.tools).take_in
        return sweeps

    def destinations(self) -> list[str]:
        """Those whose systems are connected."""
        ways = ((AEGIS, AEGIS), (VIRTUOUS, VIRTUOUS), (RAISEDONORS, VIRTUOUS))
        return [name for name, system in ways if name in self._queues and self._is_connected(system)]

    def _ping_virtuous(self) -> None:
        virtuous = self.virtuous()
        if virtuous is not None:
            virtuous.ping()

    def _is_connected(self, system: str) -> bool:
        return system in self.environment.secret_ids and self.credentials.of(system).is_complete

    def contact_net(self) -> ContactNet | None:
        """The hourly query of modified contacts; None until Virtuous is connected."""
        from giftbridge.flows.contact_net import ContactNet  # noqa: PLC0415

        virtuous = self.virtuous() if VIRTUOUS in self.environment.secret_ids else None
        return ContactNet(self.tools_for(RAISEDONORS), virtuous) if virtuous is not None else None

    def daily_batch(self, owner: str) -> DailyBatch | None:
        """The batch for Virtuous; None until both systems are connected."""
        from giftbridge.flows.daily_batch import DailyBatch  # noqa: PLC0415

        raisedonors = self.raisedonors()
        if raisedonors is None or not self._is_connected(VIRTUOUS):
            return None
        return DailyBatch(self.tools_for(VIRTUOUS), raisedonors, owner)

    def daily_reconciliation(self, owner: str) -> DailyReconciliation | None:
        """The daily comparison of both sides; None until RaiseDonors and a CRM are connected."""
        from giftbridge.flows.reconciliation_daily import DailyReconciliation  # noqa: PLC0415
        from giftbridge.flows.reconciliation_reading import Sources  # noqa: PLC0415

        raisedonors = self.raisedonors()
        aegis = self.aegis() if self._is_connected(AEGIS) else None
        virtuous = self.virtuous() if self._is_connected(VIRTUOUS) else None
        if raisedonors is None or (aegis is None and virtuous is None):
            return None
        sources = Sources(raisedonors, aegis, virtuous, lambda system: self.tools.budgets.of(system).spare())
        return DailyReconciliation(self.tools, sources, owner)

    def notice_mail(self) -> NoticeMail:
        """The mailing of notices: it needs neither system."""
        from giftbridge.clients.mail import Mail, new_ses  # noqa: PLC0415
        from giftbridge.flows.notice_mail import NoticeMail  # noqa: PLC0415
        from giftbridge.flows.notice_posting import MailTools  # noqa: PLC0415

        tools, seconds_left = self.tools, self.time_left.seconds
        parts = MailTools(tools.notices, tools.activity, tools.state, tools.settings, tools.now, seconds_left)
        return NoticeMail(parts, Mail(new_ses()), self.environment.stack_name)

    def aegis_worker(self) -> DeliveryWorker | None:
        """The worker of Aegis' queue; None until both systems are connected."""
        from giftbridge.flows.aegis_delivery import AegisDelivery  # noqa: PLC0415
        from giftbridge.flows.delivery_worker import DeliveryWorker  # noqa: PLC0415

        def build() -> DeliveryWorker | None:
            raisedonors, aegis = self.raisedonors(), self.aegis()
            if raisedonors is None or aegis is None:
                return None
            return DeliveryWorker(self.tools, AegisDelivery(self.tools, raisedonors, aegis))

        return self._kept(AEGIS, (RAISEDONORS, AEGIS), build)

    def virtuous_worker(self) -> DeliveryWorker | None:
        """The worker of Virtuous' queue; None until both systems are connected."""
        from giftbridge.flows.delivery_worker import DeliveryWorker  # noqa: PLC0415
        from giftbridge.flows.virtuous_delivery import VirtuousDelivery  # noqa: PLC0415

        def build() -> DeliveryWorker | None:
            raisedonors, virtuous = self.raisedonors(), self.virtuous()
            if raisedonors is None or virtuous is None:
                return None
            tools = self.tools_for(VIRTUOUS)
            return DeliveryWorker(tools, VirtuousDelivery(tools, raisedonors, virtuous))

        return self._kept(VIRTUOUS, (RAISEDONORS, VIRTUOUS), build)

    def raisedonors_worker(self) -> ContactWorker | None:
        """The worker of the queue towards RaiseDonors; None until both systems are connected."""
        from giftbridge.flows.contact_updates import ContactUpdates  # noqa: PLC0415
        from giftbridge.flows.contact_worker import ContactWorker  # noqa: PLC0415
        from giftbridge.flows.delivery_worker import DeliveryWorker  # noqa: PLC0415

        def build() -> ContactWorker | None:
            raisedonors, virtuous = self.raisedonors(), self.virtuous()
            if raisedonors is None or virtuous is None:
                return None
            tools = self.tools_for(RAISEDONORS)
            return ContactWorker(tools, DeliveryWorker(tools, ContactUpdates(tools, raisedonors, virtuous)))

        return self._kept(RAISEDONORS, (RAISEDONORS, VIRTUOUS), build)

    def _kept(self, destination: str, systems: tuple[str, ...], build: Callable[[], T | None]) -> T | None:
        """The worker of a destination, built anew when a secret has changed."""
        versions = tuple(self.credentials.version(system) for system in systems)
        kept = self._workers.get(destination)
        if kept is None or kept[0] != versions:
            built = build()
            if built is None:
                return None
            kept = (versions, built)
            self._workers[destination] = kept
        worker: T = kept[1]
        return worker
