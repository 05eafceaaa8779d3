"""Rows and messages as format version 1 wrote them are understood, and nothing of them is lost (requirement S2).

`rows_of_version_1.json` is what a rough three days left in the tables and queues, one of each sort. It is never made
anew: a later version adds rows of its own beside it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from giftbridge.contact_hints import read_contact_hint
from giftbridge.delivery_queue import read_nudge
from giftbridge.domain.deliveries import State
from giftbridge.store.delivery_rows import delivery_of, row_of
from giftbridge.store.rows import from_item
from ops.operating.explaining import as_json
from tests.workbench import Workbench, workbench

STORED = json.loads((Path(__file__).parent / "rows_of_version_1.json").read_text(encoding="utf-8"))
# Added by the store around a delivery.
_OF_THE_STORE = {"write_mark"}


@pytest.fixture(scope="module")
def bench() -> Iterator[Workbench]:
    """A bench whose tables hold the old rows alone."""
    with workbench() as made:
        for item in made.dynamodb.scan(TableName="StateTable")["Items"]:
            made.dynamodb.delete_item(TableName="StateTable", Key={"name": item["name"]})
        for table in ("DeliveriesTable", "CrmKeysTable", "ActivityTable", "StateTable"):
            for item in STORED[table]:
                made.dynamodb.put_item(TableName=table, Item=item)
        yield made


def rows(table: str) -> list[dict[str, Any]]:
    return [from_item(item) for item in STORED[table]]


def named(row: dict[str, Any]) -> str:
    return str(row["id"])


@pytest.mark.parametrize("row", rows("DeliveriesTable"), ids=named)
def test_an_old_delivery_is_read_whole_and_written_as_it_was(row: dict[str, Any]) -> None:
    delivery = delivery_of(row)
    written = {name: value for name, value in row_of(delivery).items() if value is not None}

    assert written == {name: value for name, value in row.items() if name not in _OF_THE_STORE}
    assert as_json(delivery)["id"] == row["id"]


def test_old_deliveries_are_found_through_the_index_they_were_put_into(bench: Workbench) -> None:
    found = {
        state: [name for system in ("aegis", "virtuous") for name in bench.tools.deliveries.ids_in(bucket, system)]
        for state, bucket in ((State.FAILED, "failed"), (State.SENT, "sent"), (State.UNKNOWN, "open"))
    }

    for state, ids in found.items():
        stored = {row["id"] for row in rows("DeliveriesTable") if row["state"] == state}
        assert stored and stored <= set(ids), state


def test_old_keys_claims_agreed_fields_and_snapshots_are_known(bench: Workbench) -> None:
    for row in rows("CrmKeysTable"):
        entity, system = row["entity"], row["system"]
        if "rule" in row:
            known = bench.tools.keys.get(entity, system)
            assert known is not None and known.key == row["crm_key"]
        elif "crm_key" in row:
            assert bench.tools.keys.claimed_by([entity], system)[entity] == row["crm_key"]
        elif system == "virtuous/agreed" and entity.startswith("donor"):
            snapshot = bench.tools.snapshots.get(entity)
            assert snapshot is not None and snapshot.base.ours == row["fields"]
        else:
            assert bench.tools.agreed.get(entity, system.partition("/")[0]) == row["fields"]


def test_old_activity_and_waiting_notices_are_told(bench: Workbench) -> None:
    lines = [row for row in rows("ActivityTable") if "what" in row]
    waiting = [row for row in rows("ActivityTable") if row["entity"] == "notices#waiting"]

    for row in lines:
        assert row["at"] in {line["at"] for line in bench.tools.activity.of_entity(row["entity"])}
        assert row["at"] in {line["at"] for line in bench.tools.activity.of_day(row["day"])}
    assert [one.key for one in bench.tools.notices.oldest(10)] == [row["at"] for row in waiting]


def test_old_settings_are_in_force_with_the_defaults_of_what_came_later(bench: Workbench) -> None:
    number, settings = bench.tools.settings()

    assert number == int(next(row["number"] for row in rows("StateTable") if row["name"] == "settings"))
    assert settings.aegis.send_notes
    assert settings.notifications.digest


@pytest.mark.parametrize("name", ["aegis", "virtuous", "raisedonors"])
def test_an_old_systems_health_is_known(bench: Workbench, name: str) -> None:
    row = next((row for row in rows("StateTable") if row["name"] == f"destination#{name}"), None)

    assert bench.tools.state.destination(name).revision == (int(row["revision"]) if row is not None else 0)


def test_old_messages_are_read() -> None:
    def record(body: str) -> dict[str, Any]:
        return {"messageId": "m", "receiptHandle": "r", "body": body, "attributes": {"ApproximateReceiveCount": "1"}}

    known = {row["id"] for row in rows("DeliveriesTable")}
    nudges = [read_nudge(record(body)) for body in STORED["messages"]]
    hint = read_contact_hint(record(STORED["hints"][0]))

    assert nudges and all(nudge is not None and nudge.name for nudge in nudges)
    assert known & {nudge.delivery_id for nudge in nudges if nudge is not None}
    assert hint is not None and (hint.contacts, hint.gifts_of) == ((4107,), (4108,))
