"""`giftbridge deliveries`, `activity` and `failures` find everything, by whatever name a person has."""

from __future__ import annotations

from giftbridge.domain.deliveries import State
from tests.command.desk import Desk


def test_a_delivery_is_found_by_every_form_of_its_id(connected: Desk) -> None:
    gift = connected.bench.give()
    connected.bench.run()

    for form in (f"{gift}", f"donation/{gift}", f"aegis/donation/{gift}/created"):
        found = connected.json("deliveries", form)
        assert found["id"] == f"aegis/donation/{gift}/created"
        assert found["state"] == "delivered" and found["next"] == "Done."
        assert found["result"]["invoice"] == connected.bench.delivery(gift).result["invoice"]
        assert [line["what"] for line in found["activity"]] == ["delivered"]
        assert connected.json("activity", form)["activity"] == found["activity"]


def test_a_delivery_that_waits_for_a_person_ends_with_one_and_says_why(connected: Desk) -> None:
    gift = connected.fail_gift()

    answer = connected.run("deliveries", str(gift))

    assert answer.code == 1
    for words in (
        "does not exist in Aegis",
        "add the fund in Aegis",
        f"giftbridge retry aegis/donation/{gift}/created",
    ):
        assert words in answer.out


def test_an_id_that_is_none_is_wrong_usage(connected: Desk) -> None:
    for name in ("nonsense", "partner/5", "aegis/donation/9"):
        answer = connected.run("deliveries", name)
        assert answer.code == 2
        assert "names no delivery" in answer.err
        assert "Give 987, donation/987, schedule/7, donor/41, note/5, project/3, contact/4107 or" in answer.err
    assert connected.run("deliveries", "--destination", "elsewhere").code == 2


def test_a_delivery_that_does_not_exist_is_wrong_usage_for_machines_too(connected: Desk) -> None:
    answer = connected.run("deliveries", "424242", "--json")

    assert answer.code == 2
    assert answer.data["error"] == (
        "There is no delivery aegis/donation/424242/created or aegis/donation/424242/refunded "
        "or virtuous/donation/424242/created or virtuous/donation/424242/refunded."
    )
    told = {"schedule/7": "first change", "donor/41": "--donor", "note/5": "send_notes", "project/3": "batch run"}
    for name, words in {**told, "contact/4107": "webhook", "virtuous/chunk/x/1": "import.chunk"}.items():
        answer = connected.run("retry", name, "--plan")
        assert answer.code == 2 and words in answer.err


def test_each_state_lists_its_own(connected: Desk) -> None:
    bench = connected.bench
    expected = {"delivered": bench.give(), "failed": bench.give("unknown_fund"), "ignored": bench.give("test_mode")}
    bench.run()
    bench.aegis.faults.begin_outage("status")
    expected["waiting"] = bench.give(donor=bench.population.make_donor("new_person"))
    bench.pickup()
    bench.drain()

    for state, gift in expected.items():
        found = connected.json("deliveries", "--state", state)["deliveries"]
        assert [delivery["id"] for delivery in found] == [f"aegis/donation/{gift}/created"], state
    everything = connected.json("deliveries")["deliveries"]
    assert {delivery["id"] for delivery in everything} == {f"aegis/donation/{g}/created" for g in expected.values()}


def test_a_donors_deliveries_are_listed_latest_first(connected: Desk) -> None:
    bench = connected.bench
    donor = bench.population.make_donor("new_person")
    first = bench.give(donor=donor)
    bench.run()
    second = bench.give(donor=donor)
    bench.give(donor=bench.population.make_donor("new_person"))
    bench.run()

    found = connected.json("deliveries", "--donor", str(donor.donor_id))["deliveries"]

    assert [delivery["entity"] for delivery in found] == [str(second), str(first)]
    assert {delivery["donor"] for delivery in found} == {donor.donor_id}


def test_a_day_lists_what_happened_on_it(connected: Desk) -> None:
    bench = connected.bench
    first = bench.give()
    bench.run()
    bench.clock.advance(86_400)
    second = bench.give()
    bench.run()

    for day, gift in (("2026-03-02", first), ("2026-03-03", second)):
        for more in ((), ("--state", "delivered")):
            found = connected.json("deliveries", "--day", day, *more)["deliveries"]
            assert [delivery["entity"] for delivery in found] == [str(gift)]
        lines = connected.json("activity", "--day", day)["activity"]
        assert {line["delivery"] for line in lines} == {f"aegis/donation/{gift}/created"}


def test_a_limit_says_that_there_are_more(connected: Desk) -> None:
    for _ in range(4):
        connected.bench.give()
    connected.bench.run()

    found = connected.json("deliveries", "--limit", "3")

    assert (len(found["deliveries"]), found["has_more"]) == (3, True)
    assert "there are more" in connected.run("deliveries", "--limit", "3").out


def test_cause_and_text_narrow_the_list(connected: Desk) -> None:
    unknown_fund, mismatch = connected.fail_gift(), connected.fail_gift("allocation_mismatch")
    cause = connected.bench.delivery(unknown_fund).trouble
    assert cause is not None

    by_cause = connected.json("deliveries", "--cause", cause.cause)["deliveries"]
    by_text = connected.json("deliveries", "--state", "failed", "--text", "DOES NOT EXIST")["deliveries"]

    assert [d["entity"] for d in by_cause] == [d["entity"] for d in by_text] == [str(unknown_fund)]
    assert len(connected.json("deliveries", "--state", "failed")["deliveries"]) == 2, mismatch


def test_failures_are_grouped_by_cause_with_a_remedy(connected: Desk) -> None:
    for kind in ("unknown_fund", "allocation_mismatch", "unknown_fund"):
        connected.fail_gift(kind)

    answer = connected.run("failures", "--json")

    assert answer.code == 1
    assert answer.data["failed"] == 3
    first, second = answer.data["causes"]
    assert first["cause"].startswith("unknown-fund:") and first["count"] == 2 and second["count"] == 1
    assert first["first_seen"] < first["last_seen"]
    assert "add the fund in Aegis" in first["remedy"] and len(first["sample"]) == 2


def test_no_failures_is_a_clean_end(connected: Desk) -> None:
    answer = connected.run("failures")

    assert (answer.code, answer.out) == (0, "Nothing failed.\n")


def test_activity_tells_a_donors_story_in_order(connected: Desk) -> None:
    gift = connected.fail_gift()
    delivery = connected.bench.delivery(gift)
    connected.run("retry", str(gift), "--yes")
    connected.bench.clock.advance(1)
    connected.bench.drain()

    lines = connected.json("activity", "--donor", f"donor/{delivery.donor_id}")["activity"]

    assert [line["what"] for line in lines] == ["failed", "reopened", "failed"]
    assert lines[0]["at"] >= lines[1]["at"] >= lines[2]["at"]
    assert connected.json("activity", "--limit", "2")["activity"] == lines[:2]
    assert connected.run("activity", "5", "--donor", "6").code == 2


def test_nothing_shown_names_a_person(connected: Desk) -> None:
    donor = connected.bench.population.make_donor("new_person")
    gift = connected.bench.give(donor=donor)
    connected.bench.run()
    assert connected.bench.delivery(gift).state is State.DELIVERED

    for verb in (("status",), ("deliveries",), ("deliveries", str(gift)), ("activity",), ("failures",)):
        shown = connected.run(*verb).out + connected.run(*verb, "--json").out
        for personal in (donor.person.last_name, donor.person.email, donor.person.address1):
            assert personal and personal not in shown
