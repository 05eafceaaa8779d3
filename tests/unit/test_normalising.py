"""Equal things compare equal, and different people stay different."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from giftbridge.domain.normalising import email_form, phone_form, plain, postcode_form, street_form


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("José", "JOSE"),
        ("Núñez", "nunez"),
        ("Müller", "MULLER"),
        ("Nguyễn", "Nguyen"),
        ("O'Connell", "O\u2019Connell"),
        ("O'Connell", "OCONNELL"),
        ("St. Claire", "St Claire"),
        ("Smith-Jones", "Smith Jones"),
        ("  Mary   Ann ", "mary ann"),
        ("Cedar & Sons, Inc.", "CEDAR SONS INC"),
        ("Straße", "STRASSE"),
        ("ﬁsher", "Fisher"),
        ("Acme™", "ACME™"),
        ("Éva", "E\u0301va"),
        ("Żółkiewski", "ŻÓŁKIEWSKI"),
        ("ΠΑΠΠΆ", "Παππά"),
        ("An\u200bna", "Anna"),
    ],
)
def test_the_same_name_written_otherwise_compares_equal(one: str, other: str) -> None:
    assert plain(one) == plain(other) != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Berg", "Bergman"),
        ("Anna", "Anne"),
        ("Jon", "John"),
        ("Ann Mary", "Mary Ann"),
        ("王", "玉"),
        ("דוד", "דוח"),
        ("محمد", "محمود"),
        ("राम", "रोम"),
        ("กา", "กี"),
        ("はな", "ばな"),
        ("민수", "민소"),
    ],
)
def test_different_people_stay_different(one: str, other: str) -> None:
    assert plain(one) != plain(other)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=30))
def test_a_normalised_name_stays_as_it_is(text: str) -> None:
    assert plain(plain(text)) == plain(text)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyzáéíóúñüöç ", max_size=30))
def test_case_never_counts_in_a_name(text: str) -> None:
    assert plain(text.upper()) == plain(text.lower()) == plain(text)


def test_a_name_of_nothing_but_punctuation_is_empty_and_so_matches_nobody() -> None:
    assert {plain(text) for text in (None, "", "  ", "...", "-", "_", "\u200b")} == {""}


def test_an_email_counts_without_case_and_blanks_around_it() -> None:
    assert email_form(" Anna.Berg@Example.ORG ") == "anna.berg@example.org"
    assert email_form("anna.berg@example.org") != email_form("anna.berg@example.org.au")
    assert email_form("anna+gifts@example.org") != email_form("anna@example.org")
    assert email_form(None) == ""


@pytest.mark.parametrize(
    "phone",
    [
        "512-555-0101",
        "(512) 555-0101",
        "512.555.0101",
        "5125550101",
        "+1 512-555-0101",
        "1-512-555-0101",
        " 512 555 0101 ",
    ],
)
def test_a_phone_number_is_the_same_in_every_notation(phone: str) -> None:
    assert phone_form(phone) == "+15125550101"
    assert phone_form(phone_form(phone)) == "+15125550101"


def test_phones_of_different_numbers_or_countries_stay_different() -> None:
    numbers = ["512-555-0101", "512-555-0102", "737-555-0101", "+44 20 7946 0101", "+49 5125 550101"]
    assert len({phone_form(number) for number in numbers}) == len(numbers)


@pytest.mark.parametrize("phone", [None, "", "  ", "none", "-"])
def test_what_holds_no_digits_is_no_phone(phone: str | None) -> None:
    assert phone_form(phone) == ""


@settings(max_examples=100, deadline=None)
@given(st.integers(min_value=201_000_0000, max_value=989_999_9999))
def test_a_normalised_phone_stays_as_it_is(number: int) -> None:
    assert phone_form(phone_form(str(number))) == phone_form(str(number))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("12 Oak Street", "12 OAK ST."),
        ("9 Maple Avenue", "9 Maple Ave"),
        ("5 North Hill Road", "5 N. Hill Rd"),
        ("1 Mission Boulevard, Apartment 4", "1 mission blvd apt 4"),
        ("P.O. Box 7", "Post Office Box 7"),
        ("PO Box 7", "P.O. Box 7"),
        ("7 Hauptstrasse", "7 Hauptstraße"),
    ],
)
def test_a_street_is_the_same_in_its_usual_spellings(one: str, other: str) -> None:
    assert street_form(one) == street_form(other)


def test_both_address_lines_count_as_one() -> None:
    assert street_form("12 Oak Street", "Apt 4") == street_form("12 Oak St Apt. 4", None)
    assert street_form("12 Oak Street", "Apt 4") != street_form("12 Oak Street", "Apt 5")
    assert street_form(None, None) == ""


def test_neighbours_stay_different() -> None:
    streets = ["12 Oak Street", "14 Oak Street", "12 Oak Lane", "12 N Oak Street", "12 S Oak Street", "120 ak Street"]
    assert len({street_form(street) for street in streets}) == len(streets)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=30))
def test_a_normalised_street_stays_as_it_is(text: str) -> None:
    assert street_form(street_form(text)) == street_form(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [("78701-1234", "78701"), ("787011234", "78701"), ("m5v 2t6", "M5V2T6"), ("01310-100", "01310100")],
)
def test_a_postcode_is_the_same_in_its_usual_spellings(one: str, other: str) -> None:
    assert postcode_form(one) == postcode_form(other)
    assert postcode_form(postcode_form(one)) == postcode_form(one)


def test_different_postcodes_stay_different() -> None:
    assert postcode_form("78701") != postcode_form("78702")
    assert postcode_form(None) == postcode_form(" ") == ""
