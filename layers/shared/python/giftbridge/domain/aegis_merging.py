"""What an edit on RaiseDonors changes in a whole Aegis record: those members, and none besides (requirements B2, B3).

A save replaces the whole record, so everything else goes back as it was read, unknown members included.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from giftbridge.domain.aegis_mapping import PARTNER, PLEDGE, GatheredPartner, GatheredPledge
from giftbridge.domain.aegis_values import known_country
from giftbridge.domain.agreed import ADDRESS_FIELDS, COUNTRY, EMAIL, PHONES, Fields, changed_since, phones_of
from giftbridge.domain.countries import has_no_code
from giftbridge.domain.mapping_rows import Body, Row
from giftbridge.domain.normalising import email_form, phone_form
from giftbridge.domain.notices import FieldChange
from giftbridge.errors import Rejected

Record = Mapping[str, Any]
Values = tuple[str, ...]
S = TypeVar("S")

_PLEDGE_ADDRESS = (
    "PaymentAddress1",
    "PaymentAddress2",
    "PaymentCity",
    "PaymentStateProvince",
    "PaymentPostalCode",
    "PaymentCountry",
)
_PARTNER_ADDRESS = ("Address1", "Address2", "City", "StateProv", "PostalCode", "CountryCode")
# The members that follow each field of a schedule and of a donor. An address is one thing.
PLEDGE_FOLLOWS: Mapping[str, tuple[str, ...]] = {
    "amount": ("PledgeAmount",),
    "charges a year": ("Frequency",),
    "start date": ("StartDate",),
    "payment type": ("PaymentType",),
    "motivation code": ("AppealCode",),
    "billing first name": ("PaymentFirstName",),
    "billing last name": ("PaymentLastName",),
    **{f"billing {name}": _PLEDGE_ADDRESS for name in ADDRESS_FIELDS},
}
PARTNER_FOLLOWS: Mapping[str, tuple[str, ...]] = {
    "title": ("Prefix",),
    "first name": ("FirstName",),
    "middle name": ("MiddleName",),
    "last name": ("LastName",),
    "suffix": ("Suffix",),
    "organization": ("Company",),
    **dict.fromkeys(ADDRESS_FIELDS, _PARTNER_ADDRESS),
}
# A value that was taken away empties these; any other member keeps what Aegis has.
EMPTIED = frozenset(
    {
        "Prefix",
        "MiddleName",
        "Suffix",
        "Address2",
        "City",
        "StateProv",
        "PostalCode",
        "PaymentAddress2",
        "PaymentCity",
        "PaymentStateProvince",
        "PaymentPostalCode",
    }
)


@dataclass(frozen=True, slots=True)
class Merge:
    """The whole record to save, and what differs in it; nothing to save when nothing differs."""

    record: Body
    changes: tuple[FieldChange, ...]


def merged_pledge(record: Record, gathered: GatheredPledge, changed: Iterable[str], *, active: bool) -> Merge:
    """A pledge with what changed on its schedule. AutoPayment stays off: RaiseDonors charges (pledge/Create)."""
    names = set(changed)
    if gathered.schedule.billing_address.is_empty:
        names -= {f"billing {name}" for name in ADDRESS_FIELDS}
    members = {member for name in names for member in PLEDGE_FOLLOWS.get(name, ())}
    if gathered.schedule.start_date is None:
        members -= {"StartDate"}
    unknown = f"billing {COUNTRY}" in names and not known_country(gathered.schedule.billing_address.country)
    values = _values_of(PLEDGE, gathered, members, EMPTIED | {"PaymentCountry"} if unknown else EMPTIED)
    if "status" in names:
        values["Active"] = active
    if record.get("AutoPayment") is True:
        values["AutoPayment"] = False
    return _merged(record, values)


def merged_partner(record: Record, gathered: GatheredPartner, bases: Sequence[Fields], after: Fields) -> Merge:
    """A partner with what changed on the donor since both sides last agreed, or since what may have been sent.

    Raises Rejected for an address in a country that nobody knows: no gift waits for an edit, and a person can tell.
    """
    names = set(changed_since(bases, after))
    if gathered.donor.address.is_empty:
        names -= set(ADDRESS_FIELDS)
    elif names & set(ADDRESS_FIELDS):
        _require_a_country(after.get(COUNTRY))
    members = {member for name in names for member in PARTNER_FOLLOWS.get(name, ())}
    left = COUNTRY in names and any(base.get(COUNTRY) for base in bases) and not known_country(after.get(COUNTRY))
    values = _values_of(PARTNER, gathered, members, EMPTIED | {"CountryCode"} if left else EMPTIED)
    if PHONES in names:
        before = [phones_of(base) for base in bases]
        values["PartnerPhones"] = _points(record.get("PartnerPhones"), "Number", before, phones_of(after), phone_form)
    if EMAIL in names:
        before = [_email_of(base) for base in bases]
        values["PartnerEmails"] = _points(record.get("PartnerEmails"), "Email", before, _email_of(after), email_form)
    return _merged(record, values)


def _require_a_country(country: str | None) -> None:
    if country and known_country(country) is None and not has_no_code(country):
        raise Rejected(
            "is no country that ISO 3166-1 knows",
            cause="unknown-country",
            field="donor.primaryAddress.countryString",
            remedy="correct the country on RaiseDonors, then retry",
        )


def _values_of(rows: Iterable[Row[S]], source: S, members: set[str], emptied: frozenset[str] = EMPTIED) -> Body:
    """The mapping's values of these members; what has none is emptied, or left as Aegis has it."""
    values = {row.member: row.value(source) for row in rows if row.member in members}
    return {member: value for member, value in values.items() if value is not None or member in emptied}


