"""Transactions in the simulated Aegis: create, history, and the customer's query over them."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from ops.simulators.aegis_answers import error, invalid, write_with
from ops.simulators.aegis_model import Model, ModelErrors, read_moment
from ops.simulators.aegis_paging import page_answer
from ops.simulators.aegis_rules import check_balance, check_gift, check_head, check_order, check_payment
from ops.simulators.aegis_store import AegisStore, GiftLine, Transaction
from ops.simulators.wire import Answer, Call

DONATION_ID = "RaiseDonors.Donation.Id"
HEAD_TEXTS = (
    "PartnerID", "TransactionDate", "SourceCode", "TransactionNote", "AppealCode", "SegmentCode",
    "DefaultPaymentType", "Channel", "RecordedBy", "BatchCategory", "BatchType", "MediaOutlet", "MediaProgram",
)  # fmt: skip
PAYMENT_TEXTS = ("Status", "PaymentType", "FirstName", "LastName", "Address", "City", "State", "Zip", "Country")
SHIPPING_TEXTS = ("ShippingMethod", "ShipTo", "Address", "City", "State", "Zip", "Country", "Note")
ORDER_TEXTS = ("FundCode", "ProductSku", "WarehouseId")
PRIMARY_ADDRESS = {
    "Address": "Address1", "City": "City", "State": "StateProv", "Zip": "PostalCode", "Country": "CountryCode",
}  # fmt: skip
HIGHEST_PERCENTAGE = 100


class TransactionOperations:
    """The transaction operations of the contract."""

    def __init__(self, store: AegisStore, calling_user: str) -> None:
        self._store = store
        self._calling_user = calling_user

    def create(self, call: Call) -> Answer:
        """transaction/Create."""
        return write_with(self._store, call, "transaction", self._create)

    def history(self, call: Call) -> Answer:
        """partner/TransactionHistory: newest first, by the day of the transaction."""
        partner_id = call.path["text"]
        if partner_id not in self._store.partners:
            return error(404, f"No partner '{partner_id}'.")
        try:
            first, last = (_day(call.query.get(name)) for name in ("startDate", "endDate"))
        except ValueError as problem:
            return error(400, str(problem))
        transactions = sorted(
            self._store.transactions_of.get(partner_id, []),
            key=lambda transaction: (transaction.happened, transaction.invoice_number),
            reverse=True,
        )
        rows = [self._history_row(transaction) for transaction in transactions]
        rows = [row for row in rows if _within(row["TransactionDate"], first, last)]
        return page_answer(call, "Transactions", rows)

    def fetch_query(self, call: Call) -> Answer:
        """query/FetchResults: one row for each gift of each transaction."""
        query_id = call.query.get("text", "")
        if query_id not in self._store.queries:
            return error(404, f"No query '{query_id}'.")
        rows = [
            {
                "InvoiceNumber": transaction.invoice_number,
                DONATION_ID: transaction.attribute(DONATION_ID),
                "TransactionAmount": line.amount,
                "FundID": line.fund_id,
            }
            for transaction in self._store.transactions.values()
            for line in transaction.lines
        ]
        return page_answer(call, "DataTable", rows, required=False)

    def _history_row(self, transaction: Transaction) -> dict[str, Any]:
        model = transaction.model
        return {
            "TransactionType": "Gift" if transaction.total >= 0 else "Adjustment",
            "TransactionDate": self._store.history_date(transaction.happened, model["TransactionDate"]),
            "TransactionAmount": transaction.total,
            "AppealCode": model["AppealCode"],
            "DateRecorded": self._store.history_date(
                transaction.recorded, self._store.local_time(transaction.recorded)
            ),
            "RecordedBy": model["RecordedBy"],
            "InvoiceNumber": transaction.invoice_number,
            "Acknowledgements": [],
        }

    def _create(self, model: Model, errors: ModelErrors) -> Answer:
        model.raw("InvoiceNumber")
        total = model.required_amount("TotalTransactionAmount")
        payment, gifts, orders = model.child("Payment"), model.children("Gifts"), model.children("ProductOrders")
        check_head(self._store, model)
        check_payment(model, payment, total)
        check_balance(model, gifts, orders, total)
        for gift in gifts:
            check_gift(self._store, gift)
        for order in orders:
            check_order(self._store, order)
        stored = self._head(model, total)
        stored["Payment"] = _payment(payment)
        stored["Gifts"] = [_gift(gift) for gift in gifts]
        stored["ProductOrders"] = [_order(order) for order in orders]
        stored["Attributes"] = model.names_and_values("Attributes")
        model.drop_unknown()
        if errors:
            return invalid(errors.messages)
        return self._record(stored, total)

    def _head(self, model: Model, total: Decimal) -> dict[str, Any]:
        head: dict[str, Any] = {name: model.text(name) for name in HEAD_TEXTS}
        head["TotalTransactionAmount"] = total
        head["BatchType"] = head["BatchType"] or "Web"
        head["Channel"] = head["Channel"] or "Web"
        head["RecordedBy"] = head["RecordedBy"] or self._calling_user
        head |= {"ShippingCost": 0, "TaxAmount": 0}
        response = model.child("Response")
        head["Response"] = {"Overridden": response.flag("Overridden") if response else False}
        head["Acknowledgements"] = model.raw("Acknowledgements") or []
        if response:
            response.drop_unknown()
        return head

    def _record(self, stored: dict[str, Any], total: Decimal) -> Answer:
        lines = [self._line(gift, stored["PartnerID"]) for gift in stored["Gifts"]]
        happened = read_moment(stored["TransactionDate"])
        if happened is None:
            raise AssertionError("the date was checked before")
        invoice_number = self._store.new_invoice_number()
        stored = {"InvoiceNumber": invoice_number, **stored}
        now = self._store.clock()
        self._store.add_transaction(
            Transaction(invoice_number, stored["PartnerID"], happened, now, total, stored, lines)
        )
        if stored["Payment"]["UpdatePrimaryMailingAddress"]:
            self._overwrite_address(stored["PartnerID"], stored["Payment"])
        return Answer.of_json(stored)

    def _line(self, gift: Mapping[str, Any], partner_id: str) -> GiftLine:
        """The hazard: a gift for a pledge that cannot be found goes to the partner's most recent pledge."""
        line = GiftLine(gift["Amount"], gift["FundID"], gift["ApplyToPledge"], gift["PledgeID"] or "")
        if not line.apply_to_pledge:
            return line
        named = self._store.pledges.get(line.pledge_id)
        if named is not None and named.model["Active"] and named.model["PartnerID"] == partner_id:
            line.applied_to_pledge = named.pledge_id
            return line
        recent = self._store.most_recent_pledge(partner_id)
        line.applied_to_pledge = recent.pledge_id if recent else None
        line.by_hazard = True
        return line

    def _overwrite_address(self, partner_id: str, payment: Mapping[str, Any]) -> None:
        self._store.edit_partner(partner_id, {own: payment[sent] for sent, own in PRIMARY_ADDRESS.items()})


