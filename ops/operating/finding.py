"""Finding donors and deliveries by what a person has in hand: a name, an e-mail address, an id, a number, an amount.

Names are asked of RaiseDonors' search, which is loose, and shown; nothing of them is stored. Numbers are looked up in
our own indexes. What could not be searched is said.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from giftbridge.clients.raisedonors_donors import DonorRecord
from giftbridge.domain.deliveries import Delivery, State
from giftbridge.domain.delivery_ids import AEGIS, VIRTUOUS
from giftbridge.domain.entities import donor_of
from giftbridge.errors import GiftBridgeError
from giftbridge.store.crm_keys import invoice_claim
from ops.operating.identifiers import delivery_ids
from ops.operating.problems import NeedsPerson, WrongUsage
from ops.operating.reaching import raisedonors
from ops.operating.stack import Stack

# A hundred gifts of one amount tell nothing: a donor does.
MOST_OF_AN_AMOUNT = 100
# A longer number without a point is somebody's id.
_DIGITS_OF_AN_AMOUNT = 5
_DELIVERIES_OF_A_DONOR = 200
_NUMBER = re.compile(r"#?(\d{1,12})")
_AMOUNT = re.compile(r"[$€£]?\s*(\d{1,3}(?:,\d{3})+|\d+)(\.\d{1,2})?")
_UNSETTLED = frozenset({State.FAILED, State.WAITING, State.UNKNOWN, State.SENDING, State.PENDING})
_LOOSE = "RaiseDonors' search"
_NOUNS = frozenset({"donation", "schedule"})


@dataclass(frozen=True, slots=True)
class DonorHit:
    """A donor that may be meant: what RaiseDonors calls them, and what fits."""

    donor_id: int
    name: str
    email: str
    why: str


@dataclass(frozen=True, slots=True)
class Found:
    """Donors; deliveries that the text names, then those of the donors that are not settled; and what was searched.

    `missed` says what could not be searched, or not to its end.
    """

    donors: tuple[DonorHit, ...]
    deliveries: tuple[Delivery, ...]
    searched: tuple[str, ...]
    missed: tuple[str, ...] = ()


@dataclass
class _Search:
    """What was found so far; donors by id, deliveries by id, in the order in which they were found."""

    stack: Stack
    limit: int
    donors: dict[int, DonorHit] = field(default_factory=dict)
    ids: dict[str, None] = field(default_factory=dict)
    of_donors: dict[int, str] = field(default_factory=dict)
    searched: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)


def find_text(stack: Stack, text: str, limit: int = 20) -> Found:
    """Whatever a text may mean; donors up to the limit. Raises WrongUsage for an empty text."""
    wanted = " ".join(text.split())
    if not wanted:
        raise WrongUsage("What is to be found?", ["A name, an e-mail address, an id, an invoice number or an amount."])
    search = _Search(stack, limit)
    _named(search, wanted)
    number = _NUMBER.fullmatch(wanted)
    if number is not None:
        _numbered(search, number[1])
    amount = _AMOUNT.fullmatch(wanted)
    if amount is not None and (number is None or len(number[1]) <= _DIGITS_OF_AN_AMOUNT):
        _of_amount(search, Decimal(amount[1].replace(",", "") + (amount[2] or "")))
    _of_names(search, wanted)
    return _found(search)


# --- our own rows -----------------------------------------------------------------------------------------------


def _named(search: _Search, wanted: str) -> None:
    """A delivery's id, or one of the forms that stand for it."""
    if "/" not in wanted:
        return
    try:
        ids = delivery_ids(wanted)
    except WrongUsage:
        return
    search.ids.update(dict.fromkeys(ids))
    search.searched.append("deliveries of this id")


def _numbered(search: _Search, number: str) -> None:
    """A number may be anybody's: a donation's, a donor's, an invoice's, a partner's, a pledge's, a contact's."""
    keys = search.stack.tools.keys
    for noun in ("donation", "schedule", "contact"):
        search.ids.update(dict.fromkeys(delivery_ids(f"{noun}/{number}")))
    search.of_donors.setdefault(int(number), "donor id")
    claimed = keys.claimed_by([invoice_claim(number)], AEGIS)
    search.ids.update(dict.fromkeys(claimed.values()))
    for system, title in ((AEGIS, "Aegis"), (VIRTUOUS, "Virtuous")):
        for entity in keys.entities_with(system, number):
            noun, _, of = entity.partition("#")
            donor = donor_of(entity)
            if donor is not None:
                search.of_donors.setdefault(donor, f"id {number} in {title}")
            elif noun in _NOUNS:
                search.ids.update(dict.fromkeys(delivery_ids(f"{noun}/{of}")))
    search.searched.append("ids of donations, donors, schedules, contacts; invoices, partners and pledges of Aegis")