def _merged(record: Record, values: Body) -> Merge:
    changed = {member: value for member, value in values.items() if not _same(member, record.get(member), value)}
    changes = tuple(FieldChange(member, _shown(record.get(member)), _shown(value)) for member, value in changed.items())
    return Merge({**record, **changed}, changes)


def _same(member: str, held: object, value: object) -> bool:
    """Whether Aegis holds the value already, whatever form it gives it back in."""
    if isinstance(value, bool):
        return held is value
    if value is None or held is None:
        return (held or None) is None and (value or None) is None
    if isinstance(value, Decimal):
        try:
            return Decimal(str(held)) == value
        except InvalidOperation:
            return False
    if member == "StartDate":
        return str(held)[:10] == value
    return held == value


def _email_of(fields: Fields) -> Values:
    return (fields[EMAIL],) if fields.get(EMAIL) else ()


def _points(
    held: object, member: str, bases: Sequence[Values], after: Values, form: Callable[[str], str]
) -> list[Body]:
    """Phones or e-mails with the donor's edit: the old value is replaced in its place, what others entered stays.

    A value that every base has is none of the edit's: where it is missing, others took it away.
    """
    entries: list[Body] = [dict(entry) for entry in held if isinstance(entry, dict)] if isinstance(held, list) else []
    new_forms = {form(value) for value in after}
    unchanged = set(new_forms).intersection(*({form(value) for value in base} for base in bases)) if bases else set()
    given_up = [value for base in bases for value in base if form(value) not in new_forms]
    for value in after:
        if form(value) in unchanged or _entry_with(entries, member, value, form) is not None:
            continue
        replaced = next((old for old in given_up if _entry_with(entries, member, old, form) is not None), None)
        entry = _entry_with(entries, member, replaced, form) if replaced is not None else None
        if replaced is None or entry is None:
            entries.append({"Type": "Home", "Priority": _next_priority(entries), member: value})
        else:
            given_up.remove(replaced)
            entry[member] = value
    for base in bases:
        _put_first(entries, member, base, after, form)
    return entries


def _put_first(entries: list[Body], member: str, before: Values, after: Values, form: Callable[[str], str]) -> None:
    """The donor made another of their values the primary one: both entries change places."""
    if not before or not after or form(before[0]) == form(after[0]):
        return
    old, new = (_entry_with(entries, member, values[0], form) for values in (before, after))
    if old is not None and new is not None and _priority(new) > _priority(old):
        old["Priority"], new["Priority"] = new.get("Priority"), old.get("Priority")


def _entry_with(entries: list[Body], member: str, value: str, form: Callable[[str], str]) -> Body | None:
    return next((entry for entry in entries if form(str(entry.get(member) or "")) == form(value)), None)


def _next_priority(entries: list[Body]) -> int:
    return max((_priority(entry) for entry in entries), default=0) + 1


def _priority(entry: Body) -> int:
    priority = entry.get("Priority")
    return priority if isinstance(priority, int) else 0


def _shown(value: object) -> str | None:
    """A member's value for the activity: the numbers and addresses of a list, in one line."""
    if isinstance(value, list):
        listed = [str(entry.get("Number") or entry.get("Email") or "") for entry in value if isinstance(entry, dict)]
        return ", ".join(text for text in listed if text) or None
    if value is None or value == "":
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)
