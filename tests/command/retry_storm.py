"""Many failed deliveries retried as one run, with the real worker and sweep on a clock that moves."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from giftbridge.domain.deliveries import Delivery, Kind, State, Trouble
from giftbridge.flows.delivery_sweep import DeliverySweep
from giftbridge.store.delivery_rows import row_of
from giftbridge.store.rows import commit, put
from ops.operating import retry_runs, retrying
from ops.operating.retry_runs import Outcome, Progress
from ops.operating.stack import Stack
from ops.simulators.population_donors import MadeDonor
from tests.command.desk import Desk
from tests.workbench import RUN_SECONDS

_DONORS = 200
SWEPT_EVERY = timedelta(seconds=60)


@dataclass
class Storm:
    """Failed deliveries of gifts that could be sent by now. `calls` are the moments of the calls that reached Aegis."""

    at: Desk
    number: int
    failed: list[Delivery] = field(default_factory=list)
    donors: list[MadeDonor] = field(default_factory=list)
    calls: list[datetime] = field(default_factory=list)
    swept_at: datetime | None = None
    most_under_way: int = 0

    def begin(self, per_hour: int | None = None) -> None:
        """Make the gifts and their failed deliveries, and count Aegis' calls from now on."""
        bench = self.at.bench
        bench.settings(limits={"aegis_per_hour": per_hour})
        for _ in range(self.number):
            self.failed.append(self.fail_one())
        self.at.bench.clock.advance(3600)
        bench.adapters["aegis"].around = self._counted

    def fail_one(self) -> Delivery:
        """One more, as a delivery whose fund was unknown is left; nothing else is seen of it before it is retried."""
        bench = self.at.bench
        if len(self.donors) < _DONORS:
            self.donors.append(bench.population.make_donor("new_person"))
        donor = self.donors[len(self.failed) % len(self.donors)]
        gift = bench.population.make_gift("one_time", bench.clock(), donor=donor)
        bench.clock.advance(0.001)
        return _failed(self.at.stack, gift.gift_id, donor.donor_id)

    def _counted(self, request: object, send: Callable[[], object]) -> object:
        self.calls.append(self.at.bench.clock())
        return send()

    @property
    def stack(self) -> Stack:
        """The stack of somebody at whose side the functions go on working."""
        return dataclasses.replace(self.at.stack, sleep=self.pass_time)

    def pass_time(self, seconds: float) -> None:
        """The worker works off the queue, and every minute the sweep runs, while somebody sleeps."""
        bench = self.at.bench
        bench.clock.advance(seconds)
        bench.drain()
        if self.swept_at is None or bench.clock() - self.swept_at >= SWEPT_EVERY:
            self.swept_at = bench.clock()
            bench.tools.time_left.restart(RUN_SECONDS)
            DeliverySweep(bench.tools, "aegis").run()
            bench.drain()

    def plan(self) -> retrying.Plan:
        """All failed ones."""
        return retrying.plan_failed(self.stack)

    def follow(self, run_id: str) -> Iterator[Progress]:
        """Work on the run, watching how much is under way."""
        for progress in retry_runs.work(self.stack, run_id):
            self.most_under_way = max(self.most_under_way, progress.run.counts.get(Outcome.UNDER_WAY, 0))
            yield progress

    def states(self) -> Counter[State]:
        """How the deliveries stand."""
        rows = self.at.bench.tools.deliveries.get_many(delivery.id for delivery in self.failed)
        return Counter(delivery.state for delivery in rows.values())

    def reopened(self) -> Counter[str]:
        """How often each delivery was reopened."""
        lines = self.at.bench.rows("ActivityTable")
        return Counter(str(line["delivery"]) for line in lines if line.get("what") == "reopened")

    def busiest_hour(self) -> int:
        """The most calls within any hour."""
        return max(sum(begin <= one < begin + timedelta(hours=1) for one in self.calls) for begin in self.calls[::25])


def _failed(stack: Stack, gift_id: int, donor_id: int) -> Delivery:
    moment = stack.tools.now()
    delivery = Delivery(
        id=f"aegis/donation/{gift_id}/created",
        kind=Kind.DONATION_CREATED,
        destination="aegis",
        donor_id=donor_id,
        entity_id=str(gift_id),
        state=State.FAILED,
        created_at=moment,
        updated_at=moment,
        due=moment,
        trouble=Trouble("unknown-fund:X", "fund X does not exist in Aegis", "fund", "add the fund in Aegis"),
    )
    commit(stack.tools.deliveries.client, [put(stack.tools.deliveries.table, row_of(delivery), delivery.id)])
    return delivery
