"""The one place that reads a function's environment: the names of its tables, queues, secrets and functions."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Environment:
    """What a function is told about its stack. `pickup_function` is told to the one that may start a pickup,
    `stack_name` to the one that writes to people."""

    crm_keys_table: str
    deliveries_table: str
    activity_table: str
    state_table: str
    aegis_queue_url: str
    aegis_dead_letter_url: str
    secret_ids: Mapping[str, str]
    queue_visibility_seconds: float = 120.0
    pickup_function: str = ""
    stack_name: str = ""

    @classmethod
    def read(cls, variables: Mapping[str, str] = os.environ) -> Environment:
        """The environment as the template sets it; each variable is named here alone."""
        return cls(
            crm_keys_table=variables["CRM_KEYS_TABLE"],
            deliveries_table=variables["DELIVERIES_TABLE"],
            activity_table=variables["ACTIVITY_TABLE"],
            state_table=variables["STATE_TABLE"],
            aegis_queue_url=variables["AEGIS_QUEUE_URL"],
            aegis_dead_letter_url=variables["AEGIS_DLQ_URL"],
            secret_ids={
                system: variables[name]
                for system, name in (("raisedonors", "RAISEDONORS_SECRET"), ("aegis", "AEGIS_SECRET"))
                if variables.get(name)
            },
            queue_visibility_seconds=float(variables.get("QUEUE_VISIBILITY_SECONDS", "120")),
            pickup_function=variables.get("PICKUP_FUNCTION", ""),
            stack_name=variables.get("STACK_NAME", ""),
        )
