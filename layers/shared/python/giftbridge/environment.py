"""The one place that reads a function's environment: the names of its tables, queues, secrets and functions."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

_SECRETS = {"raisedonors": "RAISEDONORS_SECRET", "aegis": "AEGIS_SECRET", "virtuous": "VIRTUOUS_SECRET"}
# By destination: the queue and its dead-letter queue.
_QUEUES = {
    "aegis": ("AEGIS_QUEUE_URL", "AEGIS_DLQ_URL"),
    "virtuous": ("VIRTUOUS_QUEUE_URL", "VIRTUOUS_DLQ_URL"),
    "raisedonors": ("RAISEDONORS_QUEUE_URL", "RAISEDONORS_DLQ_URL"),
}


@dataclass(frozen=True, slots=True)
class QueueUrls:
    """The queue of a destination and its dead-letter queue."""

    url: str
    dead_letter_url: str = ""


@dataclass(frozen=True, slots=True)
class Environment:
    """What a function is told about its stack. `queues` and `secret_ids` hold those it was told of, by destination and
    by system. `pickup_function` is told to the one that may start a pickup, `stack_name` to the one that writes to
    people."""

    crm_keys_table: str
    deliveries_table: str
    activity_table: str
    state_table: str
    secret_ids: Mapping[str, str]
    queues: Mapping[str, QueueUrls] = field(default_factory=dict)
    queue_visibility_seconds: float = 120.0
    pickup_function: str = ""
    stack_name: str = ""

    @classmethod
    def read(cls, variables: Mapping[str, str] = os.environ) -> Environment:
        """The environment as the template sets it; each variable is named here alone. A function that is told of no
        queue or secret starts all the same, without that part."""
        return cls(
            crm_keys_table=variables["CRM_KEYS_TABLE"],
            deliveries_table=variables["DELIVERIES_TABLE"],
            activity_table=variables["ACTIVITY_TABLE"],
            state_table=variables["STATE_TABLE"],
            secret_ids={system: variables[name] for system, name in _SECRETS.items() if variables.get(name)},
            queues={
                destination: QueueUrls(variables[name], variables.get(dead_letter_name, ""))
                for destination, (name, dead_letter_name) in _QUEUES.items()
                if variables.get(name)
            },
            queue_visibility_seconds=float(variables.get("QUEUE_VISIBILITY_SECONDS", "120")),
            pickup_function=variables.get("PICKUP_FUNCTION", ""),
            stack_name=variables.get("STACK_NAME", ""),
        )
