"""The rules that the simulated Aegis enforces on a transaction."""

from decimal import Decimal

from ops.simulators.aegis_model import Model, read_moment
from ops.simulators.aegis_store import AegisStore
from ops.simulators.countries import COUNTRY_CODES

PAYMENT_STATUSES = ("Paid", "Received", "Approved")
SHIPPING_FILLED = ("ShippingMethod", "ShipTo", "Address", "City", "Country")
PLACES = {
    "Fund": "funds", "Appeal": "appeals", "Product": "products", "BatchCategory": "batch categories",
    "Warehouse": "warehouses", "Channel": "channels",
}  # fmt: skip


def require_code(store: AegisStore, model: Model, member: str, kind: str, code: str) -> None:
    """Rule 1: a code that is given must exist and be active."""
    if code and not store.code_is_active(kind, code):
        model.refuse(member, f"'{code}' does not exist in {PLACES[kind]}.")


def check_head(store: AegisStore, transaction: Model) -> None:
    """Rule 1 for the transaction's own members, and its date."""
    partner_id = transaction.required_text("PartnerID")
    partner = store.partners.get(partner_id)
    if partner_id and (partner is None or not partner["IsActive"]):
        transaction.refuse("PartnerID", f"'{partner_id}' does not exist in partners.")
    require_code(store, transaction, "AppealCode", "Appeal", transaction.required_text("AppealCode"))
    require_code(store, transaction, "BatchCategory", "BatchCategory", transaction.text("BatchCategory"))
    require_code(store, transaction, "Channel", "Channel", transaction.text("Channel"))
    for name in ("ShippingCost", "TaxAmount"):
        if transaction.amount(name):
            transaction.refuse(name, "Must be 0.")
    date = transaction.required_text("TransactionDate")
    if date and read_moment(date) is None:
        transaction.refuse("TransactionDate", f"'{date}' is not a date and time.")


def check_payment(transaction: Model, payment: Model | None, total: Decimal) -> None:
    """Rules 2, 4 and 5: the payment equals the total, its country is a country, nothing is to be charged."""
    if payment is None:
        transaction.refuse("Payment", "The Payment field is required.")
        return
    amount = payment.required_amount("Amount")
    if total not in (0, amount):
        payment.refuse("Amount", f"The payment of {amount} does not equal the total of {total}.")
    status = payment.required_text("Status")
    if status == "Pending":
        payment.refuse("Status", "A pending payment needs a token to charge.")
    elif status and status not in PAYMENT_STATUSES:
        payment.refuse("Status", f"Must be one of {', '.join(PAYMENT_STATUSES)}.")
    payment.required_text("PaymentType")
    country = payment.text("Country")
    if country and country not in COUNTRY_CODES:
        payment.refuse("Country", f"'{country}' is not an ISO 3166-1 alpha-2 code.")


def check_balance(transaction: Model, gifts: list[Model], orders: list[Model], total: Decimal) -> None:
    """Rules 3 and 7: there are lines, and they add up to the total."""
    if not gifts and not orders:
        transaction.refuse("Gifts", "At least one gift or product order is required.")
        return
    lines = sum((gift.required_amount("Amount") for gift in gifts), Decimal(0))
    for order in orders:
        price = order.amount("Price") or Decimal(0)
        lines += (order.integer("Quantity") or 0) * price - (order.amount("Discount") or Decimal(0))
    if lines != total:
        transaction.refuse("TotalTransactionAmount", f"The lines add up to {lines}, the total is {total}.")


def check_gift(store: AegisStore, gift: Model) -> None:
    """Rules 1 and 7 for a gift."""
    require_code(store, gift, "FundID", "Fund", gift.required_text("FundID"))


def check_order(store: AegisStore, order: Model) -> None:
    """Rules 1, 4, 6 and 7 for a product order."""
    require_code(store, order, "ProductSku", "Product", order.required_text("ProductSku"))
    require_code(store, order, "WarehouseId", "Warehouse", order.text("WarehouseId"))
    require_code(store, order, "FundCode", "Fund", order.text("FundCode"))
    if not order.integer("Quantity"):
        order.refuse("Quantity", "The Quantity field is required.")
    shipping = order.child("Shipping")
    if shipping is None:
        order.refuse("Shipping", "A product order without shipping cannot be fulfilled.")
        return
    for name in SHIPPING_FILLED:
        shipping.required_text(name)
    country = shipping.text("Country")
    if country and country not in COUNTRY_CODES:
        shipping.refuse("Country", f"'{country}' is not an ISO 3166-1 alpha-2 code.")
