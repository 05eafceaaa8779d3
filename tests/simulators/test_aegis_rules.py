"""Every rule that Aegis enforces on a transaction is enforced here, and says where it was broken."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from ops.simulators.aegis import AegisSimulator
from tests.simulators.clients import AegisClient, order, transaction

Change = Callable[[dict[str, Any]], None]


def _set(path: str, value: Any) -> Change:
    def change(body: dict[str, Any]) -> None:
        *steps, last = path.split(".")
        target: Any = body
        for step in steps:
            target = target[int(step)] if step.isdigit() else target[step]
        if value is ...:
            del target[last]
        else:
            target[last] = value

    return change


BROKEN: list[tuple[str, str, Change]] = [
    ("an unknown partner", "PartnerID", _set("PartnerID", "1")),
    ("no partner", "PartnerID", _set("PartnerID", ...)),
    ("a number for the partner", "PartnerID", _set("PartnerID", 100001)),
    ("an unknown appeal", "AppealCode", _set("AppealCode", "XYZ")),
    ("an inactive appeal", "AppealCode", _set("AppealCode", "OLD19")),
    ("no appeal", "AppealCode", _set("AppealCode", "")),
    ("an unknown fund", "Gifts[0].FundID", _set("Gifts.0.FundID", "XYZ")),
    ("an inactive fund", "Gifts[0].FundID", _set("Gifts.0.FundID", "OLDFUND")),
    ("no fund", "Gifts[0].FundID", _set("Gifts.0.FundID", ...)),
    ("an unknown batch category", "BatchCategory", _set("BatchCategory", "XYZ")),
    ("an unknown channel", "Channel", _set("Channel", "Smoke")),
    ("an unknown product", "ProductOrders[0].ProductSku", _set("ProductOrders.0.ProductSku", "XYZ")),
    ("an unknown warehouse", "ProductOrders[0].WarehouseId", _set("ProductOrders.0.WarehouseId", "WH9")),
    ("an unknown fund of an order", "ProductOrders[0].FundCode", _set("ProductOrders.0.FundCode", "XYZ")),
    ("another payment amount", "Payment.Amount", _set("Payment.Amount", Decimal("74.99"))),
    ("no payment", "Payment", _set("Payment", ...)),
    ("lines that do not add up", "TotalTransactionAmount", _set("Gifts.0.Amount", Decimal("75.01"))),
    ("a price that is not in the sum", "TotalTransactionAmount", _set("ProductOrders.0.Price", Decimal(5))),
    ("a payment country that is no country", "Payment.Country", _set("Payment.Country", "XX")),
    ("a payment country in small letters", "Payment.Country", _set("Payment.Country", "us")),
    ("a shipping country by name", "ProductOrders[0].Shipping.Country", _set(
        "ProductOrders.0.Shipping.Country", "United States")),
    ("no shipping country", "ProductOrders[0].Shipping.Country", _set("ProductOrders.0.Shipping.Country", ...)),
    ("a payment that asks for a charge", "Payment.Status", _set("Payment.Status", "Pending")),
    ("an unknown payment status", "Payment.Status", _set("Payment.Status", "Done")),
    ("no shipping", "ProductOrders[0].Shipping", _set("ProductOrders.0.Shipping", ...)),
    ("no one to ship to", "ProductOrders[0].Shipping.ShipTo", _set("ProductOrders.0.Shipping.ShipTo", "")),
    ("no quantity", "ProductOrders[0].Quantity", _set("ProductOrders.0.Quantity", ...)),
    ("an attribute without a name", "Attributes[0].Name", _set("Attributes.0.Name", "")),
    ("more than two decimals", "Gifts[0].Amount", _set("Gifts.0.Amount", Decimal("75.001"))),
    ("an amount written as text", "Gifts[0].Amount", _set("Gifts.0.Amount", "75.00")),
    ("a shipping cost", "ShippingCost", _set("ShippingCost", Decimal("4.50"))),
    ("a tax", "TaxAmount", _set("TaxAmount", 1)),
    ("a date that is none", "TransactionDate", _set("TransactionDate", "yesterday")),
]  # fmt: skip


@pytest.mark.parametrize(("member", "change"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_a_transaction_is_refused_with_the_member_named(crm: AegisClient, member: str, change: Change) -> None:
    body = transaction(crm.new_partner(), ProductOrders=[order()])
    change(body)
    refused = crm.refused("POST", "transaction/Create", body)
    assert f"transaction.{member}" in refused
    assert not crm.simulator.store.transactions


def test_a_transaction_without_any_line_is_refused(crm: AegisClient) -> None:
    refused = crm.refused("POST", "transaction/Create", transaction(crm.new_partner(), Gifts=[]))
    assert "transaction.Gifts" in refused


def test_attribute_names_are_unique_without_regard_to_case(crm: AegisClient) -> None:
    attributes = [{"Name": "Campus", "Value": "N"}, {"Name": "CAMPUS", "Value": "S"}]
    refused = crm.refused("POST", "transaction/Create", transaction(crm.new_partner(), Attributes=attributes))
    assert "transaction.Attributes[1].Name" in refused


def test_an_inactive_partner_is_refused(crm: AegisClient) -> None:
    partner_id = crm.new_partner()
    crm.simulator.store.set_partner_active(partner_id, False)
    assert "transaction.PartnerID" in crm.refused("POST", "transaction/Create", transaction(partner_id))


def test_a_negative_total_needs_an_equal_payment_too(crm: AegisClient) -> None:
    body = transaction(crm.new_partner(), "-75.00")
    body["Payment"]["Amount"] = Decimal("75.00")
    assert "transaction.Payment.Amount" in crm.refused("POST", "transaction/Create", body)
    body["Payment"]["Amount"] = Decimal("-75.00")
    assert crm.send("POST", "transaction/Create", body).status == 200


def test_quantity_price_and_discount_are_part_of_the_balance(crm: AegisClient) -> None:
    orders = [order(Quantity=3, Price=Decimal("10.00"), Discount=Decimal("5.00"))]
    body = transaction(crm.new_partner(), "100.00", ProductOrders=orders)
    body["Gifts"][0]["Amount"] = Decimal("75.00")
    assert crm.send("POST", "transaction/Create", body).status == 200


def test_several_breaches_are_named_at_once(crm: AegisClient) -> None:
    body = transaction(crm.new_partner(), AppealCode="X", Channel="Y")
    assert {"transaction.AppealCode", "transaction.Channel"} <= set(crm.refused("POST", "transaction/Create", body))


def test_empty_members_take_their_defaults(crm: AegisClient) -> None:
    body = transaction(crm.new_partner())
    body["Gifts"][0]["EstimatedPercentage"] = 700
    stored = crm.write("POST", "transaction/Create", body)
    assert (stored["BatchType"], stored["Channel"]) == ("Web", "Web")
    assert stored["RecordedBy"] == crm.simulator.username
    assert stored["Gifts"][0]["EstimatedPercentage"] == 100


def test_amounts_are_kept_and_written_to_the_digit(crm: AegisClient) -> None:
    body = transaction(crm.new_partner(), "90071992547409.93")
    answer = crm.send("POST", "transaction/Create", body)
    assert b'"TotalTransactionAmount":90071992547409.93' in answer.body
    (stored,) = crm.simulator.store.transactions.values()
    assert stored.total == Decimal("90071992547409.93")
    assert isinstance(stored.lines[0].amount, Decimal)


def test_members_with_a_wrong_spelling_are_lost_without_a_word(crm: AegisClient) -> None:
    body = transaction(crm.new_partner(), Transactionnote="Thank you")
    body["Payment"]["Firstname"] = "Anna"
    stored = crm.write("POST", "transaction/Create", body)
    assert "Transactionnote" not in stored
    assert stored["TransactionNote"] == ""
    dropped = crm.simulator.store.dropped_members
    assert dropped == ["transaction.Payment.Firstname", "transaction.Transactionnote"]


def test_a_repeated_create_is_recorded_twice_for_there_is_no_idempotency_key(crm: AegisClient) -> None:
    body = transaction(crm.new_partner())
    invoices = {crm.write("POST", "transaction/Create", body)["InvoiceNumber"] for _ in range(2)}
    assert len(invoices) == 2


@pytest.mark.parametrize("named", ["empty", "unknown", "inactive", "another partner's"])
def test_a_gift_for_a_pledge_that_cannot_be_found_goes_to_the_most_recent_pledge(crm: AegisClient, named: str) -> None:
    partner_id, other_id = crm.new_partner(), crm.new_partner(LastName="Bergman")
    inactive = crm.new_pledge(partner_id, DatePledged="2025-01-01T00:00:00Z")
    crm.simulator.store.set_pledge_active(inactive, False)
    recent = crm.new_pledge(partner_id, DatePledged="2026-01-01T00:00:00Z")
    foreign = crm.new_pledge(other_id)
    pledge_id = {
        "empty": None, "unknown": "9b2f5f1e-0000-4000-8000-000000000000", "inactive": inactive,
        "another partner's": foreign,
    }[named]  # fmt: skip
    body = transaction(partner_id)
    body["Gifts"][0] |= {"ApplyToPledge": True, "PledgeID": pledge_id}
    assert crm.send("POST", "transaction/Create", body).status == 200
    (line,) = next(iter(crm.simulator.store.transactions.values())).lines
    assert line.applied_to_pledge == recent
    assert line.by_hazard


def test_a_gift_for_an_active_pledge_of_the_partner_goes_there(crm: AegisClient) -> None:
    partner_id = crm.new_partner()
    first = crm.new_pledge(partner_id, DatePledged="2025-01-01T00:00:00Z")
    crm.new_pledge(partner_id, DatePledged="2026-01-01T00:00:00Z")
    body = transaction(partner_id)
    body["Gifts"][0] |= {"ApplyToPledge": True, "PledgeID": first}
    crm.write("POST", "transaction/Create", body)
    (line,) = next(iter(crm.simulator.store.transactions.values())).lines
    assert (line.applied_to_pledge, line.by_hazard) == (first, False)


def test_the_payment_address_overwrites_the_partners_when_asked(crm: AegisClient) -> None:
    partner_id = crm.new_partner()
    body = transaction(partner_id)
    body["Payment"] |= {"Address": "9 Elm Street", "City": "Boise", "UpdatePrimaryMailingAddress": True}
    crm.write("POST", "transaction/Create", body)
    assert crm.read(f"partner/ID/{partner_id}")["Address1"] == "9 Elm Street"


def test_nothing_but_refused_requests_broke_the_contract(crm: AegisClient, aegis: AegisSimulator) -> None:
    crm.write("POST", "transaction/Create", transaction(crm.new_partner(), ProductOrders=[order()]))
    assert aegis.check is not None
    assert aegis.check.exchanges_checked == 2
    assert aegis.check.violations == []
