"""What holds a person's details leaves a delivery when it is done, and is never among what is told of it."""

from __future__ import annotations

import json

from giftbridge.domain.deliveries import State
from giftbridge.domain.delivery_ids import VIRTUOUS, contact_updated_id, donation_created_id
from ops.simulators.faults import FaultKind, FaultRule
from tests.command.desk import Desk


def test_a_delivered_gift_keeps_no_row(trio: Desk) -> None:
    donor = trio.bench.population.make_donor("new_person")
    gift = trio.bench.give(donor=donor)
    trio.bench.run()
    trio.both.batch()
    name = donation_created_id(gift, VIRTUOUS)
    assert donor.person.last_name in trio.both.delivery(name).row

    trio.both.virtuous.run_import()
    trio.both.settle(2)

    assert trio.both.delivery(name).state is State.DELIVERED
    [stored] = [row for row in trio.bench.rows("DeliveriesTable") if row["id"] == name]
    assert donor.person.last_name not in json.dumps(stored, default=str)
    assert "row" not in trio.json("deliveries", name, "--row")


def test_what_is_still_to_be_told_of_a_person_is_not_among_the_results(trio: Desk) -> None:
    donor = trio.bench.population.make_donor("new_person", gives=False).donor_id
    contact = trio.both.link(donor).contact_id
    trio.both.settle(2)
    trio.bench.fault("raisedonors", FaultRule(FaultKind.STATUS_BEFORE, "addDonorActivity", status=500))
    trio.both.virtuous.staff.edit_contact(contact, {"individual": {"firstName": "Renamed"}})
    trio.both.settle(2)
    kept = trio.both.delivery(contact_updated_id(contact)).result
    assert any(":" in name and "Renamed" in value for name, value in kept.items())

    found = trio.json("deliveries", f"contact/{contact}")
    listed = trio.json("deliveries", "--kind", "contact.updated")["deliveries"]

    assert found["result"]["contact"] == str(contact)
    assert not [name for one in (found, *listed) for name in one.get("result", {}) if ":" in name]
