"""Posting one transaction: intent, call, fact; a partner that Aegis refuses is looked at again, once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from giftbridge.clients.aegis import Aegis
from giftbridge.domain.aegis_bodies import signature_of
from giftbridge.domain.deliveries import Step
from giftbridge.domain.mapping_rows import Body
from giftbridge.domain.partners import HistoryRow
from giftbridge.domain.reversals import CURRENCY, FUNDS, PLEDGE, funds_as_sent, pledge_as_sent
from giftbridge.errors import Rejected
from giftbridge.flows.work import Work

_EVER, _MONTH = date(1990, 1, 1), timedelta(days=31)


def post_transaction(
    work: Work,
    aegis: Aegis,
    partner_id: str,
    currency: str,
    body_for: Callable[[str], Body],
    anew: Callable[[str, Rejected], str],
) -> tuple[str, str]:
    """Post what `body_for` makes for a partner; the invoice number and the partner that took it.

    `anew` gives another partner when Aegis refused this one, or raises the refusal.
    """
    for last_try in (False, True):
        to = partner_id
        try:
            body = body_for(partner_id)
            to = str(body["PartnerID"])
            work.begin(Step.TRANSACTION, signed(body, currency))
            return aegis.create_transaction(body), to
        except Rejected as refused:
            # A refusal that names no member may mean the partner too: it is looked at once.
            names_another = bool(refused.field) and "partner" not in str(refused.field).casefold()
            if last_try or refused.status is None or names_another:
                raise
            partner_id = anew(to, refused)
    raise AssertionError("the second try returns or raises")


def signed(body: Body, currency: str) -> dict[str, str]:
    """What tells a transaction that is about to be sent from any other, and how its reversal will repeat it."""
    besides = {FUNDS: funds_as_sent(body), PLEDGE: pledge_as_sent(body), CURRENCY: currency}
    return {**signature_of(body), **besides}


def live_pledge(aegis: Aegis, pledge_id: str | None, partner_id: str) -> str | None:
    """A pledge while it is active: with anything else a gift would go to another pledge (transaction/Create)."""
    if not pledge_id:
        return None
    pledges = aegis.pledges(partner_id)
    return next((p.id for p in pledges if p.id.casefold() == pledge_id.casefold() and p.is_active), None)


def transaction_numbered(aegis: Aegis, partner_id: str, number: str, near: date, today: date) -> HistoryRow | None:
    """A partner's transaction as it is now: looked for around a day, then among all (getTransactionHistory)."""
    for first, last in ((near - _MONTH, near + _MONTH), (_EVER, today + _MONTH)):
        rows = aegis.history(partner_id, first, last)
        found = next((row for row in rows if str(row.invoice_number) == number), None)
        if found is not None:
            return found
    return None
