"""The simulated Aegis: every operation of its contract over a store in memory."""

import base64
import binascii
import hmac
import time
from collections.abc import Callable
from datetime import datetime

from ops.simulators.aegis_answers import error
from ops.simulators.aegis_control import aegis_control
from ops.simulators.aegis_lookups import LookupOperations
from ops.simulators.aegis_paging import BadPage
from ops.simulators.aegis_partners import PartnerOperations
from ops.simulators.aegis_pledges import PledgeOperations
from ops.simulators.aegis_store import AegisSettings, AegisStore
from ops.simulators.aegis_transactions import TransactionOperations
from ops.simulators.contract_check import TrafficCheck
from ops.simulators.service import SimulatedService, utc_now
from ops.simulators.wire import Answer, Call, Operation

DEFAULT_CONTEXT = "SIMULATED0CONTEXT0KEY00000000001"
DEFAULT_USERNAME = "giftbridge@example.org"
DEFAULT_PASSWORD = "aegis-simulated"  # noqa: S105 - the simulator's own, no secret


class AegisSimulator(SimulatedService):
    """Aegis as its contract describes it. `store`, `faults` and `log` are there to be looked at and changed."""

    def __init__(
        self,
        *,
        context: str = DEFAULT_CONTEXT,
        username: str = DEFAULT_USERNAME,
        password: str = DEFAULT_PASSWORD,
        settings: AegisSettings | None = None,
        check: TrafficCheck | None = None,
        clock: Callable[[], datetime] = utc_now,
        pause: Callable[[float], None] = time.sleep,
        seed: int = 0,
    ) -> None:
        self.context, self.username, self.password = context, username, password
        self.store = AegisStore(clock, settings, seed)
        super().__init__(
            self.store, _operations(self.store, username), check=check, clock=clock, pause=pause, fault_seed=seed
        )
        self.control = aegis_control(self)

    def refusal(self, call: Call) -> Answer | None:
        """401 for wrong credentials, and for a wrong context key."""
        credentials = _basic_credentials(call.request.headers.get("authorization", ""))
        context = call.request.path.strip("/").split("/")[1:2]
        expected = (self.username, self.password)
        known = credentials is not None and all(
            hmac.compare_digest(given.encode(), own.encode()) for given, own in zip(credentials, expected, strict=True)
        )
        if known and context == [self.context]:
            return None
        answer = error(401, "Authorization has been denied for this request.")
        answer.headers["WWW-Authenticate"] = "Basic"
        return answer

    def failure(self, status: int, message: str) -> Answer:
        """An error in Aegis' form."""
        return error(status, message)


def _operations(store: AegisStore, calling_user: str) -> list[Operation]:
    partners, pledges, lookups = PartnerOperations(store), PledgeOperations(store), LookupOperations(store)
    transactions = TransactionOperations(store, calling_user)
    rows: list[tuple[str, str, str, Callable[[Call], Answer]]] = [
        ("searchPartners", "GET", "partner/Search", partners.search),
        ("getPartner", "GET", "partner/ID/{text}", partners.by_id),
        ("getPartnerByEmail", "GET", "partner/Email/{text}", partners.by_email),
        ("createPartner", "POST", "partner/Create", partners.create),
        ("savePartner", "PUT", "partner/Save", partners.save),
        ("getTransactionHistory", "GET", "partner/TransactionHistory/{text}", transactions.history),
        ("getPledgeHistory", "GET", "partner/PledgeHistory/{text}", pledges.history),
        ("createPledge", "POST", "pledge/Create", pledges.create),
        ("savePledge", "PUT", "pledge/Save", pledges.save),
        ("createTransaction", "POST", "transaction/Create", transactions.create),
        ("createPartnerNote", "POST", "partnernote/Create", partners.create_note),
        ("listNoteTypes", "GET", "partnernote/NoteTypes", partners.note_types),
        ("getCustomDataField", "GET", "customdata/ID/{text}", lookups.custom_data_field),
        ("fetchQueryResults", "GET", "query/FetchResults", transactions.fetch_query),
    ]
    own = [Operation(name, method, f"/api/{{context}}/{path}", run) for name, method, path, run in rows]
    return [_with_page_errors(operation) for operation in [*own, *lookups.table()]]


def _with_page_errors(operation: Operation) -> Operation:
    def run(call: Call) -> Answer:
        try:
            return operation.run(call)
        except BadPage as problem:
            return error(400, str(problem))

    return Operation(operation.operation_id, operation.method, operation.template, run)


def _basic_credentials(header: str) -> tuple[str, str] | None:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, separator, password = base64.b64decode(encoded, validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (name, password) if separator else None
