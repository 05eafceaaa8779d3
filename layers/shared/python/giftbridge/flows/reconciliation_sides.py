"""Both sides of a reconciliation as the core takes them: our deliveries and claims, laid over what was read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from giftbridge.domain.contact_ids import ContactLink
from giftbridge.domain.contacts import PostedGift
from giftbridge.domain.deliveries import Delivery, Kind, State
from giftbridge.domain.delivery_ids import AEGIS, VIRTUOUS, donation_created_id, donation_refunded_id
from giftbridge.domain.on_periods import OnPeriods
from giftbridge.domain.reconciliation import REFUND, Adjustment, Entry, Found, GiftFact, Period, Standing
from giftbridge.domain.reconciliation_compare import Compared, compare
from giftbridge.domain.reconciliation_expected import Rules, expected_of, known_entry
from giftbridge.domain.settings import Settings
from giftbridge.flows.reconciliation_reading import Read, refund_donation
from giftbridge.flows.tools import Tools
from giftbridge.store.crm_keys import invoice_claim
from giftbridge.store.switches import gift_periods


@dataclass(slots=True)
class Expected:
    """The entries of one CRM, those around the period too; `left_out` counts gifts by why nothing is expected.

    `unplaced` counts gifts that others recorded, of donors of whom nobody knows the partner.
    """

    entries: list[Entry] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    unplaced: int = 0
    recorders: set[str] = field(default_factory=set)


class Sides:
    """Makes entries and found records, from consistent reads made now."""

    def __init__(self, tools: Tools, settings: Settings, period: Period, fund_of: Callable[[int], str | None]) -> None:
        self.tools = tools
        self.settings = settings
        self.period = period
        self.fund_of = fund_of

    # --- what ought to be there ---------------------------------------------------------------------------

    def expected(self, crm: str, read: Read) -> Expected:
        """What ought to be in a CRM, with the places under which it stands."""
        rules = Rules(
            crm, on_periods_of(self.tools, self.settings, crm), self._with_tests(), self.tools.now(), self.fund_of
        )
        deliveries = self._deliveries(crm, read.facts.values())
        expected = Expected(recorders={self.settings.aegis.recorded_by.strip().casefold()} - {""})
        for delivery in deliveries.values():
            sent = delivery.attempt.values.get("recorded_by", "") if delivery.attempt is not None else ""
            expected.recorders |= {sent.casefold()} - {""}
        for fact in read.facts.values():
            entries, reason = expected_of(fact, deliveries, rules)
            if reason is not None and self.period.holds(_day(fact, self.period.zone)):
                expected.left_out[reason] += 1
            expected.entries += entries
        expected.entries = self._placed(crm, expected.entries, read)
        lost = {entry.id for entry in expected.entries if entry.is_adopted and not entry.places}
        known = [replace(e, standing=Standing.KNOWN) if e.id in lost else e for e in expected.entries]
        expected.unplaced = sum(1 for e in known if e.id in lost and self.period.holds(e.day(self.period.zone)))
        expected.entries = known
        return expected

    def _placed(self, crm: str, entries: list[Entry], read: Read) -> list[Entry]:
        """Where our keys, or RaiseDonors', say that the donor's records are, besides where it was sent."""
        donors = dict.fromkeys(f"donor#{entry.donor_id}" for entry in entries if entry.donor_id is not None)
        keys = self.tools.keys.claimed_by(donors, crm) if donors else {}
        placed = []
        for entry in entries:
            key = keys.get(f"donor#{entry.donor_id}", "")
            link = ContactLink.read(key) if crm == VIRTUOUS else None
            key = str(link.contact_id) if link is not None else key
            imported = read.donors.get(entry.donor_id or 0, "") if crm == AEGIS else ""
            named = [*entry.places, *([key] if key else []), *([imported] if imported and not key else [])]
            placed.append(replace(entry, places=tuple(dict.fromkeys(named))))
        return placed

    def _deliveries(self, crm: str, facts: Iterable[GiftFact]) -> dict[str, Delivery]:
        names = [make(fact.id, crm) for fact in facts for make in (donation_created_id, donation_refunded_id)]
        return self.tools.deliveries.get_many(names)

    def _with_tests(self) -> bool:
        return self.settings.raisedonors.test_mode_gifts == "send"

    # --- what is there ------------------------------------------------------------------------------------

    def aegis(self, read: Read, expected: Expected) -> Compared:
        """Aegis compared: histories, with our claims."""
        rows = [(place, row) for place, found in read.histories.items() for row in found or ()]
        names = [invoice_claim(row.invoice_number) for _, row in rows if row.invoice_number is not None]
        claims = self.tools.keys.claimed_by(names, AEGIS)
        query = read.query or {}
        found = []
        for place, row in rows:
            number = str(row.invoice_number) if row.invoice_number is not None else None
            told = query.get(number or "")
            found.append(
                Found(
                    number=number,
                    place=place,
                    amount=row.amount,
                    date=row.transaction_date or row.date_recorded or "",
                    is_ours=(row.recorded_by or "").strip().casefold() in expected.recorders,
                    claim=claims.get(invoice_claim(number)),
                    of_donation=told.donation if told is not None else None,
                    funds=told.funds if told is not None else None,
                )
            )
        exact = bool(query) and any(fact.funds is not None for fact in query.values())
        return self._compared(AEGIS, expected.entries, found, _without(read.histories), exact=exact)

    def virtuous(self, read: Read, expected: Expected) -> Compared:
        """Virtuous compared: contacts' gifts, told by our source and the donation's id."""
        entries = {entry.id: entry for entry in expected.entries}
        gifts = {gift.id: (place, gift) for place, listed in read.contacts.items() for gift in listed or ()}
        claims = {number: _claimed_in_virtuous(gift, self._source()) for number, (_, gift) in gifts.items()}
        unknown = [claim for claim in claims.values() if claim is not None and claim not in entries]
        existing = self.tools.deliveries.get_many(unknown)
        found = []
        for number, (place, gift) in gifts.items():
            claim = claims[number]
            is_ours = claim is not None or gift.transaction_source == self._source()
            is_known = claim is not None and (claim in entries or claim in existing)
            date = _noon(gift, self.period.zone)
            found.append(Found(str(number), place, gift.amount, date, is_ours, claim if is_known else None))
        without = _without(read.contacts)

        def is_unread(entry: Entry) -> bool:
            """A gift is asked for by its own name; a reversal has none."""
            return entry.kind == REFUND and without(entry)

        return self._compared(VIRTUOUS, expected.entries, found, is_unread, exact=False)

    def _source(self) -> str:
        return self.settings.virtuous.reference_source

    def _compared(
        self,
        crm: str,
        entries: list[Entry],
        found: Sequence[Found],
        is_unread: Callable[[Entry], bool],
        *,
        exact: bool,
    ) -> Compared:
        """Compare, knowing the deliveries of all records that are claimed."""
        adjustments, others = self._claimants(entries, found)
        whole = [*entries, *others]
        return compare(crm, self.period, whole, found, adjustments, exact_funds=exact, is_unread=is_unread)

    def _claimants(self, entries: list[Entry], found: Sequence[Found]) -> tuple[dict[str, Adjustment], list[Entry]]:
        """Adjustments, and entries of gifts that RaiseDonors was not asked for, behind the claims that were found."""
        known = {entry.id for entry in entries}
        claimants = {record.claim for record in found if record.claim is not None} - known
        deliveries = self.tools.deliveries.get_many(claimants)
        adjustments = {
            name: Adjustment(one.result["of"], one.result["corrects"], one.state is State.DELIVERED)
            for name, one in deliveries.items()
            if one.kind is Kind.DONATION_ADJUSTED
        }
        further = {one.of for one in adjustments.values()} - known - claimants
        deliveries |= self.tools.deliveries.get_many(further)
        others = [known_entry(one) for name, one in deliveries.items() if name not in adjustments]
        gone = claimants - deliveries.keys()
        # A claim whose delivery is lost explains its record all the same.
        others += [Entry(name, "donation", "", None, None, None, Standing.KNOWN) for name in sorted(gone)]
        return adjustments, others


def _without(read: Mapping[str, object | None]) -> Callable[[Entry], bool]:
    """Whether none of an entry's places could be read."""
    unread = {place for place, records in read.items() if records is None}
    return lambda entry: bool(entry.places) and unread.issuperset(entry.places)


def on_periods_of(tools: Tools, settings: Settings, crm: str) -> OnPeriods:
    """When gifts went to a CRM, as the pickup goes by it. Nothing is written down here."""
    known = gift_periods(tools.state, crm, settings.raisedonors.start_from)
    return known if known.turns else OnPeriods.since(tools.now())


def _day(fact: GiftFact, zone: ZoneInfo) -> Any:
    return fact.created_at.astimezone(zone).date() if fact.created_at is not None else None


def _claimed_in_virtuous(gift: PostedGift, source: str) -> str | None:
    """The delivery that a gift's own marks name."""
    refunded = refund_donation(gift) if gift.amount < 0 else None
    if refunded is not None:
        return donation_refunded_id(refunded, VIRTUOUS)
    transaction = (gift.transaction_id or "").strip()
    if gift.transaction_source == source and transaction.isdigit() and gift.amount >= 0:
        return donation_created_id(transaction, VIRTUOUS)
    return None


def _noon(gift: PostedGift, zone: ZoneInfo) -> str:
    """A day as a moment inside it: Virtuous was sent the day itself."""
    if gift.day is None:
        return ""
    return datetime.combine(gift.day, time(12), zone).astimezone(UTC).isoformat()
