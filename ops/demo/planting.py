"""Differences put into Aegis, or into Virtuous, by hand, to see that the report finds them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from decimal import Decimal

from ops.demo.day import Day
from ops.demo.virtuous_planting import VIRTUOUS_PLANTS
from ops.simulators.aegis_store import AegisStore, Transaction
from ops.simulators.tally_partners import first_seen

DONATION_ID = "RaiseDonors.Donation.Id"
OLD_NUMBER = "202-555-0199"


def plant(name: str, day: Day) -> None:
    """Spoil one record that was fine; each call takes another one."""
    with day.raisedonors.store.lock, day.aegis.store.lock, day.virtuous.simulator.store.lock:
        PLANTS[name](day)


def _transactions(day: Day, *statuses: str, sign: int = 1) -> Iterator[Transaction]:
    """Transactions of one line and of no schedule, whose gift has one of these statuses, that nobody spoilt yet."""
    for transaction in list(day.aegis.store.transactions.values()):
        gift_id = transaction.attribute(DONATION_ID)
        if not transaction.via_api or not gift_id or len(transaction.lines) != 1 or sign * transaction.total <= 0:
            continue
        gift = day.raisedonors.store.gifts.entry(int(gift_id)).latest.members
        is_fit = gift["statusText"] in statuses and not gift.get("recurringGiftId")
        if is_fit and gift_id not in day.spoilt:
            day.spoilt.add(gift_id)
            yield transaction


def _remove(aegis: AegisStore, transaction: Transaction) -> None:
    del aegis.transactions[transaction.invoice_number]
    aegis.transactions_of[transaction.partner_id].remove(transaction)


def _double(aegis: AegisStore, transaction: Transaction) -> None:
    twin = copy.deepcopy(transaction)
    twin.invoice_number = aegis.new_invoice_number()
    aegis.add_transaction(twin)


def _missing(day: Day) -> None:
    _remove(day.aegis.store, next(_transactions(day, "Approved")))


def _doubled(day: Day) -> None:
    _double(day.aegis.store, next(_transactions(day, "Approved")))


def _refund_missing(day: Day) -> None:
    _remove(day.aegis.store, next(_transactions(day, "Refunded", "Voided", sign=-1)))


def _refund_doubled(day: Day) -> None:
    _double(day.aegis.store, next(_transactions(day, "Refunded", "Voided", sign=-1)))


def _cent(day: Day) -> None:
    transaction = next(_transactions(day, "Approved"))
    transaction.total += Decimal("0.01")
    transaction.lines[0].amount += Decimal("0.01")
    transaction.model["TotalTransactionAmount"] = transaction.total
    transaction.model["Gifts"][0]["Amount"] = transaction.total


def _fund(day: Day) -> None:
    transaction = next(_transactions(day, "Approved"))
    other = next(code for code in day.aegis.store.codes["Fund"] if code != transaction.lines[0].fund_id)
    transaction.lines[0].fund_id = other
    transaction.model["Gifts"][0]["FundID"] = other


def _pledge(day: Day) -> None:
    """A schedule that ended, whose pledge nobody ended."""
    pledges = day.aegis.store.pledges
    ended = (
        pledges[str(schedule.latest.members["crmKey"])]
        for schedule in day.raisedonors.store.schedules.all_entries()
        if schedule.latest.members["statusText"] in ("Cancelled", "Expired")
        and str(schedule.latest.members.get("crmKey")) in pledges
    )
    next(ended).model["Active"] = True


def _phone(day: Day) -> None:
    """A donor whose new phone never reached the partner."""
    aegis, seen = day.aegis.store, first_seen(day.aegis.store)
    for event in day.changes.events.happened:
        partner_id = seen.get(str(event.record_id), ("", None))[0]
        phones = aegis.partners.get(partner_id, {}).get("PartnerPhones")
        if event.kind == "donor_phone" and phones and aegis.partners[partner_id]["IsActive"]:
            phones[0]["Number"] = OLD_NUMBER
            return
    raise LookupError("no donor's phone was edited")


def _wiped(day: Day) -> None:
    """A partner that lost what staff keeps there."""
    partner = next(one for one in day.aegis.store.partners.values() if one.get("MailCode"))
    partner["MailCode"] = ""


PLANTS: dict[str, Callable[[Day], None]] = {
    "missing": _missing,
    "doubled": _doubled,
    "cent": _cent,
    "fund": _fund,
    "refund-missing": _refund_missing,
    "refund-doubled": _refund_doubled,
    "pledge": _pledge,
    "phone": _phone,
    "wiped": _wiped,
    **VIRTUOUS_PLANTS,
}
