"""Seeds that nobody has played: drawn from the commit and the hour, the same for whoever asks for the same."""

from __future__ import annotations

import subprocess
import time
import zlib
from collections.abc import Mapping
from pathlib import Path

# What the product does not yet come through: each of these brings worlds to fail. Nothing else is left out anywhere.
KNOWN_EDGES = ("settings-flips", "staff-merges", "rate-limits", "other-integration")
FIRST_SEED, SECONDS = "SIMULATION_SEED", "SIMULATION_SECONDS"
_LARGEST = 10_000_000


def first_seed(environment: Mapping[str, str]) -> int:
    """The seed to begin with. SIMULATION_SEED in the environment fixes it."""
    fixed = environment.get(FIRST_SEED)
    if fixed:
        return int(fixed)
    return zlib.crc32(f"{_commit()} {time.time() // 3600:.0f}".encode()) % _LARGEST


def seconds_to_play(environment: Mapping[str, str]) -> float:
    """For how long fresh seeds are played; SIMULATION_SECONDS in the environment says otherwise."""
    return float(environment.get(SECONDS) or 60)


def _commit() -> str:
    """The commit that is checked out; nothing where that cannot be told."""
    here = Path(__file__).parent
    try:
        told = subprocess.run(["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, check=False, text=True)  # noqa: S607
    except OSError:
        return ""
    return told.stdout.strip()
