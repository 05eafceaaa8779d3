"""What a reconciliation reads, in slices that fit into spare time and spare budget, each kept as soon as it is read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from giftbridge.clients.aegis import PAGE_SIZE as HISTORY_PAGE
from giftbridge.clients.aegis import Aegis
from giftbridge.clients.json_values import exact_number
from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.clients.raisedonors_reconciling import read_gift_fact
from giftbridge.clients.raisedonors_sightings import modified_at
from giftbridge.clients.virtuous import Virtuous
from giftbridge.domain.contacts import PostedGift
from giftbridge.domain.feed_steps import Steps
from giftbridge.domain.partners import HistoryRow
from giftbridge.domain.reconciliation import GiftFact, Period
from giftbridge.errors import Rejected

# A record can lie a day beside its gift by its zone, and one more by somebody's hand.
AROUND = timedelta(days=2)
_EVER = date(1990, 1, 1)
# Marks gifts of a contact whose list could not be read: each was asked for alone.
ALONE = "*"


@dataclass(slots=True)
class Sources:
    """The systems to read; `spare` tells how many calls to one may be made now, None without a limit."""

    raisedonors: RaiseDonors
    aegis: Aegis | None = None
    virtuous: Virtuous | None = None
    spare: Callable[[str], int | None] = lambda _: None


@dataclass(frozen=True, slots=True)
class QueryFact:
    """What the customer's query says of a transaction; `funds` is None where its rows name none."""

    donation: str | None
    funds: tuple[tuple[str, Decimal], ...] | None


@dataclass(slots=True)
class Read:
    """Everything that was read so far. None among histories and contacts: there is no such one any more."""

    facts: dict[int, GiftFact] = field(default_factory=dict)
    unreadable: int = 0
    histories: dict[str, list[HistoryRow] | None] = field(default_factory=dict)
    contacts: dict[str, list[PostedGift] | None] = field(default_factory=dict)
    donors: dict[int, str] = field(default_factory=dict)
    query: dict[str, QueryFact] | None = None
    gaps: list[str] = field(default_factory=list)


def bounds(period: Period) -> tuple[datetime, datetime]:
    """The moments between which a gift of the period, or one beside it, was created."""
    first = datetime.combine(period.first, time.min, period.zone) - AROUND
    last = datetime.combine(period.last, time.min, period.zone) + AROUND + timedelta(days=1)
    return first.astimezone(UTC), last.astimezone(UTC)


@dataclass(slots=True)
class GiftWalk:
    """Where the walk through RaiseDonors' gifts is."""

    steps: Steps

    @property
    def is_done(self) -> bool:
        """Whether all gifts were read."""
        return self.steps.is_done

    def page(self, raisedonors: RaiseDonors) -> list[Any]:
        """The next page of gifts modified since (queryGifts)."""
        page = raisedonors.gifts_modified_since(self.steps.bound, self.steps.skip)
        self.steps = self.steps.after([modified_at(raw) for raw in page.rows], page.total)
        return page.rows


def facts_in(page: Iterable[object], period: Period) -> tuple[list[GiftFact], int]:
    """The gifts of a page that concern the period, created or given back in it, and how many cannot be read."""
    facts: list[GiftFact] = []
    unreadable = 0
    _, end = bounds(period)
    for raw in page:
        fact = read_gift_fact(raw)
        if fact is None:
            unreadable += 1
        elif fact.created_at is not None and fact.created_at < end:
            facts.append(fact)
    return facts, unreadable


def read_slice(things: list[str], allowed: int | None, most: int) -> list[str]:
    """As many of these as may be asked for now."""
    return things[: most if allowed is None else min(most, allowed)]


def history_in(aegis: Aegis, partner: str, period: Period) -> tuple[list[HistoryRow] | None, int]:
    """A partner's transactions around the period, and the calls made; None for one that is gone, or has too many."""
    try:
        rows = aegis.history(partner, period.first - AROUND, period.last + AROUND)
    except Rejected:
        return None, 1
    return each_once(rows), _pages(len(rows))


def whole_history(aegis: Aegis, partner: str, today: date) -> tuple[list[HistoryRow] | None, int]:
    """All of a partner's transactions, asked for now; None where they cannot be read."""
    try:
        rows = aegis.history(partner, _EVER, today + AROUND)
    except Rejected:
        return None, 1
    return each_once(rows), _pages(len(rows))


