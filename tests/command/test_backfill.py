"""`giftbridge backfill` shows first, asks, and leaves the work to the pickup."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from tests.command.desk import Desk
from tests.workbench import BEGIN

LAST_MONTH = BEGIN - timedelta(days=30)
PERIOD = ("--from", "2026-01-25", "--to", "2026-02-10")


def test_the_plan_counts_gifts_money_and_calls_and_writes_nothing(connected: Desk) -> None:
    bench = connected.bench
    made = [bench.population.make_gift("one_time", LAST_MONTH).gift_id for _ in range(3)]
    bench.population.make_gift("adopted", LAST_MONTH)
    money = sum(
        (Decimal(str(bench.raisedonors.store.gifts.entry(gift).latest.members["amount"])) for gift in made), Decimal(0)
    )

    plan = connected.json("backfill", *PERIOD, "--plan")

    assert plan["gifts"] == {"to be sent": 3, "adopted, not sent": 1}
    assert sum(map(Decimal, plan["money"].values())) == money
    assert (plan["calls"], plan["contacts"]) == (6, 0)
    assert bench.tools.state.get("backfill") is None
    assert "gifts to be sent: 3" in connected.run("backfill", *PERIOD, "--plan").out


def test_what_was_agreed_to_is_sent_by_the_next_pickups_and_its_progress_is_told(connected: Desk) -> None:
    bench = connected.bench
    gift = bench.population.make_gift("one_time", LAST_MONTH).gift_id

    asked = connected.run("backfill", *PERIOD, "--yes")
    assert "Asked for: backfill" in asked.out
    again = connected.run("backfill", *PERIOD, "--yes")
    assert (again.code, "is under way" in again.err) == (1, True)
    bench.run(2)

    assert len(bench.transactions_of(gift)) == 1
    told = connected.json("backfill", "--status")
    assert (told["state"], told["counts"]) == ("done", {"backfill: pending": 1})
    assert "No backfill is under way" in connected.run("backfill", "--cancel").out


def test_a_backfill_can_be_taken_back(connected: Desk) -> None:
    bench = connected.bench
    gift = bench.population.make_gift("one_time", LAST_MONTH).gift_id
    connected.run("backfill", *PERIOD, "--yes")

    assert connected.json("backfill", "--cancel")["state"] == "cancelled"
    bench.run(2)

    assert bench.transactions_of(gift) == []


def test_wrong_usage_says_what_is_wrong(connected: Desk) -> None:
    for arguments, words in (
        ((), "--from is missing"),
        (("--from", "2026-02-10", "--to", "2026-01-01"), "the period is empty"),
        (("--from", "2026-01-01", "--to", "2126-01-01"), "lies in the future"),
        (("--from", "2026-01-01", "--contacts"), "goes with --destination virtuous"),
        (("--from", "2026-01-01", "--no-gifts"), "Nothing is asked for"),
    ):
        answer = connected.run("backfill", *arguments)
        assert (answer.code, words in answer.err) == (2, True), (arguments, answer.err)
    switched_off = connected.run("backfill", *PERIOD, "--destination", "virtuous")
    assert (switched_off.code, "switched off" in switched_off.err) == (1, True)
