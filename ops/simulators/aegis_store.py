"""What the simulated Aegis holds: partners, pledges, transactions, notes and reference data."""

import copy
import random
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from threading import RLock
from typing import Any

from ops.simulators.aegis_model import MOUNTAIN

LOCAL_OFFSET = timezone(timedelta(hours=-6))
FIRST_PARTNER_ID = 100001
FIRST_INVOICE_NUMBER = 500001
LOOKUP_KINDS = (
    "Fund", "Appeal", "OriginSource", "Product", "BatchCategory", "Warehouse", "PledgeProgram", "Channel",
)  # fmt: skip


SearchTexts = dict[str, list[str]]


class HistoryDates(StrEnum):
    """How a transaction history writes its dates."""

    OFFSET = "offset"
    """Seconds with the offset -06:00."""
    AS_SENT = "as_sent"
    """As the caller of transaction/Create wrote them."""
    INSTANT = "instant"
    """Whole instants in UTC, with fractions."""
    NAIVE = "naive"
    """Seconds of Mountain time without an offset."""
    DAY = "day"
    """The day alone, of Mountain time."""


@dataclass(slots=True)
class Pledge:
    """A pledge: its model as read by callers, and when Aegis received it."""

    model: dict[str, Any]
    created: datetime
    pledged: datetime
    via_api: bool
    first_model: dict[str, Any]
    """The model as it was first received."""
    as_left: dict[str, Any]
    """The model as it was first received, with what staff changed since; no Save by a caller is in it."""

    @property
    def pledge_id(self) -> str:
        """The pledge's ID."""
        return str(self.model["ID"])


@dataclass(slots=True)
class GiftLine:
    """One gift of a transaction, with the pledge it was really applied to."""

    amount: Decimal
    fund_id: str
    apply_to_pledge: bool
    pledge_id: str
    applied_to_pledge: str | None = None
    by_hazard: bool = False
    """Applied to the most recent pledge because the named one was empty, unknown, inactive or another partner's."""


@dataclass(slots=True)
class Transaction:
    """A recorded transaction."""

    invoice_number: int
    partner_id: str
    happened: datetime
    recorded: datetime
    total: Decimal
    model: dict[str, Any]
    lines: list[GiftLine]
    via_api: bool = True
    """Recorded by a caller of the API, not by staff."""

    def attribute(self, name: str) -> str | None:
        """The value of an attribute, by its name without regard to case."""
        for pair in self.model["Attributes"]:
            if pair["Name"].casefold() == name.casefold():
                return str(pair["Value"])
        return None


@dataclass(slots=True)
class AegisSettings:
    """How this Aegis behaves where the contract leaves a choice."""

    history_dates: HistoryDates = HistoryDates.OFFSET
    lookups_not_offered: set[str] = field(default_factory=set)
    missing_partner: str = "404"
    """What partner/ID answers for an unknown ID: `404`, `null` or `empty` (the contract names all three)."""
    save_answers: str = "vary"
    """What a Save answers: `200`, `204`, or `vary` for one and the other in turn."""
    save_conflicts: bool = False
    """Whether partner/Save answers 409 when the DateModified sent is not the stored one."""


