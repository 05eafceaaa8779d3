"""2,000 addresses corrected in Virtuous at once, on the local stack: webhooks' answer times, reads, time to converge.

The hourly limit is PER_HOUR: the run is over when every donor has the address of their contact. Exit code 1 when one
has not, or a webhook was not taken.

Run: .venv/bin/python -m benchmarks.contact_storm [CONTACTS]
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from ops.demo.storm import Storm, populate
from ops.simulators.virtuous_events import VirtuousEvents
from tests.e2e.rig import Rig, rig

CONTACTS = 2000
PER_HOUR = 72_000
PICKUP_EVERY_SECONDS = 5.0
LONGEST_SECONDS = 900.0
SHOWN_EVERY_SECONDS = 10.0


def main() -> int:
    """Run it and print the figures."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else CONTACTS
    folder = Path(tempfile.mkdtemp())
    made: list[int] = []
    limits = {"virtuous_per_hour": PER_HOUR}
    with rig(
        folder,
        pickup_every=PICKUP_EVERY_SECONDS,
        with_aegis=False,
        with_virtuous=True,
        prepare=lambda donors, contacts: made.extend(populate(donors, contacts, number)),
        limits=limits,
    ) as running:
        _wait_until_known(running, number)
        storm = Storm(running.raisedonors.store, running.virtuous, PER_HOUR)
        storm.strike(VirtuousEvents(3, running.virtuous.store), made)
        _wait(storm, number)
        result = storm.result()
    print(result.describe())
    return 0 if result.clean else 1


def _wait_until_known(running: Rig, number: int) -> None:
    """Until the product has recorded how each donor looks, as it has long before any storm."""
    began = time.monotonic()
    while time.monotonic() - began < LONGEST_SECONDS:
        rows = [row for row in running.rows("CrmKeysTable") if row["system"]["S"] == "virtuous/agreed"]
        if len(rows) >= number:
            print(f"{number} donors known after {time.monotonic() - began:.0f} s", flush=True)
            return
        time.sleep(2)
    raise SystemExit("the donors did not become known in time")


def _wait(storm: Storm, number: int) -> None:
    began = shown = time.monotonic()
    while storm.is_raging and time.monotonic() - began < LONGEST_SECONDS:
        arrived = storm.arrived()
        if time.monotonic() - shown > SHOWN_EVERY_SECONDS:
            shown = time.monotonic()
            print(f"  {shown - began:.0f} s: {arrived} of {number}", flush=True)
        time.sleep(0.25)


if __name__ == "__main__":
    sys.exit(main())
