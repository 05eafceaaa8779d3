"""The one place that puts the parts together, once a process."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from requests.auth import HTTPBasicAuth

from giftbridge.clients.aegis import Aegis
from giftbridge.clients.http import TimeLeft, Wire, new_session
from giftbridge.clients.raisedonors import BearerToken, RaiseDonors
from giftbridge.credentials import Credentials
from giftbridge.delivery_queue import DeliveryQueue
from giftbridge.environment import Environment
from giftbridge.flows.tools import Tools
from giftbridge.store.activity import Activity
from giftbridge.store.agreed import Agreed
from giftbridge.store.budgets import RateBudget
from giftbridge.store.crm_keys import CrmKeys
from giftbridge.store.deliveries import Deliveries
from giftbridge.store.notices import Notices
from giftbridge.store.settings_versions import LiveSettings, SettingsVersions
from giftbridge.store.state import StateTable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

    from giftbridge.flows.delivery_sweep import DeliverySweep
    from giftbridge.flows.delivery_worker import DeliveryWorker
    from giftbridge.flows.donation_pickup import DonationPickup
    from giftbridge.flows.donor_history import DonorHistory
    from giftbridge.flows.notice_mail import NoticeMail

_POOL = 16


def utc_now() -> datetime:
    """The clock."""
    return datetime.now(UTC)


class Assembly:
    """The parts of one process, built once; clients are built anew when a secret changes."""

    def __init__(
        self, environment: Environment, dynamodb: DynamoDBClient, sqs: SQSClient, secrets: SecretsManagerClient
    ) -> None:
        self.environment = environment
        self.time_left = TimeLeft()
        self.credentials = Credentials(secrets, environment.secret_ids, utc_now)
        self.state = StateTable(dynamodb, environment.state_table)
        self.live_settings = LiveSettings(SettingsVersions(dynamodb, environment.state_table, utc_now))
        self.tools = Tools(
            deliveries=Deliveries(dynamodb, environment.deliveries_table),
            keys=CrmKeys(dynamodb, environment.crm_keys_table),
            agreed=Agreed(dynamodb, environment.crm_keys_table),
            activity=Activity(dynamodb, environment.activity_table, self._activity_days),
            notices=Notices(dynamodb, environment.activity_table, self._activity_days),
            state=self.state,
            queue=DeliveryQueue(sqs, environment.aegis_queue_url, environment.aegis_dead_letter_url),
            settings=self.live_settings.get,
            now=utc_now,
            jitter=random.SystemRandom().random,
            time_left=self.time_left,
            credentials_version=self.credentials.version,
        )
        self._worker: tuple[tuple[str, str], DeliveryWorker] | None = None
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

    def _wire(self, system: str, url: str, auth: BearerToken | HTTPBasicAuth) -> Wire:
        def per_hour() -> int | None:
            limits = self.live_settings.get()[1].limits
            return limits.aegis_per_hour if system == "aegis" else limits.raisedonors_per_hour

        budget = RateBudget(self.state, system, per_hour, utc_now)
        return Wire(system, url, new_session(), self.time_left, budget.take, utc_now, auth)

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

    def delivery_sweep(self) -> DeliverySweep | None:
        """The sweep; None until Aegis is connected."""
        from giftbridge.flows.delivery_sweep import DeliverySweep  # noqa: PLC0415

        if not self.credentials.of("aegis").is_complete:
            return None
        # A message of a dead worker is back by then; a nudge too many costs one look at the row.
        renudge_after = timedelta(seconds=2 * self.environment.queue_visibility_seconds + 15)
        return DeliverySweep(self.tools, "aegis", renudge_after)

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

        versions = (self.credentials.version("raisedonors"), self.credentials.version("aegis"))
        if self._worker is None or self._worker[0] != versions:
            raisedonors, aegis = self.raisedonors(), self.aegis()
            if raisedonors is None or aegis is None:
                return None
            self._worker = (versions, DeliveryWorker(self.tools, AegisDelivery(self.tools, raisedonors, aegis)))
        return self._worker[1]
