"""A reconciliation of one day with Aegis, begun and taken as far as it gets."""

from __future__ import annotations

from datetime import date

from giftbridge.clients.aegis import Aegis
from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.domain.reconciliation import Report
from giftbridge.flows.reconciliation import Reconciliation
from giftbridge.flows.reconciliation_reading import Sources
from tests.workbench import Workbench


def reconciled(bench: Workbench, day: date) -> Report | None:
    """The report, or None where it did not come to one. Raises what the reading raises."""
    bench.tools.time_left.restart(600)
    sources = Sources(RaiseDonors(bench.wire("raisedonors")), Aegis(bench.wire("aegis"), bench.aegis.context))
    reconciliation = Reconciliation(bench.tools, sources, "test")
    run_id = reconciliation.begin(day, day, "test")
    is_done = reconciliation.advance(run_id).is_done
    return reconciliation.kept.read(run_id) if is_done else None
