"""2,000 donors changed within a minute, as by an import on RaiseDonors' side, on the local stack: what becomes of them?

Half have a partner in Aegis, half have none. Both systems answer some calls with 429 and ask for a pause. A gift is
given every few seconds meanwhile. Exit code 1 when an edit is lost.

Run: .venv/bin/python -m benchmarks.changed_donors [DONORS]
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ops.simulators.faults import FaultKind, FaultRule
from ops.simulators.population_donors import MadeDonor
from ops.simulators.service import SimulatedService
from tests.e2e.rig import Rig, rig

DONORS = 2000
GIFT_EVERY_SECONDS = 5.0
LONGEST_SECONDS = 1200.0
PICKUP_EVERY_SECONDS = 10.0
PHONE = "989-555-0142"
# Of a thousand calls four are answered 429: a limit that is met now and then.
TOO_MANY = FaultRule(FaultKind.STATUS_BEFORE, "*", status=429, headers={"Retry-After": "2"}, probability=0.004)


def main() -> int:
    """Run it and print the figures."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else DONORS
    folder = Path(tempfile.mkdtemp())
    with rig(folder, pickup_every=PICKUP_EVERY_SECONDS, visibility=30) as running:
        donors = _known(running, number)
        print(f"{number} donors are known, half of them with a partner", flush=True)
        services = {"RaiseDonors": running.raisedonors, "Aegis": running.aegis}
        for service in services.values():
            service.log.clear()
            service.faults.add(TOO_MANY)
        began = _change(running, donors)
        gifts = _until_arrived(running, donors, began)
        lost = _missing(running, donors)
        print(f"arrived after {time.time() - began:.0f} s; lost edits: {len(lost)}")
        print(f"gifts meanwhile: {len(gifts)}; to Aegis p50 {statistics.median(gifts):.1f} s, max {max(gifts):.1f} s")
        for name, service in services.items():
            _print_calls(name, service)
        return 1 if lost else 0


def _known(running: Rig, number: int) -> list[MadeDonor]:
    """Donors that both sides agree on: every second one gave, and has a partner."""
    made = [running.population.make_donor("new_person", gives=False) for _ in range(number)]
    for donor in made[::2]:
        running.population.make_gift("one_time", donor=donor)
    ready = _wait(lambda: not running.result().missing and len(_agreed(running)) >= number, LONGEST_SECONDS)
    if not ready:
        raise SystemExit("the donors did not become known in time")
    return made


def _change(running: Rig, donors: list[MadeDonor]) -> float:
    """All edits within the minute before now; when they were there."""
    end = datetime.now(UTC)
    for place, donor in enumerate(donors):
        phones = [{"id": 9, "isPrimary": True, "value": PHONE}]
        moment = end - timedelta(seconds=60 - 60 * place / len(donors))
        running.raisedonors.store.edit("donor", donor.donor_id, {"donorPhoneNumbers": phones}, modified=moment)
    return time.time()


def _until_arrived(running: Rig, donors: list[MadeDonor], began: float) -> list[float]:
    """Wait for all edits while gifts go on; the seconds that each gift took."""
    given: dict[int, float] = {}
    took: dict[int, float] = {}
    looked = time.time()
    while time.time() - began < LONGEST_SECONDS:
        if not given or time.time() - max(given.values()) > GIFT_EVERY_SECONDS:
            given[running.population.make_gift("one_time", donor=donors[0]).gift_id] = time.time()
        for gift in given.keys() - took.keys():
            if not running.result([gift]).missing:
                took[gift] = time.time() - given[gift]
        if time.time() - looked > 10:
            looked = time.time()
            missing = len(_missing(running, donors))
            print(f"  {looked - began:.0f} s: {len(donors) - missing} of {len(donors)} edits arrived", flush=True)
            if not missing:
                break
        time.sleep(0.5)
    _wait(lambda: not running.result(list(given)).missing, 120)
    return [took.get(gift, time.time() - at) for gift, at in given.items()]


def _missing(running: Rig, donors: list[MadeDonor]) -> list[int]:
    """Donors whose edit is neither in their partner nor among the notices for the notification list."""
    partners = {
        str(field["Value"]): partner
        for partner in running.aegis.store.partners.values()
        for field in partner.get("CustomData") or ()
        if field["Name"] == "RaiseDonors.Donor.Id"
    }
    told = {row["about"]["S"] for row in running.rows("ActivityTable") if row["entity"]["S"] == "notices#waiting"}
    return [donor.donor_id for donor in donors if not _has(partners.get(str(donor.donor_id)), donor.donor_id, told)]


def _has(partner: dict[str, object] | None, donor_id: int, told: set[str]) -> bool:
    if partner is None:
        return f"donor#{donor_id}" in told
    phones = partner.get("PartnerPhones")
    return isinstance(phones, list) and any(phone["Number"] == PHONE for phone in phones)


def _agreed(running: Rig) -> list[str]:
    rows = running.rows("CrmKeysTable")
    named = [row["entity"]["S"] for row in rows if row["system"]["S"] == "aegis/agreed"]
    return [entity for entity in named if entity.startswith("donor#")]


def _print_calls(name: str, service: SimulatedService) -> None:
    answers = Counter(entry.status for entry in service.log)
    operations = Counter(str(entry.operation_id) for entry in service.log)
    print(f"{name}: {sum(answers.values())} calls, {answers[429]} answered 429; {dict(operations.most_common(5))}")


def _wait(is_ready: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if is_ready():
            return True
        time.sleep(2)
    return is_ready()


if __name__ == "__main__":
    sys.exit(main())
