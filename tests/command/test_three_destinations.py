"""What goes to Virtuous, and what comes back from it, is found, explained and retried like what goes to Aegis."""

from __future__ import annotations

import json
from datetime import timedelta

from giftbridge.domain.deliveries import State
from ops.simulators.faults import FaultKind, FaultRule
from ops.simulators.virtuous_import import ImportChoices
from tests.command.desk import Desk


def give(at: Desk, kind: str = "one_time") -> int:
    """A gift that is picked up, carried to Aegis, and waits for the batch."""
    gift = at.bench.give(kind)
    at.bench.run()
    return gift


def give_to_known_projects(at: Desk) -> int:
    """A gift that waits for the next batch; the one before has made the projects in Virtuous."""
    at.both.batch()
    return give(at)


def held(at: Desk) -> int:
    """A gift that the import tool holds since the clock's present time."""
    gift = give(at)
    at.both.batch()
    assert at.both.delivery(f"virtuous/donation/{gift}/created").state is State.SENT
    return gift


def changed_contact(at: Desk) -> tuple[int, int]:
    """A contact whose name staff changed, linked to a donor; both ids."""
    donor = at.bench.population.make_donor("new_person", gives=False).donor_id
    at.both.link(donor)
    at.both.settle(2)
    contact = at.both.contact_of(donor)
    at.bench.clock.advance(60)
    at.both.virtuous.staff.edit_contact(contact.contact_id, {"individual": {"firstName": "Renamed"}})
    at.both.settle(3)
    return contact.contact_id, donor


def test_a_donations_id_names_its_deliveries_to_every_crm(trio: Desk) -> None:
    gift = give(trio)

    found = trio.json("deliveries", str(gift))

    assert [(one["id"], one["state"]) for one in found] == [
        (f"aegis/donation/{gift}/created", "delivered"),
        (f"virtuous/donation/{gift}/created", "pending"),
    ]
    assert "Waits for the batch at 2026-03-02 22:00:00 UTC" in found[1]["next"]
    assert f"giftbridge retry virtuous/donation/{gift}/created" in found[1]["next"]
    alone = trio.json("deliveries", f"virtuous/donation/{gift}/created")
    assert alone == found[1]


