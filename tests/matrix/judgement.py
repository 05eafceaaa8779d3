"""What must be true in the end, whatever broke on the way: exactly once, right cents, keys, reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from giftbridge.domain.deliveries import Delivery, State
from giftbridge.domain.delivery_ids import donation_created_id, donation_refunded_id
from tests.matrix.interception import Interceptor
from tests.workbench import Workbench

Judge = Callable[[Workbench, Interceptor], list[str]]
DELIVERED = frozenset({State.DELIVERED})


@dataclass
class Goal:
    """What a scenario must end in.

    `gifts` must be in Aegis once, `refunded` among them reversed once; `ends` says how each other delivery may end, and
    `judges` look at what is the scenario's own. `notices` is how many must wait, None where nobody counts them. For the
    causes of `left_to_a_person` a gift may fail, with at most one transaction in Aegis.
    """

    gifts: list[int] = field(default_factory=list)
    refunded: list[int] = field(default_factory=list)
    ends: dict[str, frozenset[State]] = field(default_factory=dict)
    judges: list[Judge] = field(default_factory=list)
    notices: int | None = 0
    left_to_a_person: frozenset[str] = frozenset()

    @property
    def deliveries(self) -> dict[str, frozenset[State]]:
        """How each delivery may end."""
        ids = [donation_created_id(gift) for gift in self.gifts] + [
            donation_refunded_id(gift) for gift in self.refunded
        ]
        ends = DELIVERED | {State.FAILED} if self.left_to_a_person else DELIVERED
        return dict.fromkeys(ids, ends) | self.ends

    def is_reached(self, bench: Workbench) -> bool:
        """Whether every delivery has ended so, with its keys mirrored and all its sightings served."""
        return all(_has_ended(bench.tools.deliveries.get(name), ends) for name, ends in self.deliveries.items())

    def wrong(self, bench: Workbench, interceptor: Interceptor) -> list[str]:
        """Everything that is not as it must be."""
        left = [gift for gift in self.gifts if self._is_left(bench, gift)]
        problems = wrong_in_the_end(bench, [gift for gift in self.gifts if gift not in left], self.refunded)
        problems += [f"gift {gift} is there twice" for gift in left if len(bench.transactions_of(gift)) > 1]
        problems += [problem for name, ends in self.deliveries.items() for problem in _wrong_end(bench, name, ends)]
        problems += [problem for judge in self.judges for problem in judge(bench, interceptor)]
        rows = bench.rows("CrmKeysTable")
        problems += [f"{row['entity']} is still held by {row['held_by']}" for row in rows if row.get("held_by")]
        waiting = bench.tools.notices.count(10)
        if self.notices is not None and waiting != self.notices:
            problems.append(f"{waiting} notices wait instead of {self.notices}")
        return problems

    def _is_left(self, bench: Workbench, gift: int) -> bool:
        """Whether the gift waits for a person, for a reason that only a person can see through."""
        delivery = bench.tools.deliveries.get(donation_created_id(gift))
        is_failed = delivery is not None and delivery.state is State.FAILED and delivery.trouble is not None
        return is_failed and delivery.trouble.cause in self.left_to_a_person


def wrong_in_the_end(bench: Workbench, gifts: list[int], refunded: Collection[int] = ()) -> list[str]:
    """What must hold of donations: each in Aegis once, a refunded one reversed once; one partner, one pledge, keys."""
    problems: list[str] = []
    for gift in gifts:
        problems += _wrong_with_gift(bench, gift, is_refunded=gift in refunded)
    problems += _wrong_with_keys(bench, gifts)
    donor_ids = Counter(
        str(field["Value"])
        for partner in bench.aegis.store.partners.values()
        for field in partner.get("CustomData") or ()
        if field["Name"] == "RaiseDonors.Donor.Id" and partner.get("IsActive")
    )
    problems += [f"donor {donor} has {n} active partners" for donor, n in donor_ids.items() if n > 1]
    pledges = Counter(
        (p.model["PartnerID"], p.model["PledgeAmount"]) for p in bench.aegis.store.pledges.values() if p.model["Active"]
    )
    problems += [f"{n} active pledges of {key}" for key, n in pledges.items() if n > 1]
    hazards = [t.invoice_number for t in bench.aegis.store.transactions.values() if any(x.by_hazard for x in t.lines)]
    problems += [f"transaction {invoice} went to another pledge" for invoice in hazards]
    return problems


def differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The members of a record in Aegis that are no longer as they were."""
    names = (before.keys() | after.keys()) - {"DateModified"}
    return {name: after.get(name) for name in names if before.get(name) != after.get(name)}


def _told_as(delivery: Delivery) -> State:
    """How it ended. One that was sighted again ends as ignored when the turn before had sent all there was."""
    trouble = delivery.trouble
    is_repeat = trouble is not None and trouble.cause == "nothing-changed" and delivery.wanted > 1
    return State.DELIVERED if is_repeat else delivery.state


