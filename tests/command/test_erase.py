"""`giftbridge erase` leaves nothing of a person in any table, keeps ids and amounts, and may be run again."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from giftbridge.domain.deliveries import Attempt, Delivery, State, Step
from ops.operating import erasing
from ops.simulators.faults import FaultKind, FaultRule
from tests.command.desk import Desk
from tests.command.test_three_destinations import changed_contact

TABLES = ("ActivityTable", "CrmKeysTable", "DeliveriesTable", "StateTable")


def persons_values(at: Desk, donor: int) -> set[str]:
    """What RaiseDonors and the tests know of a person: names, address, phones, e-mail."""
    store = at.bench.raisedonors.store
    raw: dict[str, Any] = store.render("donor", store.donors.get(donor))
    texts = {raw["firstName"], raw["lastName"], raw["email"]}
    texts |= {entry[name] for entry in raw["donorAddresses"] for name in ("address1", "city", "postal")}
    texts |= {entry["value"] for entry in raw["donorPhoneNumbers"]}
    return {str(text) for text in texts if text} | {"Renamed", "Zebrastone", "Old Lane 7"}


def found_in_tables(at: Desk, donor: int) -> list[tuple[str, str]]:
    """Each value of the person that a table still holds."""
    values = persons_values(at, donor)
    rows = [(table, json.dumps(row, default=str, ensure_ascii=False)) for table in TABLES for row in _of(at, table)]
    return [(table, value) for table, row in rows for value in values if value in row and str(donor) in row]


def _of(at: Desk, table: str) -> list[dict[str, Any]]:
    rows = at.bench.rows(table)
    return [row for row in rows if not str(row.get("name", "")).startswith("settings")]


@pytest.fixture
def known(trio: Desk) -> tuple[Desk, int]:
    """A donor whom both CRMs know, who was edited on both sides, gave, and whose gift failed."""
    return trio, _known(trio)


def _known(trio: Desk) -> int:
    bench = trio.bench
    _, donor = changed_contact(trio)
    bench.raisedonors.store.edit("donor", donor, {"lastName": "Zebrastone"})
    trio.both.settle(1)
    made = next(one for one in [*bench.population.donors, _made(trio, donor)] if one.donor_id == donor)
    gift = bench.give(donor=made)
    trio.both.settle(2)
    bench.raisedonors.store.edit("donor", donor, {"firstName": "Renamed"})
    trio.both.settle(2)
    assert bench.delivery(gift).donor_id == donor
    return donor


def _made(at: Desk, donor: int) -> Any:
    other = at.bench.population.make_donor("new_person", gives=False)
    return replace(other, donor_id=donor)


def test_nothing_of_the_person_is_left_and_ids_and_amounts_are(known: tuple[Desk, int]) -> None:
    at, donor = known
    before = {d.id: d for d in at.bench.tools.deliveries.of_donor(donor)}
    keys = [row for row in at.bench.rows("CrmKeysTable") if row.get("crm_key") and "agreed" not in row["system"]]
    lines = len(at.bench.tools.activity.of_entity(f"donor#{donor}"))
    others = [str(row) for row in at.bench.rows("CrmKeysTable") if row["entity"] != f"donor#{donor}"]
    assert {table for table, _ in found_in_tables(at, donor)} >= {"ActivityTable", "CrmKeysTable"}

    answer = at.run("erase", str(donor), "--yes", "--json")

    assert answer.code == 0 and answer.data["erased"] and not answer.data["unfinished"]
    assert found_in_tables(at, donor) == []
    after = {d.id: d for d in at.bench.tools.deliveries.of_donor(donor)}
    assert {name: (d.state, d.updated_at, d.entity_id) for name, d in after.items()} == {
        name: (d.state, d.updated_at, d.entity_id) for name, d in before.items()
    }
    assert all(d.result.get("invoice") == before[name].result.get("invoice") for name, d in after.items())
    still = [row for row in at.bench.rows("CrmKeysTable") if row.get("crm_key") and "agreed" not in row["system"]]
    assert still == keys
    assert [str(row) for row in at.bench.rows("CrmKeysTable") if row["entity"] != f"donor#{donor}"] == others
    told = at.bench.tools.activity.of_entity(f"donor#{donor}")
    assert len(told) == lines + 1 and told[0]["what"] == "erased" and told[0]["who"] == "user/moto"
    _changes_nothing_a_second_time(at, donor)


def _changes_nothing_a_second_time(at: Desk, donor: int) -> None:
    before = {table: sorted(map(str, at.bench.rows(table))) for table in TABLES}

    answer = at.run("erase", f"donor/{donor}", "--yes")

    assert answer.code == 0 and f"Nothing is stored of donor {donor}'s person." in answer.out
    assert {table: sorted(map(str, at.bench.rows(table))) for table in TABLES} == before


@pytest.mark.parametrize("write", [2, 6])
def test_broken_off_anywhere_it_is_finished_by_the_next(known: tuple[Desk, int], write: int) -> None:
    at, donor = known
    events: Any = at.bench.dynamodb.meta.events
    made = 0

    def broken(model: Any, **_: Any) -> None:
        nonlocal made
        made += model.name in {"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem"}
        if made >= write:
            raise KeyboardInterrupt

    events.register("before-call.dynamodb", broken)
    with pytest.raises(KeyboardInterrupt):
        erasing.erase(at.stack, erasing.plan_erasure(at.stack, donor), "ann")
    events.unregister("before-call.dynamodb", broken)

    assert at.run("erase", str(donor), "--yes").code == 0
    assert found_in_tables(at, donor) == []


def test_the_plan_says_what_would_go_and_what_is_not_reached(known: tuple[Desk, int]) -> None:
    at, donor = known
    before = found_in_tables(at, donor)

    answer = at.run("erase", str(donor), "--plan")

    assert answer.code == 0 and found_in_tables(at, donor) == before
    for words in ("activity lines", "agreed values", "Not reached: RaiseDonors, Aegis and Virtuous", "35 days"):
        assert words in answer.out
    assert at.run("erase", str(donor), input="n\n").code == 0 and found_in_tables(at, donor) == before


def test_what_an_unfinished_request_needs_stays_until_it_is_settled(connected: Desk) -> None:
    bench = connected.bench
    gift = bench.give()
    rule = bench.fault("aegis", FaultRule(FaultKind.DROP_AFTER, "createTransaction", count=1))
    bench.pickup()
    bench.drain()
    unknown = bench.delivery(gift)
    assert rule is not None and unknown.state is State.UNKNOWN and unknown.attempt is not None

    answer = connected.run("erase", str(unknown.donor_id), "--yes", "--json")

    assert answer.code == 1 and answer.data["unfinished"] == [unknown.id]
    assert bench.delivery(gift) == unknown
    bench.run(ticks=3)
    assert connected.run("erase", str(unknown.donor_id), "--yes").code == 0
    assert len(bench.transactions_of(gift)) == 1
    settled = bench.delivery(gift)
    assert settled.state is State.DELIVERED and settled.attempt is not None and settled.attempt.values == {}


def test_waiting_notices_and_what_a_delivery_keeps_for_later_go_too(connected: Desk) -> None:
    bench = connected.bench
    donor = bench.population.make_donor("new_person", gives=False).donor_id
    bench.run()
    bench.raisedonors.store.edit("donor", donor, {"lastName": "Zebrastone"})
    bench.run(ticks=2)
    assert "Zebrastone" in str(bench.tools.notices.oldest(10))
    (edited,) = bench.tools.deliveries.of_donor(donor)
    attempt = Attempt("a", Step.SAVE, bench.clock(), bench.clock(), {"name": "Zebrastone"})
    _put(connected, edited, replace(edited, attempt=attempt, corrections={"last name": "Zebrastone"}))

    answer = connected.run("erase", str(donor), "--yes")

    assert answer.code == 0 and bench.tools.notices.oldest(10) == []
    assert "Zebrastone" not in str([bench.rows(table) for table in TABLES])


def test_a_number_that_is_no_donor_has_nothing_to_erase(connected: Desk) -> None:
    assert connected.run("erase", "424242", "--yes").code == 0
    assert connected.run("erase", "Mrs. Berg", "--yes").code == 2


def _put(at: Desk, before: Delivery, after: Delivery) -> None:
    at.bench.tools.deliveries.save(before, replace(after, result={**before.result, "sent:x": "Zebrastone"}))
