"""Whether the product's own reconciliation says what the judge says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ops.simulators.raisedonors_store import RaiseDonorsStore
from tests.simulation.judge.fates import Fates
from tests.simulation.judge.verdict import Verdict


class Difference(Protocol):
    """An open difference of a report, as far as it is looked at."""

    @property
    def delivery_id(self) -> str:
        """The delivery it is about, if any."""

    @property
    def words(self) -> str:
        """What is wrong, in words."""

    @property
    def donation_id(self) -> str | None:
        """The gift it is about, if any."""


def compare_verdicts(
    verdict: Verdict, differences: Sequence[Difference] | None, fates: Fates, raisedonors: RaiseDonorsStore
) -> None:
    """Where nothing is wrong, a reconciliation names only what waits for a person; None came to no end.

    What was imported with a key names records from before, which this Aegis never had.
    """
    imported = {str(gift.record_id) for gift in raisedonors.gifts.all_entries() if gift.first_members.get("crmKey")}
    if differences is None:
        verdict.stuck.append("the reconciliation comes to no end")
    if differences is None or not verdict.is_clean:
        return
    for one in differences:
        names = [one.delivery_id, *fates.named(f"aegis/donation/{one.donation_id}/")]
        names += fates.named(f"virtuous/donation/{one.donation_id}/")
        if one.donation_id not in imported and not fates.waits_for_a_person(names):
            told = f"reconciliation: gift {one.donation_id}: {one.words}; {fates.said(names)}"
            verdict.wrong.append(told)
