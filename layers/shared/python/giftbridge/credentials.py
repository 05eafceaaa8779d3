"""Credentials live in Secrets Manager only; a process keeps them for a minute."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

KEPT_FOR = timedelta(seconds=60)
# Any one of the lists will do.
REQUIRED: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "raisedonors": (("url", "token"),),
    "aegis": (("url", "context", "username", "password"),),
    "virtuous": (("url", "api_key"), ("url", "username", "password")),
}


@dataclass(frozen=True, slots=True)
class Credential:
    """A system's address and credentials. `version` is the secret's; `values` is empty until connected."""

    version: str
    values: Mapping[str, str]

    @property
    def is_complete(self) -> bool:
        return bool(self.values)


class Credentials:
    """The secrets by system."""

    def __init__(
        self, client: SecretsManagerClient, secret_ids: Mapping[str, str], now: Callable[[], datetime]
    ) -> None:
        self.client = client
        self.secret_ids = secret_ids
        self.now = now
        self._kept: dict[str, tuple[datetime, Credential]] = {}

    def of(self, system: str) -> Credential:
        """A system's credential; an incomplete one counts as none."""
        kept = self._kept.get(system)
        if kept is not None and self.now() - kept[0] < KEPT_FOR:
            return kept[1]
        credential = self._read(system)
        self._kept[system] = (self.now(), credential)
        return credential

    def version(self, system: str) -> str:
        """The version of a system's secret: a new one is worth a new try."""
        return self.of(system).version if system in self.secret_ids else ""

    def _read(self, system: str) -> Credential:
        answer = self.client.get_secret_value(SecretId=self.secret_ids[system])
        try:
            values = json.loads(answer["SecretString"])
        except ValueError:
            values = {}
        complete = isinstance(values, dict) and any(all(map(values.get, names)) for names in REQUIRED[system])
        return Credential(answer.get("VersionId", ""), values if complete else {})
