"""`giftbridge reconcile` says what it will take, shows what differs, and heals after asking."""

from __future__ import annotations

import copy
import csv
import io
import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from ops.simulators.aegis_store import Transaction
from tests.command.desk import Desk

DAY = ("--from", "2026-03-02")


@pytest.fixture
def spoilt(connected: Desk) -> tuple[Desk, Transaction]:
    """A day with one transaction that stands twice in Aegis."""
    bench = connected.bench
    bench.population.build(donors=3)
    for _ in range(3):
        bench.give("one_time")
    bench.run(ticks=2)
    original = next(t for t in bench.aegis.store.transactions.values() if t.via_api)
    twin = copy.deepcopy(original)
    twin.invoice_number = bench.aegis.store.new_invoice_number()
    bench.aegis.store.add_transaction(twin)
    bench.clock.advance(3600)
    return connected, twin


def test_a_clean_day_is_told_with_what_it_took_and_ends_well(connected: Desk) -> None:
    bench = connected.bench
    bench.population.build(donors=2)
    gift = bench.give("one_time")
    bench.run(ticks=2)
    bench.clock.advance(3600)

    estimate = connected.json("reconcile", *DAY, "--estimate")
    assert (estimate["donors"], estimate["calls_to"]["aegis"]) == (1, 1)
    told = connected.run("reconcile", *DAY)
    assert told.code == 0, told
    assert "1 donors, about 3 calls" in told.err
    assert "Clean: no open difference" in told.out
    assert "funds, as sent" in told.out
    assert f"{bench.raisedonors.store.gifts.entry(gift).latest.members['amount']:,.2f}" in told.out
    assert connected.json("reconcile", "--list")[0]["open"] == 0
    assert connected.run("reconcile", "--last").code == 0


def test_a_difference_is_found_shown_healed_and_gone(spoilt: tuple[Desk, Transaction]) -> None:
    desk, twin = spoilt
    found = desk.run("reconcile", *DAY, "--json")
    assert found.code == 1
    report = found.data
    [one] = [d for side in report["sides"] for d in side["differences"]]
    assert one["id"].startswith("aegis-doubled-")
    assert one["numbers"] == [str(twin.invoice_number)]
    assert Decimal(report["open_money"]) == twin.total

    planned = desk.run("reconcile", "--heal", one["id"], input="n\n")
    assert (planned.code, "record an adjustment in Aegis of" in planned.out) == (0, True)
    before = len(desk.bench.aegis.store.transactions)
    done = desk.run("reconcile", "--heal-all", "--yes", "--json")
    assert (done.code, [r["outcome"] for r in done.data["results"]]) == (0, ["begun"])
    assert "healing" in desk.run("reconcile", "--last").out
    desk.bench.run(ticks=2)
    assert "healed" in desk.run("reconcile", "--last").out
    assert len(desk.bench.aegis.store.transactions) == before + 1

    lines = desk.bench.tools.activity.of_entity(f"donor#{one['donor_id']}")
    assert any(line["what"] == "adjusting" and line["who"] != "giftbridge" for line in lines)
    again = desk.run("reconcile", *DAY, "--json")
    assert (again.code, again.data["open"]) == (0, 0)
    explained = desk.json("deliveries", f"aegis/donation/{one['donation_id']}/adjusted-{twin.invoice_number}")
    assert explained


def test_what_is_right_as_it_is_is_accepted_with_a_reason(spoilt: tuple[Desk, Transaction]) -> None:
    desk, _ = spoilt
    report = desk.run("reconcile", *DAY, "--json").data
    [one] = [d for side in report["sides"] for d in side["differences"]]
    assert desk.run("reconcile", "--accept", one["id"]).code == 2
    assert desk.run("reconcile", "--accept", one["id"], "--why", "a test of staff").code == 0
    assert desk.run("reconcile", "--last").code == 0
    latest = desk.bench.tools.state.get("reconciliation#latest")
    assert latest is not None
    assert latest["open"] == 0
    desk.bench.clock.advance(60)
    assert desk.run("reconcile", *DAY).code == 0
    assert desk.run("reconcile", "--heal", "no-such").code == 2


def test_finance_gets_a_row_for_each_day_and_side_and_for_each_difference(
    spoilt: tuple[Desk, Transaction], tmp_path: Path
) -> None:
    desk, twin = spoilt
    file = tmp_path / "march.csv"
    assert desk.run("reconcile", *DAY, "--csv", str(file)).code == 1
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"))))
    days = {row["side"]: row for row in rows if row["row"] == "day"}
    assert set(days) == {"raisedonors", "aegis", "held", "other"}
    assert Decimal(days["aegis"]["amount"]) - Decimal(days["raisedonors"]["amount"]) == twin.total
    assert Decimal(days["aegis"]["difference"]) == twin.total
    [difference] = [row for row in rows if row["row"] == "difference"]
    assert (difference["sort"], difference["numbers"]) == ("doubled", str(twin.invoice_number))
    assert sum(Decimal(row["expected"]) for row in rows if row["row"] == "fund") == Decimal(
        days["raisedonors"]["amount"]
    )
    on_stdout = desk.run("reconcile", "--last", "--csv", "-")
    assert on_stdout.out == file.read_text(encoding="utf-8")
    names = {donor.person.last_name for donor in desk.bench.population.donors if donor.person.last_name}
    assert not [name for name in names if name in file.read_text(encoding="utf-8")]


def test_a_system_that_stays_away_ends_with_3_and_the_run_can_be_gone_on_with(spoilt: tuple[Desk, Transaction]) -> None:
    desk, _ = spoilt
    desk.bench.aegis.faults.status("getTransactionHistory", 503, count=100)
    away = desk.run("reconcile", *DAY, "--json")
    assert away.code == 3
    assert "--resume" in json.dumps(away.data)
    run_id = away.data["details"][0].split()[-1]
    desk.bench.aegis.faults.clear()
    desk.bench.clock.advance(600)
    assert desk.run("reconcile", *DAY, "--resume", run_id).code == 1


@pytest.mark.parametrize(
    "arguments", [("--to", "2026-03-02"), ("--from", "2026-03-03", "--to", "2026-03-02"), ("--report", "x")]
)
def test_what_makes_no_sense_is_told(connected: Desk, arguments: tuple[str, ...]) -> None:
    assert connected.run("reconcile", *arguments).code == 2


def test_the_estimate_follows_the_rate_limit(spoilt: tuple[Desk, Transaction]) -> None:
    desk, _ = spoilt
    free = desk.json("reconcile", *DAY, "--estimate")["seconds"]
    desk.bench.settings(limits={"aegis_per_hour": 20})
    assert desk.json("reconcile", *DAY, "--estimate")["seconds"] > free + timedelta(minutes=1).total_seconds()
