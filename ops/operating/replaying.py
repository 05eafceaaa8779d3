"""Edit and replay (requirement G4): a failed gift is sent with values that a person corrected, checked beforehand.

The correction is kept on the delivery, beside what RaiseDonors says, and its refund is made with it too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from giftbridge.domain.corrections import corrected, corrected_projects, in_force, values_of
from giftbridge.domain.deliveries import Delivery, Kind, State
from giftbridge.domain.delivery_ids import AEGIS, VIRTUOUS
from giftbridge.domain.virtuous_mapping import GatheredGift, gift_row, project_codes
from giftbridge.errors import LostRace, Rejected, Skipped
from giftbridge.flows.aegis_delivery import AegisDelivery
from giftbridge.flows.work import Work
from ops.operating import reaching
from ops.operating.problems import NeedsPerson, WrongUsage
from ops.operating.retrying import nudge
from ops.operating.stack import Stack

_STATES = frozenset({State.FAILED, State.IGNORED})


@dataclass(frozen=True, slots=True)
class ReplayPlan:
    """What would be sent otherwise than the source says: field, the source's value, the corrected one.

    `problems` name what the correction would still be refused for; a plan with one is not carried out.
    """

    delivery: Delivery
    diff: tuple[tuple[str, str, str], ...]
    problems: tuple[str, ...]
    corrections: Mapping[str, str]


def editable(stack: Stack, delivery: Delivery) -> dict[str, str]:
    """What can be corrected, with the values that would be sent now. Raises WrongUsage for what cannot be edited."""
    source = _source_values(stack, delivery)
    return {**source, **in_force(delivery, source)}


def plan_replay(stack: Stack, delivery: Delivery, changes: Mapping[str, str]) -> ReplayPlan:
    """Check a correction: fields by name, an empty value takes the source's away. Raises WrongUsage.

    A change to what the source says takes the correction of that field back.
    """
    source = _source_values(stack, delivery)
    unknown = [name for name in changes if name not in source]
    if unknown:
        raise WrongUsage(f"{unknown[0]!r} cannot be corrected here.", [f"What can be: {', '.join(sorted(source))}."])
    wanted = {**in_force(delivery, source), **{name: value.strip() for name, value in changes.items()}}
    corrections = {name: value for name, value in wanted.items() if value != source.get(name)}
    diff = tuple((name, source[name], value) for name, value in sorted(corrections.items()))
    before = {name: source[name] for name in corrections}
    wished = replace(delivery, corrections=corrections, corrected_from=before)
    return ReplayPlan(delivery, diff, _problems(stack, wished), corrections)


def replay(stack: Stack, plan: ReplayPlan, who: str) -> Delivery:
    """Keep the correction and send. Raises NeedsPerson for a plan with problems, or one that is out of date."""
    if plan.problems:
        raise NeedsPerson(f"{plan.delivery.id} would still be refused; nothing was sent.", list(plan.problems))
    work = Work(stack.tools, plan.delivery)
    changes = [{"field": name, "old": old, "new": new} for name, old, new in plan.diff]
    work.note("corrected", f"corrected by {who}, to be sent so", {"changes": changes})
    before = {name: old for name, old, _ in plan.diff}
    work.delivery = replace(plan.delivery, corrections=dict(plan.corrections), corrected_from=before)
    try:
        work.reopen(f"replayed with a correction by {who}")
    except LostRace as lost:
        raise NeedsPerson(f"{plan.delivery.id} changed since this was shown; nothing was sent.") from lost
    nudge(stack, [work.delivery])
    return work.delivery


def _source_values(stack: Stack, delivery: Delivery) -> dict[str, str]:
    if delivery.kind is not Kind.DONATION_CREATED:
        raise WrongUsage(
            f"{delivery.id} is no gift.",
            ["Only gifts can be corrected here; put anything else right on RaiseDonors, then retry."],
        )
    if delivery.state not in _STATES:
        raise WrongUsage(f"{delivery.id} is {delivery.state}: only a failed or ignored gift can be corrected.")
    raisedonors = reaching.raisedonors(stack)
    donation = raisedonors.donation(delivery.entity_id)
    return values_of(donation, raisedonors.projects())


def _problems(stack: Stack, delivery: Delivery) -> tuple[str, ...]:
    """What the destination would refuse: the very checks that its worker makes before it sends."""
    try:
        if delivery.destination == AEGIS:
            _check_for_aegis(stack, delivery)
        elif delivery.destination == VIRTUOUS:
            _check_for_virtuous(stack, delivery)
    except (Rejected, Skipped) as refused:
        return (refused.explain(),)
    return ()


def _check_for_aegis(stack: Stack, delivery: Delivery) -> None:
    carrier = AegisDelivery(stack.tools, reaching.raisedonors(stack), reaching.aegis(stack))
    settings = stack.versions.current().settings
    prepared = carrier.donations.prepare(Work(stack.tools, delivery), settings)
    carrier.partners.rehearse(prepared.donor, settings.aegis)


def _check_for_virtuous(stack: Stack, delivery: Delivery) -> None:
    raisedonors, virtuous = reaching.raisedonors(stack), reaching.virtuous(stack)
    settings = stack.versions.current().settings
    donation = corrected(raisedonors.donation(delivery.entity_id), delivery.corrections)
    gathered = GatheredGift(
        donation=donation,
        donor=raisedonors.donor(donation.donor_id),
        projects=corrected_projects(raisedonors.projects(), delivery.corrections),
        schedule=None,
        is_first_of_schedule=False,
        contact_id=None,
    )
    gift_row(gathered, settings)
    for code in project_codes(gathered):
        if virtuous.project_by_code(code) is None:
            raise Rejected(
                f"Virtuous has no project with the code {code!r}",
                cause=f"unknown-project:{code}",
                field="designations.code",
                remedy="give a project in Virtuous this code, or correct it to one there is",
            )
