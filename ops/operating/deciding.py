"""Carrying out what a person decided for a case: on what was shown, and told with their name (requirements A4, G5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from giftbridge.domain.agreed import Fields
from giftbridge.domain.deliveries import Delivery, Kind, Step, Trouble
from giftbridge.domain.probing import without
from giftbridge.domain.remembered import Mirror, Mirrored
from giftbridge.domain.reversals import told_as_sent
from giftbridge.domain.sightings import LEFT_BY_A_PERSON
from giftbridge.errors import LostRace
from giftbridge.flows.aegis_partners import CREATE as CREATE_PARTNER
from giftbridge.flows.aegis_partners import DECIDED, KNOWN_BEFORE
from giftbridge.flows.work import Work
from giftbridge.store.crm_keys import invoice_claim, pledge_claim, project_claim
from ops.operating import reaching
from ops.operating.problems import NeedsPerson, WrongUsage
from ops.operating.retrying import nudge
from ops.operating.reviewing import CREATE, IGNORE, PARTNERS, PICK, PLEDGES, TRANSACTIONS, Case
from ops.operating.stack import Stack

_NOT_KNOWN: Fields = {}
_FOUND_BY_LOOKING = frozenset({Step.TRANSACTION, Step.PLEDGE})


def decide(stack: Stack, case: Case, name: str, candidate: str | None, why: str, who: str) -> Delivery:
    """The delivery after the decision; one that is to go on is nudged. `why` is the person's own reason, or empty.

    Raises WrongUsage for what the case does not offer, NeedsPerson when the delivery, or the record that was picked,
    changed since the case was opened.
    """
    if not any((choice.name, choice.candidate) == (name, candidate) for choice in case.choices):
        offered = ", ".join(f"{choice.name} {choice.candidate or ''}".strip() for choice in case.choices)
        raise WrongUsage(f"{case.delivery.id} does not offer that.", [f"It offers: {offered}."])
    work = Work(stack.tools, case.delivery)
    reason = f": {why}" if why else ""
    try:
        _carry_out(stack, case, work, name, candidate, f"by {who}{reason}")
    except LostRace as lost:
        raise NeedsPerson(
            f"{case.delivery.id} changed since this was shown; nothing was decided.", ["Look at it again."]
        ) from lost
    if not work.is_done:
        nudge(stack, [work.delivery])
    return work.delivery


def _carry_out(stack: Stack, case: Case, work: Work, name: str, candidate: str | None, by: str) -> None:
    attempt, candidates = case.delivery.attempt, [side.id for side in case.candidates]
    if name == IGNORE:
        # Whoever takes it up all the same is to look first, as before.
        work.ignore(Trouble(LEFT_BY_A_PERSON, f"left {by}"), keeps_attempt=True)
        return
    if name == PICK and candidate is not None:
        picks: dict[str, Callable[[Stack, Work, str, str], None]] = {
            PARTNERS: partial(_pick_partner, case.subject.id),
            TRANSACTIONS: _pick_transaction,
            PLEDGES: _pick_pledge,
        }
        picks.get(case.about, _pick_other)(stack, work, candidate, by)
        return
    if name == CREATE and case.about == PARTNERS:
        work.facts[DECIDED] = CREATE_PARTNER
        if attempt is not None:
            # What the lost request made may be there by now, and is none of these.
            work.delivery = replace(work.delivery, attempt=without(attempt, candidates, KNOWN_BEFORE))
        work.reopen(f"a new partner is to be made, decided {by}")
        return
    # None of the candidates is what a lost request made; what can be looked for is looked for once more.
    is_found = attempt is not None and attempt.step in _FOUND_BY_LOOKING
    again = without(attempt, candidates) if attempt is not None and is_found else None
    work.delivery = replace(work.delivery, attempt=again)
    work.reopen(f"none of the candidates is it, decided {by}")


def _pick_partner(donor_id: str, stack: Stack, work: Work, partner_id: str, by: str) -> None:
    partner = reaching.aegis(stack).partner(partner_id)
    if partner is None or not partner.is_active:
        raise NeedsPerson(f"Partner {partner_id} is {'inactive' if partner else 'gone'}; nothing was decided.")
    known = stack.tools.keys.get(f"donor#{donor_id}", work.delivery.destination)
    if known is not None and known.key is not None:
        raise NeedsPerson(f"Donor {donor_id} has partner {known.key} by now; nothing was decided.", ["Retry it."])
    rule = "picked by a person"
    work.settle_key(f"donor#{donor_id}", partner_id, rule)
    work.facts.update(partner=partner_id, matched_by=rule)
    work.mirrors.append(Mirror(Mirrored.DONOR, str(donor_id), partner_id))
    work.reopen(f"partner {partner_id} was picked {by}")


def _pick_transaction(stack: Stack, work: Work, invoice: str, by: str) -> None:
    """The transaction that is there is this delivery's: the fact, its claim and the line are written as one."""
    delivery = work.delivery
    claim = invoice_claim(invoice)
    if delivery.destination != "aegis":
        raise WrongUsage("Only transactions of Aegis can be picked.")
    holder = stack.tools.keys.claimed_by([claim], delivery.destination).get(claim, delivery.id)
    if holder != delivery.id:
        raise NeedsPerson(f"Invoice {invoice} belongs to {holder}; nothing was decided.")
    sent = delivery.attempt.values if delivery.attempt is not None else {}
    work.facts.update(told_as_sent(sent))
    work.facts["how"] = "picked by a person"
    if delivery.kind is Kind.DONATION_CREATED:
        work.mirrors.append(Mirror(Mirrored.DONATION, delivery.entity_id, invoice))
    work.delivered({"invoice": invoice}, f"invoice {invoice} was picked {by}", claim=claim, proven=False)


def _pick_pledge(stack: Stack, work: Work, pledge_id: str, by: str) -> None:
    """The schedule's key is settled; the lost request is looked for no more, for its pledge is known."""
    attempt = work.delivery.attempt
    if attempt is None:
        raise NeedsPerson(f"{work.delivery.id} has no request that was lost; retry it.")
    entity, system = attempt.values["entity"], work.delivery.destination
    work.settle_key(entity, pledge_id, "picked by a person")
    work.also.append(stack.tools.keys.claim(pledge_claim(pledge_id), system, work.delivery.id, work.now))
    work.also.append(work.agree(entity, _NOT_KNOWN))
    if stack.versions.current().settings.aegis.mirror_pledge_id:
        work.mirrors.append(Mirror(Mirrored.SCHEDULE, entity.removeprefix("schedule#"), pledge_id))
    work.reopen(f"pledge {pledge_id} was picked {by}")


def _pick_other(stack: Stack, work: Work, record_id: str, by: str) -> None:
    """A reversal that is there, or the project that is ours, in Virtuous."""
    delivery = work.delivery
    why = f"{record_id} was picked {by}"
    if delivery.kind is Kind.DONATION_REFUNDED:
        values = delivery.attempt.values if delivery.attempt is not None else {}
        work.delivered({"reversed": values.get("gift", ""), "reversal": record_id}, why, proven=False)
        return
    entity = f"project#{delivery.entity_id}"
    claim = project_claim(record_id)
    work.settle_key(entity, record_id, "picked by a person")
    work.also.append(stack.tools.keys.claim(claim, delivery.destination, delivery.id, work.now))
    work.delivery = replace(work.delivery, attempt=None)
    work.reopen(why)