def test_what_is_held_says_since_when_and_shows_its_row_only_when_asked(trio: Desk) -> None:
    began = trio.bench.clock()
    donor = trio.bench.population.make_donor("new_person")
    gift = trio.bench.give(donor=donor)
    trio.bench.run()
    trio.both.batch()
    name = f"virtuous/donation/{gift}/created"

    shown, whole = trio.json("deliveries", name), trio.json("deliveries", name, "--row")
    text, with_row = trio.run("deliveries", name).out, trio.run("deliveries", name, "--row").out

    assert shown["state"] == "sent" and "Nothing is sent again" in shown["next"]
    assert shown["held_since"] == (began + timedelta(seconds=60)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert "since 2026-03-02 14:3" in text
    assert whole["row"]["row"]["transactionId"] == str(gift) and "row" not in shown
    last = donor.person.last_name
    assert last in with_row and last in json.dumps(whole["row"])
    assert last not in text + json.dumps(shown)
    assert [one["id"] for one in trio.json("deliveries", "--state", "sent")["deliveries"]] == [name]
    assert "held by the import tool" in trio.run("deliveries", "--state", "sent").out


def test_a_row_that_went_alone_says_since_when_it_is_held(trio: Desk) -> None:
    gift = give_to_known_projects(trio)
    trio.run("retry", f"virtuous/donation/{gift}/created", "--yes")
    trio.both.drain()
    since = trio.bench.clock()
    trio.bench.clock.advance(7200)

    found = trio.json("deliveries", f"virtuous/donation/{gift}/created")

    assert found["held_since"] == since.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert trio.run("status", "--json").data["destinations"]["virtuous"]["held_seconds"] == 7200


def test_a_chunk_names_its_members_and_what_waits_in_it_is_found(trio: Desk) -> None:
    gift = give(trio)
    trio.both.plan()

    [chunk] = trio.json("deliveries", "--kind", "import.chunk")["deliveries"]
    member = f"virtuous/donation/{gift}/created"

    assert chunk["members"] == [member]
    assert member in trio.run("deliveries", chunk["id"]).out
    trio.both.drain()
    assert trio.json("deliveries", chunk["id"])["result"]["rows"] == "1"
    assert trio.json("activity", chunk["id"])["activity"][0]["what"] == "delivered"


def test_a_row_in_the_hands_of_a_chunk_is_listed_with_the_open_ones(trio: Desk) -> None:
    gift = give(trio)
    trio.both.plan()
    trio.bench.clock.advance(1)
    trio.both.virtuous.faults.add(FaultRule(FaultKind.STATUS_BEFORE, "submitGiftTransactions", status=503))
    trio.both.drain()
    member = f"virtuous/donation/{gift}/created"
    assert trio.both.delivery(member).chunk

    found = trio.json("deliveries", "--state", "pending", "--destination", "virtuous")["deliveries"]

    assert member in [one["id"] for one in found]
    assert "Goes to the import tool with virtuous/chunk/" in trio.json("deliveries", member)["next"]


def test_a_contact_that_came_back_is_found_by_its_id_and_names_no_person(trio: Desk) -> None:
    contact, donor = changed_contact(trio)

    found = trio.json("deliveries", f"contact/{contact}")

    assert found["id"] == f"raisedonors/contact/{contact}/updated"
    assert found["donor"] == donor and found["kind"] == "contact.updated"
    assert trio.both.donor(donor)["firstName"] == "Renamed"
    assert "Renamed" not in json.dumps({n: v for n, v in found.items() if n != "activity"})
    listed = trio.json("deliveries", "--destination", "raisedonors", "--kind", "contact.updated")["deliveries"]
    assert [one["id"] for one in listed] == [found["id"]]
    lines = trio.json("activity", f"contact/{contact}")["activity"]
    told = [line for line in lines if line["what"] == "delivered"]
    assert told[0]["details"]["changes"][0]["new"] == "Renamed", "the activity keeps both values"


def test_a_donors_id_names_the_deliveries_of_their_edits_to_both_crms(trio: Desk) -> None:
    donor = trio.bench.population.make_donor("new_person")
    trio.bench.give(donor=donor)
    trio.bench.run(ticks=2)
    trio.bench.clock.advance(5)
    trio.bench.raisedonors.store.edit("donor", donor.donor_id, {"lastName": "Moss"}, modified=trio.bench.clock())
    trio.bench.run(ticks=2)

    found = trio.json("deliveries", f"donor/{donor.donor_id}")

    assert [one["id"] for one in found] == [
        f"aegis/donor/{donor.donor_id}/updated",
        f"virtuous/donor/{donor.donor_id}/updated",
    ]


def test_a_project_is_found_by_its_id(trio: Desk) -> None:
    trio.both.batch()

    projects = trio.json("deliveries", "--kind", "project.changed")["deliveries"]

    assert projects
    one = projects[0]
    found = trio.run("deliveries", f"project/{one['entity']}", "--json").data
    assert found["id"] == f"virtuous/project/{one['entity']}/changed"


def test_failures_and_their_retry_go_over_all_destinations(trio: Desk) -> None:
    bench = trio.bench
    gift = give(trio, "allocation_mismatch")
    trio.both.batch()

    [group] = trio.run("failures", "--json").data["causes"]
    plan = trio.json("retry", "--all", "--plan")["plan"]
    shown = trio.run("retry", "--all", "--plan").out

    assert group["count"] == 2 and group["destinations"] == ["aegis", "virtuous"]
    assert plan["calls_to"] == {"aegis": 3, "virtuous": 3} and plan["calls"] == 6
    assert "at most 3 calls to Aegis and 3 calls to Virtuous" in shown
    trio.bench.clock.advance(1)
    results = trio.json("retry", "--all", "--yes")["results"]
    assert {result["text"] for result in results} == {"is worked on now"}
    trio.bench.clock.advance(1)
    trio.both.drain()
    bench.drain()
    lines = trio.json("activity", f"virtuous/donation/{gift}/created")["activity"]
    assert [line["what"] for line in lines] == ["failed", "reopened", "failed"]


def test_a_row_of_the_outbox_is_sent_alone_at_once_and_only_once(trio: Desk) -> None:
    first, second = give_to_known_projects(trio), give(trio)

    plan = trio.json("retry", str(first), "--plan")["plan"]
    results = trio.json("retry", str(first), "--yes")["results"]
    trio.both.drain()
    trio.both.batch()

    ways = {item["id"]: (item["how"], item["why"]) for item in plan["items"]}
    assert ways[f"virtuous/donation/{first}/created"][0] == "now"
    assert "alone" in ways[f"virtuous/donation/{first}/created"][1]
    assert [result["id"] for result in results] == [f"virtuous/donation/{first}/created"]
    assert trio.both.calls().count("submitGiftTransactions") == 2
    assert {key[1] for key in trio.both.virtuous.store.gift_rows} == {str(first), str(second)}


def test_a_held_row_is_looked_up_by_a_retry_and_never_sent_again(trio: Desk) -> None:
    gift = held(trio)
    sent = trio.both.calls().count("submitGiftTransactions")
    trio.both.virtuous.run_import(ImportChoices())
    name = f"virtuous/donation/{gift}/created"

    plan = trio.json("retry", name, "--plan")["plan"]["items"]
    trio.run("retry", name, "--yes")
    trio.both.drain()

    assert (plan[0]["how"], plan[0]["why"].partition(":")[0]) == ("now", "is held by the import tool")
    assert trio.both.delivery(name).state is State.DELIVERED
    assert trio.both.calls().count("submitGiftTransactions") == sent


def test_while_virtuous_is_paused_its_rows_wait_and_a_retry_says_so(trio: Desk) -> None:
    gift = give(trio, "allocation_mismatch")
    trio.both.batch()
    assert trio.json("pause", "virtuous") == {"system": "virtuous", "paused_by": "user/moto"}

    results = {r["id"]: r["text"] for r in trio.json("retry", str(gift), "--yes")["results"]}

    assert "paused by user/moto" in results[f"virtuous/donation/{gift}/created"]
    assert results[f"aegis/donation/{gift}/created"] == "is worked on now"
    assert trio.run("status", "--json").data["systems"]["virtuous"]["condition"] == "paused"
    assert trio.json("resume", "virtuous")["ended"] == ["pause"]
