"""A simulated Virtuous on a clock of its own, with a plain caller, and bodies to call it with."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from ops.simulators.contract_check import TrafficCheck
from ops.simulators.json_text import read_json, write_json
from ops.simulators.virtuous import VirtuousSimulator
from ops.simulators.virtuous_population import OUR_SOURCE
from ops.simulators.virtuous_records import Contact
from ops.simulators.wire import Answer
from tests.simulators.conftest import CONTRACTS, Clock

HOME = {"address1": "7 Quay Rd", "city": "Mobile", "state": "AL", "postal": "36602", "country": "US"}
IMANI = {"firstName": "Imani", "lastName": "Vance", "email": "imani@example.org", "phone": "251-555-0101"}


class VirtuousWorld:
    """Calls Virtuous without a socket, and keeps what its deliveries carried."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.simulator = VirtuousSimulator(
            check=TrafficCheck(CONTRACTS / "virtuous.openapi.yaml"), clock=clock, pause=clock.move
        )
        self.store, self.staff = self.simulator.store, self.simulator.staff
        self.headers = {"Authorization": f"Bearer {self.simulator.api_key}"}
        self.received: list[tuple[str, dict[str, str], bytes]] = []
        self.answers: Callable[[bytes], int] = lambda _: 200

    def get(self, path: str, **query: Any) -> Answer:
        return self.simulator.exchange("GET", _target(path, query), self.headers)

    def read(self, path: str, **query: Any) -> Any:
        answer = self.get(path, **query)
        assert answer.status == 200, (answer.status, answer.body)
        return read_json(answer.body)

    def send(self, method: str, path: str, body: Any = None, **query: Any) -> Answer:
        content = b"" if body is None else write_json(body)
        headers = {**self.headers, "Content-Type": "application/json"} if content else self.headers
        return self.simulator.exchange(method, _target(path, query), headers, content)

    def write(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        answer = self.send(method, path, body, **query)
        assert answer.status == 200, (answer.status, answer.body)
        return read_json(answer.body) if answer.body else None

    def log_in(self, **form: str) -> Answer:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.simulator.exchange("POST", "/Token", headers, urlencode(form).encode())

    def contact(self, reference_id: str = "1042", **members: Any) -> Contact:
        """A contact of one person that staff made, with our reference."""
        given = {
            "contactIndividuals": [IMANI], "address": HOME,
            "contactReferences": [{"source": OUR_SOURCE, "id": reference_id}], **members,
        }  # fmt: skip
        return self.staff.add_contact(given)

    def by_reference(self, reference_id: str = "1042") -> Answer:
        return self.get(f"Contact/{quote(OUR_SOURCE)}/{quote(reference_id, safe='')}")

    def landed_gift(self, transaction_id: str = "don-1", **members: Any) -> dict[str, Any]:
        assert self.send("POST", "v2/Gift/Transaction", gift(transaction_id, **members)).status == 200
        self.simulator.run_import()
        shown: dict[str, Any] = self.read(f"Gift/{quote(OUR_SOURCE)}/{transaction_id}")
        return shown

    def subscribe(self, **members: Any) -> int:
        """A subscription to contact and gift events."""
        toggles = dict.fromkeys(("contactCreate", "contactUpdate", "giftCreate", "giftUpdate", "giftDelete"), True)
        body = {"payloadUrl": "https://hooks.example.org/in", "secret": "s1", **toggles, **members}
        return int(self.write("POST", "Webhook", body)["id"])

    def deliver(self) -> list[dict[str, Any]]:
        """Let the sender send all that is due; the bodies that arrived meanwhile, as values."""
        before = len(self.received)
        self.simulator.sender.deliver_due(self._post)
        return [read_json(body) for _, _, body in self.received[before:]]

    def query(self, *conditions: dict[str, Any], resource: str = "Contact/Query/FullContact", **more: Any) -> Answer:
        paging = {name: more.pop(name) for name in ("skip", "take") if name in more}
        return self.send("POST", resource, {"groups": [{"conditions": list(conditions)}], **more}, **paging)

    def violations(self, *, of: str = "") -> list[str]:
        """The breaches of the contract on one side, `request` or `answer`, or on both."""
        assert self.simulator.check is not None
        return [str(one) for one in self.simulator.check.violations if one.where.startswith(of)]

    def _post(self, url: str, headers: dict[str, str], body: bytes) -> int:
        status = self.answers(body)
        if status:
            self.received.append((url, headers, body))
        return status


def row(reference_id: str = "1042", **members: Any) -> dict[str, Any]:
    """A contact row that keeps every rule."""
    return {
        "referenceSource": OUR_SOURCE, "referenceId": reference_id, "contactType": "Household", "firstName": "Imani",
        "lastName": "Vance", "emailType": "Home Email", "email": "imani@example.org", **HOME, **members,
    }  # fmt: skip


def gift(transaction_id: str = "don-1", **members: Any) -> dict[str, Any]:
    """A gift row that keeps every rule."""
    giver = {"referenceId": "1042", "type": "Household", "firstname": "Imani", "lastname": "Vance",
             "email": "imani@example.org"}  # fmt: skip
    return {
        "transactionSource": OUR_SOURCE, "transactionId": transaction_id, "contact": giver, "giftDate": "2026-03-02",
        "giftType": "Credit", "amount": "75.00", "currencyCode": "USD", **members,
    }  # fmt: skip


def modified_since(day: str) -> dict[str, Any]:
    """The condition of the safety net."""
    return {"parameter": "Last Modified Date", "operator": "OnOrAfter", "value": day}


def day_of(moment: datetime) -> str:
    return moment.date().isoformat()


def _target(path: str, query: dict[str, Any]) -> str:
    return f"/api/{path}" + (f"?{urlencode(query, quote_via=quote)}" if query else "")
