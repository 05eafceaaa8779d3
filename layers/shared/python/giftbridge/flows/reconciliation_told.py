"""What a reconciliation says of itself: what was compared, and what was not, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from giftbridge.domain.delivery_ids import AEGIS, VIRTUOUS
from giftbridge.domain.reconciliation import EXACT, GiftFact, Period, Side
from giftbridge.domain.reconciliation_compare import Compared
from giftbridge.domain.settings import Settings
from giftbridge.flows.reconciliation_reading import Read

_WHY = {
    "before-start": "created before the start",
    "test-mode": "in test mode",
    "reversed-before-sent": "given back before they were sent",
}

_PLACES = {AEGIS: ("partners", "gifts and refunds"), VIRTUOUS: ("contacts", "reversals")}


def currency_of(settings: Settings, facts: Iterable[GiftFact]) -> str:
    """The currency of all sums; nothing where gifts of several were added up, as the CRM adds them up."""
    if settings.aegis.currency:
        return settings.aegis.currency
    seen = {fact.currency for fact in facts if fact.currency}
    return seen.pop() if len(seen) == 1 else ""


def coverage_of(
    settings: Settings,
    period: Period,
    read: Read,
    sides: Sequence[Side],
    left_out: Mapping[str, Counter[str]],
    query_gap: str,
) -> tuple[str, ...]:
    """What was compared, in sentences."""
    days = f"{period.first} to {period.last}, days of {period.zone.key}"
    told = [f"Gifts that RaiseDonors shows as created or given back from {days}."]
    for side in sides:
        if side.crm == AEGIS:
            partners = sum(1 for rows in read.histories.values() if rows is not None)
            told.append(f"Aegis: the transactions of {partners} partners, those of the donors of these gifts.")
            told.append("Aegis: a partner of whom RaiseDonors shows no gift in these days was not looked at.")
            told.append(_funds_told(side, settings, query_gap))
        else:
            told.append(f"Virtuous: the gifts of {len(read.contacts)} contacts; funds as they were sent.")
        reasons = sorted(left_out[side.crm].items())
        if reasons:
            listed = ", ".join(f"{number} {_WHY.get(why, why)}" for why, number in reasons)
            told.append(f"{side.crm.capitalize()}: nothing is expected of {listed}.")
    names = {AEGIS: settings.aegis.enabled, VIRTUOUS: settings.virtuous.enabled}
    missing = [name for name, is_on in names.items() if is_on and name not in {side.crm for side in sides}]
    told += [f"{name.capitalize()}: gifts are not sent there, so none are compared." for name in missing]
    if not currency_of(settings, read.facts.values()) and read.facts:
        told.append("Gifts of several currencies are added up as they are.")
    return tuple(told)


def _funds_told(side: Side, settings: Settings, query_gap: str) -> str:
    if side.funds_are == EXACT:
        return f"Aegis: funds are exact, by query {settings.aegis.reconciliation_query_id}."
    why = query_gap or "set aegis.reconciliation_query_id to have them exact"
    return f"Aegis: funds are as they were sent, for its history names none; {why}."


def gaps_of(read: Read, compared: Sequence[Compared], unplaced: int) -> tuple[str, ...]:
    """What was to be compared and could not be."""
    gaps = []
    if read.unreadable:
        gaps.append(f"{read.unreadable} gifts on RaiseDonors have no readable id, amount or date.")
    for side in (one for one in compared if one.unjudged):
        places = sorted({place for entry in side.unjudged for place in entry.places})
        named = ", ".join(places[:10]) + (" and others" if len(places) > 10 else "")
        where, what = _PLACES[side.side.crm]
        gaps.append(f"{len(side.unjudged)} {what} were not looked for: {where} {named} cannot be read any more.")
    if unplaced:
        gaps.append(f"{unplaced} gifts that others recorded were not looked for: nobody knows their donors' partners.")
    if not compared:
        gaps.append("No CRM that takes gifts is connected.")
    return tuple(gaps)
