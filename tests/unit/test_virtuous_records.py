"""A contact and a gift of Virtuous are read with all that the contract lets be absent, null or odd."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from giftbridge.clients.virtuous_wire import read_contact, read_posted_gift
from giftbridge.domain.donations import Address
from giftbridge.errors import Rejected

STAMP = "2026-11-20T09:15:01.34"


def _contact(**members: Any) -> dict[str, Any]:
    least = {"id": 4107, "contactType": "Household", "contactIndividuals": [], "contactReferences": []}
    return {**least, "modifiedDateTimeUtc": STAMP, **members}


def _person(*methods: dict[str, Any], **members: Any) -> dict[str, Any]:
    return _contact(contactIndividuals=[{"id": 7301, "contactMethods": list(methods), **members}])


def _method(kind: str | None, value: str | None, **members: Any) -> dict[str, Any]:
    return {"type": kind, "value": value, **members}


def test_the_least_a_contact_has_is_enough() -> None:
    contact = read_contact(_contact())
    assert (contact.id, contact.name, contact.individuals, contact.references) == (4107, None, (), ())
    assert (contact.address, contact.merged_into, contact.is_organization) == (Address(), None, False)


def test_unknown_members_are_ignored() -> None:
    assert read_contact(_contact(lifeToDateGiving="$1,204.00", tags=None, address={"seasonal": 1})).id == 4107


@pytest.mark.parametrize("methods", [{}, {"contactMethods": None}, {"contactMethods": []}])
def test_a_person_may_have_no_methods(methods: dict[str, Any]) -> None:
    person = read_contact(_contact(contactIndividuals=[{"id": 7301, **methods}])).individuals[0]
    assert (person.phones, person.emails, person.first_name) == ((), (), None)
    assert (person.is_primary, person.is_deceased) == (False, False)


def test_the_kind_of_a_method_is_the_end_of_its_type_and_the_primary_one_comes_first() -> None:
    person = read_contact(
        _person(
            _method("Home Phone", "1"),
            _method("MOBILE PHONE", "2", isPrimary=True),
            _method("Parish phone ", "3", isPrimary=None),
            _method("Phone Tree", "4"),
            _method("Work Email", "a@example.org", isPrimary=False),
            _method("email", "b@example.org", isPrimary=True),
            _method("Facebook", "imani"),
        )
    ).individuals[0]
    assert person.phones == ("2", "1", "3")
    assert person.emails == ("b@example.org", "a@example.org")


def test_methods_without_a_value_or_type_count_as_not_there_and_equal_ones_once() -> None:
    person = read_contact(
        _person(
            _method("Home Phone", ""),
            _method("Home Phone", None),
            _method("Home Phone", "  "),
            _method(None, "9"),
            _method("Home Phone", " 1 "),
            _method("Work Phone", "1"),
        )
    ).individuals[0]
    assert person.phones == ("1",)


def test_people_keep_their_order_and_marks() -> None:
    people = [
        {"id": 1, "firstName": "Imani", "lastName": "Vance", "isSecondary": True},
        {"id": 2, "firstName": "", "lastName": None, "isPrimary": True, "isDeceased": True},
    ]
    first, second = read_contact(_contact(contactIndividuals=people)).individuals
    assert (first.id, first.first_name, first.is_primary, first.is_deceased) == (1, "Imani", False, False)
    assert (second.id, second.first_name, second.last_name, second.is_deceased) == (2, "", None, True)
    assert second.is_primary


def test_an_address_keeps_its_country_as_it_is_written_and_tells_empty_from_absent() -> None:
    lines = {"address1": "7 Quay Rd", "address2": "", "city": None, "postal": 36602, "country": "United States"}
    assert read_contact(_contact(address=lines)).address == Address(
        "7 Quay Rd", "", None, None, "36602", "United States"
    )
    assert read_contact(_contact(address=None)).address == Address()


@pytest.mark.parametrize(
    ("stamp", "microsecond"),
    [
        ("2026-11-20T09:15:01", 0),
        ("2026-11-20T09:15:01Z", 0),
        ("2026-11-20T09:15:01.34", 340_000),
        ("2026-11-20T09:15:01.3400001Z", 340_000),
        ("2026-11-20T09:15:01.9999999", 999_999),
    ],
)
def test_a_stamp_is_utc_in_every_spelling_and_kept_as_it_came(stamp: str, microsecond: int) -> None:
    contact = read_contact(_contact(modifiedDateTimeUtc=stamp))
    assert contact.modified_at == datetime(2026, 11, 20, 9, 15, 1, microsecond, tzinfo=UTC)
    assert contact.stamp == stamp


def test_a_stamp_that_names_no_moment_is_still_a_stamp() -> None:
    contact = read_contact(_contact(modifiedDateTimeUtc="just now", createDateTimeUtc="long ago"))
    assert (contact.stamp, contact.modified_at, contact.created_at) == ("just now", None, None)


def test_the_moment_of_creation_is_read_where_it_is_told() -> None:
    assert read_contact(_contact()).created_at is None
    assert read_contact(_contact(createDateTimeUtc=STAMP)).created_at == datetime(
        2026, 11, 20, 9, 15, 1, 340_000, tzinfo=UTC
    )


def test_references_are_kept_with_their_source() -> None:
    listed = [{"source": "Legacy RaiseDonors", "id": "1042"}, {"source": "Other", "id": 7}]
    contact = read_contact(_contact(contactReferences=listed, mergedIntoContactId=9))
    assert contact.references == (("Legacy RaiseDonors", "1042"), ("Other", "7"))
    assert (contact.donor_references("Legacy RaiseDonors"), contact.merged_into) == (("1042",), 9)


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (None, "contact"),
        ([], "contact"),
        ({}, "contact.id"),
        (_contact(id=None), "contact.id"),
        (_contact(id=True), "contact.id"),
        (_contact(id="x"), "contact.id"),
        (_contact(contactType=None), "contact.contactType"),
        (_contact(contactIndividuals=None), "contact.contactIndividuals"),
        (_contact(contactReferences=None), "contact.contactReferences"),
        (_contact(contactReferences=[{"source": "x"}]), "contact.contactReferences[0].id"),
        (_contact(contactReferences=[{"source": "x", "id": True}]), "contact.contactReferences[0].id"),
        (_contact(modifiedDateTimeUtc=None), "contact.modifiedDateTimeUtc"),
        (_contact(address="7 Quay Rd"), "contact.address"),
        (_contact(mergedIntoContactId="?"), "contact.mergedIntoContactId"),
        (_person(id=None), "contact.contactIndividuals[0].id"),
    ],
)
def test_what_cannot_be_read_is_named_and_its_value_is_not_told(raw: object, field: str) -> None:
    with pytest.raises(Rejected) as refused:
        read_contact(raw)
    assert (refused.value.cause, refused.value.field) == ("unreadable-record", field)
    assert "Quay" not in refused.value.explain()


def test_a_gift_is_read_exactly() -> None:
    gift = read_posted_gift(
        {
            "id": 5,
            "contactId": 4107,
            "amount": Decimal("-0.10"),
            "giftDate": "2026-11-20T00:00:00",
            "notes": None,
            "transactionId": "987",
            "createDateTimeUtc": "2026-11-21T01:02:03.1234567",
        }
    )
    assert (gift.amount, gift.day, gift.notes) == (Decimal("-0.10"), date(2026, 11, 20), "")
    assert (gift.contact_id, gift.transaction_id) == (4107, "987")
    assert gift.created_at == datetime(2026, 11, 21, 1, 2, 3, 123456, tzinfo=UTC)


@pytest.mark.parametrize("day", [None, "", "11/20/2026", 20261120, "Unavailable"])
def test_a_day_that_cannot_be_read_is_not_known(day: object) -> None:
    gift = read_posted_gift({"id": 5, "amount": 75, "giftDate": day, "createDateTimeUtc": "?"})
    assert (gift.day, gift.created_at, gift.contact_id, gift.transaction_id) == (None,) * 4


@pytest.mark.parametrize("amount", [None, "much", True, Decimal("NaN"), Decimal("Infinity")])
def test_a_gift_without_a_number_as_its_amount_is_rejected(amount: object) -> None:
    with pytest.raises(Rejected) as refused:
        read_posted_gift({"id": 5, "contactId": 1, "amount": amount})
    assert refused.value.field == "gift.amount"
