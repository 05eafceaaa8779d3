"""The parts of the function behind Virtuous' webhook, and nothing else: whoever calls it waits for its start."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from botocore.config import Config
from botocore.session import get_session

from giftbridge.clients.virtuous_webhooks import Signing
from giftbridge.contact_hints import ContactHint, send
from giftbridge.environment import Environment

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

_KEPT_FOR = timedelta(seconds=60)
_SECRETS = ("webhook_secret", "webhook_secret_before")
# The row of the state table that holds the current settings (store/settings_versions.py).
_SETTINGS = "settings"

T = TypeVar("T")


def utc_now() -> datetime:
    """The clock."""
    return datetime.now(UTC)


class Kept(Generic[T]):
    """A value that is read when it is first asked for, and anew after a minute."""

    def __init__(self, read: Callable[[], T], now: Callable[[], datetime]) -> None:
        self._read = read
        self._now = now
        self._kept: tuple[datetime, T] | None = None

    def get(self) -> T:
        """The value."""
        now = self._now()
        if self._kept is None or now - self._kept[0] >= _KEPT_FOR:
            self._kept = (now, self._read())
        return self._kept[1]


class ContactWebhookAssembly:
    """The secrets and the settings that prove who calls, and the queue; built once a process."""

    def __init__(
        self,
        environment: Environment,
        dynamodb: DynamoDBClient,
        sqs: SQSClient,
        secrets: SecretsManagerClient,
        now: Callable[[], datetime] = utc_now,
        token: Callable[[int], str] = token_hex,
    ) -> None:
        self.environment = environment
        self.dynamodb = dynamodb
        self.sqs = sqs
        self.secrets_client = secrets
        self.secrets = Kept(self._read_secrets, now)
        self.signing = Kept(self._read_signing, now)
        self.log = logging.getLogger("giftbridge")
        self._now = now
        self._token = token

    @classmethod
    def of_function(cls, now: Callable[[], datetime] = utc_now) -> ContactWebhookAssembly:
        """Everything the Lambda function needs, from its environment."""
        # Virtuous waits for the answer: better an early 503 than a late one.
        config = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "max_attempts": 2})
        # Without boto3, which adds a fifth to the start and nothing to these clients.
        client: Callable[..., Any] = get_session().create_client
        dynamodb, sqs = client("dynamodb", config=config), client("sqs", config=config)
        return cls(Environment.read(), dynamodb, sqs, client("secretsmanager", config=config), now)

    def queue(self, contacts: tuple[int, ...], gifts_of: tuple[int, ...]) -> int:
        """Put the contacts into RaiseDonors' queue; how many messages that took."""
        hint = ContactHint(contacts, gifts_of, self._now())
        return send(self.sqs, self.environment.queues["raisedonors"].url, hint, self._token)

    def _read_secrets(self) -> tuple[str, ...]:
        """The secrets that are live: two while one replaces the other, none until Virtuous is connected."""
        secret_id = self.environment.secret_ids.get("virtuous")
        if secret_id is None:
            return ()
        values = _object(self.secrets_client.get_secret_value(SecretId=secret_id).get("SecretString"))
        return tuple(value for value in map(values.get, _SECRETS) if isinstance(value, str) and value)

    def _read_signing(self) -> Signing:
        """As the settings say; what they do not say is the default."""
        row = self.dynamodb.get_item(TableName=self.environment.state_table, Key={"name": {"S": _SETTINGS}}).get("Item")
        said = _object((row or {}).get("document", {}).get("S")).get("virtuous")
        virtuous = said if isinstance(said, dict) else {}
        default = Signing()
        return Signing(
            str(virtuous.get("signature_header") or default.header),
            str(virtuous.get("signature_encoding") or default.encoding),
        )


def _object(text: object) -> dict[str, Any]:
    """The JSON object in a text; an empty one where there is none."""
    try:
        value = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
