"""Countries as ISO 3166-1 alpha-2, from what people write."""

from __future__ import annotations

import pycountry
import pytest

from giftbridge.domain.countries import country_code, required_code
from giftbridge.errors import Rejected


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


@pytest.mark.parametrize("written", ["Atlantis", "XX", "Earth", "12 Oak Street", "?"])
def test_a_country_that_is_none_is_refused_with_its_field_and_a_remedy(written: str) -> None:
    with pytest.raises(Rejected) as refused:
        required_code(written, "billingAddress.countryString")
    assert (refused.value.cause, refused.value.field) == ("unknown-country", "billingAddress.countryString")
    assert refused.value.remedy
    assert written not in refused.value.text


@pytest.mark.parametrize("written", [None, "", "  "])
def test_no_country_is_no_country(written: str | None) -> None:
    assert required_code(written, "x") is None
