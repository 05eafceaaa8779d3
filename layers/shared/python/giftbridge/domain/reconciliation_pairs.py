"""Which record in the CRM belongs to which entry (requirement H1).

By the number that a delivery got, then by claim; what nobody claims is laid to the entry it fits. A twin that a donor
really gave is claimed by its own delivery, so it is never taken for a double.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

from giftbridge.domain.giving_history import invoice_form
from giftbridge.domain.reconciliation import Adjustment, Entry, Found, Standing
from giftbridge.domain.reconciliation_days import day_found, key_of, seconds_apart


@dataclass(slots=True)
class Pair:
    """An entry with what stands in the CRM for it: `base` is its record, `surplus` what is there besides.

    `adjusting` are records that put it right: those that were reversed, and what reversed them. `fitting` is a record
    that nobody claims and that may be the one that is missing.
    """

    entry: Entry
    base: Found | None = None
    surplus: list[Found] = field(default_factory=list)
    adjusting: list[Found] = field(default_factory=list)
    fitting: Found | None = None

    @property
    def net(self) -> Decimal:
        """The money that counts for the entry."""
        parts = [*([self.base] if self.base else []), *self.adjusting]
        return sum((part.amount for part in parts), Decimal(0))


@dataclass(slots=True)
class Pairing:
    """All entries with their records; `unexplained` are records of ours that fit none, `others` are other channels'."""

    pairs: dict[str, Pair]
    unexplained: list[Found]
    others: list[Found]

    def belongs(self) -> dict[str, Entry]:
        """The entry of each record that has one, by the record's key."""
        found: dict[str, Entry] = {}
        for pair in self.pairs.values():
            own = [pair.base, pair.fitting, *pair.surplus, *pair.adjusting]
            found.update({key_of(record): pair.entry for record in own if record is not None})
        return found


def pair_up(
    entries: Iterable[Entry], found: Sequence[Found], adjustments: Mapping[str, Adjustment], zone: ZoneInfo
) -> Pairing:
    """Lay each record to its entry. `adjustments` are deliveries that put an entry right, by id."""
    pairs = {entry.id: Pair(entry) for entry in entries}
    unclaimed = _by_claim(pairs, found, adjustments)
    pairing = Pairing(pairs, [], [record for record in unclaimed if not record.is_ours])
    places = _by_place(pairs.values())
    loose = [record for record in unclaimed if record.is_ours]
    # A record that can be what is missing is that before it is anybody's double.
    for record in list(loose):
        pair = _nearest([p for p in _near(record, places, pairs) if _wants(p)], record, zone)
        if pair is not None:
            pair.fitting = record
            loose.remove(record)
    for record in loose:
        pair = _nearest([p for p in _near(record, places, pairs) if _doubles(p, record)], record, zone)
        moved = _nearest([p for p in pairs.values() if p.entry.may_have_moved and _wants(p)], record, zone)
        if pair is None and moved is not None:
            moved.fitting = record
        elif pair is not None:
            pair.surplus.append(record)
        else:
            pairing.unexplained.append(record)
    return pairing


def _by_claim(pairs: Mapping[str, Pair], found: Iterable[Found], adjustments: Mapping[str, Adjustment]) -> list[Found]:
    """Records that are named, or claimed, are laid to their entry; the others are given back."""
    rest: list[Found] = []
    by_number = {invoice_form(p.entry.number): p for p in reversed(list(pairs.values())) if p.entry.number is not None}
    for record in found:
        adjustment = adjustments.get(record.claim or "")
        named = by_number.get(record.number) if record.number is not None else None
        pair = pairs.get(adjustment.of if adjustment is not None else record.claim or "")
        if adjustment is not None and pair is not None:
            is_reversed = not adjustment.is_delivered and record.number == adjustment.corrects
            (pair.surplus if is_reversed and record.number != pair.entry.number else pair.adjusting).append(record)
        elif named is not None and named.base is None and record.claim in {None, named.entry.id}:
            named.base = record
        elif pair is not None:
            pair.surplus.append(record)
        else:
            rest.append(record)
    for pair in pairs.values():
        if pair.base is None and pair.surplus and pair.entry.standing is not Standing.NEVER:
            # Claimed by it under another number than it remembers, or its system tells it no number.
            pair.base = pair.surplus.pop(0)
    return [record for record in rest if record.claim is None]


def _by_place(pairs: Iterable[Pair]) -> dict[str, list[Pair]]:
    places: dict[str, list[Pair]] = {}
    for pair in pairs:
        for place in dict.fromkeys(pair.entry.places):
            places.setdefault(place, []).append(pair)
    return places


def _near(record: Found, places: Mapping[str, list[Pair]], pairs: Mapping[str, Pair]) -> list[Pair]:
    """The entries that a record may have to do with: of its place, or of the donation that the query names."""
    if record.of_donation is None:
        return places.get(record.place, [])
    kind = "refund" if record.amount < 0 else "donation"
    return [p for p in pairs.values() if p.entry.donation_id == record.of_donation and p.entry.kind == kind]


def _wants(pair: Pair) -> bool:
    """Whether an entry has no record yet."""
    return pair.base is None and pair.fitting is None


def _doubles(pair: Pair, record: Found) -> bool:
    """Whether a record can be a second one of what is there. The query's word needs no equal amounts."""
    if pair.base is None and pair.fitting is None:
        return False
    if record.of_donation == pair.entry.donation_id:
        return True
    return record.amount in {pair.entry.amount, pair.base.amount if pair.base else None}


def _nearest(pairs: Sequence[Pair], record: Found, zone: ZoneInfo) -> Pair | None:
    """The entry of the same amount, on the same day or one beside it, that lies nearest."""
    fits: list[tuple[int, float, str, Pair]] = []
    for pair in pairs:
        entry = pair.entry
        is_told = record.of_donation == entry.donation_id
        if not is_told and entry.amount != record.amount and not _doubles(pair, record):
            continue
        apart = _days_apart(record, entry, zone)
        if apart <= 1 or is_told:
            fits.append((apart, seconds_apart(record.date, entry.moment), entry.id, pair))
    return min(fits, key=lambda fit: fit[:3])[3] if fits else None


def _days_apart(record: Found, entry: Entry, zone: ZoneInfo) -> int:
    day: date | None
    day, agrees = day_found(record.date, entry.moment, zone)
    own = entry.day(zone)
    if agrees or day is None or own is None:
        return 0
    return abs((day - own).days)