def _has_ended(delivery: Delivery | None, ends: frozenset[State]) -> bool:
    if delivery is None or _told_as(delivery) not in ends:
        return False
    return not delivery.mirrors and delivery.wanted == delivery.served


def _wrong_end(bench: Workbench, name: str, ends: frozenset[State]) -> list[str]:
    """A delivery that did not end as it must, or of whose end no activity line tells."""
    delivery = bench.tools.deliveries.get(name)
    if delivery is None or not _has_ended(delivery, ends):
        why = delivery and (delivery.state.value, delivery.trouble, delivery.mirrors, delivery.wanted, delivery.served)
        return [f"{name} ended as {why}"]
    lines = bench.tools.activity.of_entity(delivery.donor_entity)
    told = [line for line in lines if line["delivery"] == name and line["what"] == _told_as(delivery).value]
    return [] if told else [f"{name}: no activity line says it was {delivery.state}"]


def _wrong_with_gift(bench: Workbench, gift: int, *, is_refunded: bool) -> list[str]:
    delivery = bench.tools.deliveries.get(donation_created_id(gift))
    if delivery is None or delivery.state is not State.DELIVERED:
        return [f"gift {gift} is {delivery.state if delivery else 'nowhere'}: {delivery.trouble if delivery else ''}"]
    found = bench.transactions_of(gift)
    originals, reversals = [t for t in found if t.total > 0], [t for t in found if t.total < 0]
    if (len(originals), len(reversals)) != (1, 1 if is_refunded else 0):
        return [f"gift {gift} is in Aegis {len(originals)} times and reversed {len(reversals)} times"]
    problems = []
    source = bench.raisedonors.store.gifts.entry(gift).latest.members
    if originals[0].total != source["amount"]:
        problems.append(f"gift {gift}: {originals[0].total} instead of {source['amount']}")
    if source.get("crmKey") != str(originals[0].invoice_number):
        problems.append(f"gift {gift}: no key on RaiseDonors")
    problems += _wrong_with_claim(bench, donation_created_id(gift), originals[0].invoice_number)
    lines = bench.tools.activity.of_entity(f"donor#{source['donorId']}")
    if not any(line["what"] == "delivered" and line["delivery"] == delivery.id for line in lines):
        problems.append(f"gift {gift}: no activity line says it was delivered")
    if is_refunded:
        problems += _wrong_with_reversal(bench, gift, originals[0], reversals[0])
    return problems


def _wrong_with_reversal(bench: Workbench, gift: int, original: Any, reversal: Any) -> list[str]:
    """A reversal takes every fund back to nothing, at the same partner and pledge."""
    problems = _wrong_with_claim(bench, donation_refunded_id(gift), reversal.invoice_number)
    funds: dict[str, Decimal] = {}
    for line in (*original.lines, *reversal.lines):
        funds[line.fund_id] = funds.get(line.fund_id, Decimal(0)) + line.amount
    if any(funds.values()) or original.total + reversal.total:
        problems.append(f"gift {gift}: its refund leaves {funds}")
    if reversal.partner_id != original.partner_id:
        problems.append(f"gift {gift}: reversed at partner {reversal.partner_id}, given at {original.partner_id}")
    applied = [[line.applied_to_pledge for line in transaction.lines] for transaction in (original, reversal)]
    if applied[0] != applied[1]:
        problems.append(f"gift {gift}: applied to pledges {applied[0]}, taken back from {applied[1]}")
    return problems


def _wrong_with_claim(bench: Workbench, name: str, invoice: int) -> list[str]:
    """The delivery names its transaction, and the transaction is claimed for it."""
    delivery, claim = bench.tools.deliveries.get(name), f"aegis-invoice#{invoice}"
    problems = []
    if delivery is None or delivery.result.get("invoice") != str(invoice):
        problems.append(f"{name}: its result does not name invoice {invoice}")
    claimant = bench.tools.keys.claimed_by([claim], "aegis").get(claim)
    return problems if claimant == name else [*problems, f"invoice {invoice} is claimed for {claimant}, not for {name}"]


def _wrong_with_keys(bench: Workbench, gifts: list[int]) -> list[str]:
    """A donor's key is the partner of the donor's newest gift, and says how it was found."""
    newest = {bench.raisedonors.store.gifts.entry(gift).latest.members["donorId"]: gift for gift in gifts}
    problems = []
    for donor_id, gift in newest.items():
        key = bench.tools.keys.get(f"donor#{donor_id}", "aegis")
        partners = {transaction.partner_id for transaction in bench.transactions_of(gift)}
        if key is None or key.key not in partners or not key.rule:
            problems.append(f"donor {donor_id}: the key is {key}, the gift's partner {partners}")
    return problems
