"""Planning a backfill without writing anything, asking for it, following it, taking it back (requirement H3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from giftbridge.clients.raisedonors_sightings import created_at, modified_at, read_sighting
from giftbridge.clients.raisedonors_wire import read_donation
from giftbridge.domain.backfills import CONTACTS, GIFTS, Backfill, backfilled_gift, read_backfill
from giftbridge.domain.deliveries import State
from giftbridge.domain.delivery_ids import VIRTUOUS, donation_created_id
from giftbridge.errors import LostRace, Rejected
from giftbridge.flows.backfill import ROW
from giftbridge.flows.daily_batch import ROWS_A_CALL
from giftbridge.flows.feed_walk import pages_since
from ops.operating.problems import NeedsPerson
from ops.operating.reaching import raisedonors
from ops.operating.stack import Stack

# A known donor's gift needs one call to Aegis, a new donor's three.
_CALLS_A_GIFT = 2


@dataclass(slots=True)
class BackfillPlan:
    """What a backfill would do: gifts by fate, money that would be sent by currency, contacts, calls it needs."""

    fates: Counter[str] = field(default_factory=Counter)
    money: dict[str, Decimal] = field(default_factory=dict)
    contacts: int = 0
    calls: int = 0
    per_hour: int | None = None

    @property
    def sends(self) -> bool:
        """Whether there is anything to send."""
        return bool(self.fates["to be sent"] or self.contacts)

    @property
    def minutes(self) -> int | None:
        """How long the calls take at the set limit; None without one."""
        return None if self.per_hour is None else -(-self.calls * 60 // self.per_hour)


def new_backfill(
    stack: Stack, destination: str, since: datetime, until: datetime, what: tuple[str, ...], by: str
) -> Backfill:
    """A backfill that nobody has asked for yet. Raises NeedsPerson when its destination is switched off."""
    settings = stack.versions.current().settings
    section = settings.virtuous if destination == VIRTUOUS else settings.aegis
    if not section.enabled:
        raise NeedsPerson(
            f"Deliveries to {destination} are switched off.", [f"Run `giftbridge connect {destination} {stack.hint}`."]
        )
    return Backfill(stack.tools.token(3), destination, since, until, what, by, stack.tools.now())


def plan(stack: Stack, backfill: Backfill, seen: Callable[[int], None]) -> BackfillPlan:
    """Read the period on RaiseDonors and count what would become of it. `seen` is told how many records were read."""
    source, found = raisedonors(stack), BackfillPlan()
    limits = stack.versions.current().settings.limits
    found.per_hour = limits.virtuous_per_hour if backfill.destination == VIRTUOUS else limits.aegis_per_hour
    number = 0
    if GIFTS in backfill.what:
        for page, _ in pages_since(source.gifts_modified_since, backfill.since):
            _count_gifts(stack, backfill, page, found)
            number += len(page)
            seen(number)
    if CONTACTS in backfill.what:
        for page, _ in pages_since(source.donors_modified_since, backfill.since):
            found.contacts += sum(backfill.covers(created_at(raw)) or backfill.covers(modified_at(raw)) for raw in page)
            number += len(page)
            seen(number)
    found.calls = _calls(backfill, found)
    return found


def ask(stack: Stack, backfill: Backfill) -> None:
    """Have the pickup do it. Raises NeedsPerson while another one is under way."""
    row = stack.tools.state.get(ROW)
    if row is not None and not row["is_done"]:
        raise NeedsPerson(
            f"The backfill {row['id']} is under way.",
            [f"Wait for it (`giftbridge backfill --status {stack.hint}`), or take it back with --cancel."],
        )
    try:
        stack.tools.state.put(ROW, backfill.as_row(), row)
    except LostRace:
        raise NeedsPerson("Somebody else asked for a backfill just now.", ["Look with --status."]) from None


def status(stack: Stack) -> Backfill | None:
    """The newest backfill, None when there never was one."""
    row = stack.tools.state.get(ROW)
    return read_backfill(row) if row is not None else None


def cancel(stack: Stack) -> Backfill | None:
    """Take back what was not picked up yet; None when nothing is under way. What became a delivery stays one."""
    row = stack.tools.state.get(ROW)
    if row is None or row["is_done"]:
        return None
    ended = replace(read_backfill(row), is_done=True)
    try:
        stack.tools.state.put(ROW, ended.as_row(), row)
    except LostRace:
        return cancel(stack)
    return ended


def _count_gifts(stack: Stack, backfill: Backfill, page: list[Any], found: BackfillPlan) -> None:
    settings, now = stack.versions.current().settings, stack.tools.now()
    sightings = [(raw, read_sighting(raw)) for raw in page]
    ids = [donation_created_id(sighting.donation_id, backfill.destination) for _, sighting in sightings]
    known = stack.tools.deliveries.get_many(ids)
    for (raw, sighting), name in zip(sightings, ids, strict=True):
        if not backfill.covers(sighting.created_at):
            continue
        after = backfilled_gift(sighting, known.get(name), backfill, settings, now)
        if after is None:
            before = known.get(name)
            found.fates[f"already {before.state}" if before is not None else "not approved"] += 1
        elif after.state is State.PENDING or after.state is State.UNKNOWN:
            found.fates["to be sent"] += 1
            _add_money(raw, found)
        elif after.state is State.DELIVERED:
            found.fates["adopted, not sent"] += 1
        else:
            found.fates[f"{after.state}: {after.trouble.cause if after.trouble else ''}"] += 1


def _add_money(raw: object, found: BackfillPlan) -> None:
    try:
        donation = read_donation(raw)
    except Rejected:
        found.fates["to be sent, but unreadable"] += 1
        return
    found.money[donation.currency] = found.money.get(donation.currency, Decimal(0)) + donation.amount


def _calls(backfill: Backfill, found: BackfillPlan) -> int:
    gifts = found.fates["to be sent"]
    if backfill.destination != VIRTUOUS:
        return gifts * _CALLS_A_GIFT
    return -(-gifts // ROWS_A_CALL) + -(-found.contacts // ROWS_A_CALL)
