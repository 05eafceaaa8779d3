"""Whether each schedule's pledge in Aegis is as the schedule is on RaiseDonors now."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ops.simulators.aegis_store import AegisStore, Pledge
from ops.simulators.population_schedules import PLEDGE_FREQUENCIES
from ops.simulators.raisedonors_records import Entry, version_at
from ops.simulators.raisedonors_store import RaiseDonorsStore
from ops.simulators.tally_keys import pledges_applied
from ops.simulators.tally_result import Finding, Tally
from ops.simulators.tally_values import address_of, said, same

BILLING_NAMES = ("address1", "address2", "city", "state", "postal", "countryString")
PAYMENT_NAMES = (
    "PaymentAddress1", "PaymentAddress2", "PaymentCity", "PaymentStateProvince", "PaymentPostalCode", "PaymentCountry",
)  # fmt: skip
OURS = frozenset(
    (
        "PledgeAmount", "Frequency", "Active", "AppealCode", "StartDate", "DayToCharge", "PaymentType",
        "PaymentSubType", "PaymentFirstName", "PaymentLastName", *PAYMENT_NAMES,
    )
)  # fmt: skip
"""Members of a pledge that say what the schedule says; all others stay as staff left them."""


def compare_pledges(raisedonors: RaiseDonorsStore, aegis: AegisStore, result: Tally) -> None:
    """Find schedules without an active pledge, pledges left active, pledges that differ, and members spoilt."""
    applied, first_gifts = pledges_applied(raisedonors, aegis), _first_gifts(aegis)
    for schedule in raisedonors.schedules.all_entries():
        if schedule.bad or schedule.latest.members["frequency"] not in PLEDGE_FREQUENCIES:
            continue
        pledges = _pledges_of(schedule, applied.get(schedule.record_id, set()), aegis)
        if pledges:
            _compare(schedule, pledges, first_gifts, raisedonors, result)
    for pledge in aegis.pledges.values():
        names = {*pledge.model, *pledge.as_left} - OURS
        changed = sorted(name for name in names if not same(pledge.model.get(name), pledge.as_left.get(name)))
        if changed:
            result.spoilt_records.append(Finding(None, (), ", ".join(changed), f"pledge {pledge.pledge_id}"))
    for schedule_id, changed_names in raisedonors.overwritten_schedules:
        detail = f"a caller changed {', '.join(changed_names)}"
        result.overwritten_schedules.append(Finding(None, (), detail, f"schedule {schedule_id}"))


def _pledges_of(schedule: Entry, applied: set[str], aegis: AegisStore) -> list[Pledge]:
    """The pledges that are the schedule's: by the key on RaiseDonors, and by what its gifts were applied to."""
    ids = {said(version.members.get("crmKey")) for version in schedule.history} | applied
    return [aegis.pledges[one] for one in sorted(ids) if one in aegis.pledges]


def _first_gifts(aegis: AegisStore) -> dict[str, datetime]:
    """When each pledge was first given to through the API: by then it was surely seen beside its schedule."""
    first: dict[str, datetime] = {}
    for transaction in aegis.transactions.values():
        for pledge_id in {line.applied_to_pledge for line in transaction.lines if transaction.via_api}:
            if pledge_id is not None:
                first[pledge_id] = min(first.get(pledge_id, transaction.recorded), transaction.recorded)
    return first


def _compare(
    schedule: Entry,
    pledges: list[Pledge],
    first_gifts: Mapping[str, datetime],
    raisedonors: RaiseDonorsStore,
    result: Tally,
) -> None:
    subject = f"schedule {schedule.record_id}"
    status = schedule.latest.members["statusText"]
    active = [pledge for pledge in pledges if pledge.model["Active"]]
    result.counts["schedules"] += 1
    result.counts["active pledges"] += len(active)
    if status == "Active" and not active:
        detail = f"is Active, its pledge {pledges[-1].pledge_id} is not"
        result.lost_pledges.append(Finding(None, (), detail, subject))
    if status == "Active":
        donor = raisedonors.donors.entry(schedule.latest.members["donorId"]).latest.members
        for pledge in active:
            differences = _differences(schedule, pledge, first_gifts.get(pledge.pledge_id), donor)
            if differences:
                detail = f"{', '.join(differences)} (pledge {pledge.pledge_id})"
                result.stale_pledges.append(Finding(None, (), detail, subject))
    elif active:
        detail = f"is {status}, its pledge {active[0].pledge_id} is active"
        result.open_pledges.append(Finding(None, (), detail, subject))


def _differences(schedule: Entry, pledge: Pledge, first_gift: datetime | None, donor: Mapping[str, Any]) -> list[str]:
    """What differs, except what the pledge has from staff and nobody changed on RaiseDonors.

    Who pays may also have changed before the pledge's first gift: nobody can tell then what staff had entered.
    """
    wanted, present = _of_schedule(schedule.latest.members, donor), _of_pledge(pledge.model)
    as_left, first = _of_pledge(pledge.as_left), {}
    if not pledge.via_api:
        first = _of_schedule(version_at(schedule, pledge.created).members, donor)
        seen = version_at(schedule, first_gift).members if first_gift else schedule.latest.members
        first |= {name: value for name, value in _of_schedule(seen, donor).items() if name.startswith("payer")}
    return [
        f"{name} {wanted[name]!r} on RaiseDonors, {present[name]!r} in Aegis"
        for name in wanted
        if present[name] != wanted[name] and not (wanted[name] == first.get(name) and present[name] == as_left[name])
    ]


def _of_schedule(schedule: Mapping[str, Any], donor: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "amount": schedule["amount"],
        "frequency": PLEDGE_FREQUENCIES.get(schedule["frequency"]),
        "payer's first name": said(schedule.get("billingFirstName")) or said(donor.get("firstName")),
        "payer's last name": said(schedule.get("billingLastName")) or said(donor.get("lastName")),
        "payer's address": address_of(schedule.get("billingAddress"), BILLING_NAMES),
    }


def _of_pledge(pledge: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "amount": pledge["PledgeAmount"],
        "frequency": pledge["Frequency"],
        "payer's first name": said(pledge.get("PaymentFirstName")),
        "payer's last name": said(pledge.get("PaymentLastName")),
        "payer's address": address_of(pledge, PAYMENT_NAMES),
    }
