"""RaiseDonors against Virtuous: gifts once, reversals once, contacts alike, no e-mail address crossed."""

from __future__ import annotations

import re
from collections import Counter

from ops.simulators.raisedonors_store import RaiseDonorsStore
from ops.simulators.raisedonors_time import moment_of
from ops.simulators.virtuous_records import IMPORT
from ops.simulators.virtuous_store import VirtuousStore
from ops.simulators.virtuous_tally import virtuous_tally
from ops.simulators.virtuous_tally_gifts import gift_id_of
from ops.simulators.virtuous_tally_result import VirtuousFinding
from tests.simulation.judge.fates import Fates, gift_deliveries
from tests.simulation.judge.verdict import Verdict

VIRTUOUS = "virtuous"
# By sort of wrong; what did not arrive may wait for a person, or need not have been sent.
_LOST = ("missing_gifts", "missing_reversals", "different_fields")
_FIELD_OF_A_CONTACT = re.compile(r"(\w+) of contact (\d+)")
# What a gift is that was given back before anybody approved it, and that came with its reversal.
_OF_A_PAIR = ("foreign_gifts", "doubled_reversals")
_SORTS = {
    "doubled": ("doubled_gifts", "doubled_reversals", "doubled_donors"),
    "crossed": ("crossed_emails",),
    "wrong": ("foreign_gifts", "wrong_gifts"),
}


def compare_with_virtuous(
    raisedonors: RaiseDonorsStore, virtuous: VirtuousStore, fates: Fates, verdict: Verdict
) -> None:
    """Add what is wrong between the two."""
    found = virtuous_tally(raisedonors, virtuous)
    for name in _LOST:
        for finding in getattr(found, name):
            kind, _, number = finding.subject.partition(" ")
            deliveries = _deliveries_of(kind, number, fates)
            is_excused = number.isdecimal() and fates.is_excused(VIRTUOUS, kind, int(number))
            is_excused = is_excused or _was_edited_while_off(finding, virtuous, fates)
            if not is_excused and not fates.waits_for_a_person(deliveries):
                told = f"in Virtuous, {name.replace('_', ' ')}: {finding.describe()}; {fates.said(deliveries)}"
                verdict.lost.append(told)
    pairs = _whole_pairs(virtuous)
    for sort, names in _SORTS.items():
        for name in names:
            for one in getattr(found, name):
                is_pair = name in _OF_A_PAIR and one.subject in pairs
                if not (is_pair and fates.is_forgotten("gift", int(one.subject.partition(" ")[2]))):
                    getattr(verdict, sort).append(f"in Virtuous, {name.replace('_', ' ')}: {one.describe()}")
    for source, number in virtuous.changed_repeats:
        if not fates.row_is_gone(moment_of(virtuous.gift_rows[source, number].received)):
            verdict.wrong.append(f"in Virtuous, row {number} was handed in once more with another content")


def _was_edited_while_off(finding: VirtuousFinding, virtuous: VirtuousStore, fates: Fates) -> bool:
    """Whether the last edit of a contact's field was made in Virtuous while that was switched off.

    It travels neither then nor later (docs/limits.md).
    """
    named = _FIELD_OF_A_CONTACT.fullmatch(finding.detail)
    if named is None:
        return False
    lines = [line for line in virtuous.journal if line.contact_id == int(named[2]) and line.field == named[1]]
    return bool(lines) and lines[-1].by != IMPORT and fates.is_excused_then(VIRTUOUS, lines[-1].at)


def _whole_pairs(virtuous: VirtuousStore) -> set[str]:
    """The gifts that are there once and were reversed once."""
    reversals = Counter(gift.reversed_gift_id for gift in virtuous.gifts.values())
    rows = Counter(gift_id_of(row.identity) for row in virtuous.gift_rows.values() if row.gift_id)
    return {
        f"gift {gift_id_of(row.identity)}"
        for row in virtuous.gift_rows.values()
        if rows[gift_id_of(row.identity)] == 1 and reversals[row.gift_id] == 1
    }


def _deliveries_of(kind: str, number: str, fates: Fates) -> list[str]:
    if kind == "gift":
        return gift_deliveries(VIRTUOUS, number)
    return fates.named(f"{VIRTUOUS}/{kind}/{number}/")
