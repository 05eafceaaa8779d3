"""What a local stack is told: the same values on the command line, in tests and in the demo."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from ops.local_stack.paths import LocalStackError
from ops.operating import pasted

# Fields of a system's secret, each with the option that fills it.
SECRET_FIELDS: dict[str, dict[str, str]] = {
    "raisedonors": {"url": "raisedonors_url", "token": "raisedonors_token"},
    "aegis": {
        "url": "aegis_url",
        "context": "aegis_context",
        "username": "aegis_username",
        "password": "aegis_password",
    },
    "virtuous": {
        "url": "virtuous_url",
        "api_key": "virtuous_api_key",
        "webhook_secret": "virtuous_webhook_secret",
    },
}
LONGEST_DELIVERY_SECONDS = 60
SHORTEST_DELIVERY_SECONDS = 5


@dataclass(frozen=True)
class LocalOptions:
    """A system is switched on by giving all of its options, and off by giving none."""

    state_dir: Path
    port: int = 0
    raisedonors_url: str | None = None
    raisedonors_token: str | None = None
    raisedonors_webhook_token: str | None = None
    aegis_url: str | None = None
    aegis_context: str | None = None
    aegis_username: str | None = None
    aegis_password: str | None = None
    virtuous_url: str | None = None
    virtuous_api_key: str | None = None
    virtuous_webhook_secret: str | None = None
    settings_file: Path | None = None
    pickup_every: float = 60
    batch_every: float = 0
    visibility: float = 360

    def check(self) -> None:
        """Refuses a system given in part, credentials that cannot be used, and numbers that make no sense."""
        for system, fields in SECRET_FIELDS.items():
            missing = [option for option in fields.values() if not getattr(self, option)]
            if missing and len(missing) < len(fields):
                names = ", ".join(f"--{option.replace('_', '-')}" for option in missing)
                raise LocalStackError(f"{system} is given in part; missing: {names}", exit_code=2)
            for field, option in fields.items():
                _check_pasted(field, option, getattr(self, option), is_basic=system == "aegis")
        _check_pasted("webhook_token", "raisedonors_webhook_token", self.raisedonors_webhook_token)
        if self.raisedonors_webhook_token and not self.is_on("raisedonors"):
            raise LocalStackError("--raisedonors-webhook-token needs RaiseDonors' other options too", exit_code=2)
        if self.pickup_every <= 0:
            raise LocalStackError("--pickup-every must be more than 0 seconds", exit_code=2)
        if self.batch_every < 0:
            raise LocalStackError("--batch-every must not be negative; 0 leaves the batch to `batch run`", exit_code=2)
        if not 1 <= self.visibility <= 43200:
            raise LocalStackError("--visibility must be between 1 and 43200 seconds", exit_code=2)
        if self.settings_file is not None and not self.settings_file.is_file():
            raise LocalStackError(f"--settings: there is no file {self.settings_file}", exit_code=2)

    def is_on(self, system: str) -> bool:
        """True when the system's options are given."""
        return all(getattr(self, option) for option in SECRET_FIELDS[system].values())

    def secret(self, system: str) -> dict[str, str]:
        """The system's secret as `giftbridge connect` would write it; empty when it is switched off."""
        if not self.is_on(system):
            return {}
        values = {field: getattr(self, option) for field, option in SECRET_FIELDS[system].items()}
        if system == "raisedonors":
            values["webhook_token"] = self.raisedonors_webhook_token or values["token"]
        return values

    def parameters(self) -> dict[str, str]:
        """The template's parameters. AWS wants a message to stay away at least as long as its worker may run."""
        visibility = math.ceil(self.visibility)
        return {
            "QueueVisibilitySeconds": str(visibility),
            # The ticker ticks here.
            "SweepSchedule": "DISABLED",
            # A worker needs some seconds for its calls, however short the visibility: what comes back meanwhile
            # meets its lease.
            "DeliveryTimeoutSeconds": str(max(SHORTEST_DELIVERY_SECONDS, min(LONGEST_DELIVERY_SECONDS, visibility))),
        }


def _check_pasted(field: str, option: str, value: str | None, *, is_basic: bool = False) -> None:
    """Refuses a credential or an address as it cannot be sent, without showing it."""
    if not value:
        return
    plain = pasted.bare(value)
    problem = pasted.spoiled(field, plain, is_basic=is_basic)
    if plain != value:
        problem = "has blanks, line breaks or invisible characters around it; give it without them"
    elif problem is None and field == pasted.URL and pasted.address(value)[0] is None:
        problem = f"is no address: it {pasted.address(value)[1]}"
    if problem is not None:
        raise LocalStackError(f"--{option.replace('_', '-')} {problem}", exit_code=2)
