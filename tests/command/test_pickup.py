"""`giftbridge pickup run` reads now; with --preview it says what it would do and writes nothing."""

from __future__ import annotations

from decimal import Decimal

from giftbridge.flows.donation_pickup import DonationPickup
from ops.operating import pickup
from ops.operating.reaching import raisedonors
from ops.simulators.faults import FaultKind, FaultRule
from tests.command.desk import Desk


def test_a_run_says_what_it_did(connected: Desk) -> None:
    connected.bench.give()

    assert connected.json("pickup", "run") == {
        "why_idle": None, "seen": 2, "counts": {"pending": 1, "first sight": 1}, "nudged": 1, "is_complete": True,
        "feeds": {"gifts": 1, "schedules": 0, "donors": 1}, "troubles": {},
    }  # fmt: skip
    shown = connected.run("pickup", "run").out
    assert shown == "Seen: 1 gifts, 0 schedules, 1 donors. nothing new, 0 on their way.\n"


def test_a_feed_that_cannot_be_read_is_named_with_the_reason_and_the_others_go_on(connected: Desk) -> None:
    bench = connected.bench
    bench.give()
    bench.fault("raisedonors", FaultRule(FaultKind.STATUS_BEFORE, "queryDonors", status=500))

    answer = connected.run("pickup", "run", "--json")

    assert answer.code == 1
    assert answer.data["feeds"] == {"gifts": 1, "schedules": 0}
    assert "queryDonors" in answer.data["troubles"]["donors"]
    assert "The donors could not be read to the end: queryDonors" in connected.run("pickup", "run").out


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

    fates = {gift["id"]: gift["fate"] for gift in found["gifts"]}
    assert fates == {str(gift): fate for fate, gift in kinds.items()}
    assert {table: bench.rows(table) for table in before} == before
    assert found["counts"]["gifts"] == dict.fromkeys(kinds, 1) and found["assumption"] is None
    assert "test-mode gift" in next(gift["why"] for gift in found["gifts"] if gift["fate"] == "ignored")


def test_what_a_preview_foretells_is_what_the_run_does(connected: Desk) -> None:
    bench = connected.bench
    for kind in (None, "adopted", "test_mode", "pending", "unknown_status", "refunded_before", "voided_before"):
        bench.give(kind or "one_time")

    foretold = {gift["id"]: gift["fate"] for gift in connected.json("pickup", "run", "--preview")["gifts"]}
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
        assert found["counts"]["gifts"] == {"new": 1}


def test_a_preview_of_the_past_shows_what_was_before_the_start(connected: Desk) -> None:
    bench = connected.bench
    for _ in range(2):
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


def test_a_preview_says_what_becomes_of_refunds(connected: Desk) -> None:
    bench = connected.bench
    sent, refused, open_one = bench.give(), bench.give("unknown_fund"), bench.give("adopted")
    bench.run()
    bench.fault("aegis", FaultRule(FaultKind.DROP_AFTER, "createTransaction", count=1))
    waiting = bench.give()
    bench.pickup()
    bench.drain()
    bench.clock.advance(30)
    late = bench.give("refunded_before")
    for gift in (sent, refused, open_one, waiting):
        bench.raisedonors.store.set_gift_status(gift, "Refunded", modified=bench.clock())
    before = {table: bench.rows(table) for table in ("DeliveriesTable", "StateTable", "ActivityTable", "CrmKeysTable")}

    found = connected.json("pickup", "run", "--preview")

    fates = {refund["id"]: (refund["fate"], refund["why"]) for refund in found["refunds"]}
    assert {gift: fate for gift, (fate, _) in fates.items()} == {
        str(sent): "sent", str(refused): "neither", str(open_one): "sent", str(waiting): "waits", str(late): "neither",
    }  # fmt: skip
    assert f"aegis/donation/{waiting}/created (unknown)" in fates[str(waiting)][1]
    assert "does not exist in Aegis" in fates[str(refused)][1]
    assert bench.delivery(sent).result["invoice"] in fates[str(sent)][1]
    assert {table: bench.rows(table) for table in before} == before
    assert "refund of" in connected.run("pickup", "run", "--preview").out


def test_a_preview_names_the_fields_that_changed_and_where_they_would_go(connected: Desk) -> None:
    bench, store = connected.bench, connected.bench.raisedonors.store
    with_partner = bench.population.make_donor("new_person")
    without = bench.population.make_donor("new_person", gives=False).donor_id
    made = bench.population.make_gift("first_of_schedule", bench.clock(), donor=with_partner)
    bench.run(ticks=2)
    bench.clock.advance(5)
    for donor in (with_partner.donor_id, without):
        store.edit("donor", donor, {"lastName": "Åkesson"}, modified=bench.clock())
    assert made.schedule_id is not None
    store.edit("schedule", made.schedule_id, {"amount": Decimal("61.50")}, modified=bench.clock())
    stranger = bench.population.make_donor("new_person", gives=False).donor_id
    before = {table: bench.rows(table) for table in ("DeliveriesTable", "StateTable", "ActivityTable", "CrmKeysTable")}

    found = connected.json("pickup", "run", "--preview")

    donors = {donor["id"]: (donor["fate"], donor["why"]) for donor in found["donors"]}
    assert {donor: fate for donor, (fate, _) in donors.items()} == {
        str(with_partner.donor_id): "sent", str(without): "mailed", str(stranger): "first sight",
    }  # fmt: skip
    assert donors[str(with_partner.donor_id)][1].startswith("last name; into partner ")
    [schedule] = [schedule for schedule in found["schedules"] if schedule["fate"] != "unchanged"]
    assert (schedule["id"], schedule["fate"]) == (str(made.schedule_id), "sent")
    assert schedule["why"].startswith("amount; into pledge ")
    assert {table: bench.rows(table) for table in before} == before
    assert "Åkesson" not in str(found)


def test_notes_are_previewed_where_they_are_sent(connected: Desk) -> None:
    bench = connected.bench
    donor = bench.give()
    bench.run()
    assert "notes" not in connected.json("pickup", "run", "--preview")["read_from"], donor
    bench.settings(aegis={"send_notes": True})
    bench.clock.advance(5)
    note = {"donorId": 5, "type": "Note", "subject": "Call", "body": "Asked", "source": "Staff"}
    written = bench.raisedonors.store.add("activity", note, created=bench.clock())

    notes = connected.json("pickup", "run", "--preview")["notes"]

    assert [(one["id"], one["fate"]) for one in notes] == [(str(written), "new")]
