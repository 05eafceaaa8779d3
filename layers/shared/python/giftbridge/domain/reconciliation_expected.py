"""What ought to be in a CRM, from the gifts that RaiseDonors shows and what our deliveries say of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from giftbridge.domain.deliveries import Delivery, Kind, State
from giftbridge.domain.delivery_ids import AEGIS, donation_created_id, donation_refunded_id
from giftbridge.domain.delivery_life import AMBIGUOUS_CAUSES, PARTNER_MERGED
from giftbridge.domain.giving_history import invoice_form
from giftbridge.domain.on_periods import OnPeriods
from giftbridge.domain.reconciliation import DONATION, REFUND, Entry, GiftFact, Heal, Standing
from giftbridge.domain.reversals import FUNDS
from giftbridge.domain.times import parse_moment
from giftbridge.domain.validation import APPROVED, REVERSED_STATUSES

# What changed less long ago may still be on its way to the pickup.
FRESH = timedelta(minutes=15)
# Whoever sent gifts before us may have recorded it: then its record is explained, and else nothing is missing.
BEFORE_START = "before-start"


@dataclass(frozen=True, slots=True)
class Rules:
    """What decides whether a gift is expected: when gifts were sent to a CRM, and whether test gifts are."""

    crm: str
    on: OnPeriods
    with_tests: bool
    now: datetime
    fund_of: Callable[[int], str | None]


def expected_of(fact: GiftFact, known: Mapping[str, Delivery], rules: Rules) -> tuple[list[Entry], str | None]:
    """The entries of one gift: itself and its refund; with the reason, where nothing is expected of us."""
    created = known.get(donation_created_id(fact.id, rules.crm))
    refunded = known.get(donation_refunded_id(fact.id, rules.crm))
    is_reversed = fact.status in REVERSED_STATUSES
    if created is None:
        entry, reason = _unseen(fact, rules)
    else:
        entry, reason = _seen(fact, created, rules)
    if entry is None:
        is_old = reason == BEFORE_START
        return ([replace(_entry(fact, DONATION, Standing.KNOWN), number=fact.crm_key)] if is_old else []), reason
    entry = replace(entry, is_given_back=is_reversed)
    if refunded is not None and refunded.state is State.IGNORED and entry.standing is not Standing.DELIVERED:
        return [], "given back before it was sent"
    refund = _refund(fact, entry, created, refunded, rules)
    return [entry, refund] if refund is not None else [entry], None


def _unseen(fact: GiftFact, rules: Rules) -> tuple[Entry | None, str | None]:
    """A gift that has no delivery."""
    if fact.status != APPROVED:
        return None, f"{fact.status or 'no status'}, and never sent"
    if fact.is_test_mode and not rules.with_tests:
        return None, "test mode"
    if fact.created_at is not None and not rules.on.holds(fact.created_at):
        return None, BEFORE_START
    entry = _entry(fact, DONATION, Standing.NEVER)
    if fact.crm_key and rules.crm == AEGIS:
        return _adopted(entry, fact.crm_key)
    if _is_fresh(fact, rules):
        return replace(entry, id=donation_created_id(fact.id, rules.crm), standing=Standing.HELD, words=_PICKUP), None
    words = "RaiseDonors has it, and GiftBridge never took it up"
    name = donation_created_id(fact.id, rules.crm)
    return replace(entry, id=name, words=words, heal=Heal.PICK_UP, funds=_funds_now(fact, rules)), None


_PICKUP = "not taken up yet: it is only a few minutes old"


def _seen(fact: GiftFact, created: Delivery, rules: Rules) -> tuple[Entry | None, str | None]:
    if created.state is State.IGNORED:
        return None, created.trouble.cause if created.trouble is not None else "ignored"
    entry = of_delivery(_entry(fact, DONATION, Standing.NEVER), created)
    if created.state is State.DELIVERED and created.attempt is None and rules.crm == AEGIS:
        adopted, reason = _adopted(entry, entry.number or "")
        if adopted is None:
            return None, reason
        entry = adopted
    return replace(entry, funds=entry.funds or _funds_now(fact, rules)), None


def _adopted(entry: Entry, key: str) -> tuple[Entry | None, str | None]:
    """A gift that others recorded is looked up by its key, where that is an invoice number."""
    number = invoice_form(key) or ""
    if not number.isdigit():
        return None, "adopted, under a key that is no invoice number"
    name = donation_created_id(entry.donation_id)
    words = entry.words or "carried a CRM key when it was first seen"
    return replace(entry, id=name, number=number, standing=Standing.DELIVERED, words=words, is_adopted=True), None


def _refund(
    fact: GiftFact, original: Entry, created: Delivery | None, refunded: Delivery | None, rules: Rules
) -> Entry | None:
    """The refund that is expected, dated as it was sent, or was shown."""
    name = donation_refunded_id(fact.id, rules.crm)
    moment = fact.modified_at or fact.created_at
    amount = -fact.amount if fact.amount is not None else None
    entry = replace(original, kind=REFUND, amount=amount, moment=moment, number=None, is_adopted=False)
    entry = replace(entry, id=name, words="", heal=Heal.BY_HAND, funds=tuple((f, -a) for f, a in original.funds))
    if refunded is not None:
        if refunded.state is State.IGNORED:
            return None
        told = refunded.result.get("refunded_at")
        entry = replace(entry, moment=parse_moment(told) if told else refunded.created_at)
        after = of_delivery(entry, refunded)
        # It may stand under the partner of its original too.
        return replace(after, places=tuple(dict.fromkeys((*after.places, *original.places))))
    if fact.status not in REVERSED_STATUSES or created is None or original.standing is not Standing.DELIVERED:
        return None
    if _is_fresh(fact, rules):
        return replace(entry, standing=Standing.HELD, words=_PICKUP)
    words = "RaiseDonors shows it as given back, and GiftBridge never took that up"
    return replace(entry, standing=Standing.NEVER, words=words, heal=Heal.PICK_UP)


def of_delivery(entry: Entry, delivery: Delivery) -> Entry:
    """The entry with what its delivery says of it."""
    sent = delivery.attempt.values if delivery.attempt is not None else {}
    partner = delivery.result.get("partner") or sent.get("partner")
    place = delivery.result.get("contact") if delivery.destination != AEGIS else partner
    own = replace(
        entry,
        id=delivery.id,
        donor_id=entry.donor_id if entry.donor_id is not None else delivery.donor_id,
        places=(place,) if place else (),
        funds=_funds_sent(delivery),
        words=_words(delivery),
    )
    if delivery.state is State.DELIVERED:
        number = delivery.result.get("invoice" if delivery.destination == AEGIS else _GIFT[delivery.kind])
        return replace(own, standing=Standing.DELIVERED, number=number or None, heal=Heal.BY_HAND)
    if delivery.state is State.FAILED and not _is_for_review(delivery):
        return replace(own, standing=Standing.NEVER, heal=Heal.RETRY)
    has_moved = delivery.trouble is not None and delivery.trouble.cause == PARTNER_MERGED
    return replace(own, standing=Standing.HELD, may_have_moved=has_moved)


_GIFT = {Kind.DONATION_CREATED: "gift", Kind.DONATION_REFUNDED: "reversal"}


def known_entry(delivery: Delivery) -> Entry:
    """An entry of a gift that RaiseDonors was not asked for: compared as far as its delivery remembers it."""
    values = delivery.attempt.values if delivery.attempt is not None else {}
    kind = REFUND if delivery.kind is Kind.DONATION_REFUNDED else DONATION
    amount = Decimal(values["amount"]) if values.get("amount") else None
    moment = parse_moment(values["date"]) if values.get("date") else None
    entry = Entry(delivery.id, kind, delivery.entity_id, delivery.donor_id, amount, moment, Standing.KNOWN)
    told = of_delivery(entry, delivery)
    is_whole = amount is not None and moment is not None
    return told if is_whole and told.standing is Standing.DELIVERED else replace(told, standing=Standing.KNOWN)


def _entry(fact: GiftFact, kind: str, standing: Standing) -> Entry:
    return Entry(
        id=f"raisedonors/donation/{fact.id}",
        kind=kind,
        donation_id=str(fact.id),
        donor_id=fact.donor_id,
        amount=fact.amount,
        moment=fact.created_at,
        standing=standing,
        currency=fact.currency,
    )


def _is_fresh(fact: GiftFact, rules: Rules) -> bool:
    newest = fact.modified_at or fact.created_at
    return newest is not None and newest > rules.now - FRESH


def _is_for_review(delivery: Delivery) -> bool:
    """Whether a person is to decide what became of it: it may be there."""
    trouble = delivery.trouble
    unclear = trouble is not None and (bool(trouble.candidates) or trouble.cause in AMBIGUOUS_CAUSES)
    return delivery.attempt is not None or unclear


def _words(delivery: Delivery) -> str:
    since = f"since {delivery.updated_at:%Y-%m-%d %H:%M} UTC"
    match delivery.state:
        case State.SENT:
            return f"held by the import tool {since}"
        case State.FAILED if _is_for_review(delivery):
            return f"in review {since}: {_cause(delivery)}"
        case State.FAILED:
            return f"failed {since}: {_cause(delivery)}"
        case State.PENDING if delivery.is_in_outbox:
            return f"waits for the daily batch {since}"
        case State.DELIVERED:
            return delivery.result.get("how", "")
        case _:
            return f"{delivery.state} {since}" + (f": {_cause(delivery)}" if delivery.trouble is not None else "")


def _cause(delivery: Delivery) -> str:
    return delivery.trouble.cause if delivery.trouble is not None else "no cause told"


def _funds_sent(delivery: Delivery) -> tuple[tuple[str, Decimal], ...]:
    values = delivery.attempt.values if delivery.attempt is not None else {}
    if FUNDS not in values:
        return ()
    return tuple((fund, Decimal(amount)) for amount, fund in json.loads(values[FUNDS]))


def _funds_now(fact: GiftFact, rules: Rules) -> tuple[tuple[str, Decimal], ...]:
    """The funds that a gift would be sent to today."""
    named = ((rules.fund_of(project_id) or f"project {project_id}", amount) for project_id, amount in fact.shares)
    return tuple((fund, amount) for fund, amount in named if amount)
