"""Undoing a match: a donor's gifts went to the wrong partner (requirement G5). What that entails is listed first."""

from __future__ import annotations

from dataclasses import dataclass

from giftbridge.domain.deliveries import Delivery, Kind, State
from giftbridge.errors import GiftBridgeError, LostRace
from giftbridge.store.crm_keys import CrmKey
from giftbridge.store.rows import commit, delete
from ops.operating import reaching
from ops.operating.problems import NeedsPerson, WrongUsage
from ops.operating.stack import Stack

SYSTEM = "aegis"
_MOST = 1_000
_IN_FLIGHT = frozenset({State.SENDING, State.UNKNOWN})
_MONEY = frozenset({Kind.DONATION_CREATED, Kind.DONATION_REFUNDED})


@dataclass(frozen=True, slots=True)
class UndoPlan:
    """What undoing a donor's match would do; `deliveries` are those that arrived at the partner meanwhile."""

    donor_id: int
    partner: str
    rule: str
    since: str
    consequences: tuple[str, ...]
    deliveries: tuple[Delivery, ...]
    seen: CrmKey


def plan_undo(stack: Stack, donor_id: int) -> UndoPlan:
    """Look at a donor's match and at what hangs on it. Raises WrongUsage where there is none."""
    seen = stack.tools.keys.get(f"donor#{donor_id}", SYSTEM)
    if seen is None or seen.key is None:
        raise WrongUsage(f"Donor {donor_id} has no partner in Aegis that GiftBridge knows of.")
    found = stack.tools.deliveries.of_donor(donor_id, _MOST)
    busy = [delivery for delivery in found if delivery.destination == SYSTEM and delivery.state in _IN_FLIGHT]
    if busy:
        raise NeedsPerson(
            f"{busy[0].id} is on its way to partner {seen.key} ({busy[0].state}).",
            ["Undo the match when it has arrived or failed."],
        )
    arrived = [d for d in found if d.destination == SYSTEM and d.result.get("partner") == seen.key]
    money = tuple(d for d in arrived if d.kind in _MONEY and d.state is State.DELIVERED)
    return UndoPlan(
        donor_id=donor_id,
        partner=seen.key,
        rule=seen.rule or "",
        since=seen.since or "",
        consequences=_consequences(donor_id, seen, arrived, money),
        deliveries=money,
        seen=seen,
    )


def _consequences(donor_id: int, seen: CrmKey, arrived: list[Delivery], money: tuple[Delivery, ...]) -> tuple[str, ...]:
    invoices = ", ".join(d.result["invoice"] for d in money if d.result.get("invoice"))
    pledges = ", ".join(sorted({d.result["pledge"] for d in arrived if d.result.get("pledge")}))
    told = [
        f"Partner {seen.key} is never again taken for donor {donor_id}, by no rule and by no key on RaiseDonors.",
        "Their next gift is matched anew, by the rules that are set, unless you name the right partner now.",
    ]
    if money:
        told.append(
            f"{len(money)} transactions stay at partner {seen.key} in Aegis (invoices {invoices}): move them there."
        )
        told.append(f"A refund of one of them goes to partner {seen.key} too: move it after its gift.")
    if pledges:
        told.append(
            f"Pledges {pledges} stay with partner {seen.key}; the next gift follows the setting aegis.on_lost_pledge."
        )
    if any(d.kind is Kind.DONOR_UPDATED for d in arrived):
        told.append(f"The donor's edits are in partner {seen.key}'s record: put it back there by hand.")
    told.append("The donor portal shows no history of that partner to this donor any more.")
    return tuple(told)


def undo(stack: Stack, plan: UndoPlan, to: str | None, why: str, who: str) -> str:
    """Undo the match, and put the right partner `to` in its place where that is known; what is left to do, in words.

    Raises NeedsPerson when the match changed since the plan was made, or when `to` is no active partner.
    """
    tools, entity = stack.tools, f"donor#{plan.donor_id}"
    if to is not None:
        _require_active(stack, to, plan)
    now = tools.now()
    refused = tools.keys.refused(entity, SYSTEM) | {plan.partner}
    replaced = (
        tools.keys.unlink(entity, SYSTEM, plan.partner)
        if to is None
        else tools.keys.link(entity, SYSTEM, to, "picked by a person", plan.seen, now)
    )
    line = tools.activity.line(
        entity,
        now=now,
        what="match undone",
        why=f"partner {plan.partner} is not this donor" + (f": {why}" if why else ""),
        who=who,
        details={"partner": plan.partner, "rule": plan.rule, "instead": to or "matched anew"},
    )
    forgotten = delete(tools.keys.table, {"entity": entity, "system": f"{SYSTEM}/agreed"}, f"{entity} agreed")
    try:
        commit(
            tools.keys.client,
            [replaced, tools.keys.refuse(entity, SYSTEM, refused - {to}, now), forgotten, line],
        )
    except LostRace as lost:
        raise NeedsPerson(
            f"The match of donor {plan.donor_id} changed since this was shown; nothing was undone.", ["Look again."]
        ) from lost
    return " ".join([_told_raisedonors(stack, plan.donor_id, to), *_gone_out_meanwhile(stack, plan)])


def _gone_out_meanwhile(stack: Stack, plan: UndoPlan) -> list[str]:
    """A worker that had read the key just before it was taken away still sends there: a person is told."""
    known = {delivery.id for delivery in plan.deliveries}
    found = [d for d in stack.tools.deliveries.of_donor(plan.donor_id, _MOST) if d.destination == SYSTEM]
    arrived = (d for d in found if d.state is State.DELIVERED and d.kind in _MONEY and d.id not in known)
    late = [d.id for d in arrived if d.result.get("partner") == plan.partner]
    late += [d.id for d in found if d.state in _IN_FLIGHT]
    if not late:
        return []
    return [f"Meanwhile {', '.join(late)} went out, perhaps to partner {plan.partner} still: look at it in Aegis."]


def _require_active(stack: Stack, partner_id: str, plan: UndoPlan) -> None:
    if partner_id == plan.partner:
        raise WrongUsage(f"Donor {plan.donor_id} has partner {partner_id} already.")
    partner = reaching.aegis(stack).partner(partner_id)
    if partner is None or not partner.is_active:
        raise NeedsPerson(f"Partner {partner_id} is {'inactive' if partner else 'not in Aegis'}; nothing was undone.")


def _told_raisedonors(stack: Stack, donor_id: int, to: str | None) -> str:
    """RaiseDonors' own copy of the key follows; it is a copy, so its trouble undoes nothing."""
    if to is None:
        return "RaiseDonors still shows the old partner, until the next gift is matched."
    try:
        reaching.raisedonors(stack).store_donor_key(donor_id, to)
    except (GiftBridgeError, NeedsPerson) as error:
        return f"RaiseDonors could not be told: {error}. It still shows the old partner."
    return f"RaiseDonors shows partner {to} too."
