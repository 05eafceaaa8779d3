"""Whether each donor's partner has the donor's present name, address, phone and e-mail, and all else from its staff."""

from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise
from typing import Any

from ops.simulators.aegis_store import AegisStore
from ops.simulators.population_edits import edited_groups
from ops.simulators.raisedonors_records import Entry, Version, version_at
from ops.simulators.raisedonors_store import RaiseDonorsStore
from ops.simulators.raisedonors_wire import primary_of
from ops.simulators.tally_keys import donors_of_partners
from ops.simulators.tally_result import Finding, Tally
from ops.simulators.tally_values import address_of, phone_mark, primary_entry, said, same

DONOR_ID = "RaiseDonors.Donor.Id"
HOME = ("address1", "address2", "city", "state", "postal", "countryString")
PARTNER_HOME = ("Address1", "Address2", "City", "StateProv", "PostalCode", "CountryCode")
NAMES = ("Prefix", "FirstName", "MiddleName", "LastName", "Suffix", "Company")
OURS = frozenset((*NAMES, *PARTNER_HOME, "PartnerPhones", "PartnerEmails", "DateModified"))
"""Members of a partner that say what the donor says, or that Aegis moves; all others stay as staff left them."""


def compare_partners(raisedonors: RaiseDonorsStore, aegis: AegisStore, result: Tally) -> None:
    """Find partners that an edit did not reach, and members spoilt that are none of a donor's."""
    seen = first_seen(aegis)
    donors = {donor.record_id: donor for donor in raisedonors.donors.all_entries()}
    for donor in donors.values():
        partner_id, since = seen.get(str(donor.record_id), (None, None))
        partner = aegis.partners.get(partner_id or "")
        if partner_id and since and partner is not None and partner["IsActive"]:
            sight = version_at(donor, since) if partner_id in aegis.seeded_partner_ids else None
            _compare(donor, sight, partner, aegis.partners_as_left[partner_id], result)
    donors_of = donors_of_partners(raisedonors, aegis)
    for partner_id, partner in aegis.partners.items():
        own = [donors[donor_id] for donor_id in donors_of.get(partner_id, ()) if donor_id in donors]
        changed = _spoilt(partner, aegis.partners_as_left[partner_id], own)
        if changed:
            result.spoilt_records.append(Finding(None, (), ", ".join(changed), f"partner {partner_id}"))


def first_seen(aegis: AegisStore) -> dict[str, tuple[str, datetime]]:
    """Of each donor the partner that has the last transaction, and when the first one was recorded."""
    seen: dict[str, tuple[str, datetime]] = {}
    for transaction in aegis.transactions.values():
        donor_id = transaction.attribute(DONOR_ID)
        if transaction.via_api and donor_id:
            since = seen[donor_id][1] if donor_id in seen else transaction.recorded
            seen[donor_id] = transaction.partner_id, min(since, transaction.recorded)
    return seen


def _compare(
    donor: Entry, sight: Version | None, partner: Mapping[str, Any], as_left: Mapping[str, Any], result: Tally
) -> None:
    """Compare a donor who was edited since `sight`; without one the partner was made from the donor."""
    later = donor.history[donor.history.index(sight) :] if sight is not None else donor.history
    if not any(edited_groups(before, after) for before, after in pairwise(later)):
        return
    result.counts["donors edited"] += 1
    wanted, present, left = _of_donor(donor.latest.members), _of_partner(partner), _of_partner(as_left)
    first = _of_donor(sight.members) if sight is not None else {}
    # Aegis may keep its own spelling of what was the same before and after; an edit must be there as it was made.
    stale = [
        name
        for name, value in wanted.items()
        if value
        and present[name] != value
        and not (value == first.get(name) and present[name] == left[name])
        and not (name == "phone" and _has_a_phone_of_staff(donor, as_left) and value in _phones(partner))
    ]
    if stale:
        detail = f"{', '.join(stale)} of partner {partner['ID']}"
        result.stale_partners.append(Finding(None, (), detail, f"donor {donor.record_id}"))


def _phones(partner: Mapping[str, Any]) -> set[str]:
    return {phone_mark(phone["Number"]) for phone in partner.get("PartnerPhones") or []}


def _has_a_phone_of_staff(donor: Entry, as_left: Mapping[str, Any]) -> bool:
    """Whether the partner's primary phone is one that the donor never had: then the donor's stands beside it."""
    primary = primary_entry(as_left.get("PartnerPhones"))
    return primary is not None and phone_mark(primary["Number"]) not in {
        phone_mark(phone["value"])
        for version in donor.history
        for phone in version.members.get("donorPhoneNumbers") or []
    }


def _of_donor(donor: Mapping[str, Any]) -> dict[str, Any]:
    is_person = not donor["isOrganization"]
    phone, email = (primary_of(donor.get(name)) for name in ("donorPhoneNumbers", "donorEmailAddresses"))
    address = primary_of(donor.get("donorAddresses"))
    return {
        "first name": said(donor.get("firstName")) if is_person else "",
        "last name": said(donor.get("lastName")) if is_person else "",
        "company": "" if is_person else said(donor.get("organizationName")),
        "address": address_of(address, HOME) if address else None,
        "phone": phone_mark(phone["value"]) if phone else "",
        "e-mail": said(email["value"]).casefold() if email else "",
    }


def _of_partner(partner: Mapping[str, Any]) -> dict[str, Any]:
    phone, email = primary_entry(partner.get("PartnerPhones")), primary_entry(partner.get("PartnerEmails"))
    return {
        "first name": said(partner.get("FirstName")),
        "last name": said(partner.get("LastName")),
        "company": said(partner.get("Company")),
        "address": address_of(partner, PARTNER_HOME),
        "phone": phone_mark(phone["Number"]) if phone else "",
        "e-mail": said(email["Email"]).casefold() if email else "",
    }


def _spoilt(partner: Mapping[str, Any], as_left: Mapping[str, Any], donors: list[Entry]) -> list[str]:
    """Names of the members that changed though no donor says them; of phones and e-mails those that were lost."""
    names = {*partner, *as_left} - (OURS if donors else {"DateModified"})
    changed = [name for name in names if not same(partner.get(name), as_left.get(name))]
    if donors:
        changed += _lost(partner, as_left, donors, ("PartnerPhones", "Number", "donorPhoneNumbers"))
        changed += _lost(partner, as_left, donors, ("PartnerEmails", "Email", "donorEmailAddresses"))
    return sorted(changed)


def _lost(
    partner: Mapping[str, Any], as_left: Mapping[str, Any], donors: list[Entry], names: tuple[str, str, str]
) -> list[str]:
    """Phones or e-mails that staff had and that are gone or changed, other than the primary one and former ones."""
    member, value_name, collection = names
    entries, left = partner.get(member) or [], as_left.get(member) or []
    if entries == left:
        return []
    mark = phone_mark if value_name == "Number" else lambda value: said(value).casefold()
    former = {
        mark(point["value"])
        for donor in donors
        for version in donor.history
        for point in version.members.get(collection) or []
    }
    kept = {mark(entry[value_name]): entry for entry in entries}
    primary = primary_entry(left)
    lost = []
    for entry in left:
        now = kept.get(mark(entry[value_name]))
        if now is None and entry is not primary and mark(entry[value_name]) not in former:
            lost.append(f"{member} {entry.get('Type') or 'entry'}")
        elif now is not None:
            beyond = set(entry) - {"Priority", "Type", "Status", value_name}
            lost += [f"{member} {name}" for name in beyond if not same(entry[name], now.get(name))]
    return lost
