"""A desk on which everything happened that a console can show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from giftbridge.domain.deliveries import State
from giftbridge.domain.delivery_ids import donation_created_id
from ops.operating import reconciling
from tests.command.desk import Desk

NEW_NAME = "Wilhelmina"

LISTS = (
    "/",
    "/?part=1",
    "/deliveries",
    "/deliveries?state=failed&destination=aegis&size=25",
    "/deliveries?day=2026-03-02&kind=donation.created",
    "/deliveries?text=fund",
    "/find",
    "/failures",
    "/dead-letters",
    "/dead-letters/delete?message=abc",
    "/review",
    "/reconciliation",
    "/reconciliation/run",
    "/batches",
    "/batches/run",
    "/activity",
    "/activity?day=2026-03-02",
    "/activity?by=people",
    "/settings",
    "/settings/edit",
    "/settings/json",
    "/settings/history",
    "/settings/history?from=0&to=1",
    "/settings/rollback?to=0",
    "/settings/export",
    "/runbook",
    "/runbook/unknown-fund",
)


@dataclass
class Filled:
    """The desk, and the gifts that stand for each state; `edited` is the donor whose edit went to Aegis."""

    at: Desk
    delivered: int
    failed: int
    other_failed: int
    ambiguous: int
    edited: int

    @property
    def donor_of_failed(self) -> int:
        """The donor of the gift that failed for its fund."""
        donor = self.at.bench.delivery(self.failed).donor_id
        assert donor is not None
        return donor

    @property
    def paths(self) -> list[str]:
        """Every page that only looks, with something in it."""
        return [*self._of_records(), *LISTS]

    def _of_records(self) -> list[str]:
        report = reconciling.reports(self.at.stack)[0].id
        failed, ambiguous = donation_created_id(self.failed), donation_created_id(self.ambiguous)
        return [
            f"/deliveries?donor={self.donor_of_failed}",
            f"/delivery/{donation_created_id(self.delivered)}",
            f"/delivery/{donation_created_id(self.delivered, 'virtuous')}",
            f"/delivery/{failed}",
            f"/delivery/{ambiguous}",
            f"/edit/{failed}",
            f"/donor/{self.donor_of_failed}",
            f"/donor/{self.edited}",
            f"/donor/{self.edited}/undo",
            f"/find?q={self.failed}",
            f"/case/{ambiguous}",
            f"/reconciliation/report/{report}",
            f"/reconciliation/csv/{report}",
        ]


def fill(at: Desk) -> Filled:
    """Gifts of all fates, held rows, an edit, a pause, a case for a person, a reconciliation with differences."""
    bench = at.bench
    bench.settings(aegis={"on_several_matches": "review"})
    donor = bench.population.make_donor("new_person")
    delivered = bench.give(donor=donor)
    bench.run(2)
    at.both.batch()
    edit(at, donor.donor_id, firstName=NEW_NAME)
    failed, other = at.fail_gift(), at.fail_gift("allocation_mismatch")
    ambiguous = bench.give(donor=bench.population.make_donor("several_matches"))
    bench.run(2)
    assert bench.delivery(ambiguous).state is State.FAILED
    at.run("pause", "raisedonors")
    at.run("resume", "raisedonors")
    today = bench.clock().date()
    reconciling.run(at.stack, today, today)
    return Filled(at, delivered, failed, other, ambiguous, donor.donor_id)


def edit(at: Desk, donor: int, **members: Any) -> None:
    """A donor's edit on RaiseDonors."""
    at.bench.clock.advance(5)
    at.bench.raisedonors.store.edit("donor", donor, members, modified=at.bench.clock())