def seed_transaction(store: AegisStore, members: Mapping[str, Any], recorded: datetime | None = None) -> int:
    """Put a transaction of another channel (phone, post) into Aegis and return its invoice number."""
    gifts = [{"ApplyToPledge": False, "PledgeID": None, **gift} for gift in members["Gifts"]]
    total = sum((Decimal(str(gift["Amount"])) for gift in gifts), Decimal(0))
    head: dict[str, Any] = dict.fromkeys(HEAD_TEXTS, "")
    defaults = {"InvoiceNumber": store.new_invoice_number(), "RecordedBy": "Staff", "Attributes": [], "Channel": "Mail"}
    model = {**head, **defaults, **members, "Gifts": gifts, "TotalTransactionAmount": total}
    happened = read_moment(model["TransactionDate"])
    if happened is None:
        raise ValueError(f"{model['TransactionDate']!r} is not a date and time")
    lines = [GiftLine(Decimal(str(gift["Amount"])), str(gift["FundID"]), False, "") for gift in gifts]
    number = int(model["InvoiceNumber"])
    store.add_transaction(
        Transaction(number, str(model["PartnerID"]), happened, recorded or store.clock(), total, model, lines, False)
    )
    return number


def _payment(payment: Model | None) -> dict[str, Any]:
    if payment is None:
        return {}
    stored: dict[str, Any] = {"Amount": payment.amount("Amount")}
    stored |= {name: payment.text(name) for name in PAYMENT_TEXTS}
    stored["UpdatePrimaryMailingAddress"] = payment.flag("UpdatePrimaryMailingAddress")
    payment.drop_unknown()
    return stored


def _gift(gift: Model) -> dict[str, Any]:
    percentage = gift.integer("EstimatedPercentage")
    stored = {
        "Amount": gift.amount("Amount"),
        "FundID": gift.text("FundID"),
        "ApplyToPledge": gift.flag("ApplyToPledge"),
        "PledgeID": gift.text("PledgeID") or None,
        "EstimatedPercentage": (
            percentage if percentage is None or 1 <= percentage <= HIGHEST_PERCENTAGE else HIGHEST_PERCENTAGE
        ),
        "MatchingContactID": gift.text("MatchingContactID") or None,
    }
    gift.drop_unknown()
    return stored


def _order(order: Model) -> dict[str, Any]:
    stored: dict[str, Any] = {name: order.text(name) for name in ORDER_TEXTS}
    stored["Quantity"] = order.integer("Quantity")
    stored |= {name: order.amount(name) or 0 for name in ("Price", "Discount")}
    shipping = order.child("Shipping")
    if shipping is not None:
        stored["Shipping"] = {name: shipping.text(name) for name in SHIPPING_TEXTS}
        stored["Shipping"]["Overridden"] = shipping.flag("Overridden")
        shipping.drop_unknown()
    order.drop_unknown()
    return stored


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _within(text: str, first: date | None, last: date | None) -> bool:
    day = date.fromisoformat(text[:10])
    return (first is None or day >= first) and (last is None or day <= last)
