"""Posting one transaction: intent, call, fact; a partner that Aegis refuses is looked at again, once."""

from __future__ import annotations

from collections.abc import Callable

from giftbridge.clients.aegis import Aegis
from giftbridge.domain.aegis_bodies import signature_of
from giftbridge.domain.deliveries import Step
from giftbridge.domain.mapping_rows import Body
from giftbridge.domain.reversals import FUNDS, PLEDGE, funds_as_sent, pledge_as_sent
from giftbridge.errors import Rejected
from giftbridge.flows.work import Work


def post_transaction(
    work: Work,
    aegis: Aegis,
    partner_id: str,
    body_for: Callable[[str], Body],
    anew: Callable[[str, Rejected], str],
) -> tuple[str, str]:
    """Post what `body_for` makes for a partner; the invoice number and the partner that took it.

    `anew` gives another partner when Aegis refused this one, or raises the refusal.
    """
    for last_try in (False, True):
        try:
            body = body_for(partner_id)
            work.begin(
                Step.TRANSACTION, {**signature_of(body), FUNDS: funds_as_sent(body), PLEDGE: pledge_as_sent(body)}
            )
            return aegis.create_transaction(body), partner_id
        except Rejected as refused:
            # A refusal that names no member may mean the partner too: it is looked at once.
            names_another = bool(refused.field) and "partner" not in str(refused.field).casefold()
            if last_try or refused.status is None or names_another:
                raise
            partner_id = anew(partner_id, refused)
    raise AssertionError("the second try returns or raises")
