"""Which individual of a contact is which donor (requirement E5)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from giftbridge.domain.contact_ids import ContactLink
from giftbridge.domain.contacts import Contact, Individual
from giftbridge.domain.donations import Donor
from giftbridge.domain.normalising import email_form, plain


@dataclass(frozen=True, slots=True)
class KnownDonor:
    """A donor that a contact's reference names, with the individual we took for theirs the last time."""

    donor: Donor
    individual_id: int | None


@dataclass(slots=True)
class Household:
    """Each donor's individual, the donors for whom none can be told, and the individuals who are no donor's."""

    of_donor: dict[int, Individual | None] = field(default_factory=dict)
    unpaired: list[Donor] = field(default_factory=list)
    others: list[Individual] = field(default_factory=list)


def pair(contact: Contact, donors: Sequence[KnownDonor]) -> Household:
    """Pair by the individual known from before, by e-mail, by name, and at last the only two that are left.

    An organisation's donor is the contact itself; its primary individual only lends the phone.
    """
    household = Household()
    if contact.is_organization:
        for known in donors:
            household.of_donor[known.donor.id] = _primary(contact.individuals)
        return household
    left = [one for one in contact.individuals if not one.is_deceased]
    waiting = list(donors)
    for fits in (_is_known, _shares_email, _has_the_name):
        waiting = _paired(household, waiting, left, fits)
    if len(waiting) == 1 and len(left) == 1:
        waiting = _paired(household, waiting, left, lambda _known, _one: True)
    household.unpaired = [known.donor for known in waiting]
    household.others = left
    return household


def has_a_name(individual: Individual) -> bool:
    """Whether there is enough to make a donor of: RaiseDonors needs a first and a last name."""
    return bool((individual.first_name or "").strip() and (individual.last_name or "").strip())


def _paired(
    household: Household,
    waiting: Iterable[KnownDonor],
    left: list[Individual],
    fits: Callable[[KnownDonor, Individual], bool],
) -> list[KnownDonor]:
    """The donors for whom not exactly one individual fits."""
    unpaired: list[KnownDonor] = []
    for known in waiting:
        fitting = [one for one in left if fits(known, one)]
        if len(fitting) == 1:
            household.of_donor[known.donor.id] = fitting[0]
            left.remove(fitting[0])
        else:
            unpaired.append(known)
    return unpaired


def _is_known(known: KnownDonor, individual: Individual) -> bool:
    return known.individual_id == individual.id


def _shares_email(known: KnownDonor, individual: Individual) -> bool:
    theirs = {email_form(email) for email in individual.emails}
    return any(email_form(email) in theirs for email in known.donor.emails)


def _has_the_name(known: KnownDonor, individual: Individual) -> bool:
    ours = (plain(known.donor.first_name), plain(known.donor.last_name))
    return all(ours) and ours == (plain(individual.first_name), plain(individual.last_name))


def _primary(individuals: Sequence[Individual]) -> Individual | None:
    return next((one for one in individuals if one.is_primary), individuals[0] if individuals else None)


def link_of(contact: Contact, individual: Individual | None) -> ContactLink:
    """Whom a donor is in Virtuous: the contact, and in a household the individual (requirement D3)."""
    return ContactLink(contact.id, None if individual is None or contact.is_organization else individual.id)


def donor_body(contact: Contact, individual: Individual | None) -> Mapping[str, object]:
    """A donor to be created, without any e-mail (requirement E5); the key tells it from any other (createDonor)."""
    address = contact.address
    phone = individual.phones[0] if individual is not None and individual.phones else None
    body: dict[str, object] = {"crmKeys": {"Virtuous": str(link_of(contact, individual))}, "isTestMode": False}
    if contact.is_organization:
        body |= {"isOrganization": True, "organizationName": (contact.name or "").strip()}
    elif individual is not None:
        body |= {"firstName": (individual.first_name or "").strip(), "lastName": (individual.last_name or "").strip()}
    if phone:
        body["phone"] = phone
    if (address.street or "").strip():
        lines = {
            "address1": address.street,
            "address2": address.street2,
            "city": address.city,
            "state": address.state,
            "postal": address.postal_code,
            "countryString": address.country,
            "isPrimary": True,
        }
        body["address"] = {name: value for name, value in lines.items() if value not in (None, "")}
    return body
