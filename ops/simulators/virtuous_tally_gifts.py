"""Whether each gift is held or landed in Virtuous once, as it was given, and reversed once if it was given back."""

import re
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal

from ops.simulators.raisedonors_records import Entry
from ops.simulators.raisedonors_store import RaiseDonorsStore
from ops.simulators.virtuous_records import HeldRow, RowState
from ops.simulators.virtuous_store import VirtuousStore
from ops.simulators.virtuous_tally_result import VirtuousFinding, VirtuousTally

GIVEN_BACK = ("Refunded", "Voided")
GIFT_NUMBER = re.compile(r"(\d+)\D*$")


def gift_id_of(transaction_id: str) -> int | None:
    """The gift on RaiseDonors that a transaction id names by its last number."""
    found = GIFT_NUMBER.search(transaction_id)
    return int(found[1]) if found is not None else None


def compare_gifts(
    raisedonors: RaiseDonorsStore,
    virtuous: VirtuousStore,
    source: str,
    expected: Iterable[int] | None,
    result: VirtuousTally,
) -> None:
    """Find gifts that are missing, doubled, foreign or different, and reversals that are missing or doubled."""
    gifts = {entry.record_id: entry for entry in raisedonors.gifts.all_entries()}
    wanted = set(expected) if expected is not None else {own_id for own_id, gift in gifts.items() if _ought(gift)}
    rows: dict[int | None, list[HeldRow]] = {}
    for row in virtuous.gift_rows.values():
        if row.source == source and row.state is not RowState.REFUSED:
            rows.setdefault(gift_id_of(row.identity), []).append(row)
    for row in [row for own_id, found in rows.items() if own_id not in gifts for row in found]:
        result.foreign_gifts.append(VirtuousFinding(f"row {row.identity}", "is no gift on RaiseDonors"))
    reversed_ids: Counter[int | None] = Counter(gift.reversed_gift_id for gift in virtuous.gifts.values())
    for own_id, gift in gifts.items():
        own = rows.get(own_id, [])
        _compare(raisedonors, virtuous, gift, own, result, is_wanted=own_id in wanted)
        # A gift that staff deleted cannot be reversed any more.
        landed = [row for row in own if row.gift_id in virtuous.gifts]
        reversals = sum(reversed_ids[row.gift_id] for row in own if row.gift_id)
        _compare_reversals(gift, own, reversals, result, has_landed=bool(landed))
    for _, transaction_id in virtuous.changed_repeats:
        result.changed_repeats.append(VirtuousFinding(f"row {transaction_id}", "the first content stays"))
    result.counts["gift rows sent again"] = sum(row.repeats for row in virtuous.gift_rows.values())


def _compare(
    raisedonors: RaiseDonorsStore,
    virtuous: VirtuousStore,
    gift: Entry,
    rows: list[HeldRow],
    result: VirtuousTally,
    *,
    is_wanted: bool,
) -> None:
    subject = f"gift {gift.record_id}"
    result.counts["gifts expected"] += is_wanted
    if is_wanted and not rows:
        result.missing_gifts.append(VirtuousFinding(subject, "was never handed in"))
    if len(rows) > 1:
        result.doubled_gifts.append(VirtuousFinding(subject, f"as {', '.join(row.identity for row in rows)}"))
    if rows and "Approved" not in gift.statuses:
        result.foreign_gifts.append(VirtuousFinding(subject, f"is {gift.latest.members.get('statusText')}"))
    for row in rows:
        result.counts[f"gifts {row.state.value}"] += 1
        flaw = _flaw(raisedonors, virtuous, gift, row)
        if flaw:
            result.wrong_gifts.append(VirtuousFinding(subject, flaw))


def _compare_reversals(
    gift: Entry, rows: list[HeldRow], reversals: int, result: VirtuousTally, *, has_landed: bool
) -> None:
    is_back = gift.latest.members.get("statusText") in GIVEN_BACK and "Approved" in gift.statuses
    if is_back and any(row.state is RowState.HELD for row in rows):
        result.counts["reversals waiting for the import"] += 1
    wanted = int(is_back and has_landed)
    result.counts["reversals"] += reversals
    if reversals > wanted:
        finding = VirtuousFinding(f"gift {gift.record_id}", f"reversed {reversals} times, {wanted} wanted")
        result.doubled_reversals.append(finding)
    elif reversals < wanted:
        result.missing_reversals.append(VirtuousFinding(f"gift {gift.record_id}", "has landed"))


def _flaw(raisedonors: RaiseDonorsStore, virtuous: VirtuousStore, gift: Entry, row: HeldRow) -> str | None:
    """What of a gift is not as it was given: amount, projects, donor."""
    members, sent = gift.latest.members, row.row
    if Decimal(sent["amount"]) != Decimal(str(members["amount"])):
        return f"{members['amount']} on RaiseDonors, {sent['amount']} in Virtuous"
    given: dict[str, Decimal] = {}
    for share in members.get("projects") or []:
        code = str(raisedonors.projects.entry(share["projectId"]).latest.members.get("code"))
        given[code] = given.get(code, Decimal(0)) + Decimal(str(share["amount"]))
    shown: dict[str, Decimal] = {}
    for share in sent.get("designations") or []:
        code = str(share.get("code"))
        shown[code] = shown.get(code, Decimal(0)) + Decimal(share.get("amountDesignated") or 0)
    if given != shown:
        return f"projects {sorted(given)} on RaiseDonors, {sorted(shown)} in Virtuous"
    donor_id = str(members.get("donorId"))
    if row.state is RowState.LANDED:
        landed = virtuous.gifts.get(row.gift_id or 0)
        owner = virtuous.by_reference(row.source, donor_id)
        is_judged = landed is not None and landed.contact_id in virtuous.contacts
        if landed is not None and is_judged and (owner is None or owner.contact_id != landed.contact_id):
            return f"went to contact {landed.contact_id}, which is not donor {donor_id}"
    elif sent["contact"].get("referenceId") not in (None, donor_id):
        return f"names donor {sent['contact'].get('referenceId')} instead of {donor_id}"
    return None


def _ought(gift: Entry) -> bool:
    members = gift.latest.members
    is_new = not gift.first_members.get("crmKey")
    return members.get("statusText") == "Approved" and not members.get("isTestMode") and is_new and not gift.bad
