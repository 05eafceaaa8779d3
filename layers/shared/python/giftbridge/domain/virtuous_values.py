"""Values of a donor and a donation in the form that Virtuous takes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal

from giftbridge.domain.aegis_values import cents
from giftbridge.domain.contacts import HOUSEHOLD, ORGANIZATIONS
from giftbridge.domain.countries import country_code
from giftbridge.domain.donations import Address, Allocation, Donation, Donor, Premium, Project, Tribute
from giftbridge.domain.left_out import left_out_of_virtuous
from giftbridge.domain.notes import verbose_note
from giftbridge.domain.tributes import IN_HONOR, IN_MEMORY
from giftbridge.errors import Rejected

ORGANIZATION = "Organization"
LONGEST_NOTE = 2000
GIFT_TYPES: Mapping[str, str] = {"CreditCard": "Credit", "ACH": "EFT", "DirectDebit": "EFT"}
OTHER_GIFT_TYPE = "Other"
TRIBUTES: Mapping[str, str] = {IN_HONOR: "In honor of", IN_MEMORY: "In memory of"}
# These are meant for Aegis alone (requirement A10).
_AEGIS_FIELD = "custom_aegisapi_"
_CUT = "..."
# Control characters other than tabs and line breaks, and halves of surrogate pairs.
_UNSENDABLE = re.compile("[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f\\ud800-\\udfff]")


def stripped(text: str | None) -> str | None:
    """The text without blanks around it, or None when nothing is left. Characters that no text can hold fall away."""
    return _UNSENDABLE.sub("", text or "").strip() or None


def contact_type(donor: Donor, known: str | None = None) -> str:
    """The type of a contact: the one it has, unless that is a custom one, which is never sent back (schema Contact)."""
    if known == HOUSEHOLD or known in ORGANIZATIONS:
        return str(known)
    return ORGANIZATION if donor.is_organization else HOUSEHOLD


def first_of(values: tuple[str, ...]) -> str | None:
    """The primary phone or e-mail."""
    return stripped(values[0]) if values else None


def home(address: Address) -> Address | None:
    """The address as it is sent, its country as a code where it is one; None where there is only a country."""
    street, street2, city = stripped(address.street), stripped(address.street2), stripped(address.city)
    state, postal_code, country = stripped(address.state), stripped(address.postal_code), stripped(address.country)
    if not any((street, street2, city, state, postal_code)):
        return None
    code = country_code(country) if country is not None else None
    return Address(street, street2, city, state, postal_code, code or country)


def money(amount: Decimal) -> str:
    """An amount as a text with two decimals (schema Decimal); validation has refused what would lose something."""
    return str(cents(amount))


def gift_type(tender: str | None) -> str:
    """Virtuous' gift type of a tender."""
    by_tender = {name.casefold(): value for name, value in GIFT_TYPES.items()}
    return by_tender.get((tender or "").strip().casefold(), OTHER_GIFT_TYPE)


def project_code(project_id: int, projects: Mapping[int, Project]) -> str:
    """The code of a project. Raises Rejected when the project is unknown or has no code."""
    project = projects.get(project_id)
    code = stripped(project.code) if project else None
    if code is None:
        raise Rejected(
            f"project {project_id} has no code" if project else f"project {project_id} does not exist",
            cause="project-without-code",
            field="projects[].projectId",
            remedy="give the project a code on RaiseDonors, then retry",
        )
    return code


def shares(donation: Donation) -> tuple[Allocation, ...]:
    """The parts of a donation that are not zero."""
    return tuple(allocation for allocation in donation.allocations if allocation.amount != 0)


def tribute_text(tribute: Tribute | None) -> str | None:
    """The tribute in words."""
    name = stripped(tribute.name) if tribute else None
    return f"{TRIBUTES.get(tribute.kind, tribute.kind)} {name}".strip() if tribute and name else None


def tribute_names(tribute: Tribute | None) -> tuple[str | None, str | None]:
    """First and last name of whom a tribute is for: RaiseDonors has one text. The last word is the last name."""
    words = (stripped(tribute.name) or "").split() if tribute and tribute.kind in TRIBUTES else []
    if not words:
        return None, None
    return (words[0], None) if len(words) == 1 else (" ".join(words[:-1]), words[-1])


def premium_list(premium: Premium | None) -> list[dict[str, object]] | None:
    """The premium as the one entry of a list; its quantity is a text (schema GiftTransaction)."""
    if premium is None:
        return None
    entry = {"code": stripped(premium.product_code), "name": stripped(premium.name)}
    named: dict[str, object] = {name: value for name, value in entry.items() if value is not None}
    return [{**named, "quantity": str(premium.quantity)}] if named else None


def gift_note(donation: Donation, donor: Donor, projects: Mapping[int, Project]) -> str:
    """The verbose note and the donor's comment, cut at 2,000 characters."""
    comment = stripped(donation.comment)
    text = stripped(verbose_note(donation, donor, projects, left_out_of_virtuous(donation, donor))) or ""
    text += f"\nComment: {comment}" if comment else ""
    return text if len(text) <= LONGEST_NOTE else text[: LONGEST_NOTE - len(_CUT)] + _CUT


def custom_fields(fields: Iterable[tuple[str, str | None]]) -> dict[str, object] | None:
    """Custom fields by name, without those meant for Aegis. Of names that differ in capitals only the first is sent.

    Virtuous matches object keys without regard to case.
    """
    found: dict[str, object] = {}
    taken: set[str] = set()
    for name, value in ((stripped(name), stripped(value)) for name, value in fields):
        if name is None or value is None or name.casefold() in taken or name.casefold().startswith(_AEGIS_FIELD):
            continue
        taken.add(name.casefold())
        found[name] = value
    return found or None
