"""What a reconciliation really does with tables is what the role of the daily batch allows."""

from __future__ import annotations

from datetime import timedelta

from giftbridge.clients.aegis import Aegis
from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.flows.reconciliation_daily import DailyReconciliation
from giftbridge.flows.reconciliation_reading import Sources
from tests.deployment.recorder import Recorder, allowed_to
from tests.workbench import workbench


def test_the_daily_batch_may_do_what_a_reconciliation_does() -> None:
    with workbench() as bench:
        bench.population.build(donors=3)
        for kind in ("one_time", "adopted", "unknown_fund", "split"):
            bench.give(kind)
        bench.run(ticks=2)
        gone = next(t for t in bench.aegis.store.transactions.values() if t.via_api)
        bench.aegis.store.transactions_of[gone.partner_id].remove(gone)
        bench.settings(limits={"aegis_per_hour": 60_000, "raisedonors_per_hour": 60_000})
        sources = Sources(RaiseDonors(bench.wire("raisedonors")), Aegis(bench.wire("aegis"), bench.aegis.context))
        daily = DailyReconciliation(bench.tools, sources, "test")
        watched = Recorder(bench)
        watched.watch("batch", daily.run)
        for _ in range(2):
            bench.clock.now += timedelta(days=1)
            bench.tools.time_left.restart(600)
            watched.watch("batch", daily.run)
        assert len(daily.reconciliation.kept.heads()) == 2, "it did nothing"
        assert watched.made["batch"] - allowed_to("DailyBatchRole") == set()
