"""`giftbridge find` leads from whatever a person has in hand to donors, deliveries and their troubles."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ops.operating.finding import find_text
from ops.simulators.faults import FaultKind, FaultRule
from tests.command.desk import Desk


def test_from_a_name_to_the_cause_of_a_failure_in_two_commands(connected: Desk) -> None:
    bench = connected.bench
    failed = connected.fail_gift()
    donor = bench.delivery(failed).donor_id
    assert donor is not None
    last_name = str(bench.raisedonors.store.render("donor", _entry(connected, donor))["lastName"])

    found = connected.run("find", last_name)
    told = connected.json("activity", "--donor", str(donor))["activity"]

    assert found.code == 0
    for words in (str(donor), last_name, f"aegis/donation/{failed}/created", "does not exist in Aegis"):
        assert words in found.out
    assert f"giftbridge activity --donor {donor}" in found.out
    assert any("add the fund in Aegis" in line["why"] for line in told)


def test_an_email_a_phone_and_an_id_find_their_donor(connected: Desk) -> None:
    bench = connected.bench
    donor = bench.population.make_donor("new_person")
    bench.population.make_donor("new_person")
    raw = bench.raisedonors.store.render("donor", _entry(connected, donor.donor_id))
    phone = "".join(filter(str.isdigit, str(raw["donorPhoneNumbers"][0]["value"])))[-10:]

    for text, why in ((str(raw["email"]).upper(), "e-mail"), (phone, "phone"), (str(donor.donor_id), "donor id")):
        hits = connected.json("find", text)["donors"]
        assert [hit["found_by"] for hit in hits if hit["donor"] == donor.donor_id] == [why], text


def test_invoice_partner_donation_and_delivery_ids_find_the_delivery(connected: Desk) -> None:
    gift = connected.bench.give()
    connected.bench.run()
    delivery = connected.bench.delivery(gift)
    partner = connected.bench.tools.keys.get(f"donor#{delivery.donor_id}", "aegis")
    assert partner is not None and partner.key is not None

    for text in (delivery.result["invoice"], f"#{delivery.result['invoice']}", str(gift), delivery.id):
        assert delivery.id in [one["id"] for one in connected.json("find", text)["deliveries"]], text
    hits = connected.json("find", partner.key)["donors"]
    assert delivery.donor_id in [hit["donor"] for hit in hits]


def test_an_amount_finds_its_gifts_in_few_calls(connected: Desk) -> None:
    bench = connected.bench
    gifts = [bench.give() for _ in range(25)]
    bench.run()
    amounts = {gift: _amount(connected, gift) for gift in gifts}
    wanted = amounts[gifts[7]]
    before = len(bench.raisedonors.log)

    found = connected.json("find", f"${wanted:,.2f}")

    expected = {f"aegis/donation/{gift}/created" for gift, amount in amounts.items() if amount == wanted}
    assert {one["id"] for one in found["deliveries"]} == expected
    calls = [entry.operation_id for entry in bench.raisedonors.log][before:]
    assert 0 < calls.count("listGifts") <= 8
    assert connected.json("find", "98765.43")["deliveries"] == []


def test_nothing_found_is_said_and_needs_nobody(connected: Desk) -> None:
    answer = connected.run("find", "Nobody-of-this-name")

    assert answer.code == 0 and "Nothing was found." in answer.out and "Searched: donors on RaiseDonors" in answer.out
    assert connected.run("find", "  ").code == 2


def test_what_could_not_be_searched_is_said(at: Desk, connected: Desk) -> None:
    gift = connected.fail_gift()
    connected.bench.fault("raisedonors", FaultRule(FaultKind.STATUS_BEFORE, "*", status=503))

    found = connected.json("find", str(gift))

    assert [one["id"] for one in found["deliveries"]] == [f"aegis/donation/{gift}/created"]
    assert any("donors on RaiseDonors" in missed for missed in found["missed"])


def test_before_raisedonors_is_connected_our_own_rows_are_searched(at: Desk) -> None:
    found = find_text(at.stack, "41")

    assert found.donors == found.deliveries == ()
    assert any("not connected" in missed for missed in found.missed)


@pytest.mark.parametrize("text", ["aegis/donation/5/created", "donation/5", "nonsense/5", "%", "'"])
def test_odd_texts_are_searched_like_any_other(connected: Desk, text: str) -> None:
    assert connected.run("find", text).code == 0


def _entry(at: Desk, donor_id: int) -> object:
    return at.bench.raisedonors.store.donors.get(donor_id)


def _amount(at: Desk, gift: int) -> Decimal:
    store = at.bench.raisedonors.store
    return Decimal(str(store.render("gift", store.gifts.get(gift))["amount"]))
