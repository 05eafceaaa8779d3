"""Donors on their way to Virtuous' import tool: which rows they become, and who cannot be sent."""

from __future__ import annotations

from dataclasses import replace

import pytest
import simplejson
from hypothesis import given, settings
from hypothesis import strategies as st

from giftbridge.domain.donations import Address, Donor
from giftbridge.domain.virtuous_mapping import contact_row
from giftbridge.domain.virtuous_values import stripped
from giftbridge.errors import Rejected
from tests.unit.samples import CHURCH, DONOR, HOME
from tests.unit.virtuous_samples import CONTACT, contact, sent


def test_the_whole_contact_is_made_of_the_rows_that_have_a_value() -> None:
    assert contact() == {member: value for member, value in CONTACT.items() if value is not None}


NAMES = {"referenceId": "48001", "contactType": "Household", "firstName": "Anna", "lastName": "Berg"}


@pytest.mark.parametrize(
    ("changed", "members"),
    [
        ({"address"}, {"address1", "address2", "city", "state", "postal", "country"}),
        ({"phone"}, {"phoneType", "phone"}),
        ({"e-mail"}, {"emailType", "email"}),
        ({"first name", "last name"}, set()),
        ({"organization"}, set()),
        ({"phone", "e-mail"}, {"phoneType", "phone", "emailType", "email"}),
        (set(), set()),
    ],
)
def test_an_edit_sends_the_names_and_what_changed(changed: set[str], members: set[str]) -> None:
    assert contact(changed=frozenset(changed)) == {**NAMES, **{member: CONTACT[member] for member in members}}


def test_an_organisation_is_sent_by_its_name_alone() -> None:
    row = contact(CHURCH)
    assert (row["contactType"], row["name"]) == ("Organization", "Cedar & Sons, Inc.")
    assert row.keys().isdisjoint({"firstName", "lastName", "title", "middleName", "suffix"})


@pytest.mark.parametrize(
    ("donor", "known", "expected"),
    [
        (DONOR, None, "Household"),
        (CHURCH, None, "Organization"),
        (CHURCH, "Foundation", "Foundation"),
        (CHURCH, "Household", "Household"),
        (DONOR, "Church of ours", "Household"),
        (CHURCH, "Church of ours", "Organization"),
    ],
)
def test_a_type_that_virtuous_has_stays_but_a_custom_one_is_never_sent(donor: Donor, known: str, expected: str) -> None:
    assert contact(donor, known=known)["contactType"] == expected


@pytest.mark.parametrize("empty", [None, "", " \t"])
@pytest.mark.parametrize(
    ("donor", "attribute", "cause", "field"),
    [
        (DONOR, "first_name", "no-first-name", "donor.firstName"),
        (DONOR, "last_name", "no-last-name", "donor.lastName"),
        (CHURCH, "organization_name", "no-organization-name", "donor.organizationName"),
    ],
)
def test_a_contact_without_the_name_it_needs_is_refused_with_a_remedy(
    donor: Donor, attribute: str, cause: str, field: str, empty: str | None
) -> None:
    for changed in (None, frozenset({"phone"})):
        with pytest.raises(Rejected) as refused:
            contact_row(replace(donor, **{attribute: empty}), changed, None)
        assert (refused.value.cause, refused.value.field) == (cause, field)
        assert "RaiseDonors" in str(refused.value.remedy)


def test_a_household_of_an_organisation_needs_a_persons_name() -> None:
    with pytest.raises(Rejected, match="no Household without it"):
        contact_row(replace(CHURCH, first_name=None), None, "Household")


def test_what_a_donor_does_not_have_is_left_out() -> None:
    bare = replace(DONOR, title=None, middle_name=" ", suffix="", emails=(), phones=(" ",), address=Address())
    assert contact(bare) == NAMES
    assert contact(bare, frozenset({"address", "phone", "e-mail"})) == NAMES


@pytest.mark.parametrize(
    ("country", "expected"),
    [("United States", "US"), ("usa", "US"), ("England", "GB"), ("Atlantis", "Atlantis"), (" ", None), (None, None)],
)
def test_a_country_is_a_code_where_it_is_one(country: str | None, expected: str | None) -> None:
    donor = replace(DONOR, address=replace(HOME, country=country))
    assert contact(donor).get("country") == expected
    assert sent(donor=donor)["contact"]["address"].get("country") == expected


def test_a_country_alone_is_no_address() -> None:
    abroad = replace(DONOR, address=Address(country="France"))
    assert "country" not in contact(abroad)
    assert "address" not in sent(donor=abroad)["contact"]


@pytest.mark.parametrize("phone", ["(512) 555-0101", "+1 512 555 0101", "512.555.0101 ext. 7", "٥١٢٥٥٥٠١٠١", "none"])
def test_a_phone_is_sent_in_the_notation_it_has(phone: str) -> None:
    donor = replace(DONOR, phones=(f" {phone} ",))
    assert contact(donor)["phone"] == phone
    assert sent(donor=donor)["contact"]["phone"] == phone


def test_only_the_primary_phone_and_e_mail_are_sent() -> None:
    text = simplejson.dumps([contact(), sent()])
    assert "512-555-0102" not in text
    assert "anna.work@example.org" not in text


@settings(max_examples=100, deadline=None)
@given(st.builds(Address, *[st.one_of(st.none(), st.text(max_size=12))] * 6), st.tuples(st.text(max_size=12)))
def test_any_address_and_phone_is_sent_clean(address: Address, phones: tuple[str, ...]) -> None:
    row = contact(replace(DONOR, address=address, phones=phones))
    assert all(value == value.strip() != "" for value in row.values())
    assert ("phone" in row) == ("phoneType" in row) == bool(stripped(phones[0]))
