"""Which partner is this donor? Rules are data: the first rule with a match decides (requirements A3, A4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import get_args

from giftbridge.domain.donations import Donor
from giftbridge.domain.normalising import email_form, phone_form, plain, postcode_form, street_form
from giftbridge.domain.partners import Partner
from giftbridge.domain.settings import MatchField
from giftbridge.domain.times import format_moment, parse_moment
from giftbridge.errors import Ambiguous

Rule = tuple[str, ...]

DEFAULT_RULES: tuple[Rule, ...] = (
    ("donor_id",),
    ("first_name", "last_name", "email", "phone", "address"),
    ("first_name", "last_name", "email", "address"),
    ("first_name", "last_name", "email"),
    ("first_name", "last_name", "address"),
)


@dataclass(frozen=True, slots=True)
class Search:
    """One search to send: parameters of the loose search as field name and text."""

    parameters: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Match:
    """The partner that was found, by which rule, and how many fitted it."""

    partner: Partner
    rule: Rule
    of_several: int = 1


def rules_for(donor: Donor, configured: Sequence[Sequence[str]] | None) -> tuple[Rule, ...]:
    """The rules in order, in the form that fits the donor: organisations match on company in place of the names."""
    rules = tuple(tuple(rule) for rule in configured) if configured is not None else DEFAULT_RULES
    if not donor.is_organization:
        return rules
    fitted = [tuple(dict.fromkeys("company" if f in {"first_name", "last_name"} else f for f in r)) for r in rules]
    return tuple(dict.fromkeys(fitted))


def searches_for(donor: Donor, rules: Iterable[Rule]) -> list[Search]:
    """The searches whose results can satisfy the rules, fewest first; the donor id cannot be searched by."""
    searches: list[Search] = []
    for rule in rules:
        search = _search_for(donor, rule)
        if search is not None and search not in searches:
            searches.append(search)
    return searches or [fallback for fallback in [_search_for(donor, ("email",))] if fallback is not None]


def _search_for(donor: Donor, rule: Rule) -> Search | None:
    if rule == ("donor_id",):
        return _name_search(donor)
    if not all(_values_of_donor(donor, field) for field in rule if field != "donor_id"):
        return None
    if "company" in rule or "last_name" in rule or "first_name" in rule:
        return _name_search(donor)
    if "email" in rule:
        return Search((("email", donor.emails[0].strip()),))
    if "address" in rule:
        return (
            Search((("address", first), *_postcode(donor)))
            if (first := next(iter((donor.address.street or "").split()), ""))
            else None
        )
    return Search((("phone", donor.phones[0].strip()),))


def _name_search(donor: Donor) -> Search | None:
    if donor.is_organization:
        return (
            Search((("company", _one_line(donor.organization_name)),)) if _one_line(donor.organization_name) else None
        )
    names = (("firstName", _one_line(donor.first_name)), ("lastName", _one_line(donor.last_name)))
    filled = tuple((name, text) for name, text in names if text)
    return Search(filled) if filled else None


def _postcode(donor: Donor) -> tuple[tuple[str, str], ...]:
    form = postcode_form(donor.address.postal_code)
    return (("postalCode", form),) if form.isdigit() else ()


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())


def matches(donor: Donor, partners: Iterable[Partner], rules: Iterable[Rule], donor_id_field: str) -> list[Match]:
    """Every active partner that the first matching rule finds, oldest first; empty when no rule finds one.

    Of several, those that carry the donor's id are meant: it is our own mark, whatever the rules say by now.
    """
    active = {partner.id: partner for partner in partners if partner.is_active}
    for rule in rules:
        found = [p for p in active.values() if _agrees(donor, p, rule, donor_id_field)]
        marked = [p for p in found if _field_agrees(donor, p, "donor_id", donor_id_field)]
        if len(found) > 1 and marked:
            found = marked
        if found:
            return [Match(partner, rule, len(found)) for partner in sorted(found, key=_age)]
    return []


def choose(found: list[Match], on_several: str) -> Match | None:
    """The partner to use, or None to create one (setting aegis.on_several_matches).

    Raises Ambiguous when a person is to choose.
    """
    if not found:
        return None
    if len(found) == 1 or on_several == "oldest":
        return found[0]
    if on_several == "newest":
        return found[-1]
    if on_several == "review":
        raise Ambiguous(
            f"{len(found)} partners match by {' + '.join(found[0].rule)}",
            cause="several-matches",
            candidates=tuple(match.partner.id for match in found),
            remedy="choose one with `giftbridge review`",
        )
    return None


def is_plausible(donor: Donor, partner: Partner, donor_id_field: str) -> bool:
    """Whether a partner named by an imported key can be this donor: any name, e-mail or the donor id agrees."""
    fields = ("donor_id", "first_name", "last_name", "company", "email")
    return any(_agrees(donor, partner, (field,), donor_id_field) for field in fields)


def agreeing_fields(donor: Donor, partner: Partner, donor_id_field: str) -> frozenset[str]:
    """The fields in which donor and partner say the same, compared as the rules compare them."""
    return frozenset(field for field in get_args(MatchField) if _field_agrees(donor, partner, field, donor_id_field))


def _age(partner: Partner) -> tuple[str, int, str]:
    try:
        joined = format_moment(parse_moment(partner.member_date)) if partner.member_date else "9999"
    except ValueError:
        joined = partner.member_date or "9999"
    return (joined, len(partner.id), partner.id)


def _agrees(donor: Donor, partner: Partner, rule: Rule, donor_id_field: str) -> bool:
    return all(_field_agrees(donor, partner, field, donor_id_field) for field in rule)


def _field_agrees(donor: Donor, partner: Partner, field: str, donor_id_field: str) -> bool:
    if field == "donor_id":
        return (partner.custom_value(donor_id_field) or "").strip() == str(donor.id)
    if field == "address":
        return _addresses_agree(donor, partner)
    return bool(_values_of_donor(donor, field) & _values_of_partner(partner, field))


def _addresses_agree(donor: Donor, partner: Partner) -> bool:
    """The same street with the same postcode; with the same city where one side has no postcode."""
    theirs = street_form(partner.street, partner.street2)
    if not theirs or theirs != street_form(donor.address.street, donor.address.street2):
        return False
    postcodes = [postcode_form(donor.address.postal_code), postcode_form(partner.postal_code)]
    if all(postcodes):
        return postcodes[0] == postcodes[1]
    cities = [plain(donor.address.city), plain(partner.city)]
    return bool(cities[0]) and cities[0] == cities[1]


def _values_of_donor(donor: Donor, field: str) -> frozenset[str]:
    texts: dict[str, Callable[[], Iterable[str]]] = {
        "first_name": lambda: [plain(donor.first_name)],
        "last_name": lambda: [plain(donor.last_name)],
        "company": lambda: [plain(donor.organization_name)],
        "email": lambda: map(email_form, donor.emails),
        "phone": lambda: map(phone_form, donor.phones),
        "address": lambda: [street_form(donor.address.street, donor.address.street2)],
    }
    return frozenset(text for text in texts[field]() if text)


def _values_of_partner(partner: Partner, field: str) -> frozenset[str]:
    texts: dict[str, Callable[[], Iterable[str]]] = {
        "first_name": lambda: [plain(partner.first_name)],
        "last_name": lambda: [plain(partner.last_name)],
        "company": lambda: [plain(partner.company)],
        "email": lambda: map(email_form, partner.emails),
        "phone": lambda: map(phone_form, partner.phones),
    }
    return frozenset(text for text in texts[field]() if text)
