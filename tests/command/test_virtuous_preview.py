"""`giftbridge pickup run --preview` shows what would go to Virtuous, mapped, and writes and sends nothing."""

from __future__ import annotations

import json
from typing import Any

from tests.command.desk import Desk

TABLES = ("DeliveriesTable", "StateTable", "ActivityTable", "CrmKeysTable")


def preview(at: Desk, *more: str) -> dict[str, Any]:
    """A preview, which leaves every table and Virtuous as they are."""
    before = {table: at.bench.rows(table) for table in TABLES}
    writes = at.both.virtuous.store.writes
    found: dict[str, Any] = at.json("pickup", "run", "--preview", *more)
    assert {table: at.bench.rows(table) for table in TABLES} == before
    assert at.both.virtuous.store.writes == writes and at.both.virtuous.store.gift_rows == {}
    return found


def test_gifts_are_mapped_and_refused_ones_say_why(trio: Desk) -> None:
    trio.bench.run()
    trio.both.batch()
    donor = trio.bench.population.make_donor("new_person")
    new, bad = trio.bench.give(donor=donor), trio.bench.give("allocation_mismatch")
    ignored = trio.bench.give("test_mode")

    found = preview(trio)

    gifts = {gift["id"]: gift for gift in found["virtuous_gifts"]}
    assert {name: gift["fate"] for name, gift in gifts.items()} == {
        str(new): "new", str(bad): "failed", str(ignored): "ignored",
    }  # fmt: skip
    row = gifts[str(new)]["row"]
    assert row["transactionId"] == str(new) and row["giftDate"] == "2026-03-02" and row["designations"]
    assert "contact found or made by the import" in gifts[str(new)]["why"]
    assert "allocations add up to" in gifts[str(bad)]["why"]
    assert {gift["id"] for gift in found["gifts"]} == {str(new), str(bad), str(ignored)}, "and Aegis beside it"
    assert donor.person.last_name not in json.dumps(found)
    whole = preview(trio, "--row")
    [shown] = [gift["row"] for gift in whole["virtuous_gifts"] if gift["id"] == str(new)]
    assert shown["contact"]["lastname"] == donor.person.last_name
    assert "to Virtuous: donation" in trio.run("pickup", "run", "--preview").out


def test_a_code_that_virtuous_lacks_is_foretold(trio: Desk) -> None:
    trio.bench.run()
    gift = trio.bench.give()

    [found] = preview(trio)["virtuous_gifts"]

    assert (found["id"], found["fate"]) == (str(gift), "failed") and "no project with the code" in found["why"]


def test_refunds_follow_what_became_of_their_originals(trio: Desk) -> None:
    trio.bench.run()
    waiting = trio.bench.give()
    trio.bench.run()
    trio.bench.raisedonors.store.set_gift_status(waiting, "Refunded", modified=trio.bench.clock())

    [refund] = preview(trio)["virtuous_refunds"]

    assert (refund["id"], refund["fate"]) == (str(waiting), "neither")


def test_edits_are_named_by_the_groups_that_would_travel(trio: Desk) -> None:
    store = trio.bench.raisedonors.store
    linked = trio.bench.population.make_donor("new_person", gives=False).donor_id
    stranger = trio.bench.population.make_donor("new_person", gives=False).donor_id
    contact = trio.both.link(linked)
    trio.both.settle(3)
    trio.bench.clock.advance(5)
    for donor in (linked, stranger):
        store.edit("donor", donor, {"lastName": "Åkesson"}, modified=trio.bench.clock())
    fresh = trio.bench.population.make_donor("new_person", gives=False).donor_id

    found = {donor["id"]: donor for donor in preview(trio)["virtuous_contacts"]}

    assert found[str(fresh)]["fate"] == "first sight"
    assert found[str(linked)]["fate"] == found[str(stranger)]["fate"] == "sent"
    assert found[str(linked)]["groups"] == ["last name"]
    assert f"into contact {contact.contact_id}" in found[str(linked)]["why"]
    assert {"last name", "first name", "e-mail"} <= set(found[str(stranger)]["groups"])
    assert "Åkesson" not in json.dumps(found)


def test_what_is_switched_off_is_not_previewed(trio: Desk) -> None:
    trio.bench.settings(virtuous={"sync_gifts": False, "sync_contacts": False})
    trio.bench.give()

    found = preview(trio)

    assert found["virtuous_gifts"] == found["virtuous_contacts"] == [] and found["gifts"]


def test_before_go_live_a_preview_shows_what_a_start_would_take(trio: Desk) -> None:
    trio.both.batch()
    trio.bench.settings(virtuous={"enabled": False}, aegis={"enabled": False})
    trio.bench.give()

    found = preview(trio)

    assert "Aegis and Virtuous are not enabled yet" in found["assumption"]
    assert found["counts"]["virtuous_gifts"] == {"new": 1}


def test_without_aegis_only_the_way_to_virtuous_is_shown(trio: Desk) -> None:
    trio.both.batch()
    trio.put_secret("aegis", {})
    trio.bench.settings(aegis={"enabled": False})
    trio.bench.give()

    found = preview(trio)

    assert list(found["read_from"]) == ["gifts", "donors"] and found["gifts"] == []
    assert found["counts"]["virtuous_gifts"] == {"new": 1}
