"""`giftbridge pickup run` reads now; with --preview it says what it would do and writes nothing."""

from __future__ import annotations

from giftbridge.flows.donation_pickup import DonationPickup
from ops.operating import pickup
from ops.operating.reaching import raisedonors
from tests.command.desk import Desk


def test_a_run_says_what_it_did(connected: Desk) -> None:
    connected.bench.give()

    assert connected.json("pickup", "run") == {
        "why_idle": None, "seen": 1, "counts": {"pending": 1}, "nudged": 1, "is_complete": True,
    }  # fmt: skip
    assert "1 gifts seen, nothing new, 0 on their way" in connected.run("pickup", "run").out


def test_a_pickup_that_was_idle_needs_a_person(connected: Desk) -> None:
    connected.bench.settings(aegis={"enabled": False})

    answer = connected.run("pickup", "run")

    assert answer.code == 1
    assert "no destination is enabled" in answer.out


def test_a_run_that_is_on_already_is_waited_for(connected: Desk) -> None:
    bench = connected.bench
    bench.tools.state.take_lease("donation_pickup", "another", bench.clock(), 5)
    refused = DonationPickup(bench.tools, raisedonors(connected.stack), "test").run()

    outcome = connected.json("pickup", "run")

    assert refused.why_idle == pickup.ANOTHER_RUNS
    assert outcome["why_idle"] is None


def test_a_function_that_breaks_down_needs_a_person(connected: Desk) -> None:
    connected.lambda_of_aws.fails = True

    answer = connected.run("pickup", "run")

    assert answer.code == 1
    assert "Runtime.ExitError" in answer.err and "pickup-function" in answer.err


def test_a_preview_says_for_each_gift_what_would_happen_and_writes_nothing(connected: Desk) -> None:
    bench = connected.bench
    known = bench.give()
    bench.run()
    kinds = {
        "new": bench.give(), "adopted": bench.give("adopted"), "ignored": bench.give("test_mode"),
        "not yet": bench.give("pending"), "failed": bench.give("unknown_status"), "known": known,
    }  # fmt: skip
    before = {table: bench.rows(table) for table in ("DeliveriesTable", "StateTable", "ActivityTable", "CrmKeysTable")}

    found = connected.json("pickup", "run", "--preview")

    fates = {gift["donation_id"]: gift["fate"] for gift in found["gifts"]}
    assert fates == {str(gift): fate for fate, gift in kinds.items()}
    assert {table: bench.rows(table) for table in before} == before
    assert found["counts"] == dict.fromkeys(kinds, 1) and found["assumption"] is None
    assert "test-mode gift" in next(gift["why"] for gift in found["gifts"] if gift["fate"] == "ignored")


def test_what_a_preview_foretells_is_what_the_run_does(connected: Desk) -> None:
    bench = connected.bench
    for kind in (None, "adopted", "test_mode", "pending", "unknown_status", "refunded_before", "voided_before"):
        bench.give(kind or "one_time")

    foretold = {gift["donation_id"]: gift["fate"] for gift in connected.json("pickup", "run", "--preview")["gifts"]}
    bench.pickup()

    became = {row["entity"]: row["state"] for row in bench.rows("DeliveriesTable")}
    fates = {"new": "pending", "adopted": "delivered"}
    assert {gift: fates.get(fate, fate) for gift, fate in foretold.items() if fate != "not yet"} == became


def test_before_go_live_a_preview_shows_what_a_start_would_take(connected: Desk) -> None:
    bench = connected.bench
    connected.bench.settings(aegis={"enabled": False})
    bench.give()

    for since in ((), ("--since", "2026-03-01")):
        found = connected.json("pickup", "run", "--preview", *since)
        assert "not enabled yet" in found["assumption"]
        assert found["counts"] == {"new": 1}


def test_a_preview_of_the_past_shows_what_was_before_the_start(connected: Desk) -> None:
    bench = connected.bench
    bench.population.make_gift("one_time", bench.clock().replace(day=1))

    found = connected.json("pickup", "run", "--preview", "--since", "2026-03-01", "--limit", "1")

    assert [(gift["fate"], gift["why"].partition(" 2026")[0]) for gift in found["gifts"]] == [
        ("ignored", "created before")
    ]
    assert found["is_cut"] is True


def test_since_without_preview_is_wrong_usage_and_a_preview_needs_a_connection(at: Desk) -> None:
    assert at.run("pickup", "run", "--since", "2026-03-01").code == 2
    answer = at.run("pickup", "run", "--preview")
    assert answer.code == 1 and "giftbridge connect raisedonors --stack-name ours" in answer.err


def test_while_raisedonors_is_down_a_preview_cannot_be_had(connected: Desk) -> None:
    connected.bench.raisedonors.faults.begin_outage("status")

    answer = connected.run("pickup", "run", "--preview", "--json")

    assert answer.code == 3
    assert "queryGifts" in answer.data["error"]