def each_once(rows: Iterable[HistoryRow]) -> list[HistoryRow]:
    """Pages overlap when something is recorded while they are read."""
    seen: set[int] = set()
    kept: list[HistoryRow] = []
    for row in rows:
        if row.invoice_number is not None:
            if row.invoice_number in seen:
                continue
            seen.add(row.invoice_number)
        kept.append(row)
    return kept


def _pages(rows: int) -> int:
    return max(1, -(-rows // HISTORY_PAGE))


def contact_gifts(virtuous: Virtuous, contact: str) -> list[PostedGift] | None:
    """A contact's gifts; None for a contact that is gone, or where that list is not offered (it is only inferred)."""
    try:
        return virtuous.gifts_of_contact(int(contact))
    except (Rejected, ValueError):
        return None


# --- the customer's query -----------------------------------------------------------------------------------

_DONATION = "raisedonors.donation.id"
_FUNDS = ("fundid", "fund", "fundcode")
_AMOUNTS = ("giftamount", "amount", "transactionamount")


def query_facts(rows: Iterable[Mapping[str, Any]]) -> dict[str, QueryFact]:
    """The query's rows by invoice number: one for each gift of each transaction, where it names funds."""
    donations: dict[str, str] = {}
    funds: dict[str, list[tuple[str, Decimal]]] = {}
    for row in rows:
        named = {key.casefold(): value for key, value in row.items()}
        number = exact_number(named.get("invoicenumber"))
        if number is None or number != number.to_integral_value():
            continue
        invoice = str(int(number))
        donations.setdefault(invoice, str(named.get(_DONATION) or "").strip())
        fund = next((str(named[name]) for name in _FUNDS if named.get(name)), None)
        amount = next((exact_number(named[name]) for name in _AMOUNTS if named.get(name) is not None), None)
        if fund is not None and amount is not None:
            funds.setdefault(invoice, []).append((fund, amount))
    return {
        invoice: QueryFact(donation or None, tuple(funds[invoice]) if invoice in funds else None)
        for invoice, donation in donations.items()
    }


# --- kept as text -------------------------------------------------------------------------------------------


def query_text(facts: Mapping[str, QueryFact]) -> str:
    """The query's facts as JSON."""
    rows = {
        name: [fact.donation, None if fact.funds is None else [[f, str(a)] for f, a in fact.funds]]
        for name, fact in facts.items()
    }
    return json.dumps(rows, ensure_ascii=False)


def read_query(text: str) -> dict[str, QueryFact]:
    """The query's facts of a JSON text."""
    return {
        name: QueryFact(donation, None if funds is None else tuple((f, Decimal(a)) for f, a in funds))
        for name, (donation, funds) in json.loads(text).items()
    }


def contacts_text(contacts: Mapping[str, list[PostedGift] | None]) -> str:
    """Contacts' gifts as JSON: ids, amounts, days, and of the notes only which donation's refund one is."""
    rows = {place: None if gifts is None else list(map(_gift_row, gifts)) for place, gifts in contacts.items()}
    return json.dumps(rows)


def read_contacts(text: str) -> dict[str, list[PostedGift] | None]:
    """Contacts' gifts of a JSON text."""
    return {
        place: None if rows is None else [_gift_of(row, place) for row in rows]
        for place, rows in json.loads(text).items()
    }


def _gift_row(gift: PostedGift) -> list[str | int | None]:
    day = gift.day.isoformat() if gift.day is not None else None
    return [gift.id, str(gift.amount), day, refund_note(gift), gift.transaction_id, gift.transaction_source]


def _gift_of(row: list[Any], place: str) -> PostedGift:
    number, amount, day, notes, transaction, source = row
    own_day = date.fromisoformat(day) if day else None
    return PostedGift(
        number, int(place.removesuffix(ALONE)), Decimal(amount), own_day, notes, transaction, None, source
    )


def refund_note(gift: PostedGift) -> str:
    """What our own note on a reversal begins with; notes of people are not kept."""
    mark = "Refund of RaiseDonors donation "
    at = gift.notes.find(mark)
    words = gift.notes[at + len(mark) :].split(maxsplit=1) if at >= 0 else []
    return f"{mark}{words[0]}" if words and words[0].isdigit() else ""


def refund_donation(gift: PostedGift) -> str | None:
    """The donation whose refund a reversal of ours is."""
    note = refund_note(gift)
    return note.rpartition(" ")[2] if note else None
