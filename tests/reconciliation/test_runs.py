"""Runs of reconciliations: behind live work, resumable, once a day, kept for a while."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from giftbridge.clients.aegis import Aegis
from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.errors import RetryLater
from giftbridge.flows.reconciliation import Reconciliation
from giftbridge.flows.reconciliation_daily import DailyReconciliation
from giftbridge.flows.reconciliation_reading import Sources
from giftbridge.store import reconciliations
from giftbridge.store.budgets import RateBudget
from tests.workbench import Workbench, workbench

DAY = date(2026, 3, 2)


@pytest.fixture
def bench() -> Iterator[Workbench]:
    with workbench() as fresh:
        fresh.population.build(donors=4)
        for _ in range(6):
            fresh.give("one_time")
        fresh.run(ticks=2)
        fresh.clock.advance(3600)
        fresh.tools.time_left.restart(600)
        yield fresh


def sources(bench: Workbench, **more: Any) -> Sources:
    aegis = Aegis(bench.wire("aegis"), bench.aegis.context)
    return Sources(RaiseDonors(bench.wire("raisedonors")), aegis, **more)


def test_a_run_waits_while_live_work_needs_the_calls_and_goes_on_where_it_was(bench: Workbench) -> None:
    left: dict[str, int | None] = {"raisedonors": None, "aegis": 1}
    reconciliation = Reconciliation(bench.tools, sources(bench, spare=lambda system: left[system]), "one")
    run_id = reconciliation.begin(DAY, DAY, "test")
    before = bench.calls("raisedonors").count("queryGifts")

    def spare(system: str) -> int | None:
        """One call to Aegis in each turn."""
        asked = left[system]
        if system == "aegis" and asked:
            left["aegis"] = 0
        return asked

    reconciliation.sources.spare = spare
    first = reconciliation.advance(run_id)
    assert not first.is_done
    assert "live work needs" in str(first.waits)
    read = bench.calls().count("getTransactionHistory")
    assert read == 1

    # Another process goes on: what was read is not read again.
    left["aegis"] = None
    done = Reconciliation(bench.tools, sources(bench), "two").advance(run_id)
    assert done.is_done
    partners = {bench.delivery(made.gift_id).result["partner"] for made in bench.population.gifts}
    assert bench.calls().count("getTransactionHistory") == len(partners)
    assert bench.calls("raisedonors").count("queryGifts") == before + 1
    report = reconciliation.kept.read(run_id)
    assert report is not None
    assert report.is_clean
    assert report.calls["aegis"] == len(partners)


def test_a_run_that_is_killed_anywhere_goes_on_and_leaves_nothing_behind(bench: Workbench) -> None:
    reconciliation = Reconciliation(bench.tools, sources(bench), "one")
    run_id = reconciliation.begin(DAY, DAY, "test")
    bench.aegis.faults.drop("getTransactionHistory", after_commit=True, count=1)
    bench.raisedonors.faults.drop("queryGifts", after_commit=True, count=1)
    for _ in range(6):
        progress = reconciliation.advance(run_id)
        if progress.is_done:
            break
        assert progress.waits
        bench.clock.advance(60)
    assert progress.is_done
    names = {str(row["name"]) for row in bench.rows("StateTable") if str(row["name"]).startswith("reconciliation#")}
    own = {f"reconciliation#{run_id}", f"reconciliation#{run_id}/report-0"}
    assert names == own | {"reconciliation#index", "reconciliation#latest", "reconciliation#runs"}


def test_what_a_run_has_read_that_nobody_ended_is_forgotten(bench: Workbench) -> None:
    reconciliation = Reconciliation(
        bench.tools, sources(bench, spare=lambda system: 0 if system == "aegis" else None), "one"
    )
    abandoned = reconciliation.begin(DAY, DAY, "test")
    assert not reconciliation.advance(abandoned).is_done
    assert [row for row in bench.rows("StateTable") if f"{abandoned}/gifts" in str(row["name"])]
    bench.clock.advance(8 * 86_400)
    reconciliation.begin(DAY, DAY, "test")
    assert not [row for row in bench.rows("StateTable") if abandoned in str(row["name"])]


def test_two_processes_do_not_work_on_one_run(bench: Workbench) -> None:
    reconciliation = Reconciliation(bench.tools, sources(bench), "one")
    run_id = reconciliation.begin(DAY, DAY, "test")
    assert bench.tools.state.take_lease(f"reconciliation-{run_id}", "another", bench.clock(), 60)
    assert reconciliation.advance(run_id).waits == "another process is at it"


def test_it_runs_once_a_day_when_the_batchs_time_has_come(bench: Workbench) -> None:
    daily = DailyReconciliation(bench.tools, sources(bench), "tick")
    assert daily.run().why_idle == "not due"
    bench.clock.now = bench.clock.now.replace(day=3, hour=21, minute=59)
    bench.tools.state.put(
        "reconciliation#daily", {"at": "2026-03-02T22:30:00.000000Z"}, bench.tools.state.get("reconciliation#daily")
    )
    assert daily.run().why_idle == "not due"
    bench.clock.advance(120)
    outcome = daily.run()
    assert (outcome.is_done, outcome.open) == (True, 0)
    report = daily.reconciliation.kept.read(str(outcome.run))
    assert report is not None
    assert (report.first, report.last) == (date(2026, 3, 1), date(2026, 3, 2))
    assert daily.run().why_idle == "not due"
    bench.settings(reconciliation={"days": 0})
    bench.clock.advance(86_400)
    assert "switched off" in str(daily.run().why_idle)


def test_a_paused_system_is_not_called_and_the_run_goes_on_when_it_is_resumed(bench: Workbench) -> None:
    reconciliation = Reconciliation(bench.tools, sources(bench), "one")
    run_id = reconciliation.begin(DAY, DAY, "test")
    bench.tools.state.change_destination("aegis", lambda aegis: replace(aegis, paused_by="somebody"))
    before = len(bench.calls())
    waits = reconciliation.advance(run_id).waits
    assert isinstance(waits, RetryLater)
    assert len(bench.calls()) == before
    bench.tools.state.change_destination("aegis", lambda aegis: replace(aegis, paused_by=None))
    assert reconciliation.advance(run_id).is_done


def test_the_newest_reports_are_kept_and_older_ones_are_forgotten(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliations, "KEPT_REPORTS", 2)
    reconciliation = Reconciliation(bench.tools, sources(bench), "one")
    made = []
    for _ in range(3):
        made.append(reconciliation.begin(DAY, DAY, "test"))
        assert reconciliation.advance(made[-1]).is_done
        bench.clock.advance(60)
    assert [head.id for head in reconciliation.kept.heads()] == made[:0:-1]
    assert reconciliation.kept.read(made[0]) is None
    assert reconciliation.kept.read(made[1]) is not None
    assert not [row for row in bench.rows("StateTable") if made[0] in str(row["name"])]


def test_some_of_what_may_be_called_at_once_is_left_to_live_work(bench: Workbench) -> None:
    budget = RateBudget(bench.tools.state, "aegis", lambda: 1000, bench.clock)
    assert budget.spare() == 50
    for _ in range(6):
        budget.take(10)
    assert budget.spare() == 0
    bench.clock.advance(3600)
    assert budget.spare() == 50
    assert RateBudget(bench.tools.state, "virtuous", lambda: None, bench.clock).spare() is None


def test_a_partner_that_is_gone_is_told_as_a_gap(bench: Workbench) -> None:
    partner = bench.delivery(bench.population.gifts[0].gift_id).result["partner"]
    del bench.aegis.store.partners[partner]
    reconciliation = Reconciliation(bench.tools, sources(bench), "one")
    run_id = reconciliation.begin(DAY - timedelta(days=1), DAY, "test")
    assert reconciliation.advance(run_id).is_done
    report = reconciliation.kept.read(run_id)
    assert report is not None
    assert report.differences == ()
    assert partner in report.gaps[0]
    assert not report.is_clean
