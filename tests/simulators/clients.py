"""Plain callers of the simulators in the process, and bodies to call them with."""

import base64
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from ops.simulators.aegis import AegisSimulator
from ops.simulators.json_text import read_json, write_json
from ops.simulators.raisedonors import RaiseDonorsSimulator
from ops.simulators.wire import Answer


class AegisClient:
    """Calls Aegis without a socket."""

    def __init__(self, simulator: AegisSimulator) -> None:
        self.simulator = simulator
        token = base64.b64encode(f"{simulator.username}:{simulator.password}".encode()).decode()
        self.headers = {"Authorization": f"Basic {token}"}

    def get(self, path: str, **query: Any) -> Answer:
        target = f"/api/{self.simulator.context}/{path}" + (f"?{urlencode(query)}" if query else "")
        return self.simulator.exchange("GET", target, self.headers)

    def read(self, path: str, **query: Any) -> Any:
        answer = self.get(path, **query)
        assert answer.status == 200, answer.body
        return read_json(answer.body)

    def send(self, method: str, path: str, body: Any) -> Answer:
        content = write_json(body)
        headers = {**self.headers, "Content-Type": "application/json", "Content-Length": str(len(content))}
        return self.simulator.exchange(method, f"/api/{self.simulator.context}/{path}", headers, content)

    def write(self, method: str, path: str, body: Any) -> Any:
        answer = self.send(method, path, body)
        assert answer.status == 200, answer.body
        return read_json(answer.body)

    def refused(self, method: str, path: str, body: Any) -> dict[str, list[str]]:
        """The rule breaches of a call that must be refused."""
        answer = self.send(method, path, body)
        assert answer.status == 400, answer.body
        state: dict[str, list[str]] = read_json(answer.body)["ModelState"]
        return state

    def new_partner(self, **members: Any) -> str:
        body = {"FirstName": "Anna", "LastName": "Berg", "Address1": "12 Oak Street", **members}
        return str(self.write("POST", "partner/Create", body)["ID"])

    def new_pledge(self, partner_id: str, **members: Any) -> str:
        return str(self.write("POST", "pledge/Create", pledge(partner_id, **members))["ID"])


class RaiseDonorsClient:
    """Calls RaiseDonors without a socket."""

    def __init__(self, simulator: RaiseDonorsSimulator) -> None:
        self.simulator = simulator
        self.headers = {"Authorization": f"Bearer {simulator.token}"}

    def get(self, path: str, **query: Any) -> Answer:
        target = f"/api/{path}" + (f"?{urlencode(query)}" if query else "")
        return self.simulator.exchange("GET", target, self.headers)

    def read(self, path: str, **query: Any) -> Any:
        answer = self.get(path, **query)
        assert answer.status == 200, answer.body
        return read_json(answer.body)

    def send(self, method: str, path: str, body: Any = None) -> Answer:
        content = b"" if body is None else write_json(body)
        headers = {**self.headers, "Content-Type": "application/json"} if content else self.headers
        return self.simulator.exchange(method, f"/api/{path}", headers, content)

    def changed_since(self, resource: str, since: str, **more: Any) -> Any:
        condition = {"parameter": "Modified Date", "operator": "OnOrAfter", "value": since}
        body = {"sortBy": "modifieddate", "groups": [{"conditions": [condition]}], **more}
        answer = self.send("POST", f"{resource}/query", body)
        assert answer.status == 200, answer.body
        return read_json(answer.body)


def transaction(partner_id: str, total: str = "75.00", **members: Any) -> dict[str, Any]:
    """A transaction that keeps every rule."""
    amount = Decimal(total)
    return {
        "PartnerID": partner_id,
        "TransactionDate": "2026-03-01T10:00:00-06:00",
        "TotalTransactionAmount": amount,
        "AppealCode": "WEB",
        "ShippingCost": 0,
        "TaxAmount": 0,
        "Payment": {"Amount": amount, "Status": "Paid", "PaymentType": "CreditCard", "Country": "US"},
        "Gifts": [{"Amount": amount, "FundID": "GEN", "ApplyToPledge": False}],
        "Attributes": [{"Name": "RaiseDonors.Donation.Id", "Value": "900001"}],
        **members,
    }


def order(**members: Any) -> dict[str, Any]:
    """A product order that keeps every rule."""
    shipping = {
        "ShippingMethod": "Ground", "ShipTo": "Anna Berg", "Address": "12 Oak Street", "City": "Austin",
        "Country": "US",
    }  # fmt: skip
    return {"ProductSku": "BOOK-01", "WarehouseId": "WH1", "Quantity": 1, "Shipping": shipping, **members}


def pledge(partner_id: str, **members: Any) -> dict[str, Any]:
    """A pledge that keeps every rule."""
    return {
        "PartnerID": partner_id,
        "PledgeAmount": Decimal("30.00"),
        "PaymentType": "CreditCard",
        "StartDate": "2026-03-01",
        "PledgeType": "OpenEnded",
        "Frequency": "Monthly",
        "Active": True,
        "AutoPayment": False,
        **members,
    }
