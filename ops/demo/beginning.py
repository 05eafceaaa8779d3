"""What the demo's stack is told: where the simulators are, and settings that let a day pass in minutes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from ops.demo.virtuous_side import PER_HOUR, WEBHOOK_SECRET, VirtuousSide
from ops.local_stack.options import LocalOptions
from ops.simulators.aegis import AegisSimulator
from ops.simulators.population import SETTINGS
from ops.simulators.raisedonors import RaiseDonorsSimulator
from ops.simulators.server import SimulatorServer

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"
MAILED = {"sender": "giftbridge@example.org", "recipients": ["office@example.org"]}
PICKUP_EVERY_SECONDS = 2.0
# A demo should not wait minutes for what a production stack waits minutes for.
HASTY = {"base_seconds": 1, "max_seconds": 5, "unknown_wait_seconds": 4, "breaker_probe_seconds": 2}


def local_options(
    folder: Path,
    port: int,
    servers: Sequence[SimulatorServer],
    raisedonors: RaiseDonorsSimulator,
    aegis: AegisSimulator,
    virtuous: VirtuousSide,
) -> LocalOptions:
    """Options of a stack on this folder; `servers` are those of RaiseDonors, Aegis and Virtuous."""
    settings = {
        "aegis": {**SETTINGS["aegis"], "send_notes": True},
        "retries": HASTY,
        "notifications": MAILED,
        "limits": {"virtuous_per_hour": PER_HOUR},
    }
    settings_file = folder / "settings.json"
    settings_file.write_text(json.dumps(settings))
    return LocalOptions(
        port=port,
        state_dir=folder / "state",
        raisedonors_url=servers[0].url,
        raisedonors_token=raisedonors.token,
        aegis_url=servers[1].url,
        aegis_context=aegis.context,
        aegis_username=aegis.username,
        aegis_password=aegis.password,
        virtuous_url=servers[2].url,
        virtuous_api_key=virtuous.simulator.api_key,
        virtuous_webhook_secret=WEBHOOK_SECRET,
        settings_file=settings_file,
        pickup_every=PICKUP_EVERY_SECONDS,
        visibility=30,
    )
