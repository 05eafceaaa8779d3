"""Countries as ISO 3166-1 alpha-2, from what people write."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pycountry
import pytest

from giftbridge.domain.aegis_bodies import transaction_body
from giftbridge.domain.aegis_values import known_country
from giftbridge.domain.countries import country_code
from giftbridge.domain.donations import Address
from ops.simulators.countries import COUNTRY_CODES
from tests.unit.samples import DONATION, gathered


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("US", "US"),
        ("us", "US"),
        ("USA", "US"),
        ("U.S.A.", "US"),
        (" United  States ", "US"),
        ("United States of America", "US"),
        ("UK", "GB"),
        ("England", "GB"),
        ("United Kingdom", "GB"),
        ("Holland", "NL"),
        ("germany", "DE"),
        ("AUS", "AU"),
        ("IL", "IL"),
        ("Côte d'Ivoire", "CI"),
        ("Viet Nam", "VN"),
        ("Vietnam", "VN"),
        ("South Korea", "KR"),
        ("Taiwan", "TW"),
        ("Puerto Rico", "PR"),
    ],
)
def test_a_country_is_known_by_code_and_name(written: str, code: str) -> None:
    assert country_code(written) == code


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("Turkey", "TR"),
        ("The Netherlands", "NL"),
        ("The Bahamas", "BS"),
        ("UAE", "AE"),
        ("Macau", "MO"),
        ("Brunei", "BN"),
        ("Palestine", "PS"),
        ("Vatican City", "VA"),
        ("Cape Verde", "CV"),
        ("Swaziland", "SZ"),
        ("Macedonia", "MK"),
        ("Burma", "MM"),
        ("Cote d'Ivoire", "CI"),
        ("Curacao", "CW"),
        ("Republic of Ireland", "IE"),
        ("Trinidad & Tobago", "TT"),
        ("St. Lucia", "LC"),
        ("Falkland Islands", "FK"),
        ("Democratic Republic of the Congo", "CD"),
        ("Republic of Korea", "KR"),
    ],
)
def test_a_country_is_known_by_its_everyday_name_too(written: str, code: str) -> None:
    assert country_code(written) == code


def test_every_code_and_name_of_the_standard_is_known() -> None:
    for country in pycountry.countries:
        for written in (country.alpha_2, country.alpha_3, country.name, country.name.upper()):
            assert country_code(written) == country.alpha_2, written


def _rows(name: str) -> list[list[str]]:
    text = (Path(__file__).parent / name).read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines() if not line.startswith("#")]


CLDR = dict(_rows("cldr_countries.tsv"))


def test_the_table_holds_the_names_of_all_countries_and_of_kosovo() -> None:
    assert set(CLDR) == {country.alpha_2 for country in pycountry.countries} | {"XK"}


@pytest.mark.parametrize(("code", "name"), CLDR.items())
def test_every_name_that_browsers_offer_is_known(code: str, name: str) -> None:
    expected = None if code == "XK" else code
    for written in (name, name.upper(), name.lower(), f" {name}\u00a0", f"The {name}", f"{name}."):
        assert country_code(written) == expected, written
    if expected is not None:
        for written in (f"{name} ({code})", f"{code} - {name}", f"{name} / {code}"):
            assert country_code(written) == expected, written


LISTED = [(written, None if code == "-" else code) for code, written in _rows("country_spellings.tsv")]


@pytest.mark.parametrize(("written", "code"), LISTED)
def test_a_country_is_known_however_it_is_written_or_left_out(written: str, code: str | None) -> None:
    assert country_code(written) == code
    assert known_country(written) == code


def test_a_gift_from_anywhere_becomes_a_payment_that_aegis_takes() -> None:
    known = {}
    for written in [*CLDR.values(), *(text for text, _ in LISTED)]:
        payment: Any = transaction_body(gathered(replace(DONATION, billing_address=Address(country=written))))[
            "Payment"
        ]
        known[written] = payment.get("Country")
    assert {code for code in known.values() if code is not None} <= COUNTRY_CODES
    left_out = {written for written, code in known.items() if code is None}
    assert left_out == {"Kosovo", *(text for text, code in LISTED if code is None)}


def test_at_least_180_spellings_are_tried() -> None:
    assert len({written for written, _ in LISTED}) == len(LISTED) >= 180


@pytest.mark.parametrize("written", ["", "  ", None])
def test_no_country_is_no_country(written: str | None) -> None:
    assert known_country(written) is None
