"""A donor and a contact's individual as the same plain fields, so that two sides can be compared (requirement E5).

Values are in one notation: phones as E.164, countries as codes, blanks single. Absent and blank are left out.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from giftbridge.domain.agreed import ADDRESS_FIELDS, COUNTRY, EMAIL, Fields
from giftbridge.domain.contacts import Contact, Individual
from giftbridge.domain.countries import country_code
from giftbridge.domain.donations import Address, Donor
from giftbridge.domain.normalising import email_form, phone_form

FIRST_NAME, LAST_NAME, ORGANIZATION = "first name", "last name", "organization"
ADDRESS, PHONE = "address", "phone"
# What is compared and decided as one: half an old address and half a new one is no address.
GROUPS: Mapping[str, tuple[str, ...]] = {
    FIRST_NAME: (FIRST_NAME,),
    LAST_NAME: (LAST_NAME,),
    ORGANIZATION: (ORGANIZATION,),
    ADDRESS: ADDRESS_FIELDS,
    PHONE: (PHONE,),
}
ALL_GROUPS = frozenset({*GROUPS, EMAIL})
_HOME = "US"


def fields_of_donor(donor: Donor) -> dict[str, str]:
    """What RaiseDonors says: names or organisation, primary address, primary phone, primary e-mail."""
    names = (
        {ORGANIZATION: donor.organization_name}
        if donor.is_organization
        else {FIRST_NAME: donor.first_name, LAST_NAME: donor.last_name}
    )
    phone = donor.phones[0] if donor.phones else None
    email = donor.emails[0] if donor.emails else None
    return _filled(names, donor.address, phone, email)


def fields_of_contact(contact: Contact, individual: Individual | None, ours: Fields) -> dict[str, str]:
    """What Virtuous says of one donor: the individual's or the organisation's name, the primary address and phone.

    The e-mail is the donor's own where the individual has it among others. An address without a country keeps the
    donor's, and the name of a contact of the other sort (a household for an organisation) says nothing: `ours` stays.
    """
    was_organization = ORGANIZATION in ours
    if was_organization != contact.is_organization and (was_organization or FIRST_NAME in ours or LAST_NAME in ours):
        names: dict[str, str | None] = {name: ours.get(name) for name in (FIRST_NAME, LAST_NAME, ORGANIZATION)}
    elif contact.is_organization:
        names = {ORGANIZATION: contact.name}
    else:
        names = {
            FIRST_NAME: individual.first_name if individual else ours.get(FIRST_NAME),
            LAST_NAME: individual.last_name if individual else ours.get(LAST_NAME),
        }
    phone = (individual.phones[0] if individual.phones else None) if individual else ours.get(PHONE)
    emails = [email_form(email) for email in individual.emails] if individual else []
    email = ours.get(EMAIL) if ours.get(EMAIL) in emails else next(iter(emails), None)
    fields = _filled(names, contact.address, phone, email)
    if ADDRESS_FIELDS[0] in fields and COUNTRY not in fields and COUNTRY in ours:
        fields[COUNTRY] = ours[COUNTRY]
    return fields


def group_of(fields: Fields, group: str) -> dict[str, str]:
    """The values of one group; empty when the side says nothing."""
    return {name: fields[name] for name in GROUPS[group] if name in fields}


def with_group(fields: Fields, group: str, values: Fields) -> dict[str, str]:
    """The fields with one group replaced as a whole."""
    kept = {name: value for name, value in fields.items() if name not in GROUPS[group]}
    return {**kept, **values}


def says_the_same_of(group: str, one: Fields, other: Fields) -> bool:
    """Whether two sides agree on a group. Of addresses, a country that one side leaves out differs from none."""
    first, second = group_of(one, group), group_of(other, group)
    if group == ADDRESS and first and second and (COUNTRY in first) != (COUNTRY in second):
        first.pop(COUNTRY, None)
        second.pop(COUNTRY, None)
    return first == second


def changed_groups(before: Fields, after: Fields) -> frozenset[str]:
    """Groups, and the e-mail, that differ."""
    changed = {group for group in GROUPS if not says_the_same_of(group, before, after)}
    return frozenset(changed | ({EMAIL} if before.get(EMAIL) != after.get(EMAIL) else set()))


def _filled(names: Mapping[str, str | None], address: Address, phone: str | None, email: str | None) -> dict[str, str]:
    country = country_code(address.country) if address.country and address.country.strip() else None
    lines = (address.street, address.street2, address.city, address.state, address.postal_code)
    told: dict[str, str | None] = {
        **names,
        **dict(zip(ADDRESS_FIELDS, (*lines, country or address.country), strict=True)),
        PHONE: phone_form(phone, country or _HOME) or None,
        EMAIL: email_form(email) or None,
    }
    if not any(line and line.strip() for line in lines):
        told[COUNTRY] = None
    return {name: text for name, value in told.items() if value is not None and (text := _tidy(value))}


def _tidy(text: str) -> str:
    """Composed letters, single blanks, and no half of a surrogate pair: a row can hold it."""
    return " ".join(unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode()).split())[:500]