class AegisStore:
    """The whole content of one simulated Aegis."""

    def __init__(self, clock: Callable[[], datetime], settings: AegisSettings | None = None, seed: int = 0) -> None:
        self.lock = RLock()
        self.clock = clock
        self.settings = settings or AegisSettings()
        self._seed = seed
        self.clear()

    def clear(self) -> None:
        """Forget everything; numbering starts anew."""
        self._random = random.Random(self._seed)
        self._last_partner_id = FIRST_PARTNER_ID - 1
        self._last_invoice_number = FIRST_INVOICE_NUMBER - 1
        self.partners: dict[str, dict[str, Any]] = {}
        self.partners_as_left: dict[str, dict[str, Any]] = {}
        """Each partner as it was made, with what staff changed since; no Save by a caller is in it."""
        self.staff_edits: list[tuple[str, datetime, frozenset[str]]] = []
        """The record that staff changed, when, and which members of it."""
        self.search_texts: dict[str, SearchTexts] = {}
        """What partner/Search compares, by partner; forgotten when the partner changes."""
        self.pledges: dict[str, Pledge] = {}
        self.pledges_of: dict[str, list[Pledge]] = {}
        self.transactions: dict[int, Transaction] = {}
        self.transactions_of: dict[str, list[Transaction]] = {}
        self.notes: list[dict[str, Any]] = []
        self.note_types = ["Call", "Letter", "Online", "Visit"]
        self.custom_data_fields: dict[str, dict[str, Any]] = {}
        self.codes: dict[str, dict[str, dict[str, Any]]] = {kind: {} for kind in LOOKUP_KINDS}
        self.queries: set[str] = set()
        self.seeded_partner_ids: set[str] = set()
        self.dropped_members: list[str] = []
        """Members of requests that Aegis does not know and dropped without a word."""
        self.writes = 0

    def new_partner_id(self) -> str:
        """The next partner ID."""
        self._last_partner_id += 1
        return str(self._last_partner_id)

    def new_invoice_number(self) -> int:
        """The next invoice number."""
        self._last_invoice_number += 1
        return self._last_invoice_number

    def new_pledge_id(self) -> str:
        """A new pledge ID."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def add_code(self, kind: str, code: str, name: str | None = None, *, active: bool = True, **more: Any) -> None:
        """Define a fund, appeal, product or other code, or define it anew."""
        if kind not in self.codes:
            raise ValueError(f"{kind!r} is not one of {', '.join(LOOKUP_KINDS)}")
        key = "FundID" if kind == "Fund" else "ID"
        entry: dict[str, Any] = {key: code, "Name": name or code, "Description": None, "Active": active, **more}
        if kind == "Fund":
            defaults = {"NonTaxDeductible": False, "Restricted": False, "WebFund": True, "GiftinKind": False}
            entry = {"Goal": None, **defaults, **entry}
        self.codes[kind][code] = entry

    def set_code_active(self, kind: str, code: str, active: bool) -> None:
        """Switch a code on or off."""
        self.codes[kind][code]["Active"] = active

    def code_is_active(self, kind: str, code: str) -> bool:
        """Whether a code exists and may be used."""
        entry = self.codes[kind].get(code)
        return entry is not None and bool(entry.get("Active", True))

    def add_custom_data_field(self, name: str, *, active: bool = True, max_length: int | None = 50) -> None:
        """Define a custom data field of partners."""
        self.custom_data_fields[name.casefold()] = {
            "Name": name, "Description": None, "DataType": "text", "AccessLevel": "Public", "Active": active,
            "MaxLength": max_length,
        }  # fmt: skip

    def add_transaction(self, transaction: Transaction) -> None:
        """Record a transaction."""
        self.transactions[transaction.invoice_number] = transaction
        self.transactions_of.setdefault(transaction.partner_id, []).append(transaction)
        self.writes += 1

    def add_pledge(self, pledge: Pledge) -> None:
        """Record a pledge."""
        self.pledges[pledge.pledge_id] = pledge
        self.pledges_of.setdefault(str(pledge.model["PartnerID"]), []).append(pledge)
        self.writes += 1

    def most_recent_pledge(self, partner_id: str) -> Pledge | None:
        """The pledge of a partner that was pledged last, active or not."""
        pledges = self.pledges_of.get(partner_id, [])
        return max(pledges, key=lambda pledge: (pledge.pledged, pledge.created), default=None)

    def add_partner(self, partner: dict[str, Any]) -> None:
        """Keep a new partner."""
        self.partners[partner["ID"]] = partner
        self.partners_as_left[partner["ID"]] = copy.deepcopy(partner)
        self.search_texts.pop(partner["ID"], None)

    def set_partner_active(self, partner_id: str, active: bool) -> None:
        """Switch a partner on or off, as staff would."""
        self.edit_partner(partner_id, {"IsActive": active})

    def merge_partner(self, partner_id: str, into: str) -> None:
        """Staff merge a partner into another: transactions and pledges move, the old one stays, inactive."""
        with self.lock:
            for transaction in self.transactions_of.pop(partner_id, []):
                transaction.partner_id = transaction.model["PartnerID"] = into
                self.transactions_of.setdefault(into, []).append(transaction)
            for pledge in self.pledges_of.pop(partner_id, []):
                pledge.model["PartnerID"] = into
                self.pledges_of.setdefault(into, []).append(pledge)
            self.set_partner_active(partner_id, active=False)

    def edit_partner(self, partner_id: str, members: Mapping[str, Any]) -> None:
        """Change a partner as staff would, unknown members included."""
        self.partners[partner_id].update(copy.deepcopy(dict(members)))
        self.partners_as_left[partner_id].update(copy.deepcopy(dict(members)))
        self.staff_edits.append((f"partner {partner_id}", self.clock(), frozenset(members)))
        self.touch(self.partners[partner_id])

    def set_pledge_active(self, pledge_id: str, active: bool) -> None:
        """Switch a pledge on or off, as staff would."""
        self.edit_pledge(pledge_id, {"Active": active})

    def edit_pledge(self, pledge_id: str, members: Mapping[str, Any]) -> None:
        """Change a pledge as staff would, unknown members included."""
        self.pledges[pledge_id].model.update(copy.deepcopy(dict(members)))
        self.pledges[pledge_id].as_left.update(copy.deepcopy(dict(members)))
        self.staff_edits.append((f"pledge {pledge_id}", self.clock(), frozenset(members)))
        self.writes += 1

    def touch(self, partner: dict[str, Any]) -> None:
        """Move a partner's DateModified."""
        self.writes += 1
        self.search_texts.pop(partner["ID"], None)
        partner["DateModified"] = self.local_time(self.clock(), fraction=True)

    @staticmethod
    def local_time(moment: datetime, *, fraction: bool = False) -> str:
        """A moment as Aegis writes it: with the offset -06:00."""
        return moment.astimezone(LOCAL_OFFSET).isoformat(timespec="milliseconds" if fraction else "seconds")

    def history_date(self, moment: datetime, as_sent: str) -> str:
        """A moment as this Aegis writes it in histories."""
        match self.settings.history_dates:
            case HistoryDates.AS_SENT:
                return as_sent
            case HistoryDates.INSTANT:
                return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            case HistoryDates.NAIVE:
                return moment.astimezone(MOUNTAIN).replace(tzinfo=None).isoformat(timespec="seconds")
            case HistoryDates.DAY:
                return moment.astimezone(MOUNTAIN).date().isoformat()
            case _:
                return self.local_time(moment)

    def snapshot(self) -> dict[str, Any]:
        """The whole content, ready to be written as JSON."""
        with self.lock:
            return self._snapshot()

    def _snapshot(self) -> dict[str, Any]:
        return {
            "partners": list(self.partners.values()),
            "pledges": [
                {**pledge.model, "created": pledge.created.isoformat(), "viaApi": pledge.via_api}
                for pledge in self.pledges.values()
            ],
            "transactions": [_transaction_snapshot(transaction) for transaction in self.transactions.values()],
            "notes": self.notes,
            "codes": {kind: list(entries.values()) for kind, entries in self.codes.items()},
            "customDataFields": list(self.custom_data_fields.values()),
            "queries": sorted(self.queries),
            "seededPartnerIds": sorted(self.seeded_partner_ids),
            "droppedMembers": self.dropped_members,
            "writes": self.writes,
        }


def _transaction_snapshot(transaction: Transaction) -> dict[str, Any]:
    lines = [
        {
            "amount": line.amount,
            "fundId": line.fund_id,
            "applyToPledge": line.apply_to_pledge,
            "pledgeId": line.pledge_id,
            "applied_to_pledge": line.applied_to_pledge,
            "byHazard": line.by_hazard,
        }
        for line in transaction.lines
    ]
    beside = {"recorded": transaction.recorded.isoformat(), "viaApi": transaction.via_api}
    return {**transaction.model, **beside, "lines": lines}
