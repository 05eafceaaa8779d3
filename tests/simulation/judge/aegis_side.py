"""RaiseDonors against Aegis: each gift once, to the cent and by fund; one partner, one pledge; edits carried over."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ops.simulators.aegis_store import AegisStore
from ops.simulators.raisedonors_store import RaiseDonorsStore
from ops.simulators.tally import tally
from ops.simulators.tally_result import Finding
from tests.simulation.judge.fates import Fates, gift_deliveries
from tests.simulation.judge.money import cents_apart
from tests.simulation.judge.verdict import Verdict

AEGIS = "aegis"
_DOUBLED = ("doubled", "doubled_refunds", "doubled_partners", "doubled_pledges")
_CROSSED = ("wrong_donor", "wrong_partner")
_WRONG = ("wrong_amount", "wrong_fund", "foreign", "hazards", "spoilt_records", "overwritten_schedules")
_PLEDGE_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# What did not arrive, and of which kind of record it is.
_LOST = (
    ("missing", "gift"),
    ("missing_refunds", "gift"),
    ("lost_pledges", "schedule"),
    ("open_pledges", "schedule"),
    ("stale_pledges", "schedule"),
    ("stale_partners", "donor"),
)


def compare_with_aegis(raisedonors: RaiseDonorsStore, aegis: AegisStore, fates: Fates, verdict: Verdict) -> None:
    """Add what is wrong between the two."""
    found = tally(raisedonors, aegis)
    for name, kind in _LOST:
        for finding in getattr(found, name):
            deliveries = _deliveries_of(kind, finding, fates)
            if fates.is_excused(AEGIS, kind, _record_id(finding)) or fates.waits_for_a_person(deliveries):
                continue
            if any(pledge in finding.detail for pledge in fates.pledges_left_to_staff):
                continue
            stale = finding.detail.partition(" of partner ")[0].split(", ")
            if kind == "donor" and fates.is_left_to_a_person(_record_id(finding), stale):
                continue
            verdict.lost.append(f"{finding.describe()}; {fates.said(deliveries)}")
    found.doubled_pledges = [one for one in found.doubled_pledges if not _has_one_of_ours(one, fates)]
    found.spoilt_records = [one for one in found.spoilt_records if not _is_overwritten(one, fates)]
    found.overwritten_schedules = [one for one in found.overwritten_schedules if not _is_overwritten(one, fates)]
    verdict.doubled += _told(found, _DOUBLED)
    verdict.crossed += _told(found, _CROSSED)
    verdict.wrong += _told(found, _WRONG)

    def is_open(gift_id: int) -> bool:
        waits = fates.waits_for_a_person(gift_deliveries(AEGIS, gift_id))
        return waits or fates.is_excused(AEGIS, "gift", gift_id)

    verdict.cents += cents_apart(raisedonors, aegis, is_open)


def _has_one_of_ours(finding: Finding, fates: Fates) -> bool:
    """Whether all pledges that a finding names, but one, are left to staff."""
    named = set(_PLEDGE_ID.findall(finding.detail))
    return bool(named) and len(named - set(fates.pledges_left_to_staff)) <= 1


def _is_overwritten(finding: Finding, fates: Fates) -> bool:
    """Whether what a finding names was changed in the moment in which its record was saved whole."""
    named = finding.detail.removeprefix("a caller changed ").split(", ")
    # Of a phone or an e-mail address the finding says which; the key is what the save is made for.
    members = {name.partition(" ")[0] for name in named} - {"crmKey"}
    return fates.is_overwritten(finding.subject, members)


def _told(found: object, names: Iterable[str]) -> list[str]:
    return [f"{name.replace('_', ' ')}: {finding.describe()}" for name in names for finding in getattr(found, name)]


def _record_id(finding: Finding) -> int:
    if finding.gift_id is not None:
        return finding.gift_id
    return int("".join(filter(str.isdigit, finding.subject)) or 0)


def _deliveries_of(kind: str, finding: Finding, fates: Fates) -> list[str]:
    number = _record_id(finding)
    if kind == "gift":
        return gift_deliveries(AEGIS, number)
    return fates.named(f"{AEGIS}/{kind}/{number}/")
