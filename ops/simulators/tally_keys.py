"""Whether donors, partners, schedules and pledges stand one to one."""

from collections.abc import Iterable
from typing import Any

from ops.simulators.aegis_store import AegisStore, Pledge
from ops.simulators.raisedonors_records import Entry
from ops.simulators.raisedonors_store import RaiseDonorsStore
from ops.simulators.tally_result import Finding

DONATION_ID = "RaiseDonors.Donation.Id"
DONOR_ID = "RaiseDonors.Donor.Id"
MATCHED_BY = ("firstName", "lastName", "organizationName", "donorAddresses", "donorEmailAddresses")


def doubled_partners(aegis: AegisStore) -> list[Finding]:
    """Active partners that carry the same donor id."""
    carriers: dict[str, list[str]] = {}
    for partner in aegis.partners.values():
        donor_id = _donor_id_of(partner)
        if partner["IsActive"] and donor_id:
            carriers.setdefault(donor_id, []).append(str(partner["ID"]))
    return [
        Finding(None, (), f"donor {donor_id} is carried by the active partners {', '.join(ids)}")
        for donor_id, ids in carriers.items()
        if len(ids) > 1
    ]


def wrong_partner(
    raisedonors: RaiseDonorsStore, aegis: AegisStore, donor_id: int | None, partner_id: str
) -> str | None:
    """What is wrong with a donor's gifts being recorded for this partner, as far as that is certain."""
    if donor_id is None or partner_id in raisedonors.foreign_partners.get(donor_id, frozenset()):
        return f"partner {partner_id} looks like donor {donor_id} and is someone else"
    own = raisedonors.expected_partners.get(donor_id)
    if own is None or _was_rewritten(raisedonors.donors.entry(donor_id)):
        return None
    was_there_before = partner_id in aegis.seeded_partner_ids
    if not own:
        return f"partner {partner_id} was there before donor {donor_id}" if was_there_before else None
    # Which of several is taken, or whether a new one is made, is the organisation's choice; of one gone inactive too.
    open_choice = len(own) > 1 or not all(aegis.partners.get(one, {}).get("IsActive") for one in own)
    if partner_id in own or (open_choice and not was_there_before):
        return None
    return f"donor {donor_id} is partner {' or '.join(sorted(own))}, not {partner_id}"


def doubled_pledges(raisedonors: RaiseDonorsStore, aegis: AegisStore) -> list[Finding]:
    """Schedules with more than one active pledge, by what their gifts were applied to and by what was created."""
    findings = []
    for schedule_id, pledge_ids in pledges_applied(raisedonors, aegis).items():
        active = sorted(one for one in pledge_ids if one in aegis.pledges and aegis.pledges[one].model["Active"])
        if len(active) > 1:
            findings.append(Finding(None, (), f"schedule {schedule_id} has the active pledges {', '.join(active)}"))
    return findings + _created_twice(raisedonors, aegis)


def pledges_applied(raisedonors: RaiseDonorsStore, aegis: AegisStore) -> dict[int, set[str]]:
    """The pledges that the gifts of each schedule went to, as they were named."""
    schedules = {
        str(entry.record_id): entry.latest.members.get("recurringGiftId") for entry in raisedonors.gifts.all_entries()
    }
    applied: dict[int, set[str]] = {}
    for transaction in aegis.transactions.values():
        schedule_id = schedules.get(transaction.attribute(DONATION_ID) or "")
        if schedule_id is not None:
            named = (line for line in transaction.lines if not line.by_hazard)
            ids = {line.applied_to_pledge for line in named if line.applied_to_pledge}
            applied.setdefault(schedule_id, set()).update(ids)
    return applied


def _created_twice(raisedonors: RaiseDonorsStore, aegis: AegisStore) -> list[Finding]:
    """Equal pledges that callers created for one partner, more than its donors have schedules of that amount."""
    groups: dict[tuple[Any, ...], list[Pledge]] = {}
    for pledge in aegis.pledges.values():
        first = pledge.first_model
        if pledge.via_api and pledge.model["Active"]:
            key = (first["PartnerID"], first["PledgeAmount"], str(first["StartDate"])[:10], first["Frequency"])
            groups.setdefault(key, []).append(pledge)
    donors = donors_of_partners(raisedonors, aegis)
    findings = []
    for (partner_id, amount, start, frequency), pledges in groups.items():
        schedules = _schedules_of(raisedonors, donors.get(partner_id, set()), amount)
        if len(pledges) > max(len(schedules), 1):
            detail = f"partner {partner_id} was given {len(pledges)} pledges of {amount} {frequency} from {start}"
            findings.append(Finding(None, (), f"{detail}, for {len(schedules)} schedules"))
    return findings


def donors_of_partners(raisedonors: RaiseDonorsStore, aegis: AegisStore) -> dict[str, set[int]]:
    """Of each partner the donors that are it: by the key on RaiseDonors, by their gifts, by the custom data."""
    pairs: list[tuple[str, Any]] = [
        (str(donor.latest.members.get("crmKey")), donor.record_id) for donor in raisedonors.donors.all_entries()
    ]
    pairs += [(transaction.partner_id, transaction.attribute(DONOR_ID)) for transaction in aegis.transactions.values()]
    pairs += [(partner_id, _donor_id_of(partner)) for partner_id, partner in aegis.partners.items()]
    donors: dict[str, set[int]] = {}
    for partner_id, donor_id in pairs:
        if donor_id is not None and str(donor_id).isdigit():
            donors.setdefault(partner_id, set()).add(int(donor_id))
    return donors


def _schedules_of(raisedonors: RaiseDonorsStore, donor_ids: Iterable[int], amount: Any) -> list[Entry]:
    wanted = set(donor_ids)
    return [
        schedule
        for schedule in raisedonors.schedules.all_entries()
        if schedule.latest.members["donorId"] in wanted
        and amount in (schedule.first_members["amount"], schedule.latest.members["amount"])
    ]


def _donor_id_of(partner: dict[str, Any]) -> str | None:
    for pair in partner.get("CustomData") or []:
        if pair["Name"].casefold() == DONOR_ID.casefold():
            return str(pair["Value"])
    return None


def _was_rewritten(donor: Entry) -> bool:
    """Whether what a donor is matched by was ever another than when it was added: it may have gone there and back."""
    first = donor.first_members
    return any(version.members.get(name) != first.get(name) for version in donor.history for name in MATCHED_BY)