# --- RaiseDonors ------------------------------------------------------------------------------------------------


def _of_names(search: _Search, wanted: str) -> None:
    """What RaiseDonors' search says: id, part of a name, organisation, e-mail, phone, postcode or state."""
    try:
        records = raisedonors(search.stack).donors_matching(_as_searched(wanted))
    except (NeedsPerson, GiftBridgeError) as error:
        search.missed.append(f"donors on RaiseDonors: {_told(error)}")
        return
    search.searched.append("donors on RaiseDonors by name, organisation, e-mail, phone, postcode and id")
    ranked = sorted(((_why(record, wanted), record) for record in records), key=lambda hit: hit[0] == _LOOSE)
    for why, record in ranked[: search.limit]:
        search.donors[record.donor.id] = _hit(record, why)
    if len(ranked) > search.limit:
        search.missed.append(f"{len(ranked) - search.limit} more donors: say more of the name, or raise --limit")


def _as_searched(wanted: str) -> str:
    """The search knows a phone as (xxx) xxx-xxxx alone (searchDonors)."""
    digits = re.sub(r"\D", "", wanted)
    if re.fullmatch(r"[\d\s().+-]+", wanted) and (len(digits) == 10 or (len(digits) == 11 and digits[0] == "1")):
        area, first, last = digits[-10:-7], digits[-7:-4], digits[-4:]
        return f"({area}) {first}-{last}"
    return wanted


def _why(record: DonorRecord, wanted: str) -> str:
    """Which of a donor's values fits: the search says only that one does."""
    donor, text = record.donor, wanted.casefold()
    name, digits = donor.display_name.casefold(), re.sub(r"\D", "", wanted)[-10:]
    fits = {
        "donor id": wanted == str(donor.id),
        "e-mail": any(text == email.casefold() for email in donor.emails),
        "name": text == name or text in name.split(),
        "organisation": text in (donor.organization_name or "").casefold(),
        "phone": len(digits) == 10 and any(re.sub(r"\D", "", phone).endswith(digits) for phone in donor.phones),
        "part of the name": text in name,
        "postcode": text == (donor.address.postal_code or "").casefold(),
        _LOOSE: True,
    }
    return next(why for why, does in fits.items() if does)


def _hit(record: DonorRecord, why: str) -> DonorHit:
    gone = ", archived or deleted there" if record.is_gone else ""
    emails = record.donor.emails
    return DonorHit(record.donor.id, record.donor.display_name, emails[0] if emails else "", why + gone)


def _of_amount(search: _Search, amount: Decimal) -> None:
    """Gifts of an amount: the list of all gifts is in the order of amounts, so few pages of it need to be read."""
    try:
        ids, goes_on = raisedonors(search.stack).gifts_of_amount(amount, MOST_OF_AN_AMOUNT)
    except (NeedsPerson, GiftBridgeError) as error:
        search.missed.append(f"gifts of {amount} on RaiseDonors: {_told(error)}")
        return
    search.searched.append(f"gifts of {amount} on RaiseDonors")
    for gift in ids:
        search.ids.update(dict.fromkeys(delivery_ids(f"donation/{gift}")))
    if goes_on:
        search.missed.append(f"there are more gifts of {amount} than {MOST_OF_AN_AMOUNT}")


def _told(error: Exception) -> str:
    return error.text if isinstance(error, NeedsPerson | GiftBridgeError) else type(error).__name__


# --- together ---------------------------------------------------------------------------------------------------


def _found(search: _Search) -> Found:
    named = search.stack.tools.deliveries.get_many(search.ids)
    deliveries = {name: named[name] for name in search.ids if name in named}
    donors = dict(search.donors)
    of = list(dict.fromkeys([*search.of_donors, *donors]))[: search.limit]
    for number, theirs in zip(of, _of_donors(search, of), strict=True):
        if number not in donors and theirs:
            donors[number] = DonorHit(number, "", "", search.of_donors[number])
        deliveries.update((d.id, d) for d in theirs if d.state in _UNSETTLED)
    return Found(tuple(donors.values()), tuple(deliveries.values()), tuple(search.searched), tuple(search.missed))


def _of_donors(search: _Search, donors: Sequence[int]) -> list[list[Delivery]]:
    tools = search.stack.tools
    return tools.side_by_side(
        lambda donor: tools.deliveries.of_donor(donor, _DELIVERIES_OF_A_DONOR), donors, tools.threads
    )
